// SPDX-License-Identifier: Apache-2.0
// The viewer's model code against cases worked out by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bigProfile, packedBytes } from '../bench/viewer_data.mjs';
import { loadModel } from './support/model.mjs';

const {
  again, compare, curl, draft, exports: formats, files, flame, format, functions, linemap, lines, orders, packed, passes, pinch, profile, route, saved, search, spans, steps, strips, text,
  ticks, tokens, traces, words, zoom,
} = await loadModel();

// main ─ parse ─ scan        samples by stack: parse 1, scan 3 (one of them in the kernel), opt 2, and one of scan
//     └─ opt                  alone, whose stack was truncated
function profileJson() {
  return {
    format: 'spvscope-columns', version: 1, kind: 'on-cpu', unit: 'samples', frequency_hz: 4999,
    strings: ['', 'main', 'parse', 'scan', 'opt', 'worker', 'libglslang.so'],
    frames: { name: [1, 2, 3, 4], module: [5, 6, 6, 5], file: [0, 0, 0, 0], line: [0, 0, 0, 0] },
    stacks: { parent: [-1, 0, 1, 0, -1], frame: [0, 1, 2, 3, 2] },
    samples: {
      stack: [1, 2, 2, 2, 3, 3, 4], span: [2, 3, 3, 2, 4, 4, 3], run: [0, 0, 0, 0, 1, 1, 1],
      time_ns: [1, 2, 3, 4, 1, 2, 3], result: [0, 0, 0, 0, 0, 0, 1], in_kernel: [0, 0, 1, 0, 0, 0, 0],
    },
    total: 7, complete: 6, truncated: 1, lost: 0,
  };
}
const within = (p, lo, hi) => profile.chooseSamples(p, { lo, hi }, null, null); // ids of spans
const boxes = (p, t) => Array.from({ length: t.n }, (_, i) => [p.fnName[t.fn[i]], t.depth[i], t.x[i], t.total[i], t.self[i]]);

test('equal stacks become one box, the heaviest on the left, truncated ones under a box of their own', () => {
  const p = profile.decodeProfile(profileJson());
  assert.deepEqual(boxes(p, flame.mergeProfile(p, null)), [
    ['all samples', 0, 0, 7, 0],
    ['main', 1, 0, 6, 0],
    ['[truncated]', 1, 6, 1, 0],
    ['parse', 2, 0, 4, 1],
    ['opt', 2, 4, 2, 2],
    ['scan', 2, 6, 1, 1],
    ['scan', 3, 0, 3, 2],
    ['[kernel]', 4, 0, 1, 1],
  ]);
});

test('a span limits the flame graph to the samples of its subtree', () => {
  const p = profile.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, within(p, 2, 4));
  assert.equal(t.total[0], 5);
  assert.deepEqual(boxes(p, t).map((b) => b[0]), ['all samples', 'main', '[truncated]', 'parse', 'scan', 'scan', '[kernel]']);
  assert.deepEqual(boxes(p, flame.mergeProfile(p, within(p, 9, 10))), [['all samples', 0, 0, 0, 0]]);
});

test('from the other end, what ran is on top and its callers below', () => {
  const p = profile.decodeProfile(profileJson());
  assert.deepEqual(boxes(p, orders.mergeCallers(p, null)), [
    ['all samples', 0, 0, 7, 0],
    ['scan', 1, 0, 3, 0],
    ['opt', 1, 3, 2, 0],
    ['parse', 1, 5, 1, 0],
    ['[kernel]', 1, 6, 1, 0],
    ['parse', 2, 0, 2, 0],
    ['[truncated]', 2, 2, 1, 1],
    ['main', 2, 3, 2, 2],
    ['main', 2, 5, 1, 1],
    ['scan', 2, 6, 1, 0],
    ['main', 3, 0, 2, 2],
    ['parse', 3, 6, 1, 0],
    ['main', 4, 6, 1, 1],
  ]);
  assert.equal(orders.mergeCallers(p, within(p, 4, 5)).total[0], 2);
});

test('functions are summed over all boxes, recursion once', () => {
  const p = profile.decodeProfile(profileJson());
  const rows = functions.functionTable(flame.mergeProfile(p, null), p).map((r) => [p.fnName[r.fn], r.self, r.total]);
  assert.deepEqual(rows, [['scan', 3, 4], ['opt', 2, 2], ['parse', 1, 4], ['[kernel]', 1, 1], ['main', 0, 6], ['[truncated]', 0, 1]]);
  const j = profileJson();
  j.frames.name[2] = 2; // scan is parse again: parse calls itself
  const recursive = profile.decodeProfile(j);
  const parse = functions.functionTable(flame.mergeProfile(recursive, null), recursive).find((r) => recursive.fnName[r.fn] === 'parse');
  assert.deepEqual([parse.self, parse.total], [4, 5]);
});

test('modules are weighed by their own samples', () => {
  const p = profile.decodeProfile(profileJson());
  assert.deepEqual(flame.moduleShares(flame.weighStacks(p, null), p),
    [{ module: 'libglslang.so', self: 4 }, { module: 'worker', self: 2 }, { module: '[kernel]', self: 1 }]);
});

