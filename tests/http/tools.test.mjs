// SPDX-License-Identifier: Apache-2.0
// Compilers that are programs of their own: OpenCL C by clang, WGSL by naga, commands of the configuration, and back ends in
// shared libraries. What they make, what they may reach, and how they are ended.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fragment, isSanitized, makeFolder, Service } from './service.mjs';

const kernel = `#include "lib/twice.clh"
kernel void scale(global float *y, global const float *x) {
	size_t i = get_global_id(0);
	y[i] = TWICE(x[i]);
}
`;
const headers = { 'lib/twice.clh': '#define TWICE(x) ((x) * 2.0f)\n' };
const compute = `@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { a[id.x] = a[id.x] * 2.0; }
`;

// Programs that a user could name by mistake, or that a hostile source could make of a compiler.
const scripts = {
	hang: 'sleep 1000 & sleep 1000 & wait',
	orphans: '(sleep 1000 & sleep 1000 &) ; sleep 1000',
	// Bounded in itself, should the walls not hold: some 500 processes.
	// What waits is there before it: a shell that may not fork ends.
	bomb: 'bomb() { [ "$1" = xxxxxxxx ] && exec sleep 1000; bomb "x$1" & bomb "x$1" & wait; }; sleep 1000 & bomb "" & wait',
	flood: 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done',
	leave: 'sleep 1000 & cp "$2" "$1"',
	peek: [
		'for f in /etc/passwd /etc/shadow "$HOME/../../../etc/passwd" /proc/1/environ /proc/self/maps; do',
		'	cat "$f" >/dev/null 2>&1 && echo "error: could read $f"',
		'done',
		'ls / >/dev/null 2>&1 && echo "error: could list /"',
		'(echo x >made) 2>/dev/null && echo "error: could make a file"',
		'(echo x >/tmp/spvscope-made) 2>/dev/null && echo "error: could make a file in /tmp"',
		'(echo x >>"$2") 2>/dev/null && echo "error: could write the source"',
		'kill -0 $PPID 2>/dev/null && echo "error: could signal its parent"',
		'grep -q version "$2" || echo "error: could not read the source"',
		'cp "$2" "$1" || echo "error: could not write the output"',
		'exit 7',
	].join('\n'),
};

