// SPDX-License-Identifier: Apache-2.0
// Profiles and trees of a given size, always the same ones: what the viewer is measured with.

/** xorshift32: the same numbers on every machine. */
function numbers(seed) {
  let x = seed;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

const FUNCTIONS = 4000;
const MODULES = ['compiler', 'libc.so.6', 'libstdc++.so.6', 'libglslang.so', 'libSPIRV-Tools-opt.so', '[kernel]'];
const DEEPEST = 60;

/** `frames` distinct stacks, as deep and as uneven as those of a compiler; about a quarter of them were sampled. */
export function bigProfile(frames) {
  const random = numbers(0x9e3779b9);
  const strings = ['', ...MODULES];
  const names = Array.from({ length: FUNCTIONS }, (_, i) => strings.push(`space::part${i % 37}::Class${i % 211}::method_${i}(unsigned int, Thing const&)`) - 1);
  const parent = [-1];
  const frame = [0];
  const depth = [0];
  const children = new Map(); // of a stack: frames that it has below it
  while (parent.length < frames) {
    // Mostly deeper where it is deep already, so that rows are many; now and then anywhere.
    const at = random(4) ? Math.max(0, parent.length - 1 - random(200)) : random(parent.length);
    if (depth[at] >= DEEPEST) continue;
    const f = random(FUNCTIONS);
    const below = children.get(at) ?? new Set();
    if (below.has(f)) continue;
    children.set(at, below.add(f));
    parent.push(at);
    frame.push(f);
    depth.push(depth[at] + 1);
  }
  const leaf = new Uint8Array(parent.length).fill(1);
  for (const p of parent) if (p >= 0) leaf[p] = 0;
  const stack = [];
  for (let k = 0; k < parent.length; k++) if (leaf[k]) for (let n = 1 + (random(8) ? 0 : random(6)); n > 0; n--) stack.push(k);
  const column = (of) => Array.from(stack, of);
  return {
    format: 'spvscope-columns', version: 1, kind: 'on-cpu', unit: 'samples', frequency_hz: 4999, strings,
    frames: { name: names, module: names.map((_, i) => 1 + (i % MODULES.length)), file: names.map(() => 0), line: names.map(() => 0) },
    stacks: { parent, frame },
    samples: {
      stack, span: column(() => 1), span_by_time: column(() => 0), run: column(() => 0), time_ns: column((_, i) => i * 200040), result: column(() => 0),
      in_kernel: column(() => 0), pid: column(() => 4711), tid: column(() => 4711),
    },
    total: stack.length, complete: stack.length, truncated: 0, lost: 0,
  };
}

const OUTLINE = { stacks: 20000, parts: 4096 };

/** The heavy stacks of a large profile and all samples summed onto them, as api/formats/flame_outline.c makes them of samples
 * that are whole, of one thread and outside of the kernel. */
function outlineOf({ frames, stacks, samples }) {
  const n = stacks.parent.length;
  if (n < OUTLINE.stacks) return {};
  const weight = new Float64Array(n);
  const own = new Array(frames.name.length + 1).fill(0);
  for (const k of samples.stack) {
    weight[k]++;
    own[stacks.frame[k]]++;
  }
  for (let k = n - 1; k > 0; k--) weight[stacks.parent[k]] += weight[k];
  const place = [];
  const heavy = { parent: [], frame: [] };
  for (let k = 0; k < n; k++) {
    const above = k ? place[stacks.parent[k]] : -1;
    place[k] = weight[k] && weight[k] >= Math.floor(samples.stack.length / OUTLINE.parts) ? heavy.parent.push(above) - 1 : above;
    if (heavy.parent.length > heavy.frame.length) heavy.frame.push(stacks.frame[k]);
  }
  const count = new Array(heavy.parent.length).fill(0);
  for (const k of samples.stack) count[place[k]]++;
  const stack = [...count.keys()].filter((k) => count[k]);
  const zeros = stack.map(() => 0);
  const sums = stack.map((k) => count[k]);
  return { outline_stacks: heavy, outline_samples: { stack, result: zeros, in_kernel: zeros, count: sums, weight: sums }, outline_own: { weight: own } };
}

const TYPES = {
  time_ns: ['f64', Float64Array], weight: ['f64', Float64Array], result: ['u8', Uint8Array], in_kernel: ['u8', Uint8Array], span_by_time: ['u8', Uint8Array],
};

/** The same as the service packs it. */
export function packedBytes(p) {
  const groups = { frames: p.frames, stacks: p.stacks, samples: p.samples, ...outlineOf(p) };
  const described = Object.fromEntries(Object.entries(groups).map(([of, g]) => [of,
    { ...Object.fromEntries(Object.keys(g).map((name) => [name, (TYPES[name] ?? ['i32'])[0]])), rows: Object.values(g)[0].length }]));
  const parts = [Buffer.from(`${JSON.stringify({ ...p, format: 'spvscope-packed', ...described })}\n`)];
  const pad = () => parts.push(Buffer.alloc((8 - (parts.at(-1).length % 8)) % 8));
  for (const g of Object.values(groups)) {
    for (const [name, values] of Object.entries(g)) {
      pad();
      parts.push(Buffer.from((TYPES[name] ?? ['i32', Int32Array])[1].from(values).buffer));
    }
  }
  pad();
  return Buffer.concat(parts);
}

const nameOf = (p, k) => p.strings[p.frames.name[p.stacks.frame[k]]];

/** The same in speedscope's own format. */
export function speedscopeText(p) {
  const samples = p.samples.stack.map((leaf) => {
    const way = [];
    for (let k = leaf; k >= 0; k = p.stacks.parent[k]) way.push(p.stacks.frame[k]);
    return way.reverse();
  });
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json', name: 'big', activeProfileIndex: 0,
    shared: { frames: p.frames.name.map((name, i) => ({ name: p.strings[name], file: p.strings[p.frames.module[i]] })) },
    profiles: [{ type: 'sampled', name: 'big', unit: 'none', startValue: 0, endValue: samples.length, samples, weights: samples.map(() => 1) }],
  });
}

