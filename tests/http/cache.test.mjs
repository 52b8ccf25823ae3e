// SPDX-License-Identifier: Apache-2.0
// Results that answer the same request again: when they do, when they must not, and what is told of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build, fragment, isSanitized, makeFolder, Service } from './service.mjs';

const large = readFileSync(join(fileURLToPath(new URL('.', import.meta.url)), '../bench/corpus/large.frag'), 'utf8');
const crashing = '#version 450\n#pragma STDGL\nvoid main(){}';
const including = '#version 450\n#include "common.glsl"\nlayout(location=0) out vec4 c;\nvoid main(){ c = vec4(VALUE); }\n';

let service, number = 0;
before(async () => { service = await Service.start({ cache: true }); });
after(() => service.close());

/** A source that nobody has compiled yet. */
const fresh = (source = fragment) => `${source}// ${++number}\n`;
const cacheOf = async (fields, headers) => (await service.compile({ name: 'a.frag', ...fields }, headers)).body.cache;

/** Asks until the answer is ready to send: the first compiles, the second is found, from the third on bytes are sent. */
async function thrice(fields) {
	const answers = [];
	for (let i = 0; i < 3; i++) {
		answers.push((await service.compile(fields)).body);
		await (await service.fetch(`/v1/compilations/${answers[0].id}`)).json(); // its record is there, so the cache has it
	}
	return answers;
}

test('the same request again is a hit with the same result, an id of its own, and a word about where it is from', async () => {
	const fields = { name: 'a.frag', source: fresh(), emit: ['spirv', 'disassembly', 'dependencies'] };
	const [made, found, ready] = await thrice(fields);
	assert.equal(made.cache, 'miss');
	assert.equal(made.cached_from, null);
	for (const hit of [found, ready]) {
		assert.equal(hit.cache, 'hit');
		assert.equal(hit.cached_from.id, made.id);
		assert.equal(hit.cached_from.trace_id, made.trace.id);
		const { id, cache, cached_from, duration_ns, trace, ...rest } = hit;
		const { id: id_, cache: cache_, cached_from: from_, duration_ns: duration_, trace: trace_, ...same } = made;
		assert.deepEqual(rest, same);
		assert.notEqual(id, made.id);
		assert.notEqual(trace.id, made.trace.id);
	}
	assert.notEqual(found.id, ready.id);
});

test('the trace of a hit says that it is one and leads to that of the compile', async () => {
	const [made, , hit] = await thrice({ name: 'a.frag', source: fresh() });
	const trace = await (await service.fetch(`/v1/traces/${hit.trace.id}`)).json();
	assert.equal(trace.compilation_id, hit.id);
	assert.equal(trace.response.cache, 'hit');
	const [root] = trace.spans;
	assert.deepEqual(root.children.map((span) => span.name), ['server::cache']);
	assert.deepEqual(root.children[0].attributes,
		{ result: 'hit', compiled_by: made.id, compiled_by_trace: made.trace.id });
	assert.equal(hit.trace.spans, 2);
	const compiled = await (await service.fetch(`/v1/traces/${hit.cached_from.trace_id}`)).json();
	const cache = compiled.spans[0].children.find((span) => span.name === 'server::cache');
	assert.equal(cache.attributes.result, 'miss');
	const spirv = await service.fetch(`/v1/compilations/${hit.id}/spirv`);
	assert.equal(Buffer.from(await spirv.arrayBuffer()).toString('base64'), hit.spirv.base64);
	assert.equal((await service.fetch(`/v1/traces/${hit.trace.id}`, { method: 'DELETE' })).status, 204);
	assert.equal((await service.fetch(`/v1/traces/${hit.trace.id}`)).status, 404);
});

test('the forms that are not JSON are hits too', async () => {
	const source = fresh();
	for (const [accept, body] of [['application/vnd.khronos.spirv', source], ['text/plain', source], ['text/plain', `${source}x`]]) {
		const seen = [];
		for (let i = 0; i < 4; i++) {
			const answer = await service.compileRaw(body, '?stage=frag', { Accept: accept });
			seen.push(`${answer.status} ${answer.headers.get('content-type')} ${Buffer.from(await answer.arrayBuffer()).toString('base64')}`);
			await service.fetch(`/v1/traces/${answer.headers.get('x-spvscope-trace')}`);
		}
		assert.equal(new Set(seen).size, 1);
	}
});

