// SPDX-License-Identifier: Apache-2.0
// Start and stop, the unix socket, events, counters, the contract and the lists.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fragment, isSanitized, makeFolder, program, Service } from './service.mjs';

let service;
before(async () => { service = await Service.start(); });
after(() => service.close());

function overUnix(socketPath, path) {
	return new Promise((done, fail) => {
		http.get({ socketPath, path, headers: { Host: 'anything' }, agent: false }, (answer) => {
			answer.resume();
			answer.on('end', () => done(answer.statusCode));
		}).on('error', fail);
	});
}

test('the readiness line is all that it prints, and it comes soon', async () => {
	assert.match(service.readyLine, /^spvscoped ready http:\/\/127\.0\.0\.1:\d+$/);
	await service.compile({ name: 'a.frag', source: fragment });
	assert.equal(service.stdout, `${service.readyLine}\n`);
	assert.ok(service.readyMs < 3000, `${service.readyMs} ms`);
});

test('the contract is served, and every route in it exists', async () => {
	const contract = await (await service.fetch('/openapi.json')).json();
	assert.equal(contract.openapi, '3.1.0');
	for (const [path, methods] of Object.entries(contract.paths)) {
		const known = Object.keys(methods).filter((word) => ['get', 'post', 'delete'].includes(word));
		const answer = await service.fetch(path.replace('{id}', '0'.repeat(32)), { method: 'PUT' });
		assert.equal(answer.status, 405, path);
		assert.deepEqual(answer.headers.get('allow').toLowerCase().split(', ').sort(), known.sort(), path);
	}
});

test('languages and analyzers say what there is', async () => {
	const { languages, compilers, envs } = await (await service.fetch('/v1/languages')).json();
	assert.deepEqual(languages.map((l) => l.name), 
		['glsl', 'hlsl', 'spirv-asm', 'spirv', 'opencl-c', 'opencl-cpp', 'wgsl', 'rust']);
	assert.equal(languages[1].label, 'legacy');
	assert.equal(languages[0].stages.length, 14);
	assert.match(compilers, /glslang/);
	assert.ok(envs.includes('vulkan1.3'));
	const { analyzers } = await (await service.fetch('/v1/analyzers')).json();
	assert.deepEqual(analyzers.map((a) => a.kind), ['release', 'debug']);
	for (const a of analyzers)
		assert.ok(a.state === 'available' ? a.reason === null : a.reason.length > 0);
});

test('counters count', async () => {
	const before_ = await service.metrics();
	await service.compile({ name: 'a.frag', source: fragment });
	await service.compile({ name: 'a.frag', source: 'bad' });
	const after_ = await service.metrics();
	const grown = (name) => after_[name] - before_[name];
	assert.equal(grown('spvscope_compiles_started_total'), 2);
	assert.equal(grown('spvscope_compiles_ended_total{status="ok"}'), 1);
	assert.equal(grown('spvscope_compiles_ended_total{status="failed"}'), 1);
	assert.equal(grown('spvscope_http_requests_total{method="POST",route="/v1/compile",status="2xx"}'), 2);
	assert.equal(grown('spvscope_analyzer_perf_events_enabled_total'), 0);
});

test('the list of traces is newest first, filtered, and comes in pages', async () => {
	for (let i = 0; i < 4; i++)
		await service.compile({ name: `page${i}.frag`, source: i === 1 ? 'bad' : fragment });
	const first = await (await service.fetch('/v1/traces?limit=2')).json();
	assert.deepEqual(first.traces.map((t) => t.name), ['page3.frag', 'page2.frag']);
	const second = await (await service.fetch(`/v1/traces?limit=2&before=${BigInt(first.next_before)}`)).json();
	assert.ok(second.traces.length >= 1);
	const failed = await (await service.fetch('/v1/traces?status=failed&limit=1')).json();
	assert.equal(failed.traces[0].name, 'page1.frag');
});

