// SPDX-License-Identifier: Apache-2.0
// The plugin for Neovim in Debian's Neovim, headless: a broken shader shows its diagnostic on the right columns, and shows
// none once it is mended.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Service } from './service.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
let service, folder, seen;

before(async () => {
	service = await Service.start();
	folder = mkdtempSync(join(tmpdir(), 'spvscope-editor-'));
	mkdirSync(join(folder, 'lib'));
	writeFileSync(join(folder, 'broken.frag'), '#version 450\nlayout(location = 0) in vec4 colour;\nlayout(location = 0) out vec4 c;\n' +
		'void main() {\n\t/* naïve 😀 */ c.x = nothing;\n}\n');
	writeFileSync(join(folder, 'user.frag'), '#version 450\n#include "lib/light.glsl"\nlayout(location = 0) out vec4 c;\n' +
		'void main() { c = vec4(light()); }\n');
	writeFileSync(join(folder, 'lib/light.glsl'), '// by itself it has no main\nfloat light() { return absent; }\n');
	writeFileSync(join(folder, 'early.frag'), '#version 450\nvoid main() { before; }\n');
	writeFileSync(join(folder, 'sky.hlsl'), 'float4 main() : SV_Target { return blue; }\n');
	const output = join(folder, 'seen.json');
	const child = spawn('nvim', ['--headless', '--clean', '-n', '-c', `luafile ${join(here, 'editor.lua')}`], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, SPVSCOPE_URL: service.url, SPVSCOPE_FOLDER: folder, SPVSCOPE_SEEN: output,
			SPVSCOPE_PLUGIN: resolve(here, '../../api/editors/nvim'), HOME: folder, XDG_CONFIG_HOME: folder },
	});
	let said = '';
	child.stdout.on('data', (data) => { said += data; });
	child.stderr.on('data', (data) => { said += data; });
	const limit = setTimeout(() => child.kill('SIGKILL'), 120_000);
	const status = await new Promise((done) => { child.on('exit', (code, signal) => done(code ?? signal)); });
	clearTimeout(limit);
	assert.equal(status, 0, said);
	seen = JSON.parse(readFileSync(output, 'utf8'));
});
after(async () => {
	await service.close();
	rmSync(folder, { recursive: true });
});

test('an open shader shows what is wrong, on the columns of the token', () => {
	const [d] = seen.opened;
	const line = Buffer.from('\t/* naïve 😀 */ c.x = nothing;');
	assert.equal(seen.opened.length, 1);
	assert.equal(d.line, 4);
	assert.equal(line.subarray(d.from, d.to).toString(), 'nothing'); // Neovim counts bytes
	assert.equal(d.code, 'undeclared-identifier');
});

test('typing mends it, breaks it and mends it again', () => {
	assert.equal(Object.keys(seen.mended).length, 0);
	assert.ok(seen.broken_again.length > 0);
	assert.equal(seen.broken_again[0].line, 6);
	assert.equal(Object.keys(seen.undone).length, 0);
});

test('a header is checked in the file that includes it', () => {
	assert.equal(seen.header.length, 1);
	assert.match(seen.header[0].buffer, /lib\/light\.glsl$/);
	assert.deepEqual([seen.header[0].line, seen.header[0].from, seen.header[0].to], [1, 23, 29]);
	assert.equal(Object.keys(seen.header_mended).length, 0);
});

test('a header without a word of its own is checked by the open file that includes it', () => {
	assert.equal(Object.keys(seen.includer).length, 0);
	assert.equal(seen.header_by_includer.length, 1, JSON.stringify(seen.header_by_includer));
	assert.match(seen.header_by_includer[0].buffer, /lib\/light\.glsl$/);
	assert.deepEqual([seen.header_by_includer[0].line, seen.header_by_includer[0].from, seen.header_by_includer[0].to], [1, 23, 27]);
	assert.equal(Object.keys(seen.header_by_includer_mended).length, 0);
});

test('what was open before the plugin is followed, and left alone when asked', () => {
	assert.deepEqual([seen.early[0].line, seen.early[0].from, seen.early[0].to], [1, 14, 20]);
	assert.equal(Object.keys(seen.stopped).length, 0);
});

test('a stage that no name tells is asked for once, with how to say it', () => {
	assert.equal(seen.asked.length, 1, JSON.stringify(seen.asked));
	assert.match(seen.asked[0], /stage: cannot be told[^]*let b:spvscope = \{'stage': 'fragment'\}/);
	assert.match(seen.hlsl[0].message, /blue/);
});

test('a blank buffer shows nothing, and one that goes takes its diagnostics along', () => {
	assert.equal(Object.keys(seen.blank).length, 0);
	assert.equal(Object.keys(seen.wiped).length, 0);
});