test('hits on many connections at once have ids of their own, the same in every place', async () => {
	const source = fresh();
	const ask = (accept) => service.compileRaw(source, '?stage=fragment', { Accept: accept });
	for (let i = 0; i < 3; i++)
		await (await service.fetch(`/v1/compilations/${(await (await ask('application/json')).json()).id}`)).json();
	await Promise.all([1, 2, 3].map(async () => (await ask('application/vnd.khronos.spirv')).arrayBuffer()));
	const ids = new Set(), words = new Set();
	await Promise.all(Array.from({ length: 8 }, async () => {
		for (let i = 0; i < 25; i++) {
			const answer = await ask(i % 2 ? 'application/json' : 'application/vnd.khronos.spirv');
			const [id, trace] = [answer.headers.get('X-Spvscope-Id'), answer.headers.get('X-Spvscope-Trace')];
			assert.equal(answer.headers.get('Link'), `</#trace=${trace}>; rel="describedby"`);
			ids.add(id).add(trace);
			if (i % 2) {
				const body = await answer.json();
				assert.deepEqual([body.id, body.trace.id, body.cache], [id, trace, 'hit']);
			} else {
				words.add(Buffer.from(await answer.arrayBuffer()).toString('hex'));
			}
		}
	}));
	assert.equal(ids.size, 2 * 8 * 25);
	assert.equal(words.size, 1);
	for (const id of [...ids].slice(-10))
		assert.equal((await service.fetch(`/v1/traces/${id}`)).status, 200);
});

test('an answer that a slow client is still taking is neither changed by the next nor lost with the result', async () => {
	const sums = Array.from({ length: 160 }, (_, i) => `c += vec4(sin(c.x * ${i}.5), cos(c.y), c.z, 1);`).join('\n');
	const source = fresh(fragment.replace('c = vec4(1);', sums)), n = 600; // more than the buffers of two sockets hold
	const target = '/v1/compile?stage=fragment', accept = { Accept: 'application/vnd.khronos.spirv' };
	let made;
	for (let i = 0; i < 3; i++) {
		const answer = await service.compileRaw(source, '?stage=fragment', accept);
		made ??= { id: answer.headers.get('X-Spvscope-Id'), words: Buffer.from(await answer.arrayBuffer()) };
		await (await service.fetch(`/v1/compilations/${made.id}`)).json();
	}
	assert.ok(made.words.length > 30_000 && made.words.length < 65_536, `${made.words.length} bytes`);
	const socket = net.connect(service.port, '127.0.0.1').pause();
	const head = `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: ${accept.Accept}\r\nContent-Length: ${Buffer.byteLength(source)}\r\n`;
	for (let i = 0; i < n; i++)
		socket.write(`${head}${i === n - 1 ? 'Connection: close\r\n' : ''}\r\n${source}`);
	const hits = async () => (await service.metrics()).spvscope_cache_hits_total;
	const before = await hits();
	let now = before;
	for (let last = -1; now === before || now !== last; now = await hits()) {
		last = now;
		await delay(50);
	}
	assert.ok(now - before < n, 'it waits for the client');
	const other = await service.compileRaw(source, '?stage=fragment', accept);
	assert.deepEqual(Buffer.from(await other.arrayBuffer()), made.words);
	await service.fetch(`/v1/compilations/${made.id}`, { method: 'DELETE' });
	const pieces = [];
	for await (const piece of socket)
		pieces.push(piece);
	const all = Buffer.concat(pieces);
	let at = 0;
	const ids = new Set();
	for (let i = 0; i < n; i++) {
		const end = all.indexOf('\r\n\r\n', at), text = all.toString('latin1', at, end);
		assert.match(text, /^HTTP\/1\.1 200 OK\r\n/, `answer ${i}`);
		ids.add(/X-Spvscope-Id: (\w+)/.exec(text)[1]);
		at = end + 4 + Number(/Content-Length: (\d+)/.exec(text)[1]);
		assert.ok(all.subarray(end + 4, at).equals(made.words), `answer ${i}`);
	}
	assert.equal(at, all.length);
	assert.equal(ids.size, n);
});