function makeCommands(folder) {
	const args = [];
	const reads = ['sleep', 'cat', 'ls', 'cp', 'grep'].map((p) => `read=/bin/${p}`).join(' ');
	for (const [name, text] of Object.entries(scripts)) {
		const path = join(folder, `${name}.sh`);
		// The service asks every program for its version.
		writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && exec echo "${name} 1.0"\n${text}\n`);
		chmodSync(path, 0o755);
		args.push('--command', `${name} glsl,spirv fork ${reads} : ${path} {output} {input}`);
	}
	args.push('--command', 'glslang-of-debian glsl : glslangValidator -V -S {stage} --target-env {env} {defines} -o {output} {input}');
	args.push('--command', 'not-there glsl : /nonexistent/compiler {input}');
	return args;
}

// Built against the public headers, in a folder that has nothing else of the repository.
function makeLibrary(folder) {
	const include = join(folder, 'include/spvscope');
	const headersOf = join(fileURLToPath(new URL('.', import.meta.url)), '../../codegen/include/spvscope');
	mkdirSync(include, { recursive: true });
	for (const name of readdirSync(headersOf))
		copyFileSync(join(headersOf, name), join(include, name));
	copyFileSync(join(fileURLToPath(new URL('.', import.meta.url)), 'toy_backend.c'), join(folder, 'toy.c'));
	execFileSync('cc', ['-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', `-I${join(folder, 'include')}`, '-o', join(folder, 'toy.so'),
		join(folder, 'toy.c')]);
	chmodSync(join(folder, 'toy.so'), 0o755);
	writeFileSync(join(folder, 'broken.so'), 'no library\n');
	chmodSync(join(folder, 'broken.so'), 0o644);
}

let service, languages, backends;
before(async () => {
	const folder = makeFolder(), libraries = join(folder, 'backends');
	mkdirSync(libraries, { mode: 0o755 });
	makeLibrary(libraries);
	service = await Service.start({ folder, args: [...makeCommands(folder), '--backend-dir', libraries] });
	for (;;) {
		({ languages, backends } = await (await service.fetch('/v1/languages')).json());
		if (backends.some((b) => b.name === 'toy'))
			break;
		await sleep(50);
	}
});
after(() => service?.close());

function missing(name) {
	const row = languages.find((l) => l.name === name);
	return row.available ? false : `${name}: ${row.missing}`;
}

function validate(body, env) {
	const run = spawnSync('spirv-val', ['--target-env', env], { input: Buffer.from(body.spirv.base64, 'base64') });
	assert.equal(run.status, 0, run.stdout + run.stderr);
}

async function tree(body) {
	const trace = await (await service.fetch(body.trace.url)).json();
	const spans = [];
	const walk = (span, parent) => {
		spans.push({ ...span, parent });
		span.children.forEach((child) => walk(child, span));
	};
	(trace.spans ?? [trace.root]).forEach((span) => walk(span, null));
	return spans;
}

const processes = (pattern) => spawnSync('pgrep', ['-f', pattern], { encoding: 'utf8' }).stdout.trim();

const rootsOf = (pid) => readdirSync(tmpdir()).filter((name) => name.startsWith('spvscope-tools-') && name.includes(`-${pid}-`));

/** Sources lie there while a tool runs; nothing may stay. */
function leftInFolders() {
	return rootsOf(templatePid())
		.flatMap((root) => readdirSync(join(tmpdir(), root)).flatMap((d) => readdirSync(join(tmpdir(), root, d))));
}

function templatePid() {
	return /template (\d+) is up/.exec(service.stderr)[1];
}

test('OpenCL C compiles, with includes, and is valid for its environment', async (t) => {
	if (missing('opencl-c'))
		return t.skip(missing('opencl-c'));
	for (const env of ['opencl1.2', 'opencl2.0', 'opencl2.1', 'opencl2.2']) {
		for (const optimize of ['none', 'performance']) {
			const { body } = await service.compile({ name: 'k/scale.cl', source: kernel.replace('lib/', '../lib/'), files: headers,
				target: { env }, optimize, emit: ['spirv', 'dependencies', 'disassembly'] });
			assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
			assert.equal(body.language, 'opencl-c');
			assert.deepEqual(body.dependencies, ['lib/twice.clh']);
			assert.match(body.disassembly, /OpEntryPoint Kernel/);
			validate(body, env);
		}
	}
	const { body } = await service.compile({ language: 'opencl-c', source: 'kernel void k(global int *p) { *p = N; }',
		defines: { N: '3' } });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	validate(body, 'opencl2.2');
});

test('OpenCL C is preprocessed, without the lines of headers that are not the job\'s', async (t) => {
	if (missing('opencl-c'))
		return t.skip(missing('opencl-c'));
	const { body } = await service.compile({ name: 'a.cl', source: kernel, files: headers, emit: ['preprocessed'] });
	assert.match(body.preprocessed, /y\[i\] = \(\(x\[i\]\) \* 2\.0f\)/);
	assert.match(body.preprocessed, /^# 1 "a\.cl"/m);
	assert.ok(body.preprocessed.length < 1000, body.preprocessed);
});

test('C++ for OpenCL compiles too', async (t) => {
	if (missing('opencl-cpp'))
		return t.skip(missing('opencl-cpp'));
	const { body } = await service.compile({ name: 'a.clcpp',
		source: 'template<typename T> T twice(T x) { return x + x; }\nkernel void k(global float *y) { y[0] = twice(y[1]); }' });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	validate(body, 'opencl2.2');
	const refused = await service.compile({ name: 'a.clcpp', source: 'kernel void k() {}', target: { env: 'vulkan1.3' } });
	assert.equal(refused.body.diagnostics[0].code, 'target-env');
});

test("clang's messages come with their ranges, also behind letters of several bytes", async (t) => {
	if (missing('opencl-c'))
		return t.skip(missing('opencl-c'));
	const source = '// é𝄞\nkernel void k(global float *y) {\n\t/* é𝄞 */ y[0] = undeclared + 1;\n}\n';
	for (const [encoding, character] of [['utf-16', 18], ['utf-8', 21], ['utf-32', 17]]) {
		const { body } = await service.compile({ name: 'a.cl', source, position_encoding: encoding });
		assert.equal(body.status, 'failed');
		const d = body.diagnostics.find((x) => x.message.includes('undeclared'));
		assert.equal(d.source, 'clang');
		assert.deepEqual(d.range, { start: { line: 2, character }, end: { line: 2, character: character + 10 } }, encoding);
	}
	const { body } = await service.compile({ name: 'a.cl', source: '#include "b.clh"\nkernel void k() {}\n',
		files: { 'b.clh': '\nfloat broken(;\n' } });
	assert.equal(body.diagnostics[0].file, 'b.clh');
	assert.equal(body.diagnostics[0].range.start.line, 1);
});

test("clang's own spans lie inside its tool's, on the same clock", async (t) => {
	if (missing('opencl-c'))
		return t.skip(missing('opencl-c'));
	const { body } = await service.compile({ name: 'a.cl', source: kernel, files: headers, trace: { level: 'debug' } });
	const spans = await tree(body);
	const tool = spans.find((s) => s.name === 'codegen::tool::clang');
	assert.equal(tool.parent.name, 'codegen::generate');
	assert.equal(tool.attributes['tool.exit_code'], 0);
	assert.ok(tool.attributes['tool.cpu_ns'] > 1e6);
	assert.ok(tool.attributes['tool.exit_after_ns'] > tool.attributes['tool.exec_after_ns']);
	assert.match(tool.attributes['tool.command'], /--target=spirv64v1\.2/);
	const inside = spans.filter((s) => s.name.startsWith('codegen::tool::clang::'));
	for (const name of ['exec', 'ExecuteCompiler', 'Frontend', 'Backend'])
		assert.ok(inside.some((s) => s.name.endsWith(`::${name}`)), name);
	for (const s of inside) {
		assert.ok(s.start_ns >= s.parent.start_ns, s.name);
		assert.ok(s.start_ns + s.duration_ns <= s.parent.start_ns + s.parent.duration_ns, s.name);
	}
	const whole = inside.find((s) => s.name.endsWith('::ExecuteCompiler'));
	assert.ok(whole.start_ns >= tool.start_ns + tool.attributes['tool.exec_after_ns']);
	assert.ok(whole.duration_ns > tool.duration_ns / 20);
});

test('an include sees the files of its job and nothing else', async (t) => {
	if (missing('opencl-c'))
		return t.skip(missing('opencl-c'));
	for (const path of ['/etc/passwd', '/proc/self/environ', '../../../../../../../../../../etc/passwd']) {
		const { body } = await service.compile({ name: 'a.cl', source: `#include "${path}"\nkernel void k() {}\n` });
		assert.equal(body.status, 'failed');
		assert.match(body.diagnostics[0].message, /cannot open file|not found/);
		const { start, end } = body.diagnostics[0].range;
		assert.deepEqual([start.line, start.character, end.line, end.character], [0, 9, 0, 11 + path.length]);
		assert.doesNotMatch(JSON.stringify(body), /root:x:|PATH=/);
	}
});

