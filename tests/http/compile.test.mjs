// SPDX-License-Identifier: Apache-2.0
// POST /v1/compile in its forms, and what becomes of the results.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fragment, isSanitized, Service } from './service.mjs';

const SPIRV = 'application/vnd.khronos.spirv';
let service;
before(async () => { service = await Service.start(); });
after(() => service.close());

test('a JSON compile answers with SPIR-V, its hash, and links to its trace', async () => {
	const { status, headers, body } = await service.compile({ language: 'glsl', stage: 'fragment', source: fragment,
		name: 'a.frag', emit: ['spirv', 'disassembly', 'dependencies'] });
	assert.equal(status, 200);
	assert.equal(body.status, 'ok');
	const bytes = Buffer.from(body.spirv.base64, 'base64');
	assert.equal(bytes.length, body.spirv.size_bytes);
	assert.equal(bytes.readUInt32LE(0), 0x07230203);
	assert.equal(createHash('sha256').update(bytes).digest('hex'), body.spirv.sha256);
	assert.match(body.disassembly, /OpEntryPoint Fragment/);
	assert.deepEqual(body.dependencies, []);
	assert.match(body.id, /^[0-9a-f]{32}$/);
	assert.equal(body.trace.viewer_url, `/#trace=${body.trace.id}`);
	assert.equal(headers.get('x-spvscope-trace'), body.trace.id);
	assert.equal(headers.get('link'), `</#trace=${body.trace.id}>; rel="describedby"`);
	assert.equal(body.analyzer.state, 'off');
});

test('a body that is the source gives SPIR-V bytes, JSON or text as Accept says', async () => {
	const query = '?stage=frag&language=glsl';
	const spirv = await service.compileRaw(fragment, query, { Accept: SPIRV });
	assert.equal(spirv.status, 200);
	assert.equal(spirv.headers.get('content-type'), SPIRV);
	assert.equal(Buffer.from(await spirv.arrayBuffer()).readUInt32LE(0), 0x07230203);
	const text = await service.compileRaw(fragment, query, { Accept: 'text/plain' });
	assert.match(await text.text(), /^; SPIR-V/);
	const json = await service.compileRaw(fragment, query);
	assert.equal((await json.json()).status, 'ok');
	assert.equal((await service.compileRaw(fragment, query, { Accept: 'image/png' })).status, 406);
});

test('a source that does not compile is 422 with lines, and 200 in JSON', async () => {
	const bad = '#version 450\nvoid main(){ x = 1; }\n';
	for (const accept of [SPIRV, 'text/plain']) {
		const answer = await service.compileRaw(bad, '?name=dir/a.frag', { Accept: accept });
		assert.equal(answer.status, 422);
		assert.match(answer.headers.get('content-type'), /^text\/plain/);
		assert.equal(answer.headers.get('x-spvscope-status'), 'failed');
		assert.match(await answer.text(), /^dir\/a\.frag:2(:\d+)?: error: .*'x'/m);
	}
	const { status, body } = await service.compile({ name: 'a.frag', source: bad });
	assert.equal(status, 200);
	assert.equal(body.status, 'failed');
	assert.equal(body.diagnostics[0].range.start.line, 1);
	assert.equal(body.diagnostics[0].severity, 1);
	assert.equal(body.diagnostics[0].file, 'a.frag');
	assert.equal(body.spirv, undefined);
});

test('includes come from files, and are told as dependencies', async () => {
	const { body } = await service.compile({ name: 'shaders/a.frag', emit: ['dependencies', 'preprocessed'],
		source: '#version 450\n#include "common.glsl"\nlayout(location=0) out vec4 c;\nvoid main(){ c = vec4(VALUE); }\n',
		files: { 'shaders/common.glsl': '#define VALUE 0.5\n' } });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	assert.deepEqual(body.dependencies, ['shaders/common.glsl']);
	assert.equal(body.spirv, undefined);
});

test('SPIR-V goes in as bytes and as base64', async () => {
	const made = Buffer.from(await (await service.compileRaw(fragment, '?name=a.frag', { Accept: SPIRV })).arrayBuffer());
	const raw = await service.compileRaw(made, '?optimize=size', { Accept: SPIRV });
	assert.equal(raw.status, 200);
	const { body } = await service.compile({ language: 'spirv', source_base64: made.toString('base64') });
	assert.equal(body.status, 'ok');
});