test('a trace tells the request that would make it anew', async () => {
	const asked = { name: 'dir/a.frag', files: { 'b.h': 'float b() { return 1.0; }\n', 'c.bin': { base64: '/wA=' } }, defines: { FOG: '1', FAST: null },
		optimize: { passes: ['--merge-return'] }, target: { env: 'vulkan1.1', spirv: '1.4' }, debug_info: 'line', validate: false,
		trace: { level: 'debug', filter: 'codegen::opt=info' }, analyzer: { kind: 'release', min_samples: 7 }, limits: { wall_ms: 9000 },
		position_encoding: 'utf-8', isolation: 'request' };
	const again = async (id) => (await (await service.fetch(`/v1/traces/${id}`)).json());
	const source = fragment.replace('void main', '#extension GL_GOOGLE_include_directive : enable\n#include "b.h"\nvoid main');
	const { body } = await service.compile({ ...asked, source });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	const trace = await again(body.trace.id);
	assert.deepEqual(trace.request, { ...asked, language: 'glsl', stage: 'fragment' });
	const second = await service.compile({ ...trace.request, source: trace.source });
	assert.deepEqual((await again(second.body.trace.id)).request, trace.request);
	assert.equal(second.body.spirv.sha256, body.spirv.sha256);
	const binary = await service.compile({ language: 'spirv', source_base64: body.spirv.base64, emit: ['disassembly'] });
	const bytes = await again(binary.body.trace.id);
	assert.equal(bytes.source, null);
	assert.deepEqual(bytes.request, { language: 'spirv', source_base64: body.spirv.base64, emit: ['disassembly'] });
});

test('a trace is a tree, and is exported', async () => {
	const { body } = await service.compile({ name: 'a.frag', source: fragment, optimize: 'performance', trace: { level: 'debug' } });
	const trace = await (await service.fetch(`/v1/traces/${body.trace.id}`)).json();
	assert.equal(trace.compilation_id, body.id);
	assert.equal(trace.source, fragment);
	assert.equal(trace.response.id, body.id);
	let passes = 0;
	const walk = (span, parent) => {
		if (parent) {
			assert.ok(span.start_ns >= parent.start_ns);
			assert.ok(span.start_ns + span.duration_ns <= parent.start_ns + parent.duration_ns);
		}
		passes += span.name.startsWith('codegen::opt::');
		span.children.forEach((child) => walk(child, span));
	};
	trace.spans.forEach((span) => walk(span));
	// SPIRV-Tools 2023.1 uses freed memory in scalar-replacement, which AddressSanitizer ends there.
	assert.ok(passes >= (isSanitized ? 10 : 40), `${passes} passes`);
	const chrome = await (await service.fetch(`/v1/traces/${body.trace.id}/spans?format=chrome`)).json();
	assert.ok(Array.isArray(chrome.traceEvents ?? chrome));
	assert.match(await (await service.fetch(`/v1/traces/${body.trace.id}/spans?format=text`)).text(), /codegen::parse|codegen::glslang/);
	for (const format of ['columns', 'packed', 'tree', 'folded'])
		assert.equal((await service.fetch(`/v1/traces/${body.trace.id}/flame?format=${format}`)).status, 200, format);
	for (const query of ['flame?format=svg', 'flame?kind=off', 'flame?span=0', 'flame?span=99999', 'spans', 'spans?format=x'])
		assert.equal((await (await service.fetch(`/v1/traces/${body.trace.id}/${query}`)).json()).error.code, 'bad_query', query);
	assert.deepEqual(await (await service.fetch(`/v1/traces/${body.trace.id}/log`)).json(), []);
});

test('events tell of compiles as they start and end', async () => {
	const stop = new AbortController();
	const answer = await service.fetch('/v1/events', { signal: stop.signal });
	assert.equal(answer.headers.get('content-type'), 'text/event-stream');
	const { body } = await service.compile({ name: 'event.frag', source: fragment });
	let text = '';
	for await (const chunk of answer.body) {
		text += Buffer.from(chunk).toString();
		if (text.includes('event: end'))
			break;
	}
	const events = text.split('\n\n').filter((block) => block.startsWith('event: '))
		.map((block) => [block.split('\n')[0].slice(7), JSON.parse(block.split('\ndata: ')[1])]);
	assert.deepEqual(events.map(([name]) => name), ['start', 'end']);
	assert.equal(events[0][1].status, 'running');
	assert.equal(events[1][1].id, body.id);
	assert.equal(events[1][1].status, 'ok');
	stop.abort();
});

