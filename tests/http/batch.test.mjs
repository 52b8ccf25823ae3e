// SPDX-License-Identifier: Apache-2.0
// POST /v1/batch: lines as compiles end, each for itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fragment, Service } from './service.mjs';

const large = readFileSync(join(fileURLToPath(new URL('.', import.meta.url)), '../bench/corpus/large.frag'), 'utf8');
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

let service;
before(async () => { service = await Service.start(); });
after(() => service.close());

async function batch(body, headers = {}) {
	const answer = await service.fetch('/v1/batch',
		{ method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) });
	const text = await answer.text();
	return { status: answer.status, type: answer.headers.get('content-type'),
		lines: answer.status === 200 ? text.split('\n').filter(Boolean).map((line) => JSON.parse(line)) : JSON.parse(text) };
}

test('variants share what is said once, join objects, and say the rest themselves', async () => {
	const source = '#version 450\n#include "a.glsl"\nlayout(location=0) out vec4 c;\nvoid main(){ c = vec4(VALUE + EXTRA); }\n';
	const { status, type, lines } = await batch({
		shared: { name: 'a.frag', source, files: { 'a.glsl': '#define VALUE 1.0\n' }, defines: { EXTRA: '0.0' } },
		compiles: [{ id: 'plain' }, { id: 'more', defines: { EXTRA: '7.0' } }, { id: 'other', files: { 'a.glsl': '#define VALUE 3.0\n' } },
			{ id: 'own', source: fragment }, { optimize: 'size' }],
	});
	assert.equal(status, 200);
	assert.equal(type, 'application/x-ndjson');
	const by = Object.fromEntries(lines.map((line) => [line.id, line.result]));
	assert.deepEqual(Object.keys(by).sort(), ['4', 'more', 'other', 'own', 'plain']);
	assert.ok(Object.values(by).every((result) => result.status === 'ok'), JSON.stringify(lines));
	assert.equal(new Set(['plain', 'more', 'other'].map((id) => by[id].spirv.sha256)).size, 3);
	const alone = await service.compile({ name: 'a.frag', source, files: { 'a.glsl': '#define VALUE 1.0\n' }, defines: { EXTRA: '7.0' } });
	assert.equal(by.more.spirv.sha256, alone.body.spirv.sha256);
});

test('one that is wrong fails alone, and progress counts up', async () => {
	const { lines } = await batch({ shared: { name: 'a.frag', source: fragment }, compiles: [
		{ id: 'good' }, { id: 'wrong', source: '#version 450\nvoid main(){ x = 1; }' }, { id: 'unknown', optimise: 'size' },
		{ id: 'crash', source: '#version 450\n#pragma STDGL\nvoid main(){}' }, { id: 'also good', debug_info: 'line' }] });
	assert.deepEqual(lines.map((line) => line.done), [1, 2, 3, 4, 5]);
	assert.ok(lines.every((line) => line.total === 5));
	const by = Object.fromEntries(lines.map((line) => [line.id, line]));
	assert.equal(by.good.result.status, 'ok');
	assert.equal(by['also good'].result.status, 'ok');
	assert.equal(by.wrong.result.status, 'failed');
	assert.equal(by.unknown.result, undefined);
	assert.equal(by.unknown.error.code, 'unknown_field');
	assert.equal(by.unknown.error.where, 'optimise');
	assert.ok(['crashed', 'ok'].includes(by.crash.result.status)); // a sanitizer's memory has no such crash
});

