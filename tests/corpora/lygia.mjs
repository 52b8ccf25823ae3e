// SPDX-License-Identifier: Apache-2.0
// Every GLSL file of lygia, each included by a fragment shader that does nothing else, together with all that it
// includes in turn. The files travel in the request; the service sees no file system.
import { readFileSync, readdirSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const INCLUDE = /^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]/gm;

const root = fileURLToPath(new URL('node_modules/lygia', import.meta.url));

/** Paths of all .glsl files below a folder, relative to the package, sorted. */
function glslFiles(folder = root) {
	const entries = readdirSync(folder, { withFileTypes: true });
	const found = entries.flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory())
			return entry.name === 'node_modules' ? [] : glslFiles(path);
		return entry.name.endsWith('.glsl') ? [relative(root, path)] : [];
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

function wrap(path) {
	return `#version 450
layout(location = 0) out vec4 out_color;
#include "lygia/${path}"
void main() { out_color = vec4(1.0); }
`;
}

/** Yields `{id, corpus, request}` for each file. */
export function* lygiaShaders() {
	for (const path of glslFiles())
		yield {
			corpus: 'lygia',
			id: path,
			request: {
				language: 'glsl',
				stage: 'fragment',
				name: 'wrapped.frag',
				source: wrap(path),
				files: withIncludes(path),
				auto_map_bindings: true,
				auto_map_locations: true,
			},
		};
}
