// SPDX-License-Identifier: Apache-2.0
// Runs every measurement once, one after the other on an otherwise quiet machine, and prints the figures with the
// ratios that have a budget. Figures never fail a test; a measurement that cannot be made does.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { cpus, release, tmpdir } from 'node:os';
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
  },
});

const program = (...parts) => join(options.build, ...parts);
const ROUNDS = options.quick ? 1 : 7;
const seconds = options.quick ? 0.4 : 0.6; // for each measurement in each round
const corpus = { small: join(here, 'corpus/small.frag'), large: join(here, 'corpus/large.frag') };
const SPIRV = 'Accept: application/vnd.khronos.spirv';

const measures = new Map(); // name → { n, min_ns, p50_ns, p99_ns, max_ns, per_second } or { error }
const facts = new Map(); // name → number or text

/** Runs a program that prints one line of JSON. */
async function figures(file, args) {
  const { stdout } = await promisify(execFile)(file, args, { timeout: 120_000, maxBuffer: 1 << 20 });
  return JSON.parse(stdout);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Rounds of the same measurement as one: medians of what each round saw, so that one disturbed round does not count. */
function combine(rounds) {
  const of = (key) => rounds.map((r) => r[key]);
  return {
    n: of('n').reduce((a, b) => a + b, 0),
    min_ns: Math.min(...of('min_ns')),
    p50_ns: median(of('p50_ns')),
    p99_ns: median(of('p99_ns')),
    max_ns: Math.max(...of('max_ns')),
    per_second: median(of('per_second')),
    rounds: rounds.map(({ p50_ns, per_second }) => ({ p50_ns, per_second })),
  };
}

/** Measures things that are to be compared: in turn, several times, so that what else the machine does meets them all. */
async function compare(works, rounds = ROUNDS) {
  const results = new Map(Object.keys(works).map((name) => [name, []]));
  process.stderr.write(`${Object.keys(works).join(', ')} …\n`);
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      try {
        results.get(name)?.push(await work());
      } catch (error) {
        measures.set(name, { error: String(error.stderr || error.message).trim() });
        results.delete(name);
      }
    }
  }
  for (const name of Object.keys(works)) if (results.has(name)) measures.set(name, combine(results.get(name)));
}

// ---- the service ----

