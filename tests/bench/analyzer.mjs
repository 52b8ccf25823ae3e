// SPDX-License-Identifier: Apache-2.0
// The analyzer beside its peers, in one run on the same machine: how many stacks reach the outermost frame, for our worker
// with each source language and for clang, beside perf; what its programs cost by the depth of a stack, beside a bare
// timer interrupt; that nothing runs while it is off; that the slowdown in its answers is that of the compile's span; and
// that nothing is lost with every CPU busy. Needs root, which alone may read the statistics of BPF programs.
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: resolve(here, '../../build') },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    tap: { type: 'boolean', default: false },
    only: { type: 'string' }, // one of MEASUREMENTS
  },
});
if (process.getuid() !== 0) {
  const why = 'it needs root, which alone may read the statistics of BPF programs';
  if (options.tap) process.stdout.write(`ok 1 - the analyzer was measured # SKIP ${why}\n1..1\n`);
  else process.stdout.write(`\nthe analyzer was not measured: ${why}\n`);
  process.exit(0);
}
const FREQUENCIES = [4999, 20000];
const SAMPLES = options.quick ? 200 : 2000;
const KINDS = ['release', 'debug'];
const [folder, state] = ['files', 'state'].map((name) => mkdtempSync(join(tmpdir(), `spvscope-bench-${name}-`)));
const [small, large] = ['small', 'large'].map((size) => readFileSync(join(here, `corpus/${size}.frag`), 'utf8'));
/** Sixty functions, each called once: some tens of milliseconds with all optimizing passes. */
const functions = (vec3) => Array.from({ length: 60 }, (_, i) => `${vec3} f${i}(${vec3} p) { return normalize(p * ${i + 1}.0) + sin(p.zyx) * cos(p.x); }`).join('\n');
const calls = Array.from({ length: 60 }, (_, i) => `p = f${i}(p);`).join(' ');
const glsl = `#version 450
layout(location = 0) in vec3 position;
layout(location = 0) out vec4 colour;
${functions('vec3')}
void main() { vec3 p = position; ${calls} colour = vec4(p, 1.0); }
`;
const hlsl = `${functions('float3')}
float4 main(float3 position : POSITION) : SV_Target { float3 p = position; ${calls} return float4(p, 1); }
`;
const opencl = `${Array.from({ length: 24 }, (_, i) => `float4 f${i}(float4 p, float4 q) { for (int i = 0; i < ${i + 4}; i++) p = fma(p, q, sin(p.zwxy)) + dot(p, q); return p; }`).join('\n')}
kernel void k(global float4 *p) { size_t i = get_global_id(0); float4 v = p[i]; ${Array.from({ length: 24 }, (_, i) => `v += f${i}(v, p[i + ${i}]);`).join(' ')} p[i] = v; }
`;
const measured = {}; // what each measurement came to, by its name
const budgets = []; // { what, value, budget, unit, sense, ok }, as bench.mjs tells them
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const sum = (values) => values.reduce((a, b) => a + b, 0);
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const say = (line) => process.stderr.write(`${line} …\n`);

function judge(what, value, sense, budget, unit) {
  budgets.push({ what, value, budget, unit, sense, ok: sense === 'at most' ? value <= budget : value >= budget });
}

// ---- the service ----

async function startService(stateDir = state) {
  const child = spawn(join(options.build, 'server/spvscoped'), ['--listen', '127.0.0.1:0', '--state-dir', stateDir],
    { stdio: ['ignore', 'pipe', 'ignore'] });
  const line = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).once('line', found);
    child.once('exit', (code) => failed(new Error(`spvscoped ended with status ${code} before it was ready`)));
  });
  return { child, url: line.replace('spvscoped ready ', '') };
}

async function stopService(service) {
  const ended = new Promise((done) => service.child.once('exit', done));
  service.child.kill('SIGTERM');
  await ended;
}

/** Once it can serve; the object that serves release, which is the debug one where that is built alone. */
async function waitForAnalyzer(service) {
  for (let tries = 0; ; tries++) {
    const { analyzers } = await (await fetch(`${service.url}/v1/analyzers`)).json();
    const [release] = analyzers;
    if (release.state === 'available') return release.object;
    if (tries === 100) throw new Error(release.reason);
    await later(100);
  }
}

let nSources = 0;

/** A comment with a running number behind the source, so that the cache does not answer. */
async function compile(service, fields) {
  const vary = fields.source ? { source: `${fields.source}\n// ${++nSources}\n` } : {};
  const answer = await fetch(`${service.url}/v1/compile`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...fields, ...vary }),
  });
  return answer.json();
}