test('whatever changes the result makes it a miss', async () => {
	const source = fresh();
	const [first] = await thrice({ name: 'a.frag', source });
	assert.equal(first.cache, 'miss');
	for (const fields of [{ source: `${source} ` }, { source, optimize: 'size' }, { source, defines: { A: '1' } }, { source, debug_info: 'line' },
		{ source, name: 'b.frag' }, { source, target: { env: 'vulkan1.1' } }, { source, emit: ['disassembly'] },
		{ source, trace: { level: 'debug' } }, { source, isolation: 'request' }, { source, limits: { wall_ms: 5000 } },
		{ source, position_encoding: 'utf-8' }, { source, validate: false }])
		assert.equal(await cacheOf(fields), 'miss', JSON.stringify(fields));
	for (const fields of [{ source, keep: true }, { source, document: { session: 's', uri: 'file:///a', version: 3 } }, { source, trace: { level: 'info' } }])
		assert.equal(await cacheOf(fields), 'hit', JSON.stringify(fields));
});

test('includes count by what was read and by what was looked for in vain, and no other file does', async () => {
	const name = 'shaders/a.frag', source = fresh(including), half = '#define VALUE 0.5\n', one = '#define VALUE 1.0\n';
	const ask = async (files) => {
		const { body } = await service.compile({ name, source, files });
		await (await service.fetch(`/v1/compilations/${body.id}`)).json();
		return body;
	};
	const first = await ask({ 'common.glsl': half });
	assert.equal(first.cache, 'miss');
	assert.equal((await ask({ 'common.glsl': half })).cache, 'hit');
	assert.equal((await ask({ 'common.glsl': half, 'other.glsl': 'x' })).cache, 'hit');
	assert.equal((await ask({ 'common.glsl': one })).cache, 'miss');
	const nearer = await ask({ 'common.glsl': half, 'shaders/common.glsl': one });
	assert.equal(nearer.cache, 'miss');
	assert.notEqual(nearer.spirv.sha256, first.spirv.sha256);
	assert.equal((await ask({ 'common.glsl': half, './shaders/x/../common.glsl': one })).cache, 'miss');
	const failed = await ask({});
	assert.equal(failed.status, 'failed');
	assert.equal((await ask({ 'other.glsl': 'x' })).cache, 'hit');
	assert.equal((await ask({ 'common.glsl': half })).cache, 'hit');
});

test('no-cache compiles afresh and is remembered, no-store is not, and an analyzer is never answered from the cache', async () => {
	const source = fresh();
	await thrice({ name: 'a.frag', source });
	const again = await service.compile({ name: 'a.frag', source }, { 'Cache-Control': 'no-cache' });
	assert.equal(again.body.cache, 'bypass');
	await service.fetch(`/v1/compilations/${again.body.id}`);
	const hit = await service.compile({ name: 'a.frag', source });
	assert.equal(hit.body.cached_from.id, again.body.id);
	assert.equal(await cacheOf({ source: fresh() }, { 'Cache-Control': 'no-store' }), 'bypass');
	const once = fresh();
	await service.compile({ name: 'a.frag', source: once }, { 'Cache-Control': 'no-store' });
	assert.equal(await cacheOf({ source: once }), 'miss');
	assert.equal(await cacheOf({ source, analyzer: { kind: 'release', min_samples: 0 } }), 'bypass');
});

test('a crash is remembered, so that it burns one worker and not many', { skip: isSanitized && 'no crash under AddressSanitizer' }, async () => {
	const died = async () => (await service.metrics()).spvscope_workers_died_total;
	const before_ = await died();
	const source = fresh(`${crashing}\n`), answers = [];
	for (let i = 0; i < 20; i++)
		answers.push((await service.compile({ name: 'a.frag', source })).body);
	assert.ok(answers.every((answer) => answer.status === 'crashed' && answer.failure.signal === 'SIGSEGV'));
	assert.deepEqual(answers.slice(1).map((answer) => answer.cache), Array(19).fill('hit'));
	assert.equal(await died() - before_, 1);
});