// It reads behind the end of an array, in memory that other compiles have used before: workers see to it that what it
// finds there does not depend on them.
test('a compiler that crashes is a result each time, and the next request is served', { skip: isSanitized && 'no crash under AddressSanitizer' }, async () => {
	const source = '#version 450\n#pragma STDGL\nvoid main(){}';
	let body;
	for (let tries = 0; tries < 8; tries++) {
		for (let others = 0; others < tries; others++)
			await service.compile({ name: 'a.frag', source: fragment, defines: { TRY: String(tries) } });
		({ body } = await service.compile({ language: 'glsl', stage: 'frag', source }));
		assert.equal(body.status, 'crashed', `try ${tries}`);
	}
	assert.equal(body.failure.signal, 'SIGSEGV');
	assert.match(body.failure.stage, /^codegen::/);
	assert.equal((await service.compile({ name: 'a.frag', source: fragment })).body.status, 'ok');
});

test('a macro bomb ends within its limits', async () => {
	let source = '#version 450\n#define A0 ; ;\n';
	for (let i = 1; i < 30; i++)
		source += `#define A${i} A${i - 1} A${i - 1}\n`;
	source += 'void main(){ A29 }\n';
	const { body } = await service.compile({ name: 'a.frag', source, limits: { wall_ms: 1500, memory_bytes: 134217728 } });
	// A sanitizer ends the worker when memory is refused, instead of refusing it.
	const ends = ['timed_out', 'out_of_memory'].concat(isSanitized ? ['crashed'] : []);
	assert.ok(ends.includes(body.status), body.status);
	assert.ok(body.failure.stage);
	const text = await service.compileRaw(source, '?name=a.frag&wall_ms=1500&memory_bytes=134217728', { Accept: SPIRV });
	assert.equal(text.status, 422);
	assert.match(await text.text(), new RegExp(`^a\\.frag: error: (${ends.join('|')}): `, 'm'));
});

test('a kept result is there by both ids, in parts, until it is deleted', async () => {
	const { body } = await service.compile({ name: 'a.frag', source: fragment, keep: true, emit: ['spirv', 'disassembly'] });
	assert.equal(body.kept, true);
	const again = await (await service.fetch(`/v1/compilations/${body.id}`)).json();
	assert.equal(again.id, body.id);
	assert.equal(again.spirv.base64, undefined);
	assert.equal(again.spirv.sha256, body.spirv.sha256);
	const bytes = Buffer.from(await (await service.fetch(`/v1/compilations/${body.id}/spirv`)).arrayBuffer());
	assert.equal(bytes.toString('base64'), body.spirv.base64);
	assert.equal(await (await service.fetch(`/v1/compilations/${body.id}/disassembly`)).text(), body.disassembly);
	assert.equal((await service.fetch(`/v1/traces/${body.trace.id}`)).status, 200);
	assert.equal((await service.fetch(`/v1/traces/${body.trace.id}`, { method: 'DELETE' })).status, 204);
	assert.equal((await service.fetch(`/v1/compilations/${body.id}`)).status, 404);
	assert.equal((await service.fetch(`/v1/traces/${body.trace.id}`, { method: 'DELETE' })).status, 404);
});

test('parts that were not made are named so', async () => {
	const { body } = await service.compile({ name: 'a.frag', source: '#version 450\nvoid main(){ x = 1; }\n' });
	for (const part of ['spirv', 'disassembly']) {
		const answer = await service.fetch(`/v1/compilations/${body.id}/${part}`);
		assert.equal(answer.status, 404);
		assert.equal((await answer.json()).error.code, 'part_not_found');
	}
});

test('many at once each get their own answer', async () => {
	const answers = await Promise.all(Array.from({ length: 40 }, (_, i) =>
		service.compile({ name: `n${i}.frag`, source: fragment, emit: [] })));
	assert.deepEqual(answers.map((a) => a.body.name), Array.from({ length: 40 }, (_, i) => `n${i}.frag`));
	assert.equal(new Set(answers.map((a) => a.body.id)).size, 40);
});

