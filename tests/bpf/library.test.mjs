// SPDX-License-Identifier: Apache-2.0
// The library as a stranger has it: installed under a fresh prefix, found by pkg-config, and the example that comes with
// it built from there alone and run on real commands.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { build } from '../http/service.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'spvscope-library-'));
const destination = join(scratch, 'destination');
const run = (command, args, options = {}) => execFileSync(command, args, { encoding: 'utf8', cwd: scratch, ...options });
const options = JSON.parse(run('meson', ['introspect', build, '--buildoptions']));
const option = (name) => options.find((o) => o.name === name).value;
const prefix = join(destination, option('prefix'));
const libraries = join(prefix, option('libdir'));
const include = join(prefix, option('includedir'));
const isSanitized = option('b_sanitize') !== 'none';
const path = `${process.env.PATH}:/usr/sbin:/sbin`;

/** What pkg-config says of the installed file, and of nothing else of ours. The prefix is where we put it. */
const pkgConfig = (...args) => run('pkg-config', [`--define-variable=prefix=${prefix}`, ...args, 'spvscope-analyzer'],
	{ env: { PATH: path, PKG_CONFIG_PATH: join(libraries, 'pkgconfig') } }).trim().split(/\s+/).filter(Boolean);

before(() => {
	run('meson', ['install', '--quiet', '--no-rebuild', '-C', build, '--destdir', destination]);
});
after(() => rmSync(scratch, { recursive: true, force: true }));

test('header, library, pkg-config file and example are installed', () => {
	for (const file of [join(include, 'spvscope/analyzer.h'), join(libraries, 'libspvscope-analyzer.so'),
		join(libraries, 'libspvscope-analyzer.so.0'), join(libraries, 'pkgconfig/spvscope-analyzer.pc'),
		join(prefix, option('datadir'), 'doc/spvscope/examples/profile_command.c')])
		assert.ok(existsSync(file), file);
	for (const kind of ['release', 'debug'])
		assert.equal(existsSync(join(libraries, `spvscope/analyzer_${kind}.o`)), existsSync(join(build, `bpf/analyzer_${kind}.o`)));
	assert.deepEqual(pkgConfig('--cflags'), [`-I${include}`]);
	assert.deepEqual(pkgConfig('--libs'), [`-L${libraries}`, '-lspvscope-analyzer'], 'what it is made of is its own business');
	assert.ok(pkgConfig('--libs', '--static').includes('-lbpf'));
});