test('the outline of a large profile has the boxes that weigh enough, where the whole has them', () => {
  const bytes = packedBytes(bigProfile(40000));
  const j = packed.unpack(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const names = profile.namesOf(j);
  const outline = profile.decodeOutline(j, names);
  const p = profile.decodeProfile(j, names);
  const [weighed, all] = [flame.weighStacks(outline, null), flame.weighStacks(p, null)];
  const [first, whole] = [flame.mergeStacks(weighed), flame.mergeStacks(all)];
  assert.ok(first.n > 1000 && first.n < whole.n / 2, `${first.n} of ${whole.n}`);
  const places = (t) => Array.from({ length: t.n }, (_, i) => `${t.depth[i]} ${p.fnName[t.fn[i]]} ${t.x[i]} ${t.total[i]} ${t.hits[i]}`);
  assert.deepEqual(places(first), places(whole).filter((_, i) => whole.total[i] >= Math.floor(p.total / 4096)));
  assert.equal(first.self.reduce((a, b) => a + b), whole.total[0], 'what is left out counts as its parents\u2019 own');
  assert.deepEqual(flame.moduleShares(weighed, outline), flame.moduleShares(all, p), 'but not in the legend');
});

test('an outline counts samples, weighs them, and knows how they ended', () => {
  const j = {
    ...profileJson(), total: 20, complete: 17, truncated: 3, samples: { weight: [] },
    outline_stacks: { parent: [-1, 0], frame: [0, 1] },
    outline_samples: { stack: [0, 1, 1, 1, -1], result: [0, 0, 0, 1, 1], in_kernel: [0, 0, 1, 0, 0], count: [4, 8, 5, 2, 1], weight: [40, 160, 50, 20, 30] },
    outline_own: { weight: [30, 100, 60, 30, 50] },
  };
  const p = profile.decodeOutline(j, profile.namesOf(j));
  const w = flame.weighStacks(p, null);
  assert.deepEqual(boxes(p, flame.mergeStacks(w)).map((b) => b.slice(0, 4)), [
    ['all samples', 0, 0, 300], ['main', 1, 0, 250], ['[truncated]', 1, 250, 50],
    ['parse', 2, 0, 210], ['main', 2, 250, 20], ['[kernel]', 3, 0, 50], ['parse', 3, 250, 20],
  ]);
  assert.equal(w.cut, 3);
  assert.deepEqual([...flame.mergeStacks(w).hits.slice(0, 3)], [20, 17, 3]);
  assert.deepEqual(flame.moduleShares(w, p),
    [{ module: 'libglslang.so', self: 160 }, { module: 'worker', self: 60 }, { module: '[kernel]', self: 50 }, { module: '[truncated]', self: 30 }]);
  assert.equal(profile.decodeOutline(profileJson(), profile.namesOf(profileJson())), null, 'a small profile has none');
});

/** The plain way: each sample walks its stack and is counted in a tree of maps. */
function mergedPlainly(j, keep) {
  const s = j.samples, root = { total: 0, below: new Map() };
  const lanes = new Map();
  const name = (k) => j.strings[j.frames.name[j.stacks.frame[k]]];
  for (const tid of s.tid) if (!lanes.has(tid)) lanes.set(tid, `thread ${tid} of process 9`);
  s.stack.forEach((stack, i) => {
    if (keep && !keep[i]) return;
    const way = [];
    for (let k = stack; k >= 0; k = j.stacks.parent[k]) way.push(name(k));
    if ((s.result[i] || stack < 0) && way.at(-1) !== '[truncated]') way.push('[truncated]');
    way.push(lanes.get(s.tid[i]));
    way.reverse();
    if (s.in_kernel[i] && (stack < 0 || name(stack) !== '[kernel]')) way.push('[kernel]');
    let at = root;
    const w = s.weight ? s.weight[i] : 1;
    root.total += w;
    for (const fn of way) {
      if (!at.below.has(fn)) at.below.set(fn, { total: 0, below: new Map() });
      at = at.below.get(fn);
      at.total += w;
    }
  });
  const out = [];
  const walk = (node, path) => {
    if (node.total) out.push(`${path} ${node.total}`);
    for (const [fn, below] of node.below) walk(below, `${path};${fn}`);
  };
  walk(root, 'all samples');
  return out.sort();
}

test('samples of all kinds, by the thousand, are merged as by walking each stack', () => {
  let x = 4711;
  const random = (n) => (x = (Math.imul(x, 1103515245) + 12345) >>> 0) % 65521 % n;
  for (let round = 0; round < 40; round++) {
    const strings = ['', '[kernel]', '[truncated]', ...Array.from({ length: 9 }, (_, i) => `f${i}`)];
    const nStacks = 1 + random(60), n = random(400);
    const column = (of) => Array.from({ length: n }, of);
    const j = {
      format: 'spvscope-columns', version: 1, kind: 'on-cpu', unit: 'samples', frequency_hz: 1000, strings,
      frames: { name: strings.map((_, i) => i).slice(1), module: strings.slice(1).map(() => 0), file: strings.slice(1).map(() => 0), line: strings.slice(1).map(() => 0) },
      stacks: { parent: Array.from({ length: nStacks }, (_, i) => random(i + 1) - 1), frame: Array.from({ length: nStacks }, () => random(strings.length - 1)) },
      samples: {
        stack: column(() => random(nStacks + 1) - 1), span: column(() => 1), run: column(() => 0), time_ns: column((_, i) => i),
        result: column(() => (random(4) ? 0 : 1)), in_kernel: column(() => (random(3) ? 0 : 1)),
        tid: column(() => 10 + random(1 + (round % 3))), pid: column(() => 9), ...(round % 2 ? { weight: column(() => 1 + random(9)) } : {}),
      },
      total: n, complete: n, truncated: 0, lost: 0,
    };
    for (const keep of [null, Uint8Array.from({ length: n }, () => random(2))]) {
      const p = profile.decodeProfile(structuredClone(j));
      const t = flame.mergeProfile(p, keep);
      const oneThread = new Set(j.samples.tid).size < 2; // then there are no lanes
      const expected = mergedPlainly(j, keep).filter((line) => !oneThread || !/^all samples;thread \d+ of process 9 /.test(line))
        .map((line) => (oneThread ? line.replace(/;thread \d+ of process 9/, '') : line));
      const path = (i) => flame.pathTo(t, i).map((b) => p.fnName[t.fn[b]]).join(';');
      assert.deepEqual(Array.from({ length: t.n }, (_, i) => `${path(i)} ${t.total[i]}`).filter((line) => !line.endsWith(' 0')).sort(), expected);
      // and each sample is in the box where its way ends
      const own = new Map();
      for (let s = 0; s < n; s++) if (t.sampleBox[s] >= 0) own.set(t.sampleBox[s], (own.get(t.sampleBox[s]) ?? 0) + (j.samples.weight?.[s] ?? 1));
      for (let i = 0; i < t.n; i++) assert.equal(own.get(i) ?? 0, t.self[i]);
    }
  }
});

test('packed columns are the same profile', () => {
  const plain = { ...profileJson(), strings: [...profileJson().strings, 'a\nb', 'u8'] }; // a function of that name is no column
  const bytes = packedBytes(plain);
  const j = packed.unpack(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  assert.equal(j.stacks.parent.constructor, Int32Array);
  assert.equal(j.samples.time_ns.constructor, Float64Array);
  assert.deepEqual(profile.decodeProfile(j), profile.decodeProfile(plain));
  assert.throws(() => packed.unpack(new TextEncoder().encode('{"frames":{"name":"i32","rows":9},"stacks":{},"samples":{}}\n').buffer), RangeError, 'cut off');
});

test('boxes are found by place and by path', () => {
  const p = profile.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, null);
  assert.equal(p.fnName[t.fn[flame.boxAt(t, 2, 4.5)]], 'opt');
  assert.equal(p.fnName[t.fn[flame.boxAt(t, 2, 6.2)]], 'scan');
  assert.equal(flame.boxAt(t, 3, 5), -1);
  assert.equal(flame.boxAt(t, 9, 0), -1);
  const way = zoom.zoomOf(t, p, flame.boxAt(t, 3, 0));
  assert.equal(zoom.findZoom(t, p, way), flame.boxAt(t, 3, 0));
  const some = flame.mergeProfile(p, within(p, 2, 3));
  assert.equal(p.fnName[some.fn[zoom.findZoom(some, p, way)]], 'scan');
  const others = flame.mergeProfile(p, within(p, 4, 5));
  assert.equal(p.fnName[others.fn[zoom.findZoom(others, p, way)]], 'main', 'as deep as it goes');
  assert.equal(zoom.findZoom(t, p, ''), 0);
  assert.equal(zoom.findZoom(t, p, 'nothing.here'), 0);
});

test('a stretch of the flame graph comes to rest on the box that is nearest to it', () => {
  const p = profile.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, null); // all 0–7, main 0–6, parse 0–4, scan 0–3, its kernel 0–1
  const rest = (from, x0, x1) => p.fnName[t.fn[pinch.boxOfStretch(t, from, x0, x1)]];
  const scan = flame.boxAt(t, 3, 0);
  assert.equal(rest(0, 0, 7), 'all samples');
  assert.equal(rest(0, 0, 4.2), 'parse');
  assert.equal(rest(0, 1, 4), 'scan');
  assert.equal(rest(0, 4.5, 5.5), 'opt', 'below the middle of the stretch');
  assert.equal(rest(0, 0.1, 0.2), '[kernel]', 'nothing is narrower');
  assert.equal(rest(scan, 0, 5.8), 'main', 'and outwards again');
  assert.equal(rest(scan, -20, 20), 'all samples');
});