async function startService(args = []) {
  const state = await mkdtemp(join(tmpdir(), 'spvscope-bench-'));
  const begun = process.hrtime.bigint();
  const child = spawn(program('server/spvscoped'), ['--listen', '127.0.0.1:0', '--state-dir', state, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((found, failed) => {
    lines.once('line', found);
    child.once('exit', (code) => failed(new Error(`spvscoped ended with status ${code} before it was ready`)));
    child.once('error', failed);
  });
  const url = line.replace('spvscoped ready ', '');
  return { child, state, url, port: new URL(url).port, readyNs: Number(process.hrtime.bigint() - begun), begun };
}

async function stopService(service) {
  const ended = new Promise((done) => service.child.once('exit', done));
  service.child.kill('SIGTERM');
  await ended;
  await rm(service.state, { recursive: true, force: true });
}

/** Until its compilers' tables are warm, as /readyz tells; how long that took since the start. */
async function waitWarm(service) {
  for (let tries = 0; tries < 600; tries++) {
    const answer = await fetch(`${service.url}/readyz`);
    const body = await answer.json().catch(() => ({}));
    if (answer.ok && body.warm !== false) return Number(process.hrtime.bigint() - service.begun);
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('the service did not become warm within 30 s');
}

/** Resident memory of the front: started as root, it is a child of the first process, which stays root. */
async function frontMemoryBytes(service) {
  const { pid } = service.child;
  const found = [];
  for (const entry of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '');
    const isOurs = Number(entry) === pid || status.match(/^PPid:\s+(\d+)/m)?.[1] === String(pid);
    if (isOurs && /^Name:\s+spvscoped$/m.test(status)) {
      found.push({ isChild: Number(entry) !== pid, kib: Number(status.match(/^VmRSS:\s+(\d+)/m)[1]) });
    }
  }
  const front = found.find((p) => p.isChild) ?? found[0];
  if (front) return front.kib * 1024;
  throw new Error('the front was not found');
}

/** The same once what starts in the background (tables of the compilers that were found) is over. */
async function idleMemoryBytes(service) {
  let before = 0;
  for (let same = 0, tries = 0; same < 3 && tries < 30; tries++) {
    const now = await frontMemoryBytes(service);
    same = now === before ? same + 1 : 0;
    before = now;
    await new Promise((done) => setTimeout(done, 1000));
  }
  return before;
}

function load(service, size, { query = '', connections = 1, warmUp = 20, time = seconds, vary = true, accept = SPIRV } = {}) {
  return figures(program('tests/bench/http_load'), [
    `--port=${service.port}`, `--target=/v1/compile?stage=fragment${query}`, `--body=${corpus[size]}`,
    `--header=${accept}`, `--connections=${connections}`, `--seconds=${time}`, `--warm-up=${warmUp}`,
    ...(vary ? ['--vary'] : []),
  ]);
}

// ---- peers ----

const libraryLoop = (size, time = seconds) =>
  figures(program('tests/bench/library_loop'), [corpus[size], '--seconds', String(time)]);

function asProcess(command, size) {
  return figures(program('tests/bench/process_time'), [String(seconds), '200', ...command, corpus[size]]);
}

/** Of our own codegen, which declares less to glslang; with ['--libraries-alone'], as who calls the libraries has them. */
const twoLoops = (args = []) =>
  figures(program('tests/bench/library_loop'), [corpus.small, '--seconds', String(seconds), '--processes', '2', ...args]);

/** What the service sends for a hit: bytes of the body and of its own headers. */
function hitSize(service, accept) {
  return new Promise((found, failed) => {
    const ask = async (left) => {
      const request = http.request(`${service.url}/v1/compile?stage=fragment`,
        { method: 'POST', headers: { Accept: accept.replace('Accept: ', '') } }, (answer) => {
          let body = 0;
          answer.on('data', (part) => { body += part.length; });
          answer.on('end', () => (left ? ask(left - 1) : found({ body, headers: answer.rawHeaders.join('').length + 2 * answer.rawHeaders.length })));
        });
      request.on('error', failed);
      request.end(await readFile(corpus.small));
    };
    ask(3);
  });
}

/** A server that does nothing but send as many bytes; from a library call that gives the same size each time. */
async function startBare({ body, headers }) {
  const child = spawn(program('tests/bench/bare_reply'), [String(body), String(Math.max(headers - 100, 1))],
    { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).once('line', found);
    child.once('exit', (code) => failed(new Error(`bare_reply ended with status ${code}`)));
  });
  return { child, port };
}

/** 1,000 variants of the small source by one request, as one measurement. */
const batchOf = (service) =>
  figures(program('tests/bench/http_batch'), [`--port=${service.port}`, `--body=${corpus.small}`]);

async function measureCache(service) {
  for (const [name, accept] of [['SPIR-V', SPIRV], ['JSON', 'Accept: application/json']]) {
    const bare = await startBare(await hitSize(service, accept));
    const hits = (to) => () => load(to, 'small', { connections: 4, vary: false, accept, warmUp: 100 });
    await compare({ [`bare reply, ${name}`]: hits(bare), [`from the cache, ${name}`]: hits(service) });
    bare.child.stdin.end();
  }
}

// ---- the measurements ----

async function measureService() {
  const service = await startService(['--workers', '2']);
  facts.set('start to ready, ms', service.readyNs / 1e6);
  try {
    facts.set('start to warm, ms', (await waitWarm(service)) / 1e6);
    facts.set('front idle, MiB', (await idleMemoryBytes(service)) / 2 ** 20);
    for (const size of ['small', 'large']) {
      await compare({
        [`${size}: library loop`]: () => libraryLoop(size),
        [`${size}: HTTP`]: () => load(service, size),
        [`${size}: HTTP, not validated`]: () => load(service, size, { query: '&validate=false' }),
        [`${size}: glslc process`]: () => asProcess(['glslc', '-fshader-stage=fragment', '-o', '-'], size),
        [`${size}: glslangValidator process`]:
          () => asProcess(['glslangValidator', '-V', '-S', 'frag', '-o', '/dev/null'], size),
      });
    }
    await compare({
      'two library loops': () => twoLoops(['--libraries-alone']),
      'two loops of our codegen': () => twoLoops(),
      'HTTP, 2 workers, 4 connections': () => load(service, 'small', { connections: 4 }),
      'a batch of 1,000, 2 workers': () => batchOf(service),
    });
    await measureCache(service);
    // What is looked for is a tenth of a compile, and less than a shared machine's speed changes by within a second: so the
    // rounds are many and short.
    const rounds = options.quick ? 1 : 30;
    const analyzed = (query) => () => load(service, 'small', { query: `&min_samples=0${query}`, time: 0.15, warmUp: 5 });
    await compare({
      'small: analyzer off': analyzed('&analyzer=off'),
      'small: release at 1 Hz': analyzed('&analyzer=release&frequency_hz=1'),
      'small: release': analyzed('&analyzer=release'),
    }, rounds);
    // Last and apart: the debug object's tracepoints stay attached for seconds and slow everybody meanwhile.
    await compare({
      'small: debug': analyzed('&analyzer=debug'),
      'small: analyzer off, beside debug': analyzed('&analyzer=off'),
    }, rounds);
    facts.set('front after the load, MiB', (await frontMemoryBytes(service)) / 2 ** 20);
    facts.set('analyzer', await analyzerState(service));
  } finally {
    await stopService(service);
  }
}

async function analyzerState(service) {
  const answer = await fetch(`${service.url}/v1/compile`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      language: 'glsl', stage: 'fragment', source: await readFile(corpus.small, 'utf8'),
      analyzer: { kind: 'release', min_samples: 0 },
    }),
  });
  const { analyzer } = await answer.json();
  return analyzer.reason ? `${analyzer.state}: ${analyzer.reason}` : analyzer.state;
}

