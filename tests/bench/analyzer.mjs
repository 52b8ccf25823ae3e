// SPDX-License-Identifier: Apache-2.0
// The analyzer's stacks beside perf's, in one run on the same machine: how many reach the outermost frame, for our worker
// with each source language and for clang; and what the programs cost. As root, with perf and bpftool.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: resolve(here, '../../build') },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    tap: { type: 'boolean', default: false },
  },
});
const FREQUENCIES = [4999, 20000];
const SAMPLES = options.quick ? 200 : 2000;
const [folder, state] = ['files', 'state'].map((name) => mkdtempSync(join(tmpdir(), `spvscope-bench-${name}-`)));
const glsl = readFileSync(join(here, 'corpus/large.frag'), 'utf8');
const hlsl = `${Array.from({ length: 60 }, (_, i) => `float3 f${i}(float3 p) { return normalize(p * ${i + 1}.0) + sin(p.zyx) * cos(p.x); }`).join('\n')}
float4 main(float3 position : POSITION) : SV_Target { float3 p = position; ${Array.from({ length: 60 }, (_, i) => `p = f${i}(p);`).join(' ')} return float4(p, 1); }
`;
const opencl = `${Array.from({ length: 24 }, (_, i) => `float4 f${i}(float4 p, float4 q) { for (int i = 0; i < ${i + 4}; i++) p = fma(p, q, sin(p.zwxy)) + dot(p, q); return p; }`).join('\n')}
kernel void k(global float4 *p) { size_t i = get_global_id(0); float4 v = p[i]; ${Array.from({ length: 24 }, (_, i) => `v += f${i}(v, p[i + ${i}]);`).join(' ')} p[i] = v; }
`;
const rows = [];

async function startService() {
  const child = spawn(join(options.build, 'server/spvscoped'), ['--listen', '127.0.0.1:0', '--state-dir', state],
    { stdio: ['ignore', 'pipe', 'ignore'] });
  const line = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).once('line', found);
    child.once('exit', (code) => failed(new Error(`spvscoped ended with status ${code} before it was ready`)));
  });
  return { child, url: line.replace('spvscoped ready ', '') };
}

async function compile(service, fields) {
  const answer = await fetch(`${service.url}/v1/compile`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(fields),
  });
  return answer.json();
}

const analyze = (service, fields, frequency_hz, kind = 'release', min_samples = SAMPLES) =>
  compile(service, { ...fields, analyzer: { kind, frequency_hz, min_samples, budget_ms: options.quick ? 3000 : 30000 } });

// ---- ours ----

/** Once a table is there for each file of the tool. */
async function waitForTables(service, tool) {
  let body;
  for (let tries = 0; tries < 20; tries++) {
    body = await analyze(service, tool, 4999, 'release', 100);
    if (body.analyzer?.samples && body.analyzer.complete > 0.95 * body.analyzer.samples) break;
    await new Promise((done) => setTimeout(done, 500));
  }
  return body;
}

async function measureOurs(service, cases) {
  for (const [what, fields, budget] of cases) {
    for (const hz of FREQUENCIES) {
      process.stderr.write(`${what}, ${hz} Hz …\n`);
      const body = await analyze(service, fields, hz);
      const a = body.analyzer ?? {};
      if (!a.samples) throw new Error(`${what} at ${hz} Hz: ${a.reason ?? JSON.stringify(body).slice(0, 300)}`);
      rows.push({ what, by: 'analyzer', hz, samples: a.samples, complete: a.complete, expected: a.expected, lost: a.lost,
        slowdown: a.slowdown, truncated_by: a.truncated_by, budget });
    }
  }
}

// ---- perf ----

const OUTERMOST = /\b(_start|__libc_start_main|__libc_start_call_main|clone3?|start_thread)\b/;

/** Samples, and those whose last frame is an outermost one. */
function measurePerf(what, hz, mode, command) {
  process.stderr.write(`perf ${mode}, ${what}, ${hz} Hz …\n`);
  const data = join(folder, 'perf.data');
  // Copies of stacks fill a disk: a second of them is plenty.
  const recorded = spawnSync('perf', ['record', '-q', '-F', String(hz), '-e', 'cpu-clock:u', '--call-graph', mode, '-m', '1024',
    '-o', data, '--', ...command], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20000 });
  if (!existsSync(data)) throw new Error(`perf record: ${recorded.error ?? recorded.stderr}`);
  const script = spawnSync('perf', ['script', '-i', data, '-F', 'ip,sym', '--no-inline', '--max-stack', '1024'],
    { encoding: 'utf8', maxBuffer: 1 << 30, timeout: options.quick ? 8000 : 60000, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'ignore'] });
  const stacks = script.stdout.split('\n\n').map((text) => text.trim()).filter(Boolean);
  const complete = stacks.filter((text) => OUTERMOST.test(text.slice(text.lastIndexOf('\n') + 1))).length;
  rows.push({ what, by: `perf ${mode}`, hz, samples: stacks.length, complete, partial: script.error !== undefined });
  rmSync(data, { force: true });
}

// ---- cost ----

/** Of the programs that the analyzer has loaded: what each is, and what it has cost so far. */
function programs(pid) {
  const found = [];
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    if (!/^prog_type:/m.test(text)) continue;
    const field = (name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);
    const shown = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show', 'id', String(field('prog_id'))], { encoding: 'utf8' }));
    found.push({ id: field('prog_id'), name: shown.name, instructions: shown.bytes_xlated / 8, bytes: shown.bytes_jited,
      verified: field('verified_insns'), ns: field('run_time_ns'), runs: field('run_cnt') });
  }
  return [...new Map(found.map((p) => [p.id, p])).values()].sort((a, b) => a.id - b.id);
}

