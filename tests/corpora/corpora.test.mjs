// SPDX-License-Identifier: Apache-2.0
// Real shaders by the hundred through the real service. Whether one compiles is for its author; that each gets an
// answer is for us. The counts are held against golden.json, which `tests/corpora/run --update` writes anew.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';

import { lygiaShaders } from './lygia.mjs';
import { startService } from './service.mjs';
import { threeShaders } from './three.mjs';
import { Tool } from './tool.mjs';

const AT_ONCE = 2;
const GOLDEN = new URL('golden.json', import.meta.url);
const update = process.env.SPVSCOPE_UPDATE_GOLDEN === '1';
const build = process.env.SPVSCOPE_BUILD ?? new URL('../../build', import.meta.url).pathname;

/** Runs `each` over the items, a few at a time. */
async function over(items, each) {
	const queue = items[Symbol.iterator]();
	const worker = async () => {
		for (const item of queue)
			await each(item);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What is wrong with an answer, from the service's point of view; null: nothing. */
function serviceError({ http, body }) {
	if (http !== 200)
		return `HTTP ${http} ${JSON.stringify(body?.error ?? null)}`;
	if (body.status === 'ok')
		return body.spirv?.size_bytes > 0 ? null : 'ok without SPIR-V';
	if (body.status !== 'failed')
		return `${body.status} ${JSON.stringify(body.failure)}`;
	return body.diagnostics.some((d) => d.severity === 1) ? null : 'failed without an error';
}

describe('corpora', () => {
	let service;
	let compilers;
	const counts = {}, differences = [];
	let n_compared = 0;
	const tool = new Tool();

	before(async () => {
		service = await startService(build);
		({ compilers } = await service.get('/v1/languages'));
	});
	after(async () => {
		tool.close();
		assert.equal(await service.stop(), 0, 'the service ends well');
	});

	async function drive(shaders) {
		const errors = [];
		const began = performance.now();
		await over(shaders, async ({ corpus, id, request }) => {
			const answer = await service.compile(request);
			const count = (counts[corpus] ??= { compiled: 0, failed: 0, failures: [] });
			const error = serviceError(answer);
			if (!error) {
				const difference = await tool.difference(request, answer.body);
				n_compared++;
				if (difference)
					differences.push(`${corpus}: ${id}: ${difference}`);
			}
			if (error)
				errors.push(`${corpus}: ${id}: ${error}`);
			else if (answer.body.status === 'ok')
				count.compiled++;
			else {
				count.failed++;
				count.failures.push(id);
				if (process.env.SPVSCOPE_CORPORA_VERBOSE) {
					const { message } = answer.body.diagnostics.find((d) => d.severity === 1);
					console.log(`${corpus}: ${id}: ${message.split('\n')[0]}`);
				}
			}
		});
		for (const count of Object.values(counts))
			count.failures.sort();
		console.log(`took ${((performance.now() - began) / 1000).toFixed(1)} s`);
		assert.deepEqual(errors, []);
	}

	it('every file of lygia gets an answer', () => drive(lygiaShaders('glsl')));
	it('every file of lygia in HLSL gets an answer', () => drive(lygiaShaders('hlsl')));
	it("every program of three's shader library gets an answer", () => drive(threeShaders()));

	it("verdicts and modules are glslangValidator's", () => {
		console.log(`${n_compared} compared`);
		assert.ok(n_compared > 1000);
		assert.deepEqual(differences, []);
	});

	it('the same ones compile as before', (t) => {
		for (const [corpus, { compiled, failed }] of Object.entries(counts))
			console.log(`${corpus}: ${compiled} of ${compiled + failed} compile`);
		if (update) {
			writeFileSync(GOLDEN, `${JSON.stringify({ compilers, corpora: counts }, null, '\t')}\n`);
			return;
		}
		const golden = JSON.parse(readFileSync(GOLDEN, 'utf8'));
		if (golden.compilers !== compilers) {
			t.skip(`recorded with ${golden.compilers}, these are ${compilers}`);
			return;
		}
		assert.deepEqual(counts, golden.corpora);
	});
});