test('WGSL compiles in a warm process, and its phases are spans', async (t) => {
	if (missing('wgsl'))
		return t.skip(missing('wgsl'));
	let last;
	for (let i = 0; i < 6; i++) {
		last = (await service.compile({ name: 'a.wgsl', source: compute, emit: ['spirv', 'disassembly'] })).body;
		assert.equal(last.status, 'ok', JSON.stringify(last.diagnostics));
		validate(last, 'vulkan1.3');
	}
	assert.match(last.disassembly, /OpEntryPoint GLCompute/);
	const spans = await tree(last);
	const tool = spans.find((s) => s.name === 'codegen::tool::naga');
	assert.equal(tool.attributes['tool.end'], 'answered');
	const names = spans.filter((s) => s.parent?.name === tool.name).map((s) => s.name);
	assert.deepEqual(names, ['parse', 'validate', 'generate'].map((n) => `codegen::tool::naga::${n}`));
	const { body } = await service.compile({ name: 'a.wgsl', source: compute, check_only: true });
	assert.equal(body.status, 'ok');
	assert.equal(body.spirv ?? null, null);
});

test("naga's messages come with their ranges, and the process goes on", async (t) => {
	if (missing('wgsl'))
		return t.skip(missing('wgsl'));
	const source = 'fn f() -> i32 {\n\tlet é𝄞 = 1; return undeclared;\n}\n';
	for (const [encoding, character] of [['utf-16', 21], ['utf-8', 24], ['utf-32', 20]]) {
		const { body } = await service.compile({ name: 'a.wgsl', source: source.replace('é𝄞', 'é /*𝄞*/'), position_encoding: encoding });
		assert.equal(body.status, 'failed');
		const [d] = body.diagnostics;
		assert.equal(d.code, 'parse');
		const moved = character + 5;
		assert.deepEqual(d.range, { start: { line: 1, character: moved }, end: { line: 1, character: moved + 10 } }, encoding);
	}
	const { body } = await service.compile({ name: 'a.wgsl',
		source: '@fragment fn f() -> @location(0) vec4f { return vec3f(1.0); }' });
	assert.equal(body.diagnostics[0].code, 'validation');
	assert.equal((await service.compile({ name: 'a.wgsl', source: compute })).body.status, 'ok');
});

