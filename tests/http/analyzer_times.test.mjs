// SPDX-License-Identifier: Apache-2.0
// What the analyzer says of spans and time, held to what the worker's own clocks say: samples in the span that was active,
// on-CPU, runnable and blocked that make up the wall, and nobody's samples or events in another's trace.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { isSanitized, Service } from './service.mjs';

/** n functions, each called once: some 0.1 ms of parsing and as much of optimizing each. */
const shader = (n) => `#version 450
layout(location = 0) in vec3 position;
layout(location = 0) out vec4 colour;
${Array.from({ length: n }, (_, i) => `vec3 f${i}(vec3 p) { return normalize(p * ${i + 1}.0) + sin(p.zyx) * cos(p.x); }`).join('\n')}
void main() { vec3 p = position; ${Array.from({ length: n }, (_, i) => `p = f${i}(p);`).join(' ')} colour = vec4(p, 1.0); }
`;

let service, why;

before(async () => {
	service = await Service.start();
	let body;
	for (let tries = 0; tries < 10; tries++) { // on a busy machine the start may outlast the service's patience
		({ body } = await service.compile({ name: 'a.frag', source: shader(3), analyzer: { kind: 'debug', min_samples: 0 } }));
		if (!/ask again|is starting/.test(body.analyzer.reason ?? ''))
			break;
		await new Promise((later) => setTimeout(later, 1000));
	}
	why = body.analyzer.state === 'attached' ? undefined : `no analyzer here: ${body.analyzer.reason}`;
});
after(() => service.close());

const analyze = async (source, analyzer, more = {}) =>
	(await service.compile({ name: 'a.frag', source, trace: { level: 'debug' }, analyzer, ...more })).body;
const trace = async (body) => (await service.fetch(`/v1/traces/${body.trace.id}`)).json();
const log = async (body) => (await service.fetch(`/v1/traces/${body.trace.id}/log`)).json();
const flame = async (body, query) => service.fetch(`/v1/traces/${body.trace.id}/flame?${query}`);
const columns = async (body, kind) => (await flame(body, `format=columns&kind=${kind}`)).json();

function* spansOf(spans) {
	for (const span of spans) {
		yield span;
		yield* spansOf(span.children);
	}
}

test('each sample lies in the span that its thread had published, and the clock agrees', async (t) => {
	if (why || isSanitized)
		return t.skip(why ?? 'a sanitizer makes runs too few and too long');
	for (const [kind, frequency_hz] of [['release', 4999], ['release', 20000], ['debug', 4999]]) {
		const body = await analyze(shader(60), { kind, frequency_hz, min_samples: 2000, budget_ms: 20000 },
			{ optimize: 'performance' });
		const { samples, spans } = body.analyzer;
		t.diagnostic(`${kind} at ${frequency_hz} Hz: ${samples} samples, ${JSON.stringify(spans)}`);
		assert.ok(samples >= 2000, `${samples} samples`);
		assert.equal(spans.by_id + spans.by_time, samples);
		assert.equal(spans.unreadable, 0);
		assert.ok(spans.by_id >= 0.99 * samples, `${spans.by_id} of ${samples} by id`);
		assert.equal(spans.disagreeing, 0, 'no sample in another span than the clock says');
		// The two readings lie 0.1 us apart, unless the thread lost its CPU in between.
		assert.ok(spans.at_change < 0.1 * samples, `${spans.at_change} of ${samples} at a change`);

		const { samples: rows } = await columns(body, 'on-cpu');
		assert.equal(rows.span_by_time.filter(Boolean).length, spans.by_time);
		const passes = new Set([...spansOf((await trace(body)).spans)].filter((s) => s.name.startsWith('codegen::opt::')).map((s) => s.id));
		assert.ok(rows.span.filter((id) => passes.has(id)).length > 0.2 * samples, 'passes have theirs');
	}
});

/** What a span's on-CPU time may differ from its CPU clock: 1 % and 10 us a switch. */
const slack = (p) => 0.01 * p.cpu_clock_ns + 10000 * (p.switches + 1);

test('in 1,000 profiled runs on-CPU, runnable and blocked make up the wall, and on-CPU is the CPU clock', async (t) => {
	if (why)
		return t.skip(why);
	const wanted = isSanitized ? 50 : 1000;
	let n = 0;
	for (let requests = 0; n < wanted && requests < 10; requests++) // as many as a busy machine needs
		n += await checkTimes(t);
	assert.ok(n >= wanted, `${n} profiled runs`);
});

