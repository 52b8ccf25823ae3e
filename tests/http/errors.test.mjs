// SPDX-License-Identifier: Apache-2.0
// What is refused, by which name, and what the answer says would be right.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import http from 'node:http';
import { fragment, Service } from './service.mjs';

const TOKEN = '0123456789abcdef0123';
let service;
before(async () => { service = await Service.start({ args: ['--token', TOKEN, '--allowed-host', 'friend.example'] }); });
after(() => service.close());

/** A request with headers that fetch would not send. */
function ask(headers, { method = 'GET', path = '/readyz', body } = {}) {
	return new Promise((done, fail) => {
		const request = http.request({ host: '127.0.0.1', port: service.port, method, path, headers, agent: false }, (answer) => {
			let text = '';
			answer.on('data', (data) => { text += data; });
			answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text }));
		});
		request.on('error', fail);
		request.end(body);
	});
}

const code = (answer) => JSON.parse(answer.text).error.code;

test('wrong fields are named with what would be right', async () => {
	const good = { name: 'a.frag', source: fragment };
	const rows = [
		[{ ...good, lanuage: 'glsl' }, 'unknown_field', 'lanuage', /'language'/],
		[{ ...good, limits: { wall_ms: 0 } }, 'out_of_range', 'limits.wall_ms', /between 1 and 600000/],
		[{ ...good, keep: 'yes' }, 'wrong_type', 'keep', /true or false/],
		[{ ...good, emit: ['bitcode'] }, 'unknown_value', 'emit', /disassembly/],
		[{ ...good, trace: { filter: 'a=loud' } }, 'bad_filter', 'trace.filter', /loud/],
		[{ ...good, source_base64: 'AAAA' }, 'conflicting_fields', 'source_base64', /one of/],
		[{ source: 'x' }, 'language_unknown', 'language', /glsl/],
		[{ source: 'x', language: 'glsl' }, 'stage_unknown', 'stage', /fragment/],
		[{ ...good, files: { a: { base64: '=' } } }, 'bad_base64', 'files["a"]', /base64/],
		[{ language: 'glsl' }, 'missing_field', 'source', /source/],
		[{ source: 'x', language: 'spirv' }, 'bad_source', 'source', /base64/],
		[{ ...good, files: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`f${i}`, ''])) }, 'too_many', 'files', /256/],
		['{"source": "a", "source": "b"}', 'duplicate_field', null, /duplicate/],
		['{', 'bad_json', null, /line 1/],
		[`{"a": ${'['.repeat(40)}${']'.repeat(40)}}`, 'too_deep', null, /16/],
	];
	for (const [fields, expected, where, says] of rows) {
		const { status, body } = await service.compile(fields);
		assert.equal(status, 400, expected);
		assert.equal(body.error.code, expected);
		assert.equal(body.error.where, where);
		assert.match(body.error.message, says);
	}
});

test('JSON that does not say that it is JSON is told so, and a source that begins like it is taken', async () => {
	const answer = await service.compileRaw(JSON.stringify({ name: 'a.frag', source: fragment }), '', { 'Content-Type': 'text/plain' });
	const { error } = await answer.json();
	assert.deepEqual([answer.status, error.code, error.where], [415, 'unsupported_media_type', 'Content-Type']);
	assert.match(error.message, /application\/json/);
	const source = await service.compileRaw('{ }', '?language=glsl&stage=frag', { 'Content-Type': 'text/plain' });
	assert.deepEqual([source.status, (await source.json()).status], [200, 'failed']);
});

test('a byte order mark before a source does not move its places', async () => {
	const source = '#version 450\nvoid main() { x; }\n', marked = `\ufeff${source}`;
	const plain = (await service.compile({ name: 'a.frag', source })).body;
	assert.equal(plain.diagnostics[0].code, 'undeclared-identifier', JSON.stringify(plain));
	for (const fields of [{ source: marked }, { source_base64: Buffer.from(marked).toString('base64') }])
		assert.deepEqual((await service.compile({ name: 'a.frag', ...fields })).body.diagnostics, plain.diagnostics);
	const raw = await service.compileRaw(marked, '?name=a.frag');
	assert.deepEqual((await raw.json()).diagnostics, plain.diagnostics);
});

test('parameters are checked like fields', async () => {
	for (const query of ['?stge=frag', '?stage=frag&stage=vert', '?stage=frg', '?keep=perhaps', '?wall_ms=1e3', '?%zz'])
		assert.equal((await service.compileRaw(fragment, query)).status, 400, query);
	for (const path of ['/v1/traces?limit=0', '/v1/traces?limit=1001', '/v1/traces?colour=red', '/v1/traces?status=fine',
		'/v1/traces?language=cobol', '/v1/languages?x=1'])
		assert.equal((await (await service.fetch(path)).json()).error.code, 'bad_query', path);
	const mixed = await service.fetch('/v1/compile?stage=frag', { method: 'POST',
		headers: { 'Content-Type': 'application/json' }, body: '{"source":"x"}' });
	assert.equal((await mixed.json()).error.code, 'bad_query');
});

