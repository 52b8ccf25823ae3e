// SPDX-License-Identifier: Apache-2.0
// What is told of a compiler that crashes or hangs, and the archive that reproduces it with the compiler's own tools.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fragment, isSanitized, Service } from './service.mjs';

const crashing = '#version 450\n#pragma STDGL\nvoid main(){}';
const hasTool = (name) => spawnSync(name, ['--version']).error === undefined;

let service;
before(async () => { service = await Service.start(); });
after(() => service.close());

/** Gets the archive, unpacks it with the system's tar, and gives its directory. */
async function unpack(body, folder) {
	const answer = await service.fetch(body.failure.export);
	assert.equal(answer.status, 200);
	assert.equal(answer.headers.get('content-type'), 'application/x-tar');
	writeFileSync(join(folder, 'a.tar'), Buffer.from(await answer.arrayBuffer()));
	const tar = spawnSync('tar', ['-xf', 'a.tar'], { cwd: folder, encoding: 'utf8' });
	assert.equal(tar.status, 0, tar.stderr);
	return join(folder, `spvscope-${body.id}`);
}

test('a crash is kept, and its archive crashes the compiler\'s own tool', { skip: isSanitized && 'no crash under AddressSanitizer' }, async (t) => {
	const folder = mkdtempSync(join(tmpdir(), 'spvscope-failure-'));
	try {
		const files = { 'lib/a.glsl': 'float a;\n', '../up.glsl': 'float up;\n' };
		const { body } = await service.compile({ name: 'it\'s/a.frag', stage: 'frag', source: crashing, files, defines: { A: 'it\'s', B: null } });
		assert.equal(body.status, 'crashed');
		assert.equal(body.failure.signal, 'SIGSEGV');
		assert.match(body.failure.stage, /^codegen::/);
		assert.ok(body.failure.span);
		assert.equal(body.failure.stack, null);
		assert.equal(body.failure.stack_kind, null);
		assert.match(body.failure.stack_reason, /no analyzer was attached/);
		assert.equal(body.kept, true);
		const directory = await unpack(body, folder);
		assert.equal(readFileSync(join(directory, 'input/it\'s/a.frag'), 'utf8'), crashing);
		assert.equal(readFileSync(join(directory, 'input/lib/a.glsl'), 'utf8'), files['lib/a.glsl']);
		assert.equal(readFileSync(join(directory, 'input/__/up.glsl'), 'utf8'), files['../up.glsl']);
		assert.equal(JSON.parse(readFileSync(join(directory, 'failure.json'), 'utf8')).failure.signal, 'SIGSEGV');
		assert.equal((await service.compile(JSON.parse(readFileSync(join(directory, 'request.json'), 'utf8')))).body.status, 'crashed');
		if (!hasTool('glslangValidator')) {
			t.diagnostic('glslangValidator is not installed: the script was not run');
			return;
		}
		const run = spawnSync('sh', [join(directory, 'reproduce.sh')], { encoding: 'utf8', timeout: 20000 });
		assert.equal(run.status, 139, run.stderr + run.stdout);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

/** Whether the analyzer serves here; else the test is skipped with its reason. */
async function hasAnalyzer(t) {
	let release;
	for (let tries = 0; tries < 100; tries++) {
		[release] = (await (await service.fetch('/v1/analyzers')).json()).analyzers;
		if (release.state === 'available' || !/starting|hello/.test(release.reason))
			break;
		await new Promise((done) => { setTimeout(done, 100); });
	}
	if (release.state !== 'available')
		t.skip(release.reason);
	return release.state === 'available';
}

test('with an analyzer attached a crash tells the stack to the function that crashed', { skip: isSanitized && 'no crash under AddressSanitizer' }, async (t) => {
	if (!await hasAnalyzer(t))
		return;
	for (const kind of ['release', 'debug']) {
		// Once a second: no sample is near.
		const { body } = await service.compile({ name: 'a.frag', source: crashing, analyzer: { kind, frequency_hz: 1, min_samples: 0 } });
		assert.equal(body.status, 'crashed');
		assert.equal(body.failure.signal, 'SIGSEGV');
		t.diagnostic(body.failure.stack?.join(' < '));
		assert.equal(body.failure.stack_kind, 'exact', JSON.stringify(body.failure));
		assert.equal(body.failure.stack_complete, true);
		assert.match(body.failure.stack[0], /^__(mem|str)cmp|^libc\.so/, 'where it reads what is not there; the library may have no names');
		assert.ok(body.failure.stack.some((name) => /TParseContext::handlePragma/.test(name)));
		assert.equal(body.failure.stack.at(-1), '_start');
		const crash = await (await service.fetch(`/v1/compilations/${body.id}`)).json();
		assert.deepEqual(crash.failure.stack, body.failure.stack, 'it is kept');
	}
});

test('with an analyzer attached a hang tells the stack that it was ended in', async (t) => {
	if (!await hasAnalyzer(t))
		return;
	let source = '#version 450\n#define A0 ; ;\n';
	for (let i = 1; i < 30; i++)
		source += `#define A${i} A${i - 1} A${i - 1}\n`;
	const { body } = await service.compile({ name: 'a.frag', source: `${source}void main(){ A29 }\n`, limits: { wall_ms: 800 },
		analyzer: { kind: 'release', frequency_hz: 1, min_samples: 0 } });
	assert.ok(['timed_out', 'out_of_memory', 'crashed'].includes(body.status));
	assert.ok(body.failure.stack.length > 3, JSON.stringify(body.failure));
	assert.equal(body.failure.stack_kind, 'exact');
	assert.equal(body.failure.stack_complete, true);
	assert.equal(body.failure.stack.at(-1), '_start');
	assert.equal(body.failure.stack_reason, null);
});

test('only failures are exported', async () => {
	const { body } = await service.compile({ name: 'a.frag', source: fragment });
	const answer = await service.fetch(`/v1/failures/${body.id}`);
	assert.equal(answer.status, 404);
	assert.equal((await answer.json()).error.code, 'part_not_found');
	assert.equal((await service.fetch(`/v1/failures/${'0'.repeat(32)}`)).status, 404);
});