/** Of one request, and how many profiled runs it had. */
async function checkTimes(t) {
	const body = await analyze(shader(2), { kind: 'release', min_samples: 1000000, budget_ms: 9000 });
	const { analyzer } = body;
	const all = [...spansOf((await trace(body)).spans)];
	const compile = all.find((s) => s.name === 'codegen::compile');
	t.diagnostic(`${analyzer.runs.profiled} runs, ${JSON.stringify(compile.profiled)}`);
	assert.equal(analyzer.lost_intervals, 0);
	assert.equal(compile.profiled.runs, analyzer.runs.profiled);
	let n = 0;
	for (const { name, profiled: p, clean } of all.filter((s) => s.profiled)) {
		n++;
		assert.equal(p.on_cpu_ns + p.runnable_ns + p.blocked_ns, p.wall_ns, name);
		const difference = p.on_cpu_ns - p.stolen_ns - p.cpu_clock_ns;
		// What was stolen between two switches is told of the time between, and may lie on either side of a span's end.
		assert.ok(Math.abs(difference) <= slack(p) + 2000 * p.runs + p.stolen_ns, `${name}: ${difference} ns between ${JSON.stringify(p)}`);
		assert.ok(clean.runs > 0, 'clean times stand beside it');
	}
	assert.ok(n >= 5, `${n} spans`);
	assert.ok(compile.profiled.wall_ns >= compile.profiled.on_cpu_ns);
	const children = compile.children.reduce((sum, s) => sum + (s.profiled?.wall_ns ?? 0), 0);
	assert.ok(children <= compile.profiled.wall_ns);
	return analyzer.runs.profiled;
}