/** What its answer says of the analyzer. */
async function analyze(service, fields, frequency_hz, kind = 'release', min_samples = SAMPLES) {
  const analyzer = { kind, frequency_hz, min_samples, budget_ms: options.quick ? 3000 : 20000 };
  const body = await compile(service, { ...fields, analyzer });
  if (body.analyzer?.state !== 'attached') throw new Error(body.analyzer?.reason ?? JSON.stringify(body).slice(0, 300));
  return body.analyzer;
}

/** Once there is a table for each file of what compiles. */
async function waitForTables(service, fields) {
  for (let tries = 0; tries < 20; tries++) {
    const a = await analyze(service, fields, 4999, 'release', 100);
    if (a.samples && a.complete > 0.95 * a.samples) return;
    await later(500);
  }
}

const glslJob = { name: 'a.frag', source: glsl, optimize: 'performance' };
const largeJob = { name: 'a.frag', source: large }; // long beside what attaching takes
const toolJob = { name: 'k.cl', language: 'opencl-c', source: opencl };

// ---- the programs ----

function analyzerPid(service) {
  const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  const queue = [service.child.pid];
  for (const pid of queue) {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('spvscope-analyz')) return pid;
    try { queue.push(...children(pid)); } catch { /* it has ended */ }
  }
  throw new Error('the analyzer was not found');
}

/** Of the programs that the analyzer has loaded: how often each has run, and what the verifier walked. */
function programs(service) {
  const pid = analyzerPid(service), found = new Map();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    let text = '';
    try { text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'); } catch { /* closed meanwhile */ }
    if (!/^prog_type:/m.test(text)) continue;
    const field = (name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);
    found.set(field('prog_id'), { id: field('prog_id'), verified: field('verified_insns'), runs: field('run_cnt') });
  }
  return [...found.values()].sort((a, b) => a.id - b.id);
}

/** What was loaded: on_sample is the last program of an object, and the one for release is loaded first. */
async function measurePrograms(service) {
  const first = await waitForAnalyzer(service);
  const loaded = programs(service).map((p) => {
    const shown = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show', 'id', String(p.id)], { encoding: 'utf8' }));
    return { name: shown.name, instructions: shown.bytes_xlated / 8, bytes: shown.bytes_jited, verified: p.verified };
  });
  const end = loaded.findIndex((p) => p.name === 'on_sample') + 1;
  if (!end) throw new Error(`no program on_sample among ${loaded.map((p) => p.name)}`);
  return loaded.map((p, i) => ({ object: i < end ? first : 'debug', ...p }));
}

/** Before anybody has been analyzed: compiles with the analyzer off, and how often any of its programs ran. */
async function measureOff(service) {
  const switchFile = '/proc/sys/kernel/bpf_stats_enabled', before = readFileSync(switchFile, 'utf8');
  writeFileSync(switchFile, '1');
  try {
    const n = options.quick ? 20 : 200, runs = () => sum(programs(service).map((p) => p.runs));
    await waitForAnalyzer(service);
    const from = runs();
    for (let i = 0; i < n; i++) await compile(service, { name: 'a.frag', source: small, analyzer: { kind: 'off' } });
    return { compiles: n, runs: runs() - from };
  } finally {
    writeFileSync(switchFile, before);
  }
}

// ---- stacks ----

async function stacksOf(service, what, fields) {
  const found = [];
  await waitForTables(service, fields);
  for (const hz of FREQUENCIES) {
    say(`${what}, ${hz} Hz`);
    const { samples, complete, expected, lost, slowdown, truncated_by } = await analyze(service, fields, hz);
    found.push({ what, by: 'analyzer', hz, samples, complete, expected, lost, slowdown, truncated_by });
  }
  return found;
}

async function measureWorker(service) {
  const made = await compile(service, { name: 'a.frag', source: glsl, emit: ['spirv'] });
  const hlslJob = { name: 'a.hlsl', language: 'hlsl', stage: 'fragment', source: hlsl, optimize: 'performance' };
  const spirvJob = { language: 'spirv', source_base64: made.spirv.base64, optimize: 'performance' };
  const found = [];
  for (const [what, job] of [['GLSL', glslJob], ['HLSL', hlslJob], ['SPIR-V', spirvJob]])
    found.push(...await stacksOf(service, what, job));
  return found;
}

const measureTool = (service) => (clang ? stacksOf(service, 'clang', toolJob) : []);

const OUTERMOST = /\b(_start|__libc_start_main|__libc_start_call_main|clone3?|start_thread)\b/;