test('modules of every other language are written as WGSL, whatever environment they are for', async (t) => {
	if (missing('wgsl'))
		return t.skip(missing('wgsl'));
	const rows = [
		{ name: 'a.frag', source: `#version 450
layout(set = 0, binding = 1) uniform texture2D t;
layout(set = 0, binding = 2) uniform sampler s;
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 c;
void main() { c = texture(sampler2D(t, s), uv); if (c.a < 0.5) discard; }` },
		{ name: 'a.comp', debug_info: 'full', source: `#version 450
layout(local_size_x = 32, local_size_y = 2) in;
layout(set = 0, binding = 0) buffer B { float v[]; };
void main() { v[gl_GlobalInvocationID.x] *= 2.0; }` },
		{ name: 'a.hlsl', stage: 'fragment', source: `Texture2D t : register(t1);
SamplerState s : register(s2);
float4 main(float2 uv : TEXCOORD0) : SV_Target { return t.Sample(s, uv); }` },
		{ name: 'a.wgsl', source: compute },
	];
	for (const row of rows) {
		const { body } = await service.compile({ ...row, emit: ['spirv', 'wgsl'] });
		assert.equal(body.status, 'ok', `${row.name}: ${JSON.stringify(body.diagnostics)}`);
		assert.match(body.wgsl, /@(fragment|compute)/);
		const again = await service.compile({ name: 'again.wgsl', source: body.wgsl });
		assert.equal(again.body.status, 'ok', `${row.name}: ${JSON.stringify(again.body.diagnostics)}\n${body.wgsl}`);
		validate(again.body, 'vulkan1.3');
		const spans = await tree(body);
		const translated = spans.find((s) => s.name === 'codegen::translate::wgsl');
		assert.equal(translated.attributes['text.bytes'], Buffer.byteLength(body.wgsl));
		assert.deepEqual(translated.children.map((s) => s.name), ['codegen::tool::naga']);
	}
	const { body } = await service.compile({ ...rows[1], emit: ['wgsl'], optimize: 'size' });
	assert.match(body.wgsl, /@workgroup_size\(32, 2, 1\)/);
});

test('what cannot be written as WGSL is an error that says why', async (t) => {
	const combined = { name: 'a.frag', source: `#version 450
layout(binding = 0) uniform sampler2D albedo;
layout(location = 0) out vec4 c;
void main() { c = texture(albedo, vec2(0.5)); }`, emit: ['spirv', 'wgsl'] };
	if (missing('wgsl')) {
		const { body } = await service.compile(combined);
		assert.deepEqual([body.status, body.diagnostics[0].code], ['failed', 'not-installed']);
		assert.match(body.diagnostics[0].message, /naga.*to install it: server\/run --languages/);
		return t.skip(missing('wgsl'));
	}
	const { body } = await service.compile(combined);
	assert.deepEqual([body.status, body.diagnostics[0].code, body.wgsl], ['failed', 'wgsl', undefined]);
	assert.match(body.diagnostics[0].message, /'albedo' is texture and sampler in one/);
	const geometry = await service.compile({ name: 'a.geom', emit: ['wgsl'], source: `#version 450
layout(points) in;
layout(points, max_vertices = 1) out;
void main() { EmitVertex(); }` });
	assert.equal(geometry.body.diagnostics[0].code, 'wgsl', JSON.stringify(geometry.body));
	assert.match(geometry.body.diagnostics[0].message, /naga does not read what the module uses: Unsupported/);
	const command = await service.compile({ name: 'a.frag', source: fragment, backend: 'glslang-of-debian', emit: ['wgsl'] });
	assert.match(command.body.diagnostics[0].message, /not made beside glslang-of-debian/);
	// Nobody makes a module, so nobody is asked to write it.
	const check = await service.compile({ ...combined, check_only: true });
	assert.equal(check.body.status, 'ok');
});