// ---- budgets ----

/** What f makes of two measurements that were made in turn, round by round, and the median of that: the speed of a shared
 * machine changes from second to second, and what two neighbours in time have in common goes out. */
function paired(key, a, b, f) {
  const [x, y] = [measures.get(a)?.rounds, measures.get(b)?.rounds];
  return x && y ? median(x.map((round, i) => f(round[key], y[i][key]))) : NaN;
}
const times = (a, b) => paired('p50_ns', a, b, (x, y) => x / y);
const share = (a, b) => paired('per_second', a, b, (x, y) => (100 * x) / y);
const moreMs = (a, b) => paired('p50_ns', a, b, (x, y) => (x - y) / 1e6);

/** [what, value, budget, unit, 'at most' or 'at least'] */
const budgets = () => [
  ['small over HTTP, more than the library loop, p50', moreMs('small: HTTP', 'small: library loop'), 0.6, 'ms', 'at most'],
  ['large over HTTP, times the library loop, p50', times('large: HTTP', 'large: library loop'), 1.05, '×', 'at most'],
  ['small over HTTP, times faster than glslc, p50', times('small: glslc process', 'small: HTTP'), 60, '×', 'at least'],
  ['the same work, since glslc does not validate', times('small: glslc process', 'small: HTTP, not validated'), undefined,
    '×', ''],
  ['small over HTTP, times faster than glslangValidator, p50',
    times('small: glslangValidator process', 'small: HTTP'), undefined, '×', ''],
  ...[['compiles', 'HTTP, 2 workers, 4 connections'], ['a batch of 1,000', 'a batch of 1,000, 2 workers']].flatMap(([what, ours]) => [
    [`${what} per second, share of two library loops`, share(ours, 'two library loops'), 80, '%', 'at least'],
    [`${what} per second, share of two loops of our codegen`, share(ours, 'two loops of our codegen'), undefined, '%', ''],
  ]),
  ['hits per second, share of bare replies, SPIR-V',
    paired('per_second', 'from the cache, SPIR-V', 'bare reply, SPIR-V', (x, y) => (100 * x) / y), 60, '%', 'at least'],
  ['hits per second, share of bare replies, JSON',
    paired('per_second', 'from the cache, JSON', 'bare reply, JSON', (x, y) => (100 * x) / y), 60, '%', 'at least'],
  ['attach and detach, added to p50 (release at 1 Hz)', moreMs('small: release at 1 Hz', 'small: analyzer off'), 0.3, 'ms',
    'at most'],
  ['release at its usual 4999 Hz, added to p50', moreMs('small: release', 'small: analyzer off'), undefined, 'ms', ''],
  ['debug, the same, more than its neighbours without', moreMs('small: debug', 'small: analyzer off, beside debug'), undefined,
    'ms', ''],
  ['start to ready', facts.get('start to ready, ms'), 300, 'ms', 'at most'],
  ['start to warm', facts.get('start to warm, ms'), 3000, 'ms', 'at most'],
  ['front idle', facts.get('front idle, MiB'), 64, 'MiB', 'at most'],
].map(([what, value, budget, unit, sense]) => ({
  what, value: Number.isFinite(value) ? value : null, budget: budget ?? null, unit, sense,
  ok: budget === undefined || !Number.isFinite(value) ? null : sense === 'at most' ? value <= budget : value >= budget,
}));