test('in the order of time neighbours share a box, and what comes again has one of its own', () => {
  const j = profileJson();
  j.samples = { stack: [2, 2, 3, 2], span: [3, 3, 4, 3], run: [0, 0, 0, 0], time_ns: [10, 20, 30, 40], result: [0, 0, 0, 0], in_kernel: [0, 0, 0, 0] };
  const p = profile.decodeProfile(j);
  const order = orders.timeOrder(p, null, () => -1);
  assert.deepEqual(boxes(p, order), [
    ['all samples', 0, 0, 4, 0], ['main', 1, 0, 4, 0], ['parse', 2, 0, 2, 0], ['opt', 2, 2, 1, 1], ['parse', 2, 3, 1, 0], ['scan', 3, 0, 2, 2], ['scan', 3, 3, 1, 1],
  ]);
  const second = flame.boxAt(order, 2, 3.5);
  assert.equal(zoom.findZoom(order, p, zoom.zoomOf(order, p, second)), second, 'the second of two with one name');
});

test('runs and threads stand beside each other in the order of time', () => {
  const j = profileJson();
  j.samples = { stack: [3, 3, 3], span: [4, 4, 4], run: [0, 1, 1], time_ns: [1, 1, 2], pid: [7, 8, 8], tid: [7, 8, 9], result: [0, 0, 0], in_kernel: [0, 0, 0] };
  const p = profile.decodeProfile(j);
  assert.deepEqual([...p.sampleLane], [0, 0, 1], 'the first thread of each run is one lane');
  const named = { ...p, fnName: [...p.fnName, 'run 1', 'run 2'], fnModule: [...p.fnModule, '', ''], fnFile: [...p.fnFile, '', ''] };
  const t = orders.timeOrder(named, null, (run) => p.fnName.length + run);
  assert.deepEqual(boxes(named, t).filter((b) => b[1] < 3).map((b) => b.slice(0, 4)), [
    ['all samples', 0, 0, 3], ['worker, process 7', 1, 0, 2], ['worker, thread 9 of process 8', 1, 2, 1], ['run 1', 2, 0, 1], ['run 2', 2, 1, 1], ['run 2', 2, 2, 1],
  ]);
  assert.deepEqual(boxes(p, flame.mergeProfile(p, null)).filter((b) => b[1] === 1).map((b) => b[0]), ['worker, process 7', 'worker, thread 9 of process 8']);
  j.frames.module = j.frames.module.map(() => j.strings.push('ld-linux-x86-64.so.2') - 1);
  const loading = profile.decodeProfile(j);
  assert.deepEqual(loading.laneFn.map((fn) => loading.fnName[fn]), ['process 7', 'thread 9 of process 8'], 'the loader is nobody\'s program');
});

test('a sandwich counts a sample once, from the outermost call', () => {
  const j = profileJson();
  // main ─ parse ─ scan ─ parse ─ opt
  j.stacks = { parent: [-1, 0, 1, 2, 3], frame: [0, 1, 2, 1, 3] };
  j.samples = { stack: [4, 1, 0, 2], span: [1, 1, 1, 1] };
  const p = profile.decodeProfile(j);
  const { callees, callers } = functions.sandwich(p, null, p.fnName.indexOf('parse'));
  assert.deepEqual(boxes(p, callees), [['parse', 0, 0, 3, 1], ['scan', 1, 0, 2, 1], ['parse', 2, 0, 1, 0], ['opt', 3, 0, 1, 1]]);
  assert.deepEqual(boxes(p, callers), [['parse', 0, 0, 3, 0], ['main', 1, 0, 3, 3]]);
  assert.equal(functions.sandwich(p, null, p.fnName.indexOf('[kernel]')).callees.total[0], 0);
});

test('focus, drop and collapse, one after another', () => {
  const p = profile.decodeProfile(profileJson());
  const after = (...list) => {
    const q = steps.applySteps(p, list.map(route.parseStep));
    return boxes(q, flame.mergeProfile(q, null));
  };
  assert.deepEqual(after('f:scan'), [['all samples', 0, 0, 4, 0], ['scan', 1, 0, 4, 3], ['[kernel]', 2, 0, 1, 1]]);
  assert.deepEqual(after('d:scan'), [['all samples', 0, 0, 3, 0], ['main', 1, 0, 3, 0], ['opt', 2, 0, 2, 2], ['parse', 2, 2, 1, 1]]);
  assert.deepEqual(after('c:libglslang.so'), [
    ['all samples', 0, 0, 7, 0], ['main', 1, 0, 6, 0], ['[truncated]', 1, 6, 1, 0], ['[libglslang.so]', 2, 0, 4, 3], ['opt', 2, 4, 2, 2], ['[libglslang.so]', 2, 6, 1, 1],
    ['[kernel]', 3, 0, 1, 1],
  ]);
  assert.deepEqual(after('d:opt', 'f:parse'), [['all samples', 0, 0, 4, 0], ['parse', 1, 0, 4, 1], ['scan', 2, 0, 3, 2], ['[kernel]', 3, 0, 1, 1]]);
  assert.deepEqual(after('f:nobody'), [['all samples', 0, 0, 0, 0]]);
  assert.equal(route.parseStep('x:y'), null);
  assert.deepEqual(route.parseStep(route.formatStep({ kind: 'focus', name: 'a::b<c>' })), { kind: 'focus', name: 'a::b<c>' });
});

