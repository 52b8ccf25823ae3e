// SPDX-License-Identifier: Apache-2.0
// GET /v1/compare: two traces side by side.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fragment, isSanitized, Service } from './service.mjs';

let service;
before(async () => { service = await Service.start({ cache: true }); });
after(() => service.close());

const compile = async (fields) => (await service.compile({ name: 'a.frag', source: fragment, ...fields }, { 'Cache-Control': 'no-cache' })).body;
const compare = async (base, to, more = '') => (await (await service.fetch(`/v1/compare?base=${base}&to=${to}${more}`)).json());

test('spans are aligned by place, and what one side lacks is null', async () => {
	const plain = await compile({});
	const optimized = await compile({ optimize: { passes: ['--merge-return', '--merge-return', '--eliminate-dead-branches'] },
		trace: { level: 'debug' }, keep: true });
	const c = await compare(plain.trace.id, optimized.trace.id);
	assert.equal(c.base.id, plain.trace.id);
	assert.equal(c.to.compilation_id, optimized.id);
	const path = (span) => (span.parent === null ? span.name : `${path(c.spans[span.parent])}/${span.name}`);
	c.spans.forEach((span, i) => assert.ok(span.id === i && (span.parent === null || span.parent < i)));
	const parse = c.spans.find((span) => path(span).endsWith('codegen::compile/codegen::parse'));
	assert.ok(parse.base && parse.to);
	assert.ok(Math.abs(parse.ratio - parse.to.duration_ns / parse.base.duration_ns) < 0.001);
	const passes = c.spans.filter((span) => span.name === 'codegen::opt::merge-return' && /codegen::opt\/[^/]*$/.test(path(span)));
	assert.equal(passes.length, 2);
	assert.ok(passes.every((span) => span.base === null && span.to && span.ratio === null));
	// each span of either trace stands exactly once
	const ids = (side) => c.spans.filter((span) => span[side]).map((span) => span[side].id).sort((a, b) => a - b);
	for (const [side, answer] of [['base', plain], ['to', optimized]])
		assert.deepEqual(ids(side), Array.from({ length: c.counters.spans[side] }, (_, i) => i + 1), answer.id);
	assert.equal(c.counters.spirv_bytes.base, plain.spirv.size_bytes);
	assert.ok(c.counters.compile_cpu_ns.base > 0);
	assert.deepEqual(c.flame.nodes, []);
});

test('a trace compared with itself differs in nothing', async () => {
	const { id } = (await compile({ optimize: 'performance', trace: { level: 'debug' } })).trace;
	const c = await compare(id, id);
	assert.ok(c.spans.length > (isSanitized ? 5 : 20)); // see service.test.mjs: passes end early there
	for (const span of c.spans) {
		assert.deepEqual(span.base, span.to);
		assert.ok(span.ratio === 1 || span.base.duration_ns === 0);
	}
});

test('flames are joined by the names of functions', async (t) => {
	let state, reason;
	for (let tries = 0; tries < 100; tries++) {
		({ state, reason } = (await (await service.fetch('/v1/analyzers')).json()).analyzers[0]);
		if (state === 'available' || !/starting|hello/.test(reason))
			break;
		await new Promise((done) => { setTimeout(done, 100); });
	}
	if (state !== 'available') {
		t.skip(reason);
		return;
	}
	const profiled = () => compile({ analyzer: { kind: 'release', min_samples: 200, budget_ms: 1000 } });
	const [one, two] = [await profiled(), await profiled()];
	const c = await compare(one.trace.id, two.trace.id);
	assert.equal(c.flame.unit, 'samples');
	assert.ok(c.flame.base_weight > 0 && c.flame.to_weight > 0);
	const sum = (side) => c.flame.nodes.reduce((total, node) => total + node[side].self, 0);
	assert.equal(sum('base'), c.flame.base_weight);
	assert.equal(sum('to'), c.flame.to_weight);
	for (const node of c.flame.nodes.filter((n) => n.parent !== null))
		assert.ok(c.flame.nodes[node.parent].base.total >= node.base.total);
	assert.ok(c.flame.nodes.some((node) => node.base.total && node.to.total));
});

test('a hit can be compared, and what is not there is named', async () => {
	const made = await compile({ name: 'b.frag' });
	await service.fetch(`/v1/traces/${made.trace.id}`);
	const hit = (await service.compile({ name: 'b.frag', source: fragment })).body;
	assert.equal(hit.cache, 'hit');
	const c = await compare(made.trace.id, hit.trace.id);
	assert.equal(c.counters.spans.to, 2);
	for (const [query, status, where] of [['base=x&to=y', 400, 'base'], [`base=${made.trace.id}`, 400, 'to'],
		[`base=${made.trace.id}&to=${'0'.repeat(32)}`, 404, 'to'], [`base=${made.trace.id}&to=${made.trace.id}&kind=x`, 400, 'kind']]) {
		const answer = await service.fetch(`/v1/compare?${query}`);
		assert.equal(answer.status, status);
		assert.equal((await answer.json()).error.where, where);
	}
});