/** The same as d3-flame-graph's nested objects. */
export function d3Json(p) {
  const nodes = p.stacks.parent.map((_, k) => ({ name: nameOf(p, k), value: 0, children: [] }));
  for (const leaf of p.samples.stack) nodes[leaf].value++;
  for (let k = nodes.length - 1; k > 0; k--) {
    const up = nodes[p.stacks.parent[k]];
    up.value += nodes[k].value;
    up.children.push(nodes[k]);
  }
  return JSON.stringify(nodes[0]);
}

export function bigSpans(n) {
  const random = numbers(0x2545f491);
  const root = { id: 1, name: 'server::request', level: 'info', start_ns: 0, duration_ns: n * 1000, cpu_ns: n * 900, attributes: {}, events: [], children: [] };
  let id = 2;
  while (id <= n) {
    const stage = { id: id++, name: `codegen::opt::pass-${random(60)}`, level: 'info', start_ns: (id - 2) * 1000, duration_ns: 40000, cpu_ns: 30000, alloc_bytes: random(5000), attributes: {}, events: [], children: [] };
    for (let k = 0; k < 39 && id <= n; k++) {
      stage.children.push({ id: id++, name: `${stage.name}::step-${k}`, level: 'debug', start_ns: (id - 2) * 1000, duration_ns: 200 + random(800), cpu_ns: 150, alloc_bytes: random(500), attributes: {}, events: [], children: [] });
    }
    root.children.push(stage);
  }
  return [root];
}

export function bigDisassembly(lines) {
  const out = ['; SPIR-V', '; Version: 1.6', '               OpCapability Shader'];
  for (let i = out.length; i < lines; i++) out.push(`${`%${i}`.padStart(12)} = OpFAdd %float %${i - 1} %${i - 2}`);
  return `${out.join('\n')}\n`;
}