/** Samples, and those whose last frame is an outermost one. */
function perfStacks(what, hz, mode, command) {
  say(`perf ${mode}, ${what}, ${hz} Hz`);
  const data = join(folder, 'perf.data'), row = { what, by: `perf ${mode}`, hz };
  const recorded = spawnSync('perf', ['record', '-q', '-F', String(hz), '-e', 'cpu-clock:u', '--call-graph', mode, '-m', '1024',
    '-o', data, '--', ...command], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], timeout: 20000 });
  if (!existsSync(data)) return { ...row, error: `perf record: ${recorded.error ?? recorded.stderr}`.trim() };
  // Reading copied stacks takes perf minutes: what it has read when the time is up will do.
  const script = spawnSync('perf', ['script', '-i', data, '-F', 'ip,sym', '--no-inline', '--max-stack', '1024'],
    { encoding: 'utf8', maxBuffer: 1 << 30, timeout: options.quick ? 5000 : 15000, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'ignore'] });
  rmSync(data, { force: true });
  const stacks = (script.stdout ?? '').split('\n\n').map((text) => text.trim()).filter(Boolean);
  const complete = stacks.filter((text) => OUTERMOST.test(text.slice(text.lastIndexOf('\n') + 1))).length;
  return { ...row, samples: stacks.length, complete, partial: script.error !== undefined };
}

function measurePerf() {
  writeFileSync(join(folder, 'k.cl'), opencl);
  writeFileSync(join(folder, 'a.frag'), glsl);
  const loop = [join(options.build, 'tests/bench/library_loop'), join(folder, 'a.frag'), '--stage', 'fragment',
    '--seconds', options.quick ? '0.2' : '0.5', '--optimize', 'performance'];
  const found = [];
  for (const hz of options.quick ? [4999] : FREQUENCIES) {
    for (const mode of ['fp', 'dwarf,16384']) {
      found.push(perfStacks('GLSL', hz, mode, loop));
      if (clang) found.push(perfStacks('clang', hz, mode, [clang, '--target=spirv64', '-cl-std=CL3.0', '-O2', '-c', '-o', '/dev/null', join(folder, 'k.cl')]));
    }
  }
  return found;
}

// ---- cost ----

/** A straight line through the least costs: what a sample costs without its stack, and what a frame adds. */
function fit(points) {
  const n = points.length, x = sum(points.map((p) => p.frames)) / n, y = sum(points.map((p) => p.ns)) / n;
  const frame = sum(points.map((p) => (p.frames - x) * (p.ns - y))) / sum(points.map((p) => (p.frames - x) ** 2));
  return { fixed_ns: y - frame * x, frame_ns: frame };
}

async function measureCost() {
  const found = {};
  for (const kind of KINDS) {
    say(`cost by depth, ${kind}`);
    const { stdout } = await promisify(execFile)(join(options.build, 'tests/bench/sample_cost'),
      [kind, ...(options.quick ? ['--quick'] : [])], { timeout: 60000 });
    const cost = JSON.parse(stdout);
    found[kind] = { ...cost, ...fit(cost.depths) };
  }
  return found;
}

// ---- what a client sees ----

/** All spans of a tree, outermost first. */
function* spansOf(spans) {
  for (const span of spans) {
    yield span;
    yield* spansOf(span.children);
  }
}

/** One compile: how long it took by the client's clock, and the compile itself by its own span. */
async function timeOf(service, analyzer) {
  const begun = performance.now();
  const { trace: { id } } = await compile(service, { ...largeJob, analyzer });
  const wall = performance.now() - begun;
  const trace = await (await fetch(`${service.url}/v1/traces/${id}`)).json();
  await later(30); // what is done behind an answer is not the next one's
  return { wall, span: [...spansOf(trace.spans)].find((s) => s.name === 'codegen::compile').duration_ns / 1e6 };
}

/** The same compile with and without the analyzer, in turn; and what answers with repeated runs in between say of it, which
 * is of the compile alone. By the client's clock there is more: attaching, and the samples' and events' way into the trace,
 * which the answer waits for. Medians, since the speed of a shared machine changes from second to second. */