/** One request on a connection of its own. */
function ask(body, { abortAfterMs } = {}) {
	return new Promise((done) => {
		const request = http.request(`${service.url}/v1/compile`,
			{ agent: false, method: 'POST', headers: { 'Content-Type': 'application/json' } }, (answer) => {
				const parts = [];
				answer.on('data', (part) => parts.push(part));
				answer.on('end', () => done(JSON.parse(Buffer.concat(parts).toString())));
			});
		request.on('error', () => done(null));
		request.end(body);
		if (abortAfterMs !== undefined)
			setTimeout(() => request.destroy(), abortAfterMs);
	});
}

test('a storm of 1,000 same requests compiles once', async (t) => {
	const body = JSON.stringify({ name: 'a.frag', source: fresh(large), optimize: 'performance' });
	const before_ = await service.metrics();
	const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(body)));
	const after_ = await service.metrics();
	assert.equal(after_.spvscope_compiles_started_total - before_.spvscope_compiles_started_total, 1);
	assert.ok(answers.every((answer) => answer.status === 'ok' && answer.spirv.sha256 === answers[0].spirv.sha256));
	assert.equal(new Set(answers.map((answer) => answer.id)).size, 1000);
	const by = {};
	for (const answer of answers)
		by[answer.cache] = (by[answer.cache] ?? 0) + 1;
	assert.equal(by.miss, 1);
	assert.ok(by.shared > 0, JSON.stringify(by));
	t.diagnostic(JSON.stringify(by));
});

test('who asked first may leave, and the others get the compile all the same', async () => {
	const body = JSON.stringify({ name: 'a.frag', source: fresh(large), optimize: 'performance' });
	const before_ = await service.metrics();
	const first = ask(body, { abortAfterMs: 60 });
	while ((await service.metrics()).spvscope_cache_misses_total === before_.spvscope_cache_misses_total)
		await new Promise((done) => { setTimeout(done, 2); });
	const others = await Promise.all(Array.from({ length: 5 }, () => ask(body)));
	await first;
	assert.deepEqual(others.map((answer) => answer.status), Array(5).fill('ok'));
	const after_ = await service.metrics();
	assert.equal(after_.spvscope_compiles_started_total - before_.spvscope_compiles_started_total, 1);
});

test('results that were dear or asked for again outlive the service', async () => {
	const folder = makeFolder();
	const dear = { name: 'a.frag', source: fresh(large) }, again = { name: 'a.frag', source: fresh() }, once = { name: 'a.frag', source: fresh() };
	const first = await Service.start({ folder, cache: true });
	const made = (await first.compile(dear)).body;
	const cheap = (await first.compile(once)).body.duration_ns < 20e6; // it may not be, on a busy machine
	await first.fetch(`/v1/compilations/${(await first.compile(again)).body.id}`);
	assert.equal((await first.compile(again)).body.cache, 'hit');
	await first.stop();
	const second = await Service.start({ folder, cache: true });
	try {
		for (let tries = 0; (await second.metrics()).spvscope_cache_results_on_disk < 2 && tries < 500; tries++)
			await new Promise((done) => { setTimeout(done, 10); });
		const hit = (await second.compile(dear)).body;
		assert.equal(hit.cache, 'hit');
		assert.equal(hit.cached_from.id, made.id);
		assert.deepEqual(hit.spirv, made.spirv);
		const trace = await (await second.fetch(`/v1/traces/${hit.trace.id}`)).json();
		assert.equal(trace.source, dear.source);
		assert.equal((await second.compile(again)).body.cache, 'hit');
		assert.equal((await second.compile(once)).body.cache, cheap ? 'miss' : 'hit');
		assert.equal((await second.metrics()).spvscope_cache_disk_hits_total, cheap ? 2 : 3);
	} finally {
		await second.close();
	}
});

test('a worker that was built anew does not answer with what another build made', async () => {
	const folder = makeFolder(), worker = join(folder, 'spvscope-worker');
	const bytes = readFileSync(join(build, 'codegen/worker/spvscope-worker'));
	const dear = { name: 'a.frag', source: fresh(large) };
	/** Whether this start finds the result of the one before. */
	const ask = async () => {
		const own = await Service.start({ folder, cache: true, args: ['--worker-path', worker] });
		try {
			return (await own.compile(dear)).body.cache;
		} finally {
			await own.stop();
		}
	};
	writeFileSync(worker, bytes, { mode: 0o755 });
	assert.deepEqual([await ask(), await ask()], ['miss', 'hit']);
	writeFileSync(worker, bytes); // the same file, the same size, the same version: only not the same build
	assert.deepEqual([await ask(), await ask()], ['miss', 'hit']);
	rmSync(worker);
	writeFileSync(worker, bytes, { mode: 0o755 });
	assert.deepEqual([await ask(), await ask()], ['miss', 'hit']);
	rmSync(folder, { recursive: true });
});

