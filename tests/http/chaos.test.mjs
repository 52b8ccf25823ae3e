// SPDX-License-Identifier: Apache-2.0
// kill -9 of workers, the template and the analyzer while 1,000 requests are under way: each gets exactly one answer, and
// the service heals. Only descendants of the service that this file started are ever signalled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { fragment, Service } from './service.mjs';

const nRequests = 1000, nInFlight = 16, killEveryMs = 20, mostRareKills = 4;

let service;
before(async () => { service = await Service.start({ args: ['--workers', '2'] }); });
after(() => service.close());

function childrenOf(pid) {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
	} catch {
		return [];
	}
}

function nameOf(pid) {
	try {
		return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
	} catch {
		return '';
	}
}

/** All processes below the service, by the names that they give themselves. */
function descendants() {
	const found = { 'spvscope-work': [], 'spvscope-tmpl': [], 'spvscope-analyz': [] };
	const open = [service.child.pid];
	while (open.length) {
		for (const pid of childrenOf(open.pop())) {
			open.push(pid);
			found[nameOf(pid)]?.push(pid);
		}
	}
	return found;
}

function kill(name, turn) {
	const pids = descendants()[name];
	if (!pids.length)
		return false;
	try {
		process.kill(pids[turn % pids.length], 'SIGKILL');
		return true;
	} catch {
		return false; // gone already
	}
}

const agent = new http.Agent({ keepAlive: true, maxSockets: nInFlight });

/** Resolves with how often an answer came, and the last one. */
function compile(fields) {
	return new Promise((done) => {
		const result = { answers: 0, status: 0, body: null, error: null };
		const request = http.request(`${service.url}/v1/compile`,
			{ agent, method: 'POST', headers: { 'Content-Type': 'application/json' } }, (answer) => {
				const parts = [];
				answer.on('data', (part) => parts.push(part));
				answer.on('end', () => {
					result.answers++;
					result.status = answer.statusCode;
					result.body = JSON.parse(Buffer.concat(parts).toString());
					done(result);
				});
			});
		request.on('error', (error) => { result.error = error; done(result); });
		request.end(JSON.stringify(fields));
	});
}

function fieldsOf(i) {
	const fields = { name: 'a.frag', source: fragment, isolation: i % 11 === 0 ? 'request' : 'worker', keep: i % 50 === 0 };
	if (i % 5 === 0)
		fields.analyzer = { kind: i % 2 ? 'debug' : 'release', budget_ms: 20 };
	return fields;
}

test('each request gets one answer while everything behind the front is killed, and the service heals', async (t) => {
	const killed = { 'spvscope-work': 0, 'spvscope-tmpl': 0, 'spvscope-analyz': 0 };
	let turn = 0, next = 0;
	const killer = setInterval(() => {
		let name = turn % 60 === 59 ? 'spvscope-tmpl' : turn % 20 === 19 ? 'spvscope-analyz' : 'spvscope-work';
		if (name !== 'spvscope-work' && killed[name] >= mostRareKills)
			name = 'spvscope-work'; // the pauses between restarts grow
		killed[name] += kill(name, turn++);
	}, killEveryMs);
	const results = [];
	const lane = async () => {
		while (next < nRequests)
			results.push(await compile(fieldsOf(next++)));
	};
	await Promise.all(Array.from({ length: nInFlight }, lane));
	clearInterval(killer);

	const by = {};
	for (const result of results) {
		assert.equal(result.error, null);
		assert.equal(result.answers, 1);
		assert.equal(result.status, 200);
		by[result.body.status] = (by[result.body.status] ?? 0) + 1;
		if (result.body.status === 'crashed')
			assert.ok(result.body.failure.signal === 'SIGKILL' || /died twice/.test(result.body.failure.message),
				JSON.stringify(result.body.failure));
	}
	assert.equal(results.length, nRequests);
	assert.equal((by.ok ?? 0) + (by.crashed ?? 0), nRequests, JSON.stringify(by));
	assert.equal(new Set(results.map((result) => result.body.id)).size, nRequests);
	assert.ok(killed['spvscope-work'] > 10 && killed['spvscope-tmpl'] >= 1, JSON.stringify(killed));
	t.diagnostic(`killed ${JSON.stringify(killed)}, answers ${JSON.stringify(by)}`);

	for (let i = 0; i < 20; i++)
		assert.equal((await compile({ name: 'a.frag', source: fragment })).body.status, 'ok');
	const metrics = await service.metrics();
	assert.ok(metrics.spvscope_worker_templates_started_total >= 2);
	assert.equal(metrics.spvscope_compiles_running, 0);
	assert.equal(metrics.spvscope_compiles_queued, 0);
	agent.destroy();
});
