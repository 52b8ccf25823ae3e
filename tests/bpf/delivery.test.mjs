// SPDX-License-Identifier: Apache-2.0
// What a build brings: both objects, or on a branch or tag whose name ends in -debug the debug one under the name of
// release. Clones the newest commit, so what is not committed has no part in it. Nothing that was built is in git.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build, fragment, Service } from '../http/service.mjs';

const top = resolve(fileURLToPath(new URL('.', import.meta.url)), '../..');
const scratch = mkdtempSync(join(tmpdir(), 'spvscope-delivery-'));
chmodSync(scratch, 0o755);
const origin = join(scratch, 'origin');

const run = (cwd, command, ...args) =>
	execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const git = (cwd, ...args) => run(cwd, 'git', '-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args).trim();

before(() => {
	run(top, 'git', '-c', 'safe.directory=*', 'clone', '--quiet', '--no-local', `file://${top}`, origin);
	git(origin, 'checkout', '--quiet', '-B', 'main');
	git(origin, 'config', 'user.name', 'Test');
	git(origin, 'config', 'user.email', 'test@example.org');
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Bytes of one section of a 64-bit little-endian ELF file. */
function section(file, wanted) {
	const elf = readFileSync(file);
	const headers = Number(elf.readBigUInt64LE(40)), size = elf.readUInt16LE(58), count = elf.readUInt16LE(60);
	const at = (i) => headers + i * size;
	const offset = (i) => Number(elf.readBigUInt64LE(at(i) + 24));
	const names = offset(elf.readUInt16LE(62));
	for (let i = 0; i < count; i++) {
		const name = names + elf.readUInt32LE(at(i));
		if (elf.toString('latin1', name, elf.indexOf(0, name)) === wanted)
			return elf.subarray(offset(i), offset(i) + Number(elf.readBigUInt64LE(at(i) + 32)));
	}
	throw new Error(`${file} has no ${wanted}`);
}

/** What an object is, whatever its name. */
const isDebug = (object) => section(object, '.rodata.layout').readUInt32LE(4) === 1;

/** A clean clone at a branch or tag, and the analyzer built there. */
function buildAt(ref) {
	const folder = join(scratch, ref.replaceAll('/', '-'));
	run(scratch, 'git', 'clone', '--quiet', '--branch', ref, `file://${origin}`, folder);
	run(folder, 'meson', 'setup', 'build', '--buildtype=debug', '-Dtests=false', '-Dweb=disabled');
	run(folder, 'ninja', '-C', 'build', '-j2', 'bpf/spvscope-analyzer');
	return join(folder, 'build');
}

const makeBranch = (...args) => spawnSync(join(origin, 'bpf/make-debug-branch'), args, { encoding: 'utf8' });

test('the script makes a branch and a tag in step with main and touches nothing else', () => {
	git(origin, 'tag', 'v1.2.3');
	const before_ = git(origin, 'for-each-ref');
	assert.match(makeBranch('--dry-run', '--tag', 'v1.2.3').stdout, /would move/);
	assert.equal(git(origin, 'for-each-ref'), before_);
	assert.equal(makeBranch('--tag', 'v1.2.3').status, 0);
	assert.equal(git(origin, 'rev-parse', 'main^{tree}'), git(origin, 'rev-parse', 'main-debug^{tree}'));
	assert.equal(git(origin, 'rev-parse', 'v1.2.3-debug^{commit}'), git(origin, 'rev-parse', 'main-debug'));
	assert.deepEqual(git(origin, 'for-each-ref').split('\n').filter((line) => !/refs\/(heads|tags)\/.*-debug$/.test(line)),
		before_.split('\n'));
	assert.equal(git(origin, 'status', '--porcelain'), '');
	assert.equal(git(origin, 'symbolic-ref', '--short', 'HEAD'), 'main');

	const first = git(origin, 'rev-parse', 'main-debug');
	assert.match(makeBranch().stdout, /in step/);
	assert.equal(git(origin, 'rev-parse', 'main-debug'), first, 'once is enough');
	git(origin, 'commit', '--quiet', '--allow-empty', '-m', 'more');
	assert.equal(makeBranch().status, 0);
	git(origin, 'merge-base', '--is-ancestor', first, 'main-debug'); // throws when it moved elsewhere than forward
	git(origin, 'merge-base', '--is-ancestor', 'main', 'main-debug');
});

test('the script refuses what could lose somebody\'s work', () => {
	const refs = git(origin, 'for-each-ref');
	const refused = (words, ...args) => {
		const { status, stderr } = makeBranch(...args);
		assert.equal(status, 1);
		assert.match(stderr, words);
		assert.equal(git(origin, 'for-each-ref'), refs);
	};
	refused(/no branch nowhere/, '--from', 'nowhere');
	refused(/debug branch itself/, '--from', 'main-debug');
	refused(/no tag of the newest commit/, '--tag', 'v1.2.3'); // main has gone on
	appendFileSync(join(origin, 'README.md'), 'x');
	refused(/not committed/);
	git(origin, 'checkout', '--quiet', 'README.md');
	git(origin, 'branch', 'other');
	git(origin, 'branch', 'other-debug');
	const tree = git(origin, 'rev-parse', 'v1.2.3~1^{tree}');
	git(origin, 'update-ref', 'refs/heads/other-debug', git(origin, 'commit-tree', tree, '-p', 'other', '-m', 'mine'));
	assert.match(makeBranch('--from', 'other').stderr, /commit of somebody's/);
	git(origin, 'branch', '--quiet', '-D', 'other', 'other-debug');
	assert.match(makeBranch('--help').stdout, /--dry-run/);
	assert.equal(makeBranch('--nonsense').status, 2);
});

for (const [what, ref] of [['branch', 'main-debug'], ['tag', 'v1.2.3-debug']]) {
	test(`a ${what} whose name ends in -debug builds one object, the debug one under the name of release`, async (t) => {
		const built = buildAt(ref);
		assert.ok(existsSync(join(built, 'bpf/analyzer_release.o')));
		assert.ok(!existsSync(join(built, 'bpf/analyzer_debug.o')));
		assert.ok(isDebug(join(built, 'bpf/analyzer_release.o')));
		const analyzer = join(built, 'bpf/spvscope-analyzer');
		const says = run(scratch, join(build, 'server/spvscoped'), '--version', '--analyzer-path', analyzer);
		assert.match(says, /^release object: built, as debug$/m);
		assert.match(says, /^debug object: not built: .*fake-release/m);
		if (what === 'tag')
			return;

		const service = await Service.start({ args: ['--analyzer-path', analyzer] });
		t.after(() => service.close());
		for (const kind of ['release', 'debug']) {
			const { body } = await service.compile({ name: 'a.frag', source: fragment, analyzer: { kind } });
			assert.equal(body.analyzer.state, 'attached', body.analyzer.reason);
			assert.equal(body.analyzer.kind, kind);
			assert.equal(body.analyzer.object, 'debug');
			const log = await (await service.fetch(`/v1/traces/${body.trace.id}/log`)).json();
			assert.ok(log.length > 0, 'it tells what a debug object tells');
		}
		const { analyzers } = await (await service.fetch('/v1/analyzers')).json();
		assert.deepEqual(analyzers.map(({ kind, state, object }) => [kind, state, object]),
			[['release', 'available', 'debug'], ['debug', 'available', 'debug']]);
	});
}

test('main builds both objects, and each is what its name says', () => {
	const built = buildAt('main');
	assert.ok(!isDebug(join(built, 'bpf/analyzer_release.o')));
	assert.ok(isDebug(join(built, 'bpf/analyzer_debug.o')));
	const says = run(scratch, join(build, 'server/spvscoped'), '--version', '--analyzer-path', join(built, 'bpf/spvscope-analyzer'));
	assert.match(says, /^release object: built$/m);
	assert.match(says, /^debug object: built$/m);
});

test('another branch that is checked out is noticed by the next build', () => {
	const folder = join(scratch, 'main');
	run(folder, 'git', 'checkout', '--quiet', 'main-debug');
	run(folder, 'ninja', '-C', 'build', '-j2', 'bpf/spvscope-analyzer');
	assert.ok(isDebug(join(folder, 'build/bpf/analyzer_release.o')));
});

test('no built object is in the history', () => {
	const objects = execFileSync('git', ['rev-list', '--objects', '--all', '--no-object-names'], { cwd: origin });
	// For each "hash type size\n", its bytes, "\n".
	const all = execFileSync('git', ['cat-file', '--batch'], { cwd: origin, input: objects, maxBuffer: 2 ** 31 - 1 });
	const found = [];
	let blobs = 0;
	for (let at = 0; at < all.length;) {
		const end = all.indexOf(10, at);
		const [hash, type, size] = all.toString('latin1', at, end).split(' ');
		const magic = all.toString('latin1', end + 1, end + 1 + Math.min(8, Number(size)));
		blobs += type === 'blob';
		if (type === 'blob' && (magic.startsWith('\x7fELF') || magic.startsWith('!<arch>\n')))
			found.push(hash);
		at = end + 1 + Number(size) + 1;
	}
	assert.ok(blobs > 100);
	assert.deepEqual(found, []);
});