test('samples that weigh differently are summed, and counted beside', () => {
  const j = { ...profileJson(), kind: 'off-cpu', unit: 'ns' };
  j.samples.weight = [10, 20, 30, 40, 5, 5, 1];
  const p = profile.decodeProfile(j);
  const t = flame.mergeProfile(p, null);
  assert.deepEqual([t.total[0], t.hits[0]], [111, 7]);
  assert.equal(words.weightWords(p, 1500), '1.50 µs');
  assert.deepEqual(functions.functionTable(t, p).map((r) => [p.fnName[r.fn], r.self]).slice(0, 2), [['scan', 61], ['[kernel]', 30]]);
});

test('columns that do not hold together are refused', () => {
  const broken = (change) => {
    const j = profileJson();
    change(j);
    return () => profile.decodeProfile(j);
  };
  assert.throws(broken((j) => { j.version = 2; }), /version 2/);
  assert.throws(broken((j) => { j.stacks.parent[0] = 3; }), /before its parent/);
  assert.throws(broken((j) => { j.stacks.frame[1] = 99; }), /no frame 99/);
  assert.throws(broken((j) => { j.samples.stack[0] = 99; }), /no stack 99/);
});

test('search counts a sample once however often its stack matches', () => {
  const p = profile.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, null);
  const of = (q) => { const r = search.search(t, p, q, spans.decodeSpans(SPANS)); return r && [r.boxes, r.samples]; };
  assert.deepEqual(of('SCAN'), [2, 4]);
  assert.deepEqual(of('/^(parse|scan)$/'), [3, 5]);
  assert.deepEqual(of('glslang'), [3, 5], 'libraries are searched too');
  assert.deepEqual(of('nothing'), [0, 0]);
  assert.equal(of('/(/'), null);
  // spans 2 and 3 are parse and its include; of main's 6 samples 4 are in them
  assert.deepEqual(of('span:parse'), [6, 5]);
  assert.deepEqual(of('span:/^codegen::opt$/'), [1, 2]);
  assert.deepEqual(of('file:nothing'), [0, 0]);
  assert.equal(of('span:'), null);
  assert.equal(of('  '), null);
});

test('half a million boxes are merged and laid out in under three seconds', () => {
  const n = 500000;
  const parent = Array.from({ length: n }, (_, i) => (i === 0 ? -1 : (i - 1) >> 2));
  const j = {
    ...profileJson(), strings: ['', ...Array.from({ length: 1000 }, (_, i) => `f${i}`)],
    frames: { name: Array.from({ length: 1000 }, (_, i) => i + 1), module: Array(1000).fill(0) },
    stacks: { parent, frame: parent.map((_, i) => (i * 7) % 1000) },
    samples: { stack: Array.from({ length: n }, (_, i) => i), span: Array(n).fill(1) }, total: n,
  };
  const begun = performance.now();
  const p = profile.decodeProfile(j);
  const t = flame.mergeProfile(p, null);
  const took = performance.now() - begun;
  assert.equal(orders.mergeCallers(p, null).total[0], n);
  assert.equal(t.total[0], n);
  assert.ok(t.n > 400000, `${t.n} boxes`);
  assert.ok(took < 3000, `${took.toFixed(0)} ms`);
});

const SPANS = [{
  id: 1, name: 'server::request', level: 'info', start_ns: 0, duration_ns: 1000, cpu_ns: 900,
  children: [
    { id: 2, name: 'codegen::parse', level: 'info', start_ns: 100, duration_ns: 300,
      events: [{ time_ns: 120, level: 'error', name: 'codegen::parse', message: 'no' }],
      children: [{ id: 3, name: 'codegen::parse::include', level: 'debug', start_ns: 150, duration_ns: 100 }] },
    { id: 4, name: 'codegen::opt', level: 'info', start_ns: 350, duration_ns: 400, open: true },
  ],
}];

test('spans become columns in pre-order, a subtree a range', () => {
  const t = spans.decodeSpans(SPANS);
  assert.deepEqual([...t.id], [1, 2, 3, 4]);
  assert.deepEqual([...t.parent], [-1, 0, 1, 0]);
  assert.deepEqual([...t.depth], [0, 1, 2, 1]);
  assert.deepEqual([...t.end], [4, 3, 3, 4]);
  assert.deepEqual([...t.hasError], [0, 1, 0, 0]);
  assert.deepEqual([...t.open], [0, 0, 0, 1]);
  assert.deepEqual(t.families, ['server', 'codegen::parse', 'codegen::opt']);
  assert.equal(t.totalNs, 1000);
  assert.deepEqual([...spans.visibleRows(t, new Set([1]))], [0, 1, 3]);
  assert.deepEqual([...spans.visibleRows(t, new Set([0]))], [0]);
  assert.equal(spans.labelOf(t, 2), 'include');
  assert.equal(spans.labelOf(t, 1), 'codegen::parse');
  assert.deepEqual(spans.pathOf(t, 2), [0, 1, 2]);
});

test('own time leaves out the children, and what two of them share only once', () => {
  const t = spans.decodeSpans(SPANS);
  assert.equal(spans.selfNs(t, 0), 1000 - 650); // 100–400 and 350–750 cover 100–750
  assert.equal(spans.selfNs(t, 1), 200);
  assert.equal(spans.selfNs(t, 2), 100);
  assert.deepEqual(spans.slowestSpans(t, 2), [3, 0]);
});

test('a tree deeper than the engine\'s stack is read', () => {
  const root = { id: 1, name: 'a', level: 'info', start_ns: 0, duration_ns: 1, children: [] };
  let at = root;
  for (let id = 2; id <= 50000; id++) {
    const next = { id, name: 'a', level: 'info', start_ns: 0, duration_ns: 1, children: [] };
    at.children.push(next);
    at = next;
  }
  const t = spans.decodeSpans([root]);
  assert.equal(t.n, 50000);
  assert.equal(t.end[0], 50000);
  assert.equal(spans.decodeSpans([]).n, 0);
});