async function measureSlowdown(service) {
  const found = {};
  for (const kind of KINDS) {
    say(`slowdown, ${kind}`);
    const spans = [], walls = [], told = [];
    for (let i = 0; i < (options.quick ? 15 : 35); i++) {
      const off = await timeOf(service, { kind: 'off' });
      const on = await timeOf(service, { kind, frequency_hz: 4999, min_samples: 0 });
      spans.push(on.span / off.span);
      walls.push(on.wall / off.wall);
      if (i % 5 === 2) told.push((await analyze(service, largeJob, 4999, kind, options.quick ? 1000 : 2000)).slowdown);
    }
    if (told.includes(null)) throw new Error(`${kind}: an answer told no slowdown`);
    found[kind] = { spans, walls, measured: median(spans), wall: median(walls), answers: told, told: median(told) };
  }
  return found;
}

/** What attaching and detaching add for whoever asks after a pause, by the clients' clocks: medians of many, since one in four
 * differs by half a millisecond from the next. So that it does not take all day, several services rest at a time, each asked
 * when the others rest. Clients do nothing meanwhile: they would hold the CPU that the service's processes wake up on. */
async function measureIdle() {
  const [n, rounds, pause] = options.quick ? [1, 1, 1] : [8, 8, 5.5];
  const off = [], added = [];
  const rest = async (service, query) => {
    const { stdout } = await promisify(execFile)(join(options.build, 'tests/bench/http_load'), [
      `--port=${new URL(service.url).port}`, `--target=/v1/compile?stage=fragment&min_samples=0${query}`,
      `--body=${join(here, 'corpus/small.frag')}`, '--header=Accept: application/vnd.khronos.spirv', '--vary',
      '--warm-up=1', '--requests=1', `--pause=${pause}`,
    ]);
    return JSON.parse(stdout).p50_ns / 1e6;
  };
  const services = [];
  try {
    for (let i = 0; i < n; i++) {
      services.push(await startService(join(state, `idle-${i}`)));
      await waitForAnalyzer(services[i]);
      if (!options.quick) await later(3000); // its compilers' tables
    }
    await Promise.all(services.map(async (service, i) => {
      await later((i * 1000 * pause) / n);
      for (let round = 0; round < rounds; round++) {
        const without = await rest(service, '&analyzer=off');
        off.push(without);
        added.push(await rest(service, '&analyzer=release&frequency_hz=1') - without);
      }
    }));
  } finally {
    await Promise.all(services.map(stopService));
  }
  return { off, added };
}

/** As many at once as there are CPUs here, two. */
async function measureBusy(service) {
  const both = await Promise.all([0, 1].map(() => analyze(service, glslJob, 4999, 'release', options.quick ? 500 : 5000)));
  const of = (name) => sum(both.map((a) => a[name]));
  return { samples: of('samples'), expected: of('expected'), lost: of('lost'), lost_intervals: of('lost_intervals') };
}

// ---- telling ----

const percent = (row) => (100 * row.complete) / row.samples;

function judgeAll() {
  const { programs: loaded, off, worker = [], tool = [], cost, slowdown, idle, busy } = measured;
  if (off) judge(`off: runs of ${loaded?.length ?? 'all'} programs in ${off.compiles} compiles`, off.runs, 'at most', 0, 'runs');
  for (const row of [...worker, ...tool])
    judge(`complete stacks, ${row.what}, ${row.hz} Hz`, percent(row), 'at least', row.what === 'clang' ? 99 : 99.5, '%');
  for (const kind of cost ? KINDS : []) {
    const factor = kind === 'debug' ? 3 : 1;
    const share = Math.max(...cost[kind].depths.map((d) => (100 * d.ns) / (factor * (1000 + 600 * d.frames))));
    judge(`${kind}: a sample, of ${factor} × (1 µs + 0.6 µs a frame), worst depth`, share, 'at most', 100, '%');
  }
  for (const kind of slowdown ? KINDS : []) {
    const { measured: seen, told, wall } = slowdown[kind];
    judge(`${kind}: slowdown told ${told.toFixed(2)}, seen ${seen.toFixed(2)} (whole request ${wall.toFixed(2)}), apart`,
      (100 * Math.abs(seen - told)) / seen, 'at most', 10, '%');
  }
  if (idle) {
    judge(`after 5.5 s of idleness: added to the p50 of ${median(idle.off).toFixed(2)} ms by attach and detach`,
      median(idle.added), 'at most', 0.3, 'ms');
  }
  if (busy) judge(`two busy workers, 4999 Hz: lost of ${busy.samples} samples, ${busy.expected} expected`, busy.lost, 'at most', 0, 'samples');
}

