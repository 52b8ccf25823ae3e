// SPDX-License-Identifier: Apache-2.0
// The analyzer as a request sees it: each gets its own, nobody pays for another's, and without the privilege the answer
// says what to do. What the kernel must grant is there or the test is skipped with the reason.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { build, isSanitized, makeFolder, Service } from './service.mjs';

/** Some milliseconds of work. */
const shader = `#version 450
layout(location = 0) in vec3 position;
layout(location = 0) out vec4 colour;
${Array.from({ length: 60 }, (_, i) => `vec3 f${i}(vec3 p) { return normalize(p * ${i + 1}.0) + sin(p.zyx) * cos(p.x); }`).join('\n')}
void main() { vec3 p = position; ${Array.from({ length: 60 }, (_, i) => `p = f${i}(p);`).join(' ')} colour = vec4(p, 1.0); }
`;

let service, why;

before(async () => {
	service = await Service.start();
	let body;
	for (let tries = 0; tries < 10; tries++) { // on a busy machine the start may outlast the service's patience
		({ body } = await service.compile({ name: 'a.frag', source: shader, analyzer: { kind: 'debug', min_samples: 0 } }));
		if (!/ask again|is starting/.test(body.analyzer.reason ?? ''))
			break;
		await new Promise((later) => setTimeout(later, 1000));
	}
	why = body.analyzer.state === 'attached' ? undefined : `no analyzer here: ${body.analyzer.reason}`;
});
after(() => service.close());

/** All spans of a tree, outermost first. */
function* spansOf(spans) {
	for (const span of spans) {
		yield span;
		yield* spansOf(span.children);
	}
}

test('three at the same time each get their own analyzer, and the one without pays for none', async (t) => {
	if (why)
		return t.skip(why);
	const before_ = await service.metrics();
	const kinds = ['off', 'release', 'debug'];
	const answers = await Promise.all(kinds.map((kind) =>
		service.compile({ name: `${kind}.frag`, source: shader, trace: { level: 'debug' }, analyzer: { kind } })));
	const [off, release, debug] = answers.map(({ body }) => body);
	for (const body of [off, release, debug])
		assert.equal(body.status, 'ok');
	assert.equal(off.analyzer.state, 'off');
	assert.equal(off.analyzer.samples, 0);
	assert.deepEqual(off.analyzer.runs, { profiled: 0, clean: 0 }, 'none was repeated');
	for (const [kind, { analyzer }] of [['release', release], ['debug', debug]]) {
		assert.equal(analyzer.state, 'attached');
		assert.equal(analyzer.kind, kind);
		assert.equal(analyzer.object, kind);
		assert.ok(analyzer.samples > 0);
		assert.equal(analyzer.complete + analyzer.truncated, analyzer.samples);
		assert.equal(analyzer.lost, 0);
	}
	const after_ = await service.metrics();
	const grown = (name) => after_[name] - before_[name];
	assert.equal(grown('spvscope_analyzer_perf_events_opened_total'), 2, 'one event for each that asked');
	assert.equal(grown('spvscope_analyzer_perf_events_enabled_total'),
		release.analyzer.runs.profiled + debug.analyzer.runs.profiled, 'enabled for profiled runs alone');

	const log = async (body) => (await service.fetch(`/v1/traces/${body.trace.id}/log`)).json();
	const flame = async (body) => (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=columns`)).json();
	assert.deepEqual(await log(off), []);
	assert.deepEqual(await log(release), []);
	assert.equal((await flame(off)).total, 0);
	assert.equal((await flame(release)).total, release.analyzer.samples);
	assert.equal((await flame(debug)).total, debug.analyzer.samples);
	const said = await log(debug);
	assert.ok(said.some((e) => e.name === 'attach'));
	assert.ok(said.some((e) => e.name === 'syscall' || e.name === 'page-fault'));
	/* The word that more happened than there was room for is nobody's. */
	const of = said.filter((e) => e.name !== 'log-cut');
	assert.deepEqual(of.filter((e) => e.pid !== of[0].pid).slice(0, 3), [], 'one worker, and none of the others');
});

test('a compile that is over at once is repeated until there are samples enough', async (t) => {
	if (why)
		return t.skip(why);
	// However slow this machine is just now, one run is not enough.
	const single = await service.compile({ name: 'a.frag', source: shader, analyzer: { kind: 'release', min_samples: 0 } });
	const wanted = 50 + 4 * single.body.analyzer.samples;
	const { body } = await service.compile({ name: 'a.frag', source: shader,
		analyzer: { kind: 'release', min_samples: wanted, budget_ms: 20000 } });
	const { analyzer } = body;
	assert.ok(analyzer.samples >= wanted, `${analyzer.samples} samples`);
	assert.ok(analyzer.runs.profiled > 1);
	assert.ok(Math.abs(analyzer.runs.profiled - analyzer.runs.clean) <= 1);
	assert.ok(analyzer.slowdown > 0);
	const trace = await (await service.fetch(`/v1/traces/${body.trace.id}`)).json();
	const compile = [...spansOf(trace.spans)].find((s) => s.name === 'codegen::compile');
	assert.ok(compile.clean.runs >= 1 && compile.clean.runs <= analyzer.runs.clean);
	assert.ok(compile.clean.min_ns <= compile.clean.median_ns && compile.clean.median_ns <= compile.clean.max_ns);

	const flame = await (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=columns`)).json();
	const inside = new Set([...spansOf([compile])].map((s) => s.id));
	const within = flame.samples.span.filter((id) => inside.has(id)).length;
	const part = await (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=columns&span=${compile.id}`)).json();
	assert.equal(part.total, within);
	assert.ok(within > 0.5 * flame.total, `${within} of ${flame.total} samples are in the compile`);
});

test('stacks are whole: from the start of the worker into the compiler', async (t) => {
	if (why)
		return t.skip(why);
	for (const kind of ['release', 'debug']) {
		const { body } = await service.compile({ name: 'a.frag', source: shader, optimize: 'performance',
			analyzer: { kind, min_samples: 500, budget_ms: 20000 } });
		const { analyzer } = body;
		t.diagnostic(`${kind}: ${analyzer.complete} of ${analyzer.samples} ${JSON.stringify(analyzer.truncated_by)}`);
		assert.ok(analyzer.samples >= 500);
		assert.ok(analyzer.complete >= 0.995 * analyzer.samples);
		const reasons = Object.values(analyzer.truncated_by).reduce((sum, n) => sum + n, 0);
		assert.equal(reasons, analyzer.truncated, 'each has its reason');
		const folded = await (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=folded`)).text();
		const whole = folded.trim().split('\n').filter((line) => !line.startsWith('[truncated]'));
		for (const line of whole)
			assert.match(line, /^_start;.*;main;/);
		assert.ok(whole.some((line) => /;spvscope_compile;.*;glslang::TShader::parse/.test(line)));
		assert.ok(whole.some((line) => /;spvscope_compile;.*;spvtools::opt::PassManager::Run/.test(line)));
	}
});

