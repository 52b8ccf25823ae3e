// SPDX-License-Identifier: Apache-2.0
// The same by glslangValidator, for comparison: its verdict, and the module's assembly.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAGES = { vertex: 'vert', fragment: 'frag' };
const packages = fileURLToPath(new URL('node_modules', import.meta.url));

/** `{status, output}` of a program; it never rejects. */
function run(program, args) {
	return new Promise((done) => {
		execFile(program, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
			done({ status: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }));
	});
}

/** Ids numbered by first appearance, without the header, which names the generator, and without the two extensions that
 * the service's preamble turns on for includes. */
async function assembly(file) {
	const ids = new Map();
	const { output } = await run('spirv-dis', ['--raw-id', '--no-header', '--no-color', file]);
	return output.replace(/^ *OpSourceExtension "GL_GOOGLE_(cpp_style_line|include)_directive"\n/gm, '').replace(/%\d+/g, (id) => {
		if (!ids.has(id))
			ids.set(id, `%${ids.size + 1}`);
		return ids.get(id);
	});
}

export class Tool {
	folder = mkdtempSync(join(tmpdir(), 'spvscope-tool-'));
	count = 0;

	close() {
		rmSync(this.folder, { recursive: true });
	}

	/** What the two do differently with a request; null: nothing. body is the service's answer. */
	async difference(request, body) {
		const base = join(this.folder, `${this.count++}`);
		const [source, theirs, ours] = ['txt', 'tool.spv', 'service.spv'].map((ending) => `${base}.${ending}`);
		const gl = request.target?.env === 'opengl4.5';
		writeFileSync(source, request.source);
		const { status, output } = await run('glslangValidator', [...(gl ? ['-G'] : ['-V', '--target-env', 'vulkan1.3']),
			'-S', STAGES[request.stage], ...(request.language === 'hlsl' ? ['-D', '-e', 'main'] : []), '--amb', '--aml',
			`-I${packages}`, source, '-o', theirs]);
		try {
			if (status !== 0)
				return body.status === 'ok' ? `the tool alone refuses it (${status}): ${output.slice(0, 300)}` : null;
			if (body.status !== 'ok')
				return await this.#refused(theirs, body);
			writeFileSync(ours, Buffer.from(body.spirv.base64, 'base64'));
			if (sameWords(ours, theirs) || await assembly(ours) === await assembly(theirs))
				return null;
			return 'the modules differ';
		} finally {
			for (const file of [source, theirs, ours])
				rmSync(file, { force: true });
		}
	}

	/** The tool does not validate on its own; who does it for it says the same as the service. */
	async #refused(module, body) {
		const [{ source, message }] = body.diagnostics.filter((d) => d.severity === 1);
		if (source !== 'spirv-val')
			return `the service alone refuses it: ${message}`;
		const { status } = await run('spirv-val', ['--target-env', 'vulkan1.3', module]);
		return status === 0 ? `the service's validator alone refuses it: ${message}` : null;
	}
}

/** All words but the generator's. */
function sameWords(a, b) {
	const [x, y] = [readFileSync(a), readFileSync(b)];
	x.writeUInt32LE(0, 8);
	y.writeUInt32LE(0, 8);
	return x.equals(y);
}