test('ticks are round and of one unit', () => {
  assert.deepEqual(ticks.ticks(0, 1.6e6, 4).map((t) => t.label), ['0', '0.5 ms', '1.0 ms', '1.5 ms']);
  assert.deepEqual(ticks.ticks(101000, 104000, 4).map((t) => t.label), ['101 µs', '102 µs', '103 µs', '104 µs']);
  assert.deepEqual(ticks.ticks(0, 10, 3).map((t) => t.label), ['0', '5 ns', '10 ns']);
  assert.deepEqual(ticks.ticks(5, 5, 3), []);
  assert.equal(ticks.niceStep(1000, 10), 100);
  assert.equal(ticks.niceStep(1001, 10), 200);
});

test('quantities read as people write them', () => {
  assert.deepEqual([0, 812, 1240, 104000, 999600, 1.6e6, 2.1e9, 184e9].map(format.formatNs),
    ['0 ns', '812 ns', '1.24 µs', '104 µs', '1.00 ms', '1.60 ms', '2.10 s', '3 min 4 s']);
  assert.deepEqual([0, 1023, 1024, 2112, 1048576].map(format.formatBytes), ['0 B', '1023 B', '1 KiB', '2.06 KiB', '1 MiB']);
  assert.deepEqual([0, 0.0004, 0.1234, 0.9997, 1].map(format.formatShare), ['0 %', '< 0.1 %', '12.3 %', '> 99.9 %', '100 %']);
  assert.equal(format.plural(1, 'sample'), '1 sample');
  assert.equal(format.plural(4999, 'sample'), '4,999 samples');
});

test('the interval of a share is Wilson\'s', () => {
  const near = (got, want) => got.forEach((x, i) => assert.ok(Math.abs(x - want[i]) < 5e-4, `${got}`));
  near(format.wilson95(10, 100), [0.0552, 0.1744]);
  near(format.wilson95(0, 20), [0, 0.1611]);
  near(format.wilson95(20, 20), [0.8389, 1]);
  assert.deepEqual(format.wilson95(0, 0), [0, 1]);
});

test('signatures are shortened without losing the function', () => {
  const cases = {
    'spvtools::opt::Instruction::ForEachInId(std::function<void (unsigned int*)> const&)': 'spvtools::opt::Instruction::ForEachInId',
    'void spvtools::opt::Pass::Walk<int>(int)': 'spvtools::opt::Pass::Walk',
    '(anonymous namespace)::compile(char const*)': '(anon)::compile',
    'std::vector<int, std::allocator<int> >::operator[](unsigned long)': 'std::vector::operator[]',
    'glslang::TFn::operator()(int) const': 'glslang::TFn::operator()',
    malloc: 'malloc',
    '[kernel]': '[kernel]',
    '<img src=x onerror=alert(1)>': '<img src=x onerror=alert(1)>',
  };
  for (const [name, want] of Object.entries(cases)) assert.equal(format.shortName(name), want);
});

test('diagnostics underline their ranges', () => {
  const source = '#version 450\r\nvoid main() {\n  x = 1;\n}';
  const starts = text.lineStarts(source);
  assert.deepEqual([...starts], [0, 14, 28, 37, 39]);
  const at = (a, b, c, d) => ({ start: { line: a, character: b }, end: { line: c, character: d } });
  const diagnostics = [
    { severity: 1, message: "'x' : undeclared\nsecond line", range: at(2, 2, 2, 3) },
    { severity: 2, message: 'far away', range: at(99, 0, 99, 0) },
  ];
  assert.deepEqual(text.marksOf(2, 8, diagnostics), [{ from: 2, to: 3, severity: 1 }]);
  assert.deepEqual(text.marksOf(1, 5, [{ severity: 1, message: '', range: at(0, 3, 2, 1) }]), [{ from: 0, to: 5, severity: 1 }]);
  assert.deepEqual(text.marksOf(0, 5, [{ severity: 1, message: '', range: at(0, 9, 0, 9) }]), [{ from: 4, to: 5, severity: 1 }],
    'behind the end: the last character');
  assert.deepEqual(text.marksOf(0, 0, [{ severity: 1, message: '', range: at(0, 0, 0, 0) }]), []);
});

test('words are told apart, also inside comments that span lines', () => {
  const source = 'int a; /* one\ntwo */ float b; // end\n"no /* comment"\nvec3 c;';
  const starts = text.lineStarts(source);
  const inside = tokens.commentLines(source, starts);
  assert.deepEqual([...inside.subarray(0, 4)], [0, 1, 0, 0]);
  const lineAt = (k) => source.slice(starts[k], starts[k + 1] - 1);
  const kinds = (k) => tokens.tokensOf(lineAt(k), 'c', inside[k] === 1)
    .map((t) => [lineAt(k).slice(t.from, t.to), t.kind]);
  assert.deepEqual(kinds(1), [['two */', 'comment'], ['float', 'type'], ['// end', 'comment']]);
  assert.deepEqual(kinds(3), [['vec3', 'type']]);
  assert.deepEqual(tokens.tokensOf('%4 = OpTypeInt 32 0 ; x', 'spirv', false).map((t) => t.kind), ['id', 'word', 'number', 'number', 'comment']);
});

test('live events and pages make one list, newest first', () => {
  const row = (id, t, status = 'ok') => ({ id: `t${id}`, compilation_id: id, name: id, language: 'glsl', stage: null, status, analyzer: 'off',
    started_unix_ns: t, duration_ns: 1, spans: 1, samples: 0, kept: false });
  let rows = traces.mergeRows([], [row('a', 1), row('b', 2)]);
  const event = { id: 'c', trace_id: 'tc', name: 'c', language: 'glsl', stage: 'vertex', status: 'running', analyzer: 'off', started_unix_ns: 3,
    duration_ns: 0, spans: 0, samples: 0, kept: false };
  rows = traces.applyEvent(rows, 'start', event);
  assert.deepEqual(rows.map((r) => [r.compilation_id, r.status]), [['c', 'running'], ['b', 'ok'], ['a', 'ok']]);
  rows = traces.applyEvent(rows, 'end', { ...event, status: 'failed', spans: 7 });
  assert.deepEqual([rows[0].status, rows[0].spans, rows.length], ['failed', 7, 3]);
  rows = traces.applyEvent(rows, 'start', event);
  assert.equal(rows[0].status, 'failed', 'an end is not taken back');
  assert.equal(traces.applyEvent(rows, 'end', { ...event, trace_id: null }).length, 2, 'without a trace there is nothing to open');
  const filter = (f) => traces.filterRows(rows, { status: '', language: '', text: '', ...f }).map((r) => r.compilation_id);
  assert.deepEqual(filter({ status: 'ok' }), ['b', 'a']);
  assert.deepEqual(filter({ text: ' VERTEX ' }), ['c']);
  assert.deepEqual(filter({ language: 'hlsl' }), []);
});