function analyzerPid(service) {
  const children = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  const queue = [service.child.pid];
  for (const pid of queue) {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('spvscope-analyz')) return pid;
    try { queue.push(...children(pid)); } catch { /* it has ended */ }
  }
  throw new Error('the analyzer was not found');
}

async function measureCost(service) {
  const pid = analyzerPid(service), switchFile = '/proc/sys/kernel/bpf_stats_enabled', before = readFileSync(switchFile, 'utf8');
  const loaded = programs(pid), costs = [];
  const firstOfDebug = loaded.findLastIndex((p) => p.name === 'on_sample');
  writeFileSync(switchFile, '1');
  try {
    for (const kind of ['release', 'debug']) {
      const at = programs(pid);
      const off = await compile(service, { name: 'a.frag', source: `${glsl}\n// off ${kind}`, analyzer: { kind: 'off' } });
      const body = await analyze(service, { name: 'a.frag', source: glsl }, 4999, kind);
      const samplers = programs(pid).filter((p) => p.name === 'on_sample').map((p) => {
        const first = at.find((q) => q.id === p.id);
        return { ns: p.ns - first.ns, runs: p.runs - first.runs };
      });
      const mine = samplers.reduce((a, b) => (b.runs > a.runs ? b : a));
      costs.push({ kind, ns_per_sample: mine.ns / mine.runs, samples: body.analyzer.samples, lost: body.analyzer.lost,
        slowdown: body.analyzer.slowdown, off_ms: off.duration_ms });
    }
  } finally {
    writeFileSync(switchFile, before);
  }
  return { programs: loaded.map((p, i) => ({ object: i < firstOfDebug - 0 ? 'release' : 'debug', ...p })), costs };
}

// ---- telling ----

const percent = (row) => (100 * row.complete) / row.samples;

function tell(cost) {
  const print = (line) => process.stdout.write(`${line}\n`);
  print('\nstacks that reach the outermost frame');
  for (const row of rows) {
    const budget = row.budget ? `  budget: ≥ ${row.budget} %: ${percent(row) >= row.budget ? 'ok' : 'over'}` : '';
    const more = row.by === 'analyzer' ? `  lost ${row.lost}, slowdown ${row.slowdown}` : row.partial ? '  (not all read: time was up)' : '';
    print(`${row.what.padEnd(10)} ${row.by.padEnd(18)} ${String(row.hz).padStart(6)} Hz ${String(row.complete).padStart(6)} of ${String(row.samples).padStart(6)} ${percent(row).toFixed(2).padStart(7)} %${budget}${more}`);
  }
  print('\nprograms: instructions, bytes of machine code, instructions that the verifier walked');
  for (const p of cost.programs) print(`${p.name.padEnd(16)} ${String(p.instructions).padStart(7)} ${String(p.bytes).padStart(8)} ${String(p.verified).padStart(8)}`);
  for (const c of cost.costs) print(`${c.kind}: ${c.ns_per_sample.toFixed(0)} ns a sample (with BPF statistics on), ${c.samples} samples, ${c.lost} lost, slowdown ${c.slowdown}`);
}

let error, cost;
const service = await startService();
try {
  const made = await compile(service, { name: 'a.frag', source: glsl, emit: ['spirv'] });
  const shaders = [
    ['GLSL', { name: 'a.frag', source: glsl, optimize: 'performance' }, 99.5],
    ['HLSL', { name: 'a.hlsl', language: 'hlsl', stage: 'fragment', source: hlsl, optimize: 'performance' }, 99.5],
    ['SPIR-V', { language: 'spirv', source_base64: made.spirv.base64, optimize: 'performance' }, 99.5],
  ];
  const tool = { name: 'k.cl', language: 'opencl-c', source: opencl };
  await waitForTables(service, shaders[0][1]);
  await measureOurs(service, shaders);
  const clang = existsSync('/usr/bin/clang-22') && (await waitForTables(service, tool));
  if (clang?.analyzer?.samples) await measureOurs(service, [['clang', tool, 99]]);
  writeFileSync(join(folder, 'k.cl'), opencl);
  for (const hz of options.quick ? [4999] : FREQUENCIES) {
    for (const mode of ['fp', 'dwarf,16384']) {
      measurePerf('GLSL', hz, mode, [join(options.build, 'tests/bench/library_loop'), join(here, 'corpus/large.frag'),
        '--stage', 'fragment', '--seconds', options.quick ? '0.2' : '0.5', '--optimize', 'performance']);
      if (clang) measurePerf('clang', hz, mode, ['/usr/bin/clang-22', '--target=spirv64', '-cl-std=CL3.0', '-O2', '-c', '-o', '/dev/null', join(folder, 'k.cl')]);
    }
  }
  cost = await measureCost(service);
} catch (e) {
  error = e;
} finally {
  const ended = new Promise((done) => service.child.once('exit', done));
  service.child.kill('SIGTERM');
  await ended;
  for (const name of [folder, state]) rmSync(name, { recursive: true, force: true });
}
if (options.json) {
  const document = existsSync(options.json) ? JSON.parse(readFileSync(options.json, 'utf8')) : {};
  writeFileSync(options.json, `${JSON.stringify({ ...document, analyzer: { rows, cost, error: error?.message } }, null, 2)}\n`);
}
if (options.tap) process.stdout.write(`${error ? 'not ok' : 'ok'} 1 - the analyzer was measured\n${error ? `# ${error.message}\n` : ''}1..1\n`);
else if (cost) tell(cost);
if (error) process.stderr.write(`analyzer: ${error.stack}\n`);
process.exitCode = error ? 1 : 0;