// ---- telling ----

const ms = (ns) => (ns / 1e6).toFixed(3).padStart(10);

function tell(results) {
  const print = (line) => process.stdout.write(`${line}\n`);
  print(`${'what'.padEnd(40)} ${'p50 ms'.padStart(10)} ${'p99 ms'.padStart(10)} ${'per second'.padStart(11)} ${'runs'.padStart(7)}`);
  for (const [name, m] of measures) {
    if (m.error) print(`${name.padEnd(40)} could not be measured: ${m.error}`);
    else print(`${name.padEnd(40)} ${ms(m.p50_ns)} ${ms(m.p99_ns)} ${m.per_second.toFixed(1).padStart(11)} ${String(m.n).padStart(7)}`);
  }
  print('');
  for (const b of results) {
    const value = b.value === null ? 'not measured' : `${b.value.toFixed(2)} ${b.unit}`;
    const budget = b.budget === null ? '' : `  budget: ${b.sense} ${b.budget} ${b.unit}: ${b.ok === null ? '–' : b.ok ? 'ok' : 'over'}`;
    print(`${b.what.padEnd(64)} ${value.padStart(14)}${budget}`);
  }
  print('');
  for (const [name, value] of facts) print(`${name}: ${typeof value === 'number' ? value.toFixed(1) : value}`);
  print(`machine: ${cpus().length} × ${cpus()[0].model.trim()}, Linux ${release()}`);
}

function tellTap() {
  let number = 0;
  for (const [name, m] of measures) {
    process.stdout.write(`${m.error ? 'not ok' : 'ok'} ${++number} - ${name} was measured\n`);
    if (m.error) process.stdout.write(`# ${m.error.replaceAll('\n', '\n# ')}\n`);
  }
  process.stdout.write(`1..${number}\n`);
}

await measureService();
const results = budgets();
if (options.json) {
  const document = {
    quick: options.quick, machine: { cpus: cpus().length, model: cpus()[0].model.trim(), kernel: release() },
    measures: Object.fromEntries(measures), facts: Object.fromEntries(facts), budgets: results,
  };
  await writeFile(options.json, `${JSON.stringify(document, null, 2)}\n`);
}
if (options.tap) tellTap();
else tell(results);
process.exitCode = [...measures.values()].some((m) => m.error) ? 1 : 0;