test('lines come while others still compile', async () => {
	const arrivals = await new Promise((done, fail) => {
		const seen = [];
		const request = http.request(`${service.url}/v1/batch`, { agent: false, method: 'POST', headers: { 'Content-Type': 'application/json' } },
			(answer) => {
				answer.on('data', (part) => {
					for (const line of part.toString().matchAll(/^\{"id": "(\w+)"/gm))
						seen.push({ id: line[1], at: performance.now() });
				});
				answer.on('end', () => done(seen));
			});
		request.on('error', fail);
		request.end(JSON.stringify({ shared: { name: 'a.frag', emit: [] }, compiles: [
			{ id: 'slow', source: large, optimize: 'performance' }, { id: 'quick', source: fragment }] }));
	});
	assert.deepEqual(arrivals.map(({ id }) => id), ['quick', 'slow']);
	assert.ok(arrivals[1].at - arrivals[0].at > 5);
});

test('1,000 variants, with no more of them in flight than is allowed', async () => {
	const compiles = Array.from({ length: 1000 }, (_, i) => ({ id: `v${i}`, defines: { N: String(i) } }));
	const pending = batch({ shared: { name: 'a.frag', source: fragment, trace: { level: 'off' }, emit: [] }, compiles });
	let most = 0, over = false;
	pending.then(() => { over = true; });
	while (!over) {
		const metrics = await service.metrics();
		most = Math.max(most, metrics.spvscope_compiles_queued + metrics.spvscope_compiles_running);
		await sleep(5);
	}
	const { lines } = await pending;
	assert.equal(lines.length, 1000);
	assert.equal(new Set(lines.map((line) => line.id)).size, 1000);
	assert.ok(lines.every((line) => line.result.status === 'ok'));
	assert.ok(most <= 32, `${most}`);
});

test('a client that leaves takes the rest of its batch along', async () => {
	const before_ = await service.metrics();
	const compiles = Array.from({ length: 200 }, (_, i) => ({ source: `${large}// ${i}`, optimize: 'performance' }));
	const request = http.request(`${service.url}/v1/batch`, { agent: false, method: 'POST', headers: { 'Content-Type': 'application/json' } });
	request.on('error', () => {});
	request.end(JSON.stringify({ shared: { name: 'a.frag', emit: [] }, compiles }));
	while ((await service.metrics()).spvscope_compiles_running < 1)
		await sleep(2);
	request.destroy();
	let now;
	for (let tries = 0; tries < 500; tries++) {
		now = await service.metrics();
		if (now.spvscope_compiles_running + now.spvscope_compiles_queued === 0)
			break;
		await sleep(10);
	}
	assert.equal(now.spvscope_compiles_running + now.spvscope_compiles_queued, 0);
	assert.ok(now.spvscope_compiles_started_total - before_.spvscope_compiles_started_total < 200);
});

test('a client that reads nothing for a while still gets every line', async () => {
	const compiles = Array.from({ length: 60 }, (_, i) => ({ id: `${i}`, defines: { N: String(i) } }));
	const lines = await new Promise((done, fail) => {
		const request = http.request(`${service.url}/v1/batch`, { agent: false, method: 'POST', headers: { 'Content-Type': 'application/json' } },
			async (answer) => {
				await sleep(1500); // the socket's buffers are full by now
				const parts = [];
				answer.on('data', (part) => parts.push(part));
				answer.on('end', () => done(Buffer.concat(parts).toString().split('\n').filter(Boolean).map((line) => JSON.parse(line))));
			});
		request.on('error', fail);
		request.end(JSON.stringify({ shared: { name: 'a.frag', source: large, emit: ['spirv', 'disassembly'], debug_info: 'line' }, compiles }));
	});
	assert.equal(lines.length, 60);
	assert.ok(lines.every((line) => line.result.status === 'ok' && line.result.disassembly.length > 100000));
});

test('what is no batch is refused as a whole', async () => {
	for (const [body, code] of [['{', 'bad_json'], [{}, 'missing_field'], [{ compiles: {} }, 'wrong_type'], [{ compiles: [1] }, 'wrong_type'],
		[{ compiles: [{ id: 7 }] }, 'wrong_type'], [{ compiles: [], more: 1 }, 'unknown_field'],
		[{ compiles: Array.from({ length: 10001 }, () => ({})) }, 'too_many']]) {
		const { status, lines } = await batch(body);
		assert.equal(status, 400);
		assert.equal(lines.error.code, code);
	}
	assert.deepEqual((await batch({ compiles: [] })).lines, []);
});