function tell() {
  const print = (line) => process.stdout.write(`${line}\n`);
  const { programs: loaded = [], worker = [], tool = [], perf = [], cost } = measured;
  print('\nthe analyzer: stacks that reach the outermost frame');
  for (const row of [...worker, ...tool, ...perf]) {
    const name = `${row.what.padEnd(8)} ${row.by.padEnd(18)} ${String(row.hz).padStart(6)} Hz`;
    const more = row.by === 'analyzer' ? `  expected ${row.expected}, lost ${row.lost}, slowdown ${row.slowdown ?? 'not told: one run had samples enough'}`
      : row.partial ? '  (the time to read them was up)' : '';
    if (row.error || !row.samples) print(`${name} could not be measured${row.error ? `: ${row.error}` : ''}`);
    else print(`${name} ${String(row.complete).padStart(6)} of ${String(row.samples).padStart(6)} ${percent(row).toFixed(2).padStart(7)} %${more}`);
  }
  print('\na sample by the kernel\'s statistics, ns by frames of its stack');
  for (const kind of cost ? KINDS : []) {
    const c = cost[kind];
    print(`${kind.padEnd(8)} ${c.depths.map((d) => `${d.frames.toFixed(0)}: ${d.ns}`).join('  ')}  fit: ${c.fixed_ns.toFixed(0)} + ${c.frame_ns.toFixed(0)} a frame`);
    const { frames, bare_ns: bare, ours_ns: ours } = c.interrupts;
    print(`${' '.repeat(8)} taken from the program by each interrupt at ${c.interrupts.hz} Hz: ${bare} ns bare, ${ours} ns with ${frames.toFixed(0)} frames: ${(ours / bare).toFixed(2)} ×`);
  }
  print('\nprograms: instructions, bytes of machine code, instructions that the verifier walked');
  for (const object of KINDS) {
    const its = loaded.filter((p) => p.object === object);
    const line = (name, p) => print(`${object.padEnd(8)} ${name.padEnd(18)} ${[p.instructions, p.bytes, p.verified].map((n) => String(n).padStart(8)).join('')}`);
    its.forEach((p) => line(p.name, p));
    if (its.length) line('all', Object.fromEntries(['instructions', 'bytes', 'verified'].map((key) => [key, sum(its.map((p) => p[key]))])));
  }
  print('');
  for (const b of budgets)
    print(`${b.what.padEnd(72)} ${`${b.value.toFixed(b.unit === '%' || b.unit === 'ms' ? 2 : 0)} ${b.unit}`.padStart(14)}  budget: ${b.sense} ${b.budget} ${b.unit}: ${b.ok ? 'ok' : 'over'}`);
}

/** name → [what a person calls it, the measurement] */
const MEASUREMENTS = {
  programs: ['the programs that are loaded', measurePrograms],
  off: ['what runs while the analyzer is off', measureOff], // before anybody is analyzed: tracepoints linger behind that
  worker: ['complete stacks of our worker', measureWorker],
  tool: ['complete stacks of clang', measureTool],
  perf: ['complete stacks by perf', measurePerf],
  cost: ['the cost of a sample', measureCost],
  slowdown: ['the slowdown of a compile', measureSlowdown],
  idle: ['what attaching takes after a pause', measureIdle],
  busy: ['two busy workers', measureBusy],
};

const clang = ['/usr/bin/clang-22', '/usr/bin/clang'].find(existsSync);
const errors = {};
let number = 0;
const result = (ok, text) => options.tap && process.stdout.write(`${ok ? 'ok' : 'not ok'} ${++number} - ${text}\n`);

const service = await startService();
try {
  for (const [name, [what, measure]] of Object.entries(MEASUREMENTS)) {
    if (options.only && options.only !== name) continue;
    say(what);
    try {
      measured[name] = await measure(service);
    } catch (error) {
      errors[name] = error.message;
      process.stderr.write(`${what}: ${error.stack}\n`);
    }
    result(!errors[name], `${what}: measured${errors[name] ? `\n# ${errors[name].replaceAll('\n', '\n# ')}` : ''}`);
  }
} finally {
  await stopService(service);
  for (const name of [folder, state]) rmSync(name, { recursive: true, force: true });
}
judgeAll();
if (options.json) {
  const document = existsSync(options.json) ? JSON.parse(readFileSync(options.json, 'utf8')) : {};
  writeFileSync(options.json, `${JSON.stringify({ ...document, analyzer: { ...measured, budgets, errors } }, null, 2)}\n`);
}
if (options.tap) process.stdout.write(`1..${number}\n`);
else tell();
for (const [name, message] of options.tap ? [] : Object.entries(errors)) process.stdout.write(`${MEASUREMENTS[name][0]}: could not be measured: ${message}\n`);
process.exitCode = Object.keys(errors).length ? 1 : 0;