test('the fragment holds what is on the screen', () => {
  const r = route.traceRoute('abc', {
    span: 9, range: [1000, 250000], shape: 'sandwich', fn: 'a<b>::c(int&)', kind: 'off-cpu', query: 'a&b=c', log: '/x|y/', zoom: '1a.2b_3',
    steps: [{ kind: 'focus', name: 'f & g' }, { kind: 'drop', name: '<img onerror=x>' }, { kind: 'collapse', name: '/lib/x.so' }],
  });
  assert.deepEqual(route.parseRoute(route.formatRoute(r)), r);
  assert.deepEqual(route.parseRoute('/#trace=ff'.slice(1)), route.traceRoute('ff'));
  for (const wrong of ['#trace=ff&range=9-3', '#trace=ff&range=x', '#trace=ff&step=zz:a', '#trace=ff&span=-x']) assert.deepEqual(route.parseRoute(wrong), route.traceRoute('ff'));
  assert.equal(route.parseRoute('').view, 'list');
  assert.equal(route.parseRoute('#compile').view, 'compile');
  for (const other of [{ view: 'compile', from: 'ff' }, { view: 'compare', base: 'a', to: 'b', order: 'tree', zoom: '1a.2b_3' }, { view: 'compare', base: 'a', to: '', order: '', zoom: '' }])
    assert.deepEqual(route.parseRoute(route.formatRoute(other)), other);
  assert.equal(route.parseRoute('#status=failed').status, 'failed');
});

test('samples stand at their own time, moved into their span', () => {
  const j = profileJson();
  j.samples = { stack: [1, 1, 1], span: [2, 2, 9], run: [0, 0, 0], time_ns: [150, 5000, 40] };
  const p = profile.decodeProfile(j);
  const t = spans.decodeSpans(SPANS); // the run begins with codegen::parse, at 100
  const at = profile.placeSamples(p, t);
  assert.deepEqual([...at], [250, 400, 140], 'in its span; at its end; without a span where it says');
  assert.deepEqual([...profile.chooseSamples(p, null, [200, 300], at)], [1, 0, 0]);
  assert.deepEqual([...profile.chooseSamples(p, { lo: 2, hi: 3 }, [0, 1000], at)], [1, 1, 0]);
  assert.equal(profile.chooseSamples(p, null, null, at), null);
});

test('strips spread samples and measures over the axis', () => {
  const strip = strips.sampleStrip(Float64Array.of(0, 1, 5, 9, 10), null, 0, 10, 2);
  assert.deepEqual([[...strip.bins], strip.most, strip.total], [[2, 2], 2, 4]);
  const t = spans.decodeSpans(SPANS);
  const own = strips.ownMeasure(t, (i) => [100, 40, 10, 60][i]);
  assert.deepEqual([...own], [0, 30, 10, 60]);
  const spread = strips.spreadStrip(t, 'x', own, 0, 1000, 10);
  // parse has 100–150 and 250–400 to itself: 30 over 200; include 10 over 150–250; opt 60 over 350–750
  assert.deepEqual([...spread.bins].map((x) => Math.round(x * 100) / 100), [0, 12.5, 12.5, 22.5, 15, 15, 15, 7.5, 0, 0]);
  assert.equal(Math.round(spread.total), 100);
});

test('lines that differ are found, the least of them', () => {
  const of = (a, b) => {
    const d = lines.diffLines([...a], [...b]);
    return d.lines.map((l) => l.sign + l.text).join(' ');
  };
  assert.equal(of('abc', 'abc'), ' a  b  c');
  assert.equal(of('abcabba', 'cbabac').replace(/[^-+]/g, '').length, 5, "the example of Myers' paper: five edits");
  assert.equal(of('', 'ab'), '+a +b');
  assert.equal(of('ab', ''), '-a -b');
  assert.equal(of('axb', 'ayb'), ' a -x +y  b');
  for (const [a, b] of [['abcabba', 'cbabac'], ['xaxbxc', 'abc'], ['abc', 'xyz'], ['aab', 'baa']]) {
    const d = lines.diffLines([...a], [...b]);
    assert.equal(d.lines.filter((l) => l.sign !== '+').map((l) => l.text).join(''), a);
    assert.equal(d.lines.filter((l) => l.sign !== '-').map((l) => l.text).join(''), b);
    assert.ok(d.lines.every((l) => (l.from < 0 || a[l.from] === l.text) && (l.to < 0 || b[l.to] === l.text)));
  }
  const far = lines.diffLines(Array.from({ length: 4000 }, (_, i) => `a${i}`), Array.from({ length: 4000 }, (_, i) => `b${i}`));
  assert.deepEqual([far.exact, far.added, far.removed], [false, 4000, 4000]);
  const some = lines.withContext(lines.diffLines([...'abcdefghij'], [...'abcdeXghij']), 1);
  assert.deepEqual(some.map((l) => ('skipped' in l ? l.skipped : l.sign + l.text)), [4, ' e', '-f', '+X', ' g', 3]);
});

test('instructions are found by source line', () => {
  const dis = ['%1 = OpString "dir/a.frag"', '%f = OpFunction %void None %t', 'OpLine %1 4 0', '%2 = OpFAdd %float %3 %4', '%5 = OpFMul %float %2 %2', 'OpLine %1 7 2', 'OpStore %6 %5',
    'OpReturn', 'OpFunctionEnd', '%9 = OpIAdd %int %1 %1'];
  const map = linemap.lineMap(dis);
  assert.deepEqual(map.files, ['dir/a.frag']);
  assert.deepEqual([...map.lineOf], [-1, -1, -1, 3, 3, -1, 6, 6, -1, -1]);
  assert.deepEqual([...map.counts[0]], [[3, 2], [6, 1]]);
  assert.equal(linemap.fileIndex(map, 'a.frag'), 0);
  assert.equal(linemap.fileIndex(map, 'b.frag'), -1);
  const debug = ['%1 = OpString "x.hlsl"', '%int_5 = OpConstant %int 5', '%s = OpExtInst %void %ext DebugSource %1 %2', '%l = OpExtInst %void %ext DebugLine %s %int_5 %int_5 %int_1 %int_2',
    '%7 = OpIAdd %int %a %b', '%m = OpExtInst %void %ext DebugNoLine', '%8 = OpIAdd %int %a %b'];
  assert.deepEqual([...linemap.lineMap(debug).lineOf], [-1, -1, -1, -1, 4, -1, -1]);
  assert.equal(linemap.lineMap(['OpCapability Shader']), null);
});