test('a client that goes away cancels its compile', async () => {
	let source = '#version 450\nlayout(location=0) out vec4 c;\nvoid main(){ float x = 0;\n';
	for (let i = 0; i < 20000; i++)
		source += `x = x * 1.5 + sin(x + ${i}.0);\n`;
	source += 'c = vec4(x); }\n';
	const before_ = await service.metrics();
	const stop = new AbortController();
	const answer = service.fetch('/v1/compile?name=slow.frag&optimize=performance', { method: 'POST', body: source, signal: stop.signal });
	answer.catch(() => {});
	for (let tries = 0; tries < 4000; tries++) { // a busy machine takes its time to start a worker
		if ((await service.metrics())['spvscope_compiles_running'] > 0)
			break;
		await new Promise((done) => { setTimeout(done, 5); });
	}
	stop.abort();
	for (let tries = 0; tries < 1500; tries++) {
		const now = await service.metrics();
		if (now['spvscope_compiles_running'] === 0
			&& now['spvscope_compiles_started_total'] > before_['spvscope_compiles_started_total'])
			return;
		await new Promise((done) => { setTimeout(done, 10); });
	}
	assert.fail('it still runs');
});

test('SIGTERM lets what is under way end, and leaves nothing behind', async () => {
	const folder = makeFolder();
	const socket = join(folder, 'socket');
	const own = await Service.start({ folder, args: ['--listen', `unix:${socket}`, '--socket-mode', '0666'] });
	try {
		assert.equal(await overUnix(socket, '/healthz'), 200);
		const events = await own.fetch('/v1/events');
		const pending = Promise.allSettled(Array.from({ length: 8 }, (_, i) => own.compile({ name: `${i}.frag`, source: fragment })));
		while ((await own.metrics())['spvscope_compiles_started_total'] < 8)
			await new Promise((done) => { setTimeout(done, 2); });
		const { code, signal } = await own.stop();
		assert.deepEqual({ code, signal }, { code: 0, signal: null }, own.stderr);
		for (const answer of await pending)
			assert.equal(answer.value?.body.status, 'ok', String(answer.reason));
		assert.equal(existsSync(socket), false);
		await events.text().catch(() => {});
	} finally {
		await own.close();
	}
});

test('a second start after a kill takes the stale socket and the same state over', async () => {
	const folder = makeFolder();
	const args = ['--listen', `unix:${join(folder, 'socket')}`, '--socket-mode', '0666'];
	const first = await Service.start({ folder, args });
	const { body } = await first.compile({ name: 'a.frag', source: fragment, keep: true });
	await first.stop('SIGKILL');
	for (let tries = 0; tries < 200; tries++) { // the child of a manager ends a moment later
		if (!(await fetch(`${first.url}/healthz`).then(() => true, () => false)))
			break;
		await new Promise((done) => { setTimeout(done, 10); });
	}
	const second = await Service.start({ folder, args });
	try {
		assert.equal(await overUnix(join(folder, 'socket'), '/healthz'), 200);
		assert.equal((await second.fetch(`/v1/compilations/${body.id}`)).status, 200);
		const third = spawnSync(program, ['--config', '/dev/null', '--state-dir', join(folder, 'other'), ...args],
			{ encoding: 'utf8', timeout: 10000 });
		assert.notEqual(third.status, 0);
		assert.match(third.stderr, /another process listens there/);
	} finally {
		await second.close();
	}
});

test('root opens a socket where its user may not', { skip: process.getuid() !== 0 && 'not root' }, async () => {
	const folder = mkdtempSync(join(tmpdir(), 'spvscope-root-'));
	const socket = join(folder, 'socket');
	try {
		for (let start = 0; start < 2; start++) { // the file of the first is in the second one's way
			const own = await Service.start({ args: ['--listen', `unix:${socket}`] });
			try {
				assert.equal(await overUnix(socket, '/healthz'), 200);
				assert.notEqual(statSync(socket).uid, 0);
			} finally {
				await own.close();
			}
		}
	} finally {
		rmSync(folder, { recursive: true });
	}
});

test('help and version are told, wrong options are named', () => {
	const run = (...args) => spawnSync(program, args, { encoding: 'utf8', timeout: 10000 });
	assert.match(run('--help').stdout, /--state-dir DIR/);
	assert.match(run('--version').stdout, /^spvscoped \d+\.\d+/);
	const wrong = run('--lisen', 'x');
	assert.equal(wrong.status, 2);
	assert.match(wrong.stderr, /--lisen/);
	assert.match(run('--listen', '0.0.0.0:0').stderr, /needs --token/);
});