test('what a span waited for is its part of the off-CPU flame graph', async (t) => {
	if (why)
		return t.skip(why);
	// Several at a time, so that they wait for each other's CPU.
	const bodies = await Promise.all(Array.from({ length: 6 }, () =>
		analyze(shader(60), { kind: 'release', min_samples: 500, budget_ms: 20000 }, { optimize: 'performance' })));
	let waited = 0;
	for (const body of bodies) {
		const all = [...spansOf((await trace(body)).spans)];
		const off = await columns(body, 'off-cpu');
		assert.equal(off.unit, 'ns');
		assert.equal(off.lost, 0);
		const nameOf = (stack) => off.strings[off.frames.name[off.stacks.frame[stack]]];
		const sums = { blocked: new Map(), runnable: new Map() };
		off.samples.stack.forEach((stack, i) => {
			const kind = /^\[(blocked|runnable): /.exec(nameOf(stack))[1];
			const { span, weight } = off.samples;
			sums[kind].set(span[i], (sums[kind].get(span[i]) ?? 0) + weight[i]);
			waited += weight[i];
		});
		const below = (span, map) => [...spansOf([span])].reduce((sum, s) => sum + (map.get(s.id) ?? 0), 0);
		for (const span of all.filter((s) => s.profiled)) {
			assert.equal(below(span, sums.blocked), span.profiled.blocked_ns, `${span.name} blocked`);
			assert.equal(below(span, sums.runnable), span.profiled.runnable_ns, `${span.name} runnable`);
		}
		const folded = (await (await flame(body, 'format=folded&kind=off-cpu')).text()).trim().split('\n').filter(Boolean);
		for (const line of folded.filter((l) => !l.startsWith('[truncated]')))
			assert.match(line, /;?\[(blocked|runnable): [^;]*\] \d+$/);
	}
	t.diagnostic(`${waited} ns off the CPU`);
	assert.ok(waited > 0);
});

test('page faults of a debug session are a flame graph, and events of their spans', async (t) => {
	if (why || isSanitized)
		return t.skip(why ?? 'a sanitizer makes runs too few and too long');
	const body = await analyze(shader(60), { kind: 'debug', min_samples: 0 }, { isolation: 'request' });
	const faults = await columns(body, 'faults');
	const said = await log(body);
	const told = said.filter((e) => e.name === 'page-fault' && e.run !== undefined);
	assert.ok(faults.total > 10, `${faults.total} faults in a fresh worker`);
	assert.equal(faults.total, told.length);
	assert.ok(told.some((e) => e.span && e.stack.length > 5 && e.stack.some((name) => name === 'spvscope_compile')));
	const compile = [...spansOf((await trace(body)).spans)].find((s) => s.name === 'codegen::compile');
	const measured = compile.minor_faults + compile.major_faults;
	const inside = new Set([...spansOf([compile])].map((s) => s.id));
	const counted = faults.samples.span.filter((id) => inside.has(id)).length;
	t.diagnostic(`${counted} faults in codegen::compile by the analyzer, ${measured} by getrusage`);
	assert.ok(counted > 0);
	const events = [...spansOf((await trace(body)).spans)].flatMap((s) => s.events.filter((e) => e.name === 'analyzer::page-fault'));
	assert.ok(events.length > 0, 'they are on the spans of a trace at level debug');
	assert.equal((await columns(await analyze(shader(3), { kind: 'release', min_samples: 0 }), 'faults')).total, 0);

	// Of repeated runs a clean one is shown: the events are those of the first profiled one, and say so.
	const repeated = await trace(await analyze(shader(20), { kind: 'debug', min_samples: 200 }, { isolation: 'request' }));
	const spans = [...spansOf(repeated.spans)];
	const ofRuns = spans.flatMap((s) => s.events.filter((e) => e.name.startsWith('analyzer::')).map((e) => [s, e]));
	assert.ok(ofRuns.length > 0);
	for (const [span, event] of ofRuns) {
		assert.match(event.message, / \(profiled run 0, [0-9.]+ us into the span\)$/);
		assert.ok(event.time_ns >= span.start_ns && event.time_ns <= span.start_ns + span.duration_ns);
	}
});

test('one under debug and 50 under release and off at once: nobody sees what is another\'s', async (t) => {
	if (why)
		return t.skip(why);
	const [debug, ...others] = await Promise.all([
		analyze(shader(60), { kind: 'debug', min_samples: 200, budget_ms: 3000 }),
		...Array.from({ length: 50 }, (_, i) =>
			analyze(shader(3 + i % 5), i % 2 ? { kind: 'release', min_samples: 20, budget_ms: 500 } : { kind: 'off' })),
	]);
	const pidOf = async (body) => [...spansOf((await trace(body)).spans)].find((s) => s.name === 'codegen::compile').pid;
	const check = async (body, kind) => {
		assert.equal(body.status, 'ok');
		assert.equal(body.analyzer.state, kind === 'off' ? 'off' : 'attached', body.analyzer.reason);
		assert.equal(body.analyzer.lost + (body.analyzer.lost_events ?? 0) + (body.analyzer.lost_intervals ?? 0), 0);
		const pid = await pidOf(body);
		for (const of of ['on-cpu', 'off-cpu', 'faults']) {
			const { samples, total } = await columns(body, of);
			if (kind === 'off' || (kind === 'release' && of === 'faults'))
				assert.equal(total, 0, `${kind} ${of}`);
			assert.deepEqual(samples.pid.filter((p) => p !== pid), [], `${kind} ${of}: one worker's alone`);
		}
		const said = await log(body);
		if (kind === 'debug')
			assert.ok(said.length > 0);
		else
			assert.deepEqual(said, []);
		assert.deepEqual(said.filter((e) => e.pid !== pid).slice(0, 3), []);
		return body.analyzer;
	};
	const { samples } = await check(debug, 'debug');
	assert.ok(samples > 0);
	let overlapped = 0;
	for (const [i, body] of others.entries())
		overlapped += (await check(body, i % 2 ? 'release' : 'off')).debug_overlap_ns > 0;
	t.diagnostic(`${overlapped} of 25 release sessions were told that another's debug tracepoints were on`);
	assert.ok(overlapped > 0);
	assert.equal(debug.analyzer.spans.disagreeing, 0);
});

test('a compile of 1.5 ms comes back in under 0.6 s with 500 samples or more', async (t) => {
	if (why || isSanitized)
		return t.skip(why ?? 'a sanitizer makes it slower');
	const tries = [];
	let best;
	for (let i = 0; i < 5 && !best; i++) {
		const began = performance.now();
		const body = await analyze(shader(2), { kind: 'release' }, { trace: undefined });
		tries.push({ ms: performance.now() - began, ...body.analyzer });
		const compile = [...spansOf((await trace(body)).spans)].find((s) => s.name === 'codegen::compile');
		assert.equal(compile.clean.runs, body.analyzer.runs.clean, 'span times are of the clean runs');
		assert.ok(compile.clean.min_ns <= compile.clean.median_ns && compile.clean.median_ns <= compile.clean.max_ns);
		assert.ok(compile.duration_ns >= compile.clean.min_ns && compile.duration_ns <= compile.clean.max_ns);
		best = tries.find((a) => a.ms < 600 && a.samples >= 500);
	}
	t.diagnostic(tries.map((a) => `${a.ms.toFixed(0)} ms ${a.samples} samples ${a.runs.profiled}+${a.runs.clean} runs, slowdown ${a.slowdown}`).join('; '));
	assert.ok(best, 'at least once, on a machine that does other things too');
	assert.ok(best.slowdown > 0.5 && best.slowdown < 3, `slowdown ${best.slowdown}`);
});

test('counters are in /metrics', async (t) => {
	if (why)
		return t.skip(why);
	// Time that the hypervisor takes is no part of `expected`, but timers that it brings late are, and what it took last may
	// not be known yet: on a stolen CPU a single answer can be far off. It is not so again and again.
	let ratio;
	for (let tries = 0; tries < 5 && !(ratio > 0.5 && ratio < 1.5); tries++) {
		const before_ = await service.metrics();
		const { analyzer } = await analyze(shader(20), { kind: 'release', min_samples: 100 });
		const after_ = await service.metrics();
		const grown = (name) => after_[`spvscope_analyzer_${name}_total`] - before_[`spvscope_analyzer_${name}_total`];
		for (const [name, value] of [['samples', analyzer.samples], ['samples_expected', analyzer.expected],
			['samples_span_by_id', analyzer.spans.by_id], ['on_cpu_ns', analyzer.on_cpu_ns], ['runnable_ns', analyzer.runnable_ns],
			['blocked_ns', analyzer.blocked_ns], ['intervals', analyzer.intervals], ['samples_lost', analyzer.lost]])
			assert.equal(grown(name), value, name);
		const expected = (analyzer.on_cpu_ns - analyzer.stolen_ns) * analyzer.frequency_hz / 1e9;
		assert.ok(Math.abs(analyzer.expected - expected) <= 1, `${analyzer.expected} told, ${expected} by the times`);
		ratio = analyzer.samples / analyzer.expected;
		t.diagnostic(`${analyzer.samples} samples, ${analyzer.expected} expected; on a CPU ${analyzer.on_cpu_ns} ns, stolen ${analyzer.stolen_ns} ns, lost ${analyzer.lost}`);
	}
	assert.ok(ratio > 0.5 && ratio < 1.5, `${ratio} of what was expected`);
});

test('what a tool does is in the trace, under its own process and in the tool\'s span', async (t) => {
	if (why)
		return t.skip(why);
	const source = 'kernel void k(global float *a, global const float *b) { int i = get_global_id(0); a[i] = b[i] * 2.0f; }';
	const body = await analyze(source, { kind: 'release', min_samples: 300, budget_ms: 10000 },
		{ name: 'a.cl', language: 'opencl-c', isolation: 'request' });
	if (body.diagnostics.some((d) => d.code === 'not-installed'))
		return t.skip(`no OpenCL C here: ${body.diagnostics[0].message}`);
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics));
	const all = [...spansOf((await trace(body)).spans)];
	const tool = all.find((s) => s.name.startsWith('codegen::tool::'));
	const inTool = new Set([...spansOf([tool])].map((s) => s.id));
	const { samples } = await columns(body, 'on-cpu');
	const others = samples.pid.map((pid, i) => ({ pid, span: samples.span[i], byTime: samples.span_by_time[i] })).filter(({ pid }) => pid !== tool.pid);
	t.diagnostic(`${others.length} of ${samples.pid.length} samples in ${new Set(others.map((o) => o.pid)).size} other processes, ${body.analyzer.forks} forks`);
	assert.ok(body.analyzer.forks > 0);
	assert.equal(body.analyzer.lost_forks, 0);
	assert.ok(others.length > 0.5 * samples.pid.length, 'the compiler is the tool');
	assert.ok(others.filter((o) => inTool.has(o.span)).length > 0.9 * others.length, 'it runs while its span is open');
	assert.ok(others.every((o) => o.byTime), 'another program tells no span of ours');
	assert.equal(body.analyzer.spans.disagreeing, 0);
	// Its worker waits for it meanwhile.
	assert.ok(tool.profiled.blocked_ns + tool.profiled.runnable_ns > 0.5 * tool.profiled.wall_ns);
	const off = await columns(body, 'off-cpu');
	assert.ok(off.samples.pid.some((pid) => pid !== tool.pid), 'and its own waits are there');
	// Its functions have names, and where a table is not made yet its files do.
	const folded = await (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=folded`)).text();
	assert.match(folded, /;clang::|libclang-cpp|clang\+0x/);
	const lines = folded.trim().split('\n');
	assert.ok(lines.filter((line) => /(^|;)0x[0-9a-f]+/.test(line)).length < 0.1 * lines.length);
});