test('many at a time each get their own answer', async (t) => {
	if (missing('wgsl') || missing('opencl-c'))
		return t.skip(missing('wgsl') || missing('opencl-c'));
	const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => (i % 3 === 0
		? service.compile({ name: 'a.cl', source: `kernel void k${i}(global int *p) { *p = ${i}; }`, emit: ['disassembly'] })
		: i % 3 === 1
			? service.compile({ name: 'a.wgsl', source: compute.replace('main', `k${i}`), emit: ['disassembly'] })
			: service.compile({ name: 'a.frag', source: fragment, emit: ['disassembly'] }))));
	answers.forEach(({ body }, i) => {
		assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
		if (i % 3 !== 2)
			assert.match(body.disassembly, new RegExp(`OpEntryPoint .*"k${i}"`));
	});
});

test('a command of the configuration compiles as if it were built in', async () => {
	const row = backends.find((b) => b.name === 'glslang-of-debian');
	assert.ok(row.external && row.available && /\d/.test(row.version), JSON.stringify(row));
	const fields = { backend: 'glslang-of-debian', name: 'a.frag', defines: { X: '1.0' },
		source: '#version 450\nlayout(location=0) out vec4 c;\nvoid main() { c = vec4(X); }\n' };
	const { body } = await service.compile(fields);
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	validate(body, 'vulkan1.3');
	const spans = await tree(body);
	assert.ok(spans.some((s) => s.name === 'codegen::tool::glslang-of-debian' && s.attributes['tool.exit_code'] === 0));
	const wrong = await service.compile({ ...fields, defines: {} });
	assert.equal(wrong.body.status, 'failed');
	assert.deepEqual([wrong.body.diagnostics[0].file, wrong.body.diagnostics[0].range.start.line], ['a.frag', 2]);
	assert.match(wrong.body.diagnostics[0].message, /'X' : undeclared identifier/);
	const lacking = await service.compile({ backend: fields.backend, language: 'glsl', source: fields.source });
	assert.equal(lacking.body.diagnostics[0].code, 'stage');
});

test('what is not there is listed with the reason, and refused', async () => {
	const row = backends.find((b) => b.name === 'not-there');
	assert.equal(row.available, false);
	assert.match(row.missing, /not installed/);
	const { body } = await service.compile({ backend: 'not-there', name: 'a.frag', source: fragment });
	assert.equal(body.diagnostics[0].code, 'not-installed');
	const unknown = await service.compile({ backend: 'no-such', name: 'a.frag', source: fragment });
	assert.equal(unknown.body.diagnostics[0].code, 'backend');
	const other = await service.compile({ backend: 'clang', name: 'a.frag', source: fragment });
	assert.equal(other.body.diagnostics[0].code, 'backend');
	assert.equal(languages.find((l) => l.name === 'rust').available, false);
});

test('a tool that hangs is ended with its whole tree, and the answer says so', async () => {
	for (const backend of ['hang', 'orphans']) {
		const { body } = await service.compile({ backend, name: 'a.frag', source: fragment, limits: { wall_ms: 1500 } });
		assert.equal(body.status, 'timed_out', JSON.stringify(body.diagnostics));
		assert.equal(body.failure.stage, `codegen::tool::${backend}`);
		const [d] = body.diagnostics;
		if (d) { // the machine may be so busy that the front is quicker
			assert.match(d.message, new RegExp(`${backend} had not ended after \\d+ ms: it was ended, with \\d+ further process`));
			assert.equal(d.code, 'timed-out');
		}
	}
	for (let i = 0; i < 100 && processes('sleep 1000'); i++)
		await sleep(50);
	assert.equal(processes('sleep 1000'), '');
	assert.equal((await service.compile({ name: 'a.frag', source: fragment })).body.status, 'ok');
});