test('routes and methods that are not there are told apart', async () => {
	const missing = await service.fetch('/v1/nothing');
	assert.equal(missing.status, 404);
	assert.equal((await missing.json()).error.code, 'not_found');
	const method = await service.fetch('/v1/compile');
	assert.equal(method.status, 405);
	assert.equal(method.headers.get('allow'), 'POST');
	const both = await service.fetch(`/v1/traces/${'0'.repeat(32)}`, { method: 'PUT' });
	assert.equal(both.headers.get('allow'), 'GET, DELETE');
	for (const id of ['zz', 'A'.repeat(32), '0'.repeat(32), '0'.repeat(33)])
		assert.equal((await service.fetch(`/v1/traces/${id}`)).status, 404);
});

test('foreign hosts are refused', async () => {
	for (const host of ['evil.example', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.evil.example:80', 'evil.example:7230']) {
		const answer = await ask({ Host: host });
		assert.equal(answer.status, 403, host);
		assert.equal(code(answer), 'foreign_host');
	}
	for (const host of ['localhost', `127.0.0.1:${service.port}`, '[::1]:80', 'friend.example', 'LOCALHOST:1'])
		assert.equal((await ask({ Host: host })).status, 200, host);
});

test('other sites\' pages are refused', async () => {
	const own = `127.0.0.1:${service.port}`;
	for (const origin of ['http://evil.example', 'null', 'http://localhost:1', `http://${own}.evil.example`, 'file://']) {
		const answer = await ask({ Host: own, Origin: origin }, { method: 'POST', path: '/v1/compile?name=a.frag', body: fragment });
		assert.equal(answer.status, 403, origin);
		assert.equal(code(answer), 'foreign_origin');
	}
	assert.equal((await ask({ Host: own, Origin: `http://${own}` })).status, 200);
	assert.equal((await ask({ Host: own, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' })).status, 403);
	assert.equal((await ask({ Host: own, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' })).status, 200);
});

test('a wrong token is refused, a right one is taken', async () => {
	const wrong = await ask({ Host: 'localhost', Authorization: 'Bearer nonsense' });
	assert.equal(wrong.status, 401);
	assert.equal(code(wrong), 'token_wrong');
	assert.equal(wrong.headers['www-authenticate'], 'Bearer');
	assert.equal((await ask({ Host: 'localhost', Authorization: `Bearer ${TOKEN}` })).status, 200);
});

test('an address that is not loopback needs the token', async () => {
	const open = await Service.start({ args: ['--listen', '0.0.0.0:0', '--token', TOKEN] });
	try {
		const url = open.readyLine.split(' ')[3].replace('0.0.0.0', '127.0.0.1');
		assert.equal((await fetch(`${url}/healthz`)).status, 200);
		const refused = await fetch(`${url}/v1/languages`);
		assert.equal(refused.status, 401);
		assert.equal((await refused.json()).error.code, 'token_required');
		assert.equal((await fetch(`${url}/v1/languages`, { headers: { Authorization: `Bearer ${TOKEN}` } })).status, 200);
	} finally {
		await open.close();
	}
});

test('bodies have a limit, by length and by count', async () => {
	const big = Buffer.alloc(17 << 20, 0x20);
	const known = await service.compileRaw(big, '?name=a.frag');
	assert.equal(known.status, 413);
	assert.equal((await known.json()).error.code, 'body_too_large');
	const chunked = await fetch(`${service.url}/v1/compile?name=a.frag`, { method: 'POST', duplex: 'half',
		body: new Blob([big]).stream() });
	assert.equal(chunked.status, 413);
	const source = await service.compileRaw(Buffer.alloc(9 << 20, 0x20), '?name=a.frag');
	assert.equal(source.status, 400);
	assert.equal((await source.json()).error.code, 'out_of_range');
});

test('encoded bodies are refused', async () => {
	const answer = await ask({ Host: 'localhost', 'Content-Encoding': 'gzip' },
		{ method: 'POST', path: '/v1/compile?name=a.frag', body: 'x' });
	assert.equal(answer.status, 415);
});

test('every answer carries the strict headers', async () => {
	for (const path of ['/', '/v1/languages', '/nothing', '/metrics']) {
		const { headers } = await service.fetch(path);
		assert.match(headers.get('content-security-policy'), /default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/);
		assert.equal(headers.get('x-content-type-options'), 'nosniff');
		assert.equal(headers.get('referrer-policy'), 'no-referrer');
		assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
		assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
	}
});