const PASSES = [{ id: 1, name: 'codegen::opt', level: 'info', start_ns: 0, duration_ns: 90, children: [
  { id: 2, name: 'codegen::opt::ccp', level: 'debug', start_ns: 0, duration_ns: 30, attributes: { 'ir.instructions_before': 10, 'ir.instructions_after': 12 } },
  { id: 3, name: 'codegen::opt::scalar-replacement', level: 'debug', start_ns: 40, duration_ns: 20, attributes: { argument: '100', 'ir.instructions_before': 12, 'ir.instructions_after': 7 } },
] }];

test('passes are read from their spans, and what one did is two requests', () => {
  const rows = passes.passRows(spans.decodeSpans(PASSES));
  assert.deepEqual(rows.map((r) => [r.name, passes.passFlag(r), passes.growth(r)]), [['ccp', '--ccp', 2], ['scalar-replacement', '--scalar-replacement=100', -5]]);
  const [before, after] = passes.passRequests({ source: 'x', optimize: 'performance', keep: true, analyzer: { kind: 'debug' }, debug_info: 'line' }, rows, 1);
  assert.deepEqual(before.optimize, { passes: ['--ccp'] });
  assert.deepEqual(after.optimize, { passes: ['--ccp', '--scalar-replacement=100'] });
  assert.deepEqual([after.emit, after.analyzer, after.keep, after.debug_info], [['disassembly'], undefined, undefined, 'line']);
  assert.equal(passes.passRequests({ source: 'x' }, rows, 0)[0].optimize, 'none');
});

test('spans of two traces are aligned by their path', () => {
  const tree = (...names) => spans.decodeSpans([{ id: 1, name: 'root', level: 'info', start_ns: 0, duration_ns: 10,
    children: names.map((name, i) => ({ id: i + 2, name, level: 'info', start_ns: i, duration_ns: 1 })) }]);
  const of = (a, b) => compare.alignSpans(a, b).map((p) => [p.name, p.base, p.to]);
  assert.deepEqual(of(tree('a', 'b', 'a'), tree('a', 'c', 'a', 'a')), [['root', 0, 0], ['a', 1, 1], ['c', -1, 2], ['b', 2, -1], ['a', 3, 3], ['a', -1, 4]]);
  assert.deepEqual(of(tree(), tree()), [['root', 0, 0]]);
});

test('a flame difference has the time of one compile in both', () => {
  const base = profile.decodeProfile(profileJson());
  const j = profileJson();
  j.samples.stack = [1, 3, 3, 3, 3, 3, 3];
  j.samples.result = j.samples.in_kernel = [0, 0, 0, 0, 0, 0, 0];
  const to = profile.decodeProfile(j);
  const d = compare.diffFlames(base, to, 100, 50); // ns a sample
  assert.deepEqual([d.baseTotal, d.toTotal], [700, 350]);
  const row = (name) => { const i = [...d.tree.fn].findIndex((fn) => d.profile.fnName[fn] === name); return [d.base[i], d.to[i]]; };
  assert.deepEqual(row('main'), [600, 350]);
  assert.deepEqual(row('opt'), [200, 300]);
  assert.deepEqual(row('scan'), [100, 0]);
  assert.deepEqual(compare.functionChanges(d).map((c) => [d.profile.fnName[c.fn], c.base, c.to]),
    [['scan', 300, 0], ['[kernel]', 100, 0], ['opt', 200, 300], ['parse', 100, 50]]);
  const gone = compare.vanished(d).map((i) => d.profile.fnName[d.tree.fn[i]]);
  assert.deepEqual(gone, ['scan', '[truncated]']);
  assert.ok(Math.abs(compare.deviations(900, 1000, 1, 1) - 100 / Math.sqrt(1900)) < 1e-9);
  assert.equal(compare.deviations(0, 0, 1, 1), 0);
});

test('a trace goes into a file and comes out', () => {
  const trace = { id: 'ff', compilation_id: 'cc', name: 'a', language: 'glsl', stage: null, status: 'ok', started_unix_ns: 1, duration_ns: 2, kept: false, dropped: 0,
    response: null, request: null, source: 'x', has_disassembly: true, has_log: true, n_samples: 7, spans: SPANS };
  const whole = saved.parseSaved(JSON.stringify({ format: 'spvscope-trace', version: 1, trace, flames: { 'on-cpu': profileJson() }, log: [], disassembly: 'OpNop' }));
  assert.deepEqual([whole.trace.n_samples, whole.trace.has_log, whole.disassembly], [7, true, 'OpNop']);
  const bare = saved.parseSaved(JSON.stringify(trace));
  assert.deepEqual([bare.trace.n_samples, bare.trace.has_log, bare.trace.has_disassembly], [0, false, false]);
  assert.throws(() => saved.parseSaved('{'), /no JSON/);
  assert.throws(() => saved.parseSaved('[1]'), /no trace/);
  assert.throws(() => saved.parseSaved('{"format":"spvscope-trace","version":9}'), /version 9/);
});

/** Just enough of the wire format to read a profile back: fields by number, varints and bytes. */
function readProto(bytes) {
  const out = [];
  let i = 0;
  const varint = () => { let x = 0; for (let k = 1; ; k *= 128) { const b = bytes[i++]; x += (b & 127) * k; if (b < 128) return x; } };
  while (i < bytes.length) {
    const key = varint();
    if ((key & 7) === 0) out.push([key >> 3, varint()]);
    else { const n = varint(); out.push([key >> 3, bytes.subarray(i, i + n)]); i += n; }
  }
  return out;
}

