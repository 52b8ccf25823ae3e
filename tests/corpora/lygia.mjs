// SPDX-License-Identifier: Apache-2.0
// Every GLSL and HLSL file of lygia, each included by a fragment shader that does nothing else, together with all that
// it includes in turn. The files travel in the request; the service sees no file system.
import { readFileSync, readdirSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const INCLUDE = /^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]/gm;

const root = fileURLToPath(new URL('node_modules/lygia', import.meta.url));

/** Paths of all files of that ending below a folder, relative to the package, sorted. */
function filesOf(ending, folder = root) {
	const entries = readdirSync(folder, { withFileTypes: true });
	const found = entries.flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory())
			return entry.name === 'node_modules' ? [] : filesOf(ending, path);
		return entry.name.endsWith(ending) ? [relative(root, path)] : [];
	});
	return found.sort();
}

function read(path) {
	try {
		return readFileSync(join(root, path), 'utf8');
	} catch {
		return null; // it names a file that the package lacks: the compiler shall say so
	}
}

/** `path` and everything that it includes, by the names that the service resolves them to. */
function withIncludes(path) {
	const files = {};
	const open = [path];
	while (open.length > 0) {
		const at = open.pop();
		const name = `lygia/${at}`;
		const text = name in files ? null : read(at);
		if (text === null)
			continue;
		files[name] = text;
		for (const [, target] of text.matchAll(INCLUDE))
			open.push(target.startsWith('lygia/')
				? target.slice('lygia/'.length)
				: posix.join(posix.dirname(at), target));
	}
	return files;
}

const wrap = {
	// The directive for glslangValidator, which wants it said.
	glsl: (path) => `#version 450
#extension GL_GOOGLE_include_directive : enable
layout(location = 0) out vec4 out_color;
#include "lygia/${path}"
void main() { out_color = vec4(1.0); }
`,
	hlsl: (path) => `#include "lygia/${path}"
float4 main() : SV_Target { return float4(1.0, 1.0, 1.0, 1.0); }
`,
};

/** Yields `{id, corpus, request}` for each file of a language, `glsl` or `hlsl`. */
export function* lygiaShaders(language) {
	for (const path of filesOf(`.${language}`))
		yield {
			corpus: language === 'glsl' ? 'lygia' : 'lygia in HLSL',
			id: path,
			request: {
				language,
				stage: 'fragment',
				name: 'wrapped.frag',
				source: wrap[language](path),
				files: withIncludes(path),
				auto_map_bindings: true,
				auto_map_locations: true,
			},
		};
}