test("a back end's library that was built anew in its place answers itself, and nothing that was made beside the old one is found", async () => {
	const here = fileURLToPath(new URL('.', import.meta.url));
	const text = readFileSync(join(here, 'toy_backend.c'), 'utf8');
	const folder = makeFolder(), libraries = join(folder, 'backends'), source = join(folder, 'toy.c');
	const dear = { name: 'a.frag', source: fresh(large) }, toy = { backend: 'toy', language: 'other', source: 'x', validate: false };
	/** The toy's modules tell by their bound which build made them. */
	const make = (bound) => {
		writeFileSync(source, text.replace('0x10000, 0, 1, 0', `0x10000, 0, ${bound}, 0`));
		execFileSync('cc', ['-shared', '-fPIC', `-I${join(here, '../../codegen/include')}`, '-o', join(libraries, 'toy.so'), source]);
		chmodSync(join(libraries, 'toy.so'), 0o755);
	};
	const ask = async (own) => {
		const { body } = await own.compile(toy);
		assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
		return [Buffer.from(body.spirv.base64, 'base64').readUInt32LE(12), body.cache, (await own.compile(dear)).body.cache];
	};
	const start = () => Service.start({ folder, cache: true, args: ['--backend-dir', libraries] });
	mkdirSync(libraries, { mode: 0o755 });
	make(3);
	let own = await start();
	assert.deepEqual(await ask(own), [3, 'bypass', 'miss']);
	make(4); // while the service runs, which has the old one mapped
	assert.deepEqual(await ask(own), [3, 'bypass', 'hit']);
	await own.stop();
	for (const dearest of ['miss', 'hit']) {
		own = await start();
		assert.deepEqual(await ask(own), [4, 'bypass', dearest]);
		await own.stop();
	}
	rmSync(folder, { recursive: true });
});

test('memory and disk have bounds', async () => {
	const own = await Service.start({ cache: true, args: ['--cache-bytes', '1M', '--cache-disk-bytes', '1M'] });
	try {
		for (let i = 0; i < 12; i++)
			await own.compile({ name: 'a.frag', source: fresh(large) });
		const metrics = await own.metrics();
		assert.ok(metrics.spvscope_cache_memory_bytes <= 1 << 20, `${metrics.spvscope_cache_memory_bytes}`);
		assert.ok(metrics.spvscope_cache_evicted_total > 0);
		assert.ok(metrics.spvscope_cache_disk_bytes <= 1 << 20, `${metrics.spvscope_cache_disk_bytes}`);
		assert.equal(metrics.spvscope_cache_disk_errors_total, 0);
	} finally {
		await own.close();
	}
});

test('a result that the client has is not sent again', async () => {
	const { body } = await service.compile({ name: 'a.frag', source: fresh(), keep: true, emit: ['spirv', 'disassembly'] });
	for (const part of ['', '/spirv', '/disassembly']) {
		const path = `/v1/compilations/${body.id}${part}`;
		const whole = await service.fetch(path);
		const tag = whole.headers.get('etag');
		assert.match(tag, /^"[0-9a-f]{32}/);
		assert.ok((await whole.arrayBuffer()).byteLength > 0);
		const known = await service.fetch(path, { headers: { 'If-None-Match': tag } });
		assert.equal(known.status, 304);
		assert.equal(known.headers.get('etag'), tag);
		assert.equal((await service.fetch(path, { headers: { 'If-None-Match': '"other"' } })).status, 200);
	}
});

test('deleting a compile forgets its result', async () => {
	const [made] = await thrice({ name: 'a.frag', source: fresh() });
	assert.equal((await service.fetch(`/v1/compilations/${made.id}`, { method: 'DELETE' })).status, 204);
	assert.equal((await service.fetch(`/v1/compilations/${made.id}`)).status, 404);
	const source = (await thrice({ name: 'a.frag', source: fresh() }))[0];
	assert.equal(source.cache, 'miss');
});