test('what is shown goes into other formats', () => {
  const p = profile.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, null);
  const shown = { tree: t, profile: p, title: 'a <b>' };
  assert.equal(formats.foldedText(shown), '[truncated];scan 1\nmain;opt 2\nmain;parse 1\nmain;parse;scan 2\nmain;parse;scan;[kernel] 1\n');
  const ss = JSON.parse(formats.speedscopeJson(shown));
  const [prof] = ss.profiles;
  assert.deepEqual(prof.samples.map((s, i) => `${s.map((f) => ss.shared.frames[f].name).join(';')} ${prof.weights[i]}`).sort().map((l) => `${l}\n`).join(''), formats.foldedText(shown));
  assert.deepEqual([prof.startValue, prof.endValue], [0, 7]);
  const fields = readProto(formats.pprofBytes(shown));
  const strings = fields.filter(([f]) => f === 6).map(([, b]) => new TextDecoder().decode(b));
  const fnName = new Map(fields.filter(([f]) => f === 5).map(([, b]) => { const m = new Map(readProto(b)); return [m.get(1), strings[m.get(2)]]; }));
  const packed = (b) => { const list = []; for (let i = 0; i < b.length;) { let x = 0; for (let k = 1; ; k *= 128) { const c = b[i++]; x += (c & 127) * k; if (c < 128) break; } list.push(x); } return list; };
  const stacks = fields.filter(([f]) => f === 2).map(([, b]) => { const m = new Map(readProto(b)); return `${packed(m.get(1)).reverse().map((id) => fnName.get(id)).join(';')} ${packed(m.get(2))[0]}\n`; });
  assert.equal(stacks.sort().join(''), formats.foldedText(shown));
  assert.equal(packed(new Map(readProto(fields.find(([f]) => f === 2)[1])).get(2))[1] % 200040, 0, 'also as nanoseconds, at 4,999 Hz');
  const look = { width: 700, row: 20, font: 'a"b', background: '#fff', text: '#000', boxText: '#000', box: () => '#eee', label: (i) => `<img src=x onerror=alert(${i})>` };
  const svg = formats.svgText(shown, 'Width: & so on', look);
  assert.equal((svg.match(/<rect /g) ?? []).length, t.n + 1);
  assert.doesNotMatch(svg, /<img/);
  assert.match(svg, /width="99\.40"[^>]*fill="#eee"/, 'a seventh of 700, less the gap');
});

const FULL = {
  language: 'glsl', stage: 'fragment', name: 'dir/a.frag', source: 'void main() {}', entry_point: 'start', target: { env: 'vulkan1.1', spirv: '1.4' },
  defines: { A: '1', B: null, C: '', ODD: 'x y; z' }, optimize: { passes: ['--merge-return', '--loop-unroll-partial=3'] }, debug_info: 'line', validate: false,
  emit: ['spirv', 'preprocessed'], trace: { level: 'debug', filter: 'info' }, analyzer: { kind: 'release', min_samples: 0 }, limits: { wall_ms: 9 },
  isolation: 'request', keep: true, position_encoding: 'utf-8',
};

test('a request goes through the form and comes back', () => {
  for (const request of [FULL, { ...FULL, files: { 'b.h': 'x\n', c: { base64: 'AA==' } } }, { source: 'x', language: 'hlsl' }, { source: 'x' },
    { source: 'x', emit: ['spirv', 'disassembly'], optimize: 'size', analyzer: { kind: 'debug' } }, { source: 'x', emit: [] },
    { source: 'x', optimize: { passes: ['--a=b c'] }, trace: { filter: 'info' }, check_only: true }]) {
    assert.deepEqual(draft.requestOfDraft(draft.draftOf(request, request.source)), request);
  }
  const first = draft.draftOf({ source: 'x' }, 'x');
  assert.throws(() => draft.requestOfDraft({ ...first, further: '{' }), /no JSON/);
  assert.throws(() => draft.requestOfDraft({ ...first, further: '[]' }), /one JSON object/);
  assert.deepEqual(draft.requestOfDraft({ ...first, further: '{"trace": {"level": "debug"}}' }), { source: 'x', trace: { level: 'debug' } });
});

test('a trace is profiled again as it was asked for, under the other analyzer', () => {
  const { source, ...request } = FULL;
  const trace = { source, kept: false, request: { ...request, document: { session: 's', uri: 'u', version: 3 } } };
  const { keep: _, ...rest } = FULL;
  assert.deepEqual(JSON.parse(JSON.stringify(again.profiledRequest(trace, 'debug'))), { ...rest, analyzer: { kind: 'debug', min_samples: 0 } });
  const bytes = again.originalRequest({ source: null, kept: true, request: { language: 'spirv', source_base64: 'AA==' } });
  assert.deepEqual(bytes, { language: 'spirv', source_base64: 'AA==' });
  assert.equal(again.profiledRequest({ source, kept: true, request: null }, 'debug'), null);
});

test('the command line has every field, as parameters or in a body', () => {
  const line = curl.curlCommand('http://h', FULL);
  const q = new URL(/'(http.*)'$/.exec(line)[1]).searchParams;
  assert.deepEqual(q.getAll('define'), ['A=1', 'B', 'C=', 'ODD=x y; z']);
  assert.deepEqual(q.getAll('pass'), ['--merge-return', '--loop-unroll-partial=3']);
  for (const [key, value] of Object.entries({ spirv: '1.4', target: 'vulkan1.1', filter: 'info', trace: 'debug', min_samples: '0', wall_ms: '9', validate: 'false',
    entry_point: 'start', emit: 'spirv,preprocessed', analyzer: 'release', isolation: 'request', keep: 'true', position_encoding: 'utf-8', debug_info: 'line' }))
    assert.equal(q.get(key), value, key);
  const body = curl.curlCommand('http://h', { ...FULL, files: { 'b.h': "it's\nEND\n" } });
  assert.deepEqual(JSON.parse(/<<'END'\n([\s\S]*)\nEND$/.exec(body)[1]), { ...FULL, files: { 'b.h': "it's\nEND\n" } });
});

test('the command line asks for what the form asks for, and quotes it', () => {
  const line = curl.curlCommand('http://127.0.0.1:7230', {
    source: 'x', name: "a/it's.frag", optimize: 'performance', defines: { A: '1', B: null },
    emit: ['spirv', 'disassembly'], trace: { level: 'debug' },
  });
  assert.equal(line, "curl --data-binary '@it'\\''s.frag' \\\n"
    + "  'http://127.0.0.1:7230/v1/compile?name=a/it%27s.frag&optimize=performance&define=A%3D1&define=B&emit=spirv,disassembly&trace=debug'");
  assert.deepEqual({ ...curl.parseDefines('USE_FOG=1 FAST -DX=a b') }, { USE_FOG: '1', FAST: null, X: 'a', b: null });
  assert.deepEqual({ ...curl.parseDefines('__proto__=1') }, { ['__proto__']: '1' });
  assert.equal(curl.parseDefines('  '), undefined);
});