test('reflection, a line map and other languages come with the answer, and stay in what is stored', async () => {
	const source = '#version 450\nlayout(binding = 2) uniform U { vec4 tint; } u;\nlayout(location = 0) out vec4 c;\n' +
		'void main() {\n\tc = u.tint;\n}\n';
	const { body } = await service.compile({ name: 'r.frag', source, debug_info: 'line', validate: true,
		emit: ['reflection', 'line_map', 'disassembly', 'glsl', 'hlsl', 'msl'] });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	const [entry] = body.reflection.entry_points;
	assert.equal(entry.bindings[0].binding, 2);
	assert.deepEqual(entry.bindings[0].members.map((m) => [m.name, m.type, m.offset]), [['tint', 'vec4', 0]]);
	assert.equal(entry.outputs[0].location, 0);
	const line = body.line_map.lines.find((l) => l.line === 5);
	assert.equal(body.line_map.files[line.file], 'r.frag');
	const lines = body.disassembly.split('\n');
	const [[first, last]] = line.disassembly;
	assert.match(lines.slice(first - 1, last).join('\n'), /OpAccessChain[^]*OpStore %c/);
	assert.match(body.glsl, /^#version 450/);
	assert.match(body.hlsl, /cbuffer U : register\(b2/);
	assert.match(body.msl, /fragment/);
	const trace = await (await fetch(`${service.url}/v1/traces/${body.trace.id}`)).json();
	assert.deepEqual(trace.response.reflection, body.reflection);
	assert.deepEqual(trace.response.line_map, body.line_map);
});

test('an error in a header is told with its exact range and the way to it', async () => {
	const { body } = await service.compile({ name: 'a.frag', position_encoding: 'utf-8',
		source: '#version 450\n#include "lib/a.glsl"\nvoid main() {}\n',
		files: { 'lib/a.glsl': '// a\n#include "b.glsl"\n', 'lib/b.glsl': '/* é */ float f() { return nothing; }\n' } });
	const [d] = body.diagnostics;
	assert.equal(d.file, 'lib/b.glsl');
	assert.equal(d.code, 'undeclared-identifier');
	assert.deepEqual(d.range, { start: { line: 0, character: 28 }, end: { line: 0, character: 35 } });
	assert.deepEqual(d.relatedInformation.map((r) => [r.location.file, r.location.range.start.line, r.message]),
		[['lib/a.glsl', 1, 'included from here'], ['a.frag', 1, 'included from here']]);
	const text = await service.compileRaw('#version 450\nvoid main() { x; }\n', '?name=b.frag', { Accept: 'text/plain' });
	assert.match(await text.text(), /^b\.frag:2:15: error: 'x'/);
});

test('broken modules are the failure of their own request, in reflection and translation too', async () => {
	const source = '#version 450\nstruct L { vec3 d; float p[3]; };\nlayout(binding = 0) uniform U { mat4 m; L l[2]; } u;\n' +
		'layout(binding = 1) uniform sampler2D t;\nlayout(location = 0) out vec4 c;\n' +
		'void main() { for (int i = 0; i < 2; i++) c += u.m * vec4(u.l[i].d, u.l[i].p[i]) + texture(t, c.xy); }\n';
	const { body } = await service.compile({ name: 'm.frag', source });
	const module = Buffer.from(body.spirv.base64, 'base64');
	const counts = {};
	let seed = 12345;
	for (let i = 0; i < 120; i++) {
		const mutant = Buffer.from(module);
		for (let n = 1 + i % 3; n > 0; n--) {
			seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
			mutant.writeUInt32LE(seed >>> 8 & 0x7f, 20 + 4 * (seed % (mutant.length / 4 - 5)));
		}
		const { status, body: answer } = await service.compile({ language: 'spirv', source_base64: mutant.toString('base64'),
			validate: false, emit: ['reflection', 'line_map', 'glsl', 'hlsl', 'msl'], limits: { wall_ms: 3000 } });
		assert.equal(status, 200);
		counts[answer.status] = (counts[answer.status] ?? 0) + 1;
		if (answer.status === 'ok')
			assert.equal(typeof answer.reflection, 'object');
		else
			assert.ok(answer.status === 'failed' ? answer.diagnostics.some((d) => d.severity === 1) : answer.failure, answer.status);
	}
	assert.deepEqual(Object.keys(counts).filter((s) => !['ok', 'failed', 'crashed', 'timed_out', 'out_of_memory'].includes(s)), []);
	assert.ok(counts.failed > 10, JSON.stringify(counts));
	console.log(JSON.stringify(counts));
});

test('a result from the cache has all that it had', async () => {
	const request = { name: 'again.frag', source: fragment, emit: ['reflection', 'line_map', 'msl'], debug_info: 'line' };
	const caching = await Service.start({ cache: true });
	try {
		const first = (await caching.compile(request)).body, again = (await caching.compile(request)).body;
		assert.equal(again.cache, 'hit');
		for (const product of ['reflection', 'line_map', 'msl'])
			assert.deepEqual(again[product], first[product], product);
	} finally {
		await caching.close();
	}
});