test('the library exports what the header declares, and nothing else', () => {
	const header = readFileSync(join(include, 'spvscope/analyzer.h'), 'utf8');
	const declared = [...header.matchAll(/^SPVSCOPE_ANALYZER_EXPORT\b[^(]*?\b(spvscope_\w+)\(/gm)].map((m) => m[1]).sort();
	const symbols = run('nm', ['-D', '--defined-only', '--format=posix', join(libraries, 'libspvscope-analyzer.so.0')]);
	const exported = symbols.trim().split('\n').map((line) => line.split(' '))
		.filter(([, type]) => type !== 'A').map(([name]) => name.split('@')[0]).sort();
	assert.ok(declared.length >= 12);
	assert.deepEqual(exported, declared);
	const dynamic = run('readelf', ['-d', join(libraries, 'libspvscope-analyzer.so.0')]);
	assert.match(dynamic, /SONAME.*\[libspvscope-analyzer\.so\.0\]/);
	assert.doesNotMatch(dynamic, /RUNPATH|RPATH/);
});

/** Builds the installed example as its first lines say. */
function buildExample() {
	const program = join(scratch, 'profile_command');
	const source = join(scratch, 'profile_command.c');
	copyFileSync(join(prefix, option('datadir'), 'doc/spvscope/examples/profile_command.c'), source);
	assert.ok(readFileSync(source, 'utf8').split('\n').length <= 100, 'it is under 100 lines');
	run('cc', ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', source, ...pkgConfig('--cflags', '--libs'), '-o', program]);
	return program;
}

/** Runs it on a command; gives the folded stacks as [frames, count]. */
function profile(program, command) {
	const { status, stdout, stderr } = spawnSync(program, command,
		{ encoding: 'utf8', cwd: scratch, env: { PATH: path, LD_LIBRARY_PATH: libraries }, maxBuffer: 2 ** 28 });
	if (/setcap|not built/.test(stderr))
		return { skip: stderr.trim() };
	assert.equal(status, 0, stderr);
	const stacks = stdout.trim().split('\n').map((line) => {
		const match = /^(.+) ([1-9][0-9]*)$/.exec(line);
		assert.ok(match, `a folded stack: ${line}`);
		return [match[1].split(';'), Number(match[2])];
	});
	const [, samples, expected, complete, lost] =
		/^(\d+) samples in [0-9.]+ s on a CPU, (\d+) expected; (\d+) complete, (\d+) lost$/m.exec(stderr).map(Number);
	return { stacks, samples, expected, complete, lost };
}

function check(t, { stacks, samples, expected, complete, lost }, wanted) {
	t.diagnostic(`${samples} samples, ${expected} expected, ${complete} complete, ${lost} lost; ${stacks.length} stacks`);
	const sum = (list) => list.reduce((n, [, count]) => n + count, 0);
	assert.equal(sum(stacks), samples);
	assert.equal(lost, 0);
	assert.ok(samples > 100 && samples > 0.7 * expected, `${samples} of ${expected}`);
	assert.ok(complete >= 0.99 * samples, `${complete} of ${samples} stacks are whole`);
	const whole = stacks.filter(([frames]) => frames[0] !== '[truncated]');
	assert.equal(sum(whole), complete);
	for (const function_ of wanted)
		assert.ok(whole.some(([frames]) => frames.some((frame) => frame.includes(function_))), function_);
	const starts = /^(_start|__libc_start_main.*|_dl_start.*|\[exec\]|.*clone.*)$/; // the first may have lost its name
	const started = whole.filter(([frames]) => frames.slice(0, 2).some((frame) => starts.test(frame)));
	assert.ok(sum(started) >= 0.9 * samples, `${sum(started)} of ${samples} begin where a program or a thread does`);
}

/** Some tenths of a second of work. */
const shader = `#version 450
layout(location = 0) in vec3 position;
layout(location = 0) out vec4 colour;
${Array.from({ length: 400 }, (_, i) => `vec3 f${i}(vec3 p) { return normalize(p * ${i + 1}.0) + sin(p.zyx) * cos(p.x); }`).join('\n')}
void main() { vec3 p = position; ${Array.from({ length: 400 }, (_, i) => `p = f${i}(p);`).join(' ')} colour = vec4(p, 1.0); }
`;

const has = (command) => spawnSync('which', [command], { env: { PATH: path } }).status === 0;
const notHere = isSanitized && 'a sanitized library wants its runtime in the program';

test('the example profiles glslangValidator with whole stacks', { skip: notHere || (!has('glslangValidator') && 'there is no glslangValidator') }, (t) => {
	const program = buildExample();
	writeFileSync(join(scratch, 'shader.frag'), shader);
	const profiled = profile(program, ['glslangValidator', '-V', 'shader.frag', '-o', 'shader.spv']);
	if (profiled.skip)
		return t.skip(profiled.skip);
	assert.ok(existsSync(join(scratch, 'shader.spv')), 'the command did its work');
	// Distributions strip it; its own functions are then module and offset, and the libraries' have their names.
	check(t, profiled, ['glslangValidator', '__libc_start_main', 'operator new(unsigned long)']);
});

test('the example profiles clang and what it starts with whole stacks', { skip: notHere || (!has('clang') && 'there is no clang') }, (t) => {
	const program = buildExample();
	writeFileSync(join(scratch, 'source.c'),
		`#include <stdio.h>\n${Array.from({ length: 300 }, (_, i) => `int f${i}(int a) { for (int i = 0; i < a; i++) a += i * ${i}; printf("%d", a); return a; }`).join('\n')}\n`);
	const profiled = profile(program, ['clang', '-fno-integrated-cc1', '-O2', '-c', 'source.c', '-o', 'source.o']);
	if (profiled.skip)
		return t.skip(profiled.skip);
	assert.ok(existsSync(join(scratch, 'source.o')));
	check(t, profiled, ['main', 'clang::ParseAST', 'llvm::FPPassManager::runOnFunction']);
});

test('the example says what a program must have that may not', { skip: notHere || (process.getuid() !== 0 && 'only root can be somebody else') }, () => {
	const program = buildExample();
	run('chmod', ['-R', 'a+rX', scratch]);
	const { status, stderr } = spawnSync('setpriv', ['--reuid=nobody', '--regid=nogroup', '--clear-groups', program, 'true'],
		{ encoding: 'utf8', env: { PATH: path, LD_LIBRARY_PATH: libraries } });
	assert.equal(status, 2);
	assert.match(stderr, /sudo setcap cap_bpf,cap_perfmon\+ep \/.*profile_command/);
});