test('a tool that becomes too many processes is ended with all of them, for whomever the service runs', async () => {
	const { body } = await service.compile({ backend: 'bomb', name: 'a.frag', source: fragment, limits: { wall_ms: 20000 } });
	assert.equal(body.status, 'crashed', JSON.stringify(body.diagnostics));
	assert.equal(body.diagnostics[0].code, 'too-many-processes');
	const n = /bomb had more than 64 processes and threads: it was ended, with (\d+) further processes/.exec(body.diagnostics[0].message)?.[1];
	assert.ok(n >= 60 && n < 500, body.diagnostics[0].message);
	assert.equal(processes('sleep 1000|bomb\\.sh.*spvscope-out'), '');
	assert.equal((await service.compile({ name: 'a.frag', source: fragment })).body.status, 'ok');
});

test('a tool that floods is ended', async () => {
	const { body } = await service.compile({ backend: 'flood', name: 'a.frag', source: fragment });
	assert.equal(body.status, 'crashed');
	assert.equal(body.diagnostics[0].code, 'flooded');
	const spans = await tree(body);
	const tool = spans.find((s) => s.name === 'codegen::tool::flood');
	assert.equal(tool.attributes['tool.stdout_bytes'], 1 << 20);
	assert.match(tool.attributes['tool.stdout'], /^0123456789/);
});

test('what a tool leaves behind is ended, and told', async () => {
	const spirv = (await service.compile({ name: 'a.frag', source: fragment })).body.spirv.base64;
	const { body } = await service.compile({ backend: 'leave', language: 'spirv', source_base64: spirv });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	assert.deepEqual(body.diagnostics.map((d) => [d.severity, d.code]), [[2, 'left-behind']]);
	assert.equal(processes('sleep 1000'), '');
});

test('a tool reaches its own files and its output, and nothing else', async (t) => {
	if (isSanitized)
		return t.skip('this build has no system call list');
	const { body } = await service.compile({ backend: 'peek', name: 'a.frag', source: fragment });
	assert.equal(body.status, 'failed');
	assert.deepEqual(body.diagnostics.map((d) => d.message), ['peek exited with status 7']);
});

test('a cancelled compile takes its tool along, and nothing stays in its folder', async () => {
	const stop = new AbortController();
	const asked = service.fetch('/v1/compile', { method: 'POST', signal: stop.signal, headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ backend: 'hang', name: 'a.frag', source: fragment, limits: { wall_ms: 60000 } }) }).catch(() => 'gone');
	for (let i = 0; i < 200 && !processes('sleep 1000'); i++)
		await sleep(20);
	assert.notEqual(processes('sleep 1000'), '');
	stop.abort();
	assert.equal(await asked, 'gone');
	for (let i = 0; i < 200 && processes('sleep 1000'); i++)
		await sleep(20);
	assert.equal(processes('sleep 1000'), '');
	for (let i = 0; i < 100 && leftInFolders().length; i++)
		await sleep(20);
	assert.deepEqual(leftInFolders(), []);
});

test('a killed host or worker leaves no process of its tool', async () => {
	for (const victim of ['spvscope-tool', 'spvscope-work']) {
		const asked = service.compile({ backend: 'orphans', name: 'a.frag', source: fragment, limits: { wall_ms: 60000 } });
		for (let i = 0; i < 200 && processes('sleep 1000').split('\n').length < 3; i++)
			await sleep(20);
		// Of those that this service has: the one whose descendants sleep.
		const parents = new Map(spawnSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' }).stdout.trim().split('\n')
			.map((line) => line.trim().split(/\s+/)).map(([pid, ppid, comm]) => [pid, { ppid, comm }]));
		let pid = processes('sleep 1000').split('\n')[0];
		while (parents.get(pid) && parents.get(pid).comm !== victim)
			pid = parents.get(pid).ppid;
		assert.ok(parents.get(pid), victim);
		process.kill(Number(pid), 'SIGKILL');
		const { body } = await asked;
		assert.equal(body.status, 'crashed', JSON.stringify(body.diagnostics));
		for (let i = 0; i < 300 && processes('sleep 1000'); i++)
			await sleep(20);
		assert.equal(processes('sleep 1000'), '', `after ${victim}`);
		for (let i = 0; i < 300 && spawnSync('pgrep', ['-P', templatePid(), '-x', 'sleep|orphans.sh|spvscope-tool']).status === 0; i++)
			await sleep(20);
		assert.equal(spawnSync('pgrep', ['-P', templatePid(), '-x', 'sleep|orphans.sh|spvscope-tool'], { encoding: 'utf8' }).stdout, '');
	}
	assert.equal((await service.compile({ name: 'a.frag', source: fragment })).body.status, 'ok');
});