test('one run is one run', async (t) => {
	if (why)
		return t.skip(why);
	const { body } = await service.compile({ name: 'a.frag', source: shader, analyzer: { kind: 'release', min_samples: 0 } });
	assert.deepEqual(body.analyzer.runs, { profiled: 1, clean: 0 });
});

test('each optimizer pass is a span inside its stage, and they do not add up to more', async () => {
	const { body } = await service.compile({ name: 'a.frag', source: shader, optimize: 'performance', trace: { level: 'debug' } });
	const trace = await (await service.fetch(`/v1/traces/${body.trace.id}`)).json();
	const stage = [...spansOf(trace.spans)].find((s) => s.name === 'codegen::opt');
	// SPIRV-Tools 2023.1 uses freed memory in scalar-replacement, which AddressSanitizer ends there.
	assert.ok(stage.children.length >= (isSanitized ? 10 : 40), `${stage.children.length} passes`);
	let at = stage.start_ns, sum = 0;
	for (const pass of stage.children) {
		assert.match(pass.name, /^codegen::opt::/);
		assert.equal(pass.level, 'debug');
		assert.ok(pass.start_ns >= at, pass.name);
		at = pass.start_ns + pass.duration_ns;
		sum += pass.duration_ns;
	}
	assert.ok(at <= stage.start_ns + stage.duration_ns);
	assert.ok(sum <= stage.duration_ns);
});

/** The programs where any user may start them, with the analyzer's capabilities or without. */
function copyOfPrograms(grants) {
	const folder = makeFolder();
	for (const from of ['server/spvscoped', 'codegen/worker/spvscope-worker', 'bpf/spvscope-analyzer'])
		copyFileSync(join(build, from), join(folder, from.split('/').pop()));
	for (const name of ['spvscoped', 'spvscope-worker', 'spvscope-analyzer'])
		chmodSync(join(folder, name), 0o755);
	if (grants)
		execFileSync('setcap', [grants, join(folder, 'spvscope-analyzer')]);
	return folder;
}

async function startAsOrdinaryUser(grants) {
	const folder = copyOfPrograms(grants);
	return Service.start({
		folder,
		command: ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', join(folder, 'spvscoped')],
		args: ['--worker-path', join(folder, 'spvscope-worker'), '--analyzer-path', join(folder, 'spvscope-analyzer')],
		env: { HOME: folder },
	});
}

const notRoot = process.getuid() !== 0 && 'another user can only be had by root';

test('an ordinary user compiles and traces, and is told what the analyzer needs', { skip: notRoot }, async (t) => {
	const ordinary = await startAsOrdinaryUser();
	t.after(() => ordinary.close());
	const { body } = await ordinary.compile({ name: 'a.frag', source: shader, analyzer: { kind: 'release' } });
	assert.equal(body.status, 'ok');
	assert.ok(body.trace.spans > 3);
	assert.equal(body.analyzer.state, 'unavailable');
	assert.match(body.analyzer.reason, /sudo setcap cap_bpf,cap_perfmon\+ep \/.*spvscope-analyzer/);
	assert.equal(body.analyzer.samples, 0);
});

/** Name and effective capabilities of a process and all below it. */
function* capabilitiesOf(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	yield [/^Name:\s*(.*)$/m.exec(status)[1], /^CapEff:\s*(.*)$/m.exec(status)[1]];
	for (const thread of readdirSync(`/proc/${pid}/task`))
		for (const child of readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean))
			yield* capabilitiesOf(child);
}

test('with capabilities on the analyzer alone, an ordinary user has everything', { skip: notRoot }, async (t) => {
	if (why)
		return t.skip(why);
	const ordinary = await startAsOrdinaryUser('cap_bpf,cap_perfmon+ep');
	t.after(() => ordinary.close());
	for (const kind of ['release', 'debug']) {
		const { body } = await ordinary.compile({ name: 'a.frag', source: shader, analyzer: { kind } });
		assert.equal(body.analyzer.state, 'attached', body.analyzer.reason);
		assert.ok(body.analyzer.samples > 0);
	}
	const capabilities = [...capabilitiesOf(ordinary.child.pid)];
	assert.ok(capabilities.length >= 4, 'front, template, worker, analyzer');
	for (const [name, effective] of capabilities)
		assert.equal(effective, name === 'spvscope-analyz' ? '000000c000000000' : '0000000000000000', name);
});
