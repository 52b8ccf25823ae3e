// SPDX-License-Identifier: Apache-2.0
// HTTP that the library underneath would let through, byte by byte.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Service } from './service.mjs';

let service;
before(async () => { service = await Service.start(); });
after(() => service.close());

const status = (text) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);

const refused = {
	'two Hosts': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n',
	'no Host': 'GET /healthz HTTP/1.1\r\n\r\n',
	'no Host in HTTP/1.0': 'GET /healthz HTTP/1.0\r\n\r\n',
	'two lengths': 'POST /v1/compile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
	'length and chunks': 'POST /v1/compile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
	'a signed length': 'POST /v1/compile HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc',
	'an unknown coding': 'POST /v1/compile HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
	'a NUL in a value': 'GET /healthz HTTP/1.1\r\nHost: localhost\0.evil\r\n\r\n',
	'a folded line': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n',
	'a space before the colon': 'GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n',
	'a NUL in the target': 'GET /healthz\0x HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'a control character in a value': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\x01b\r\n\r\n',
	'a target without a slash': 'GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'an absolute target': 'GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'an encoded NUL': 'GET /healthz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'an encoded slash': 'GET /v1%2flanguages HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'dot segments': 'GET /v1/../healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'a broken escape': 'GET /%g0 HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'a body where none is taken': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc',
	'a wish that is not known': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: magic\r\n\r\n',
	'a word that is no method': 'BREW /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
	'a target of 9,000 bytes': `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
	'headers beyond the limit': `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(80000)}\r\n\r\n`,
	'200 headers': `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(200)}\r\n`,
};

for (const [name, bytes] of Object.entries(refused))
	test(`${name} is refused`, async () => {
		const text = await service.raw(Buffer.from(bytes, 'latin1'), { forMs: 700 });
		assert.ok(!text || (status(text) >= 400 && status(text) < 500), text.slice(0, 200));
	});

test('what is too long about a target is told by its name', async () => {
	const text = await service.raw(`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, { forMs: 700 });
	assert.match(text, /^HTTP\/1\.1 400 [^]*Connection: close[^]*"bad_target"[^]*longer than 8192 bytes/i);
});

test('what follows a request with doubtful framing is not taken as another', async () => {
	const smuggled = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
	const text = await service.raw(`POST /v1/compile HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${smuggled.length}\r\n`
		+ `Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`, { forMs: 700 });
	assert.equal((text.match(/HTTP\/1\.1 /g) ?? []).length, 1);
	assert.equal(status(text), 400);
});

test('pipelined requests are answered in order', async () => {
	const one = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
	const text = await service.raw(one + one + 'GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
	assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404']);
});

test('HEAD answers like GET without a body', async () => {
	const text = await service.raw('HEAD /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
	assert.match(text, /Content-Length: \d{4,}/);
	assert.equal(text.split('\r\n\r\n')[1], '');
});

test('noise does not hurt', async () => {
	for (const bytes of ['\0\0\0\0', '\r\n\r\n\r\n', 'GET', 'GET / HTTP/9.9\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 'A'.repeat(100000)])
		await service.raw(Buffer.from(bytes, 'latin1'), { forMs: 200 }).catch(() => '');
	assert.equal((await service.fetch('/healthz')).status, 200);
});

test('a connection beyond the limit is turned away with 503', async () => {
	const small = await Service.start({ args: ['--max-connections', '2'] });
	try {
		const held = [small.raw('GET', { forMs: 1500 }), small.raw('GET', { forMs: 1500 })];
		await new Promise((done) => { setTimeout(done, 100); });
		assert.equal(status(await small.raw('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')), 503);
		await Promise.all(held);
		assert.equal(status(await small.raw('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')), 200);
	} finally {
		await small.close();
	}
});

test('more parameters than the library has room for end the connection soon', async () => {
	const start = performance.now();
	const text = await service.raw(`GET /v1/traces?${'a=1&'.repeat(1500)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, { forMs: 20000 });
	assert.ok(!text || status(text) === 400, text.slice(0, 200));
	assert.ok(performance.now() - start < 5000);
});

test('who leaves in the middle of a request does not take up a connection', async () => {
	const half = 'POST /v1/compile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf';
	await Promise.all(Array.from({ length: 40 }, () => service.raw(half, { end: true, forMs: 100 }).catch(() => '')));
	const start = performance.now();
	while ((await service.metrics()).spvscope_http_connections > 5)
		assert.ok(performance.now() - start < 10000, 'connections of clients that left are still there');
});

test('what bodies and answers take together is bounded', async () => {
	const small = await Service.start({ args: ['--max-held', '1M'] });
	const head = (length) => `POST /v1/compile?stage=frag HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;
	try {
		const held = small.raw(`${head(1000000)}${' '.repeat(999000)}`, { forMs: 1500 });
		while ((await small.metrics()).spvscope_http_received_bytes_total < 999000)
			;
		assert.equal(status(await small.raw(`${head(200000)}${' '.repeat(200000)}`)), 503);
		assert.equal((await small.metrics()).spvscope_http_overloads_total, 1);
		assert.equal((await small.fetch('/openapi.json')).status, 200);
		await held;
		assert.equal(status(await small.raw(`${head(200000)}${' '.repeat(200000)}`)), 400); // blanks are no shader
	} finally {
		await small.close();
	}
});