test('a back end in a shared library is loaded, and gets the tracer as a table', async () => {
	const row = backends.find((b) => b.name === 'toy');
	assert.deepEqual([row.external, row.available, row.languages, row.other_language], [false, true, ['other'], 'toy']);
	const { body } = await service.compile({ backend: 'toy', source: 'nothing\nat all\n', validate: false, emit: ['spirv', 'disassembly'],
		files: { used: 'x' } });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	assert.match(body.disassembly, /OpMemoryModel Logical GLSL450/);
	const spans = await tree(body);
	const mine = spans.find((s) => s.name === 'codegen::toy::count');
	assert.equal(mine.parent.name, 'codegen::generate');
	assert.equal(mine.attributes.lines, 2);
	const wrong = await service.compile({ backend: 'toy', source: 'error here', emit: ['dependencies'] });
	assert.equal(wrong.body.status, 'failed');
	assert.deepEqual([wrong.body.diagnostics[0].source, wrong.body.diagnostics[0].message], ['toy', 'there is an error in it']);
	const dead = await service.compile({ backend: 'toy', source: 'crash' });
	assert.equal(dead.body.status, 'crashed');
	assert.equal((await service.compile({ backend: 'toy', source: 'fine', validate: false })).body.status, 'ok');
	assert.match(service.stderr, /broken\.so/);
});

test('results of a language are cached; those of a named back end are not, for its program may change', async (t) => {
	const cached = await Service.start({ cache: true, args: ['--command', 'mine glsl : glslangValidator -V -S {stage} -o {output} {input}'] });
	try {
		const twice = async (fields) => {
			await cached.compile(fields);
			return (await cached.compile(fields)).body.cache;
		};
		const ready = async () => (await (await cached.fetch('/v1/languages')).json()).backends.some((b) => b.name === 'mine');
		while (!await ready())
			await sleep(50);
		const template = /template (\d+) is up/.exec(cached.stderr)[1];
		const remembered = ['hit', 'shared']; // shared: with one that is just being put away
		assert.ok(remembered.includes(await twice({ name: 'a.frag', source: fragment })));
		assert.equal(await twice({ backend: 'mine', name: 'a.frag', source: fragment }), 'bypass');
		if (!missing('wgsl')) {
			const written = { name: 'c.frag', source: fragment, emit: ['wgsl'] };
			assert.ok(remembered.includes(await twice(written)));
			assert.match((await cached.compile(written)).body.wgsl, /@fragment/);
		}
		if (missing('opencl-c'))
			return t.diagnostic(missing('opencl-c'));
		assert.ok(remembered.includes(await twice({ name: 'a.cl', source: kernel, files: headers })));
		const other = { name: 'a.cl', source: kernel, files: { 'lib/twice.clh': '#define TWICE(x) ((x) + 7.0f)\n' } };
		assert.equal((await cached.compile(other)).body.cache, 'miss');
		assert.equal(rootsOf(template).length, 1);
		await cached.stop();
		assert.deepEqual(rootsOf(template), []);
	} finally {
		await cached.close();
	}
});

test('workers for what is built in have no tool host', async (t) => {
	/* Spare workers come and go. */
	const status = (pid) => { try { return readFileSync(`/proc/${pid}/status`, 'utf8'); } catch { return ''; } };
	const children = (pid) => spawnSync('pgrep', ['-P', pid], { encoding: 'utf8' }).stdout.trim().split('\n').filter(Boolean);
	const plain = await Service.start();
	t.after(() => plain.close());
	for (let i = 0; i < 5; i++)
		assert.equal((await plain.compile({ name: 'a.frag', source: fragment })).body.status, 'ok');
	const template = /template (\d+) is up/.exec(plain.stderr)[1];
	const workers = children(template).filter((pid) => /^Name:\s+spvscope-work/m.test(status(pid)));
	assert.ok(workers.length > 0);
	for (const pid of workers)
		assert.deepEqual(children(pid), []);
});
