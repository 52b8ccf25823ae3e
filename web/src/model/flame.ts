// SPDX-License-Identifier: Apache-2.0
// From samples to a laid-out flame graph: merged from either end, in the order of time, or around one function. Typed
// arrays all the way: half a million boxes are laid out in tens of milliseconds. Pure; runs on the page's thread.

import type { Profile } from './profile';

/** Boxes in breadth-first order: parents before children, a row's boxes side by side. */
export interface FlameTree {
  n: number;
  fn: Int32Array;
  parent: Int32Array;
  depth: Uint16Array;
  total: Float64Array;     // weight in it and below
  self: Float64Array;      // weight that ended in it
  hits: Float64Array;      // samples in it and below; the same as total where each weighs one
  x: Float64Array;         // where it begins, in weight from the left
  firstChild: Int32Array;  // index; children are contiguous
  nChildren: Int32Array;
  rowStart: Int32Array;    // of each depth; one more at the end
  nRows: number;
  sampleBox: Int32Array;   // where each sample ended; -1: not chosen
}

/** Nodes keyed by (parent, function): open addressing over the node columns themselves. */
export class NodeTable {
  fn: Int32Array;
  parent: Int32Array;
  self: Float64Array;
  hits: Uint32Array;
  n = 0;
  #slots: Int32Array; // node + 1; 0 is free

  constructor(capacity: number) {
    this.fn = new Int32Array(capacity);
    this.parent = new Int32Array(capacity);
    this.self = new Float64Array(capacity);
    this.hits = new Uint32Array(capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
  }

  #slotOf(parent: number, fn: number): number {
    const mask = this.#slots.length - 1;
    let h = (Math.imul(parent + 1, 0x9e3779b1) ^ Math.imul(fn + 1, 0x85ebca6b)) >>> 0;
    h = (h ^ (h >>> 15)) & mask;
    for (;;) {
      const slot = this.#slots[h]!;
      if (!slot || (this.parent[slot - 1] === parent && this.fn[slot - 1] === fn)) return h;
      h = (h + 1) & mask;
    }
  }

  get(parent: number, fn: number): number {
    let h = this.#slotOf(parent, fn);
    if (this.#slots[h]) return this.#slots[h]! - 1;
    if (this.n === this.fn.length) {
      this.#grow();
      h = this.#slotOf(parent, fn);
    }
    this.#slots[h] = this.n + 1;
    return this.#put(parent, fn);
  }

  /** A node of its own, though there may be an equal one: in the order of time the same stack comes again. */
  add(parent: number, fn: number): number {
    if (this.n === this.fn.length) this.#grow();
    return this.#put(parent, fn);
  }

  #put(parent: number, fn: number): number {
    this.fn[this.n] = fn;
    this.parent[this.n] = parent;
    return this.n++;
  }

  count(node: number, weight: number): void {
    this.self[node]! += weight;
    this.hits[node]!++;
  }

  #grow(): void {
    const larger = new NodeTable(this.n * 2);
    for (const column of ['fn', 'parent', 'self', 'hits'] as const) larger[column].set(this[column]);
    this.#slots = larger.#slots;
    [this.fn, this.parent, this.self, this.hits] = [larger.fn, larger.parent, larger.self, larger.hits];
    for (let i = 0; i < this.n; i++) this.#slots[this.#slotOf(this.parent[i]!, this.fn[i]!)] = i + 1;
  }
}

export const weightOf = (p: Profile, s: number): number => (p.sampleWeight ? p.sampleWeight[s]! : 1);

/** Merges equal stacks from the outermost frame, those of several threads thread by thread. */
export function mergeProfile(p: Profile, keep: Uint8Array | null): FlameTree {
  const lanes = Math.max(1, p.laneFn.length);
  const t = new NodeTable(Math.max(1024, p.stackFn.length + 64));
  const root = t.get(-1, p.fnRoot);
  const sampleNode = new Int32Array(p.n).fill(-1);
  for (let lane = 0; lane < lanes; lane++) {
    const of = (s: number): boolean => (!keep || keep[s] === 1) && (!p.sampleLane || p.sampleLane[s] === lane);
    mergeLane(p, t, of, p.sampleLane ? t.get(root, p.laneFn[lane]!) : root, sampleNode);
  }
  return layOut(t, sampleNode, true);
}

function mergeLane(p: Profile, t: NodeTable, of: (s: number) => boolean, root: number, sampleNode: Int32Array): void {
  const nStacks = p.stackFn.length;
  // Per class of stack, 0 complete and 1 truncated: which are needed (1), then the node of each, plus one.
  const nodeOf = [new Int32Array(nStacks), new Int32Array(p.sampleResult.some((r) => r > 0) ? nStacks : 0)];
  const clsOf = (s: number): number => (p.sampleResult[s] && nodeOf[1]!.length ? 1 : 0);
  for (let s = 0; s < p.n; s++) {
    if (!of(s)) continue;
    const cls = nodeOf[clsOf(s)]!;
    for (let k = p.sampleStack[s]!; k >= 0 && !cls[k]; k = p.stackParent[k]!) cls[k] = 1;
  }
  for (let c = 0; c < 2; c++) {
    const cls = nodeOf[c]!;
    for (let k = 0; k < cls.length; k++) {
      if (!cls[k]) continue;
      const fn = p.stackFn[k]!;
      const up = p.stackParent[k]!;
      let parent: number;
      if (up >= 0) parent = cls[up]! - 1;
      else parent = c && fn !== p.fnTruncated ? t.get(root, p.fnTruncated) : root;
      cls[k] = t.get(parent, fn) + 1;
    }
  }
  for (let s = 0; s < p.n; s++) {
    if (!of(s)) continue;
    const stack = p.sampleStack[s]!;
    // A sample without a single frame is as truncated as can be.
    let node = stack >= 0 ? nodeOf[clsOf(s)]![stack]! - 1 : t.get(root, p.fnTruncated);
    if (p.sampleInKernel[s] && p.fnName[t.fn[node]!] !== '[kernel]') node = t.get(node, p.fnKernel);
    t.count(node, weightOf(p, s));
    sampleNode[s] = node;
  }
}

/** A sample's functions from the innermost outward, with what is made up at both ends. */
function* outward(p: Profile, s: number): Generator<number> {
  let outermost = -1;
  let k = p.sampleStack[s]!;
  if (p.sampleInKernel[s] && (k < 0 || p.fnName[p.stackFn[k]!] !== '[kernel]')) yield p.fnKernel;
  for (; k >= 0; k = p.stackParent[k]!) yield (outermost = p.stackFn[k]!);
  if ((p.sampleResult[s] || p.sampleStack[s]! < 0) && p.fnName[outermost] !== '[truncated]') yield p.fnTruncated;
}

/** The same from the other end: the function that ran first, below it who called it, and [truncated] where that ends early. */
export function mergeCallers(p: Profile, keep: Uint8Array | null): FlameTree {
  const t = new NodeTable(1024);
  const root = t.get(-1, p.fnRoot);
  const sampleNode = new Int32Array(p.n).fill(-1);
  // Samples of one stack share their way; each way is walked once.
  const ways = new Map<number, number>();
  for (let s = 0; s < p.n; s++) {
    if (keep && !keep[s]) continue;
    const key = (p.sampleStack[s]! + 1) * 4 + (p.sampleResult[s] ? 2 : 0) + (p.sampleInKernel[s] ? 1 : 0);
    let node = ways.get(key);
    if (node === undefined) {
      node = root;
      for (const fn of outward(p, s)) node = t.get(node, fn);
      ways.set(key, node);
    }
    t.count(node, weightOf(p, s));
    sampleNode[s] = node;
  }
  return layOut(t, sampleNode, true);
}

export function inTimeOrder(p: Profile, keep: Uint8Array | null): number[] {
  const order: number[] = [];
  for (let s = 0; s < p.n; s++) if (!keep || keep[s]) order.push(s);
  const lane = (s: number): number => p.sampleLane?.[s] ?? 0;
  return order.sort((a, b) => lane(a) - lane(b) || p.sampleRun[a]! - p.sampleRun[b]! || p.sampleTime[a]! - p.sampleTime[b]! || a - b);
}

/** Samples in the order of thread, run and time: neighbours share a box as far as their stacks are equal from the outermost frame on. */
export function timeOrder(p: Profile, keep: Uint8Array | null, nameRun: (run: number) => number): FlameTree {
  const order = inTimeOrder(p, keep);
  const lane = (s: number): number => p.sampleLane?.[s] ?? 0;
  const manyRuns = order.some((s) => p.sampleRun[s] !== p.sampleRun[order[0]!]);
  const t = new NodeTable(Math.max(1024, order.length * 4));
  const root = t.add(-1, p.fnRoot);
  const sampleNode = new Int32Array(p.n).fill(-1);
  const open: number[] = []; // nodes of the sample before, outermost first
  let before = -1;
  for (const s of order) {
    const way = [...outward(p, s)].reverse();
    if (manyRuns) way.unshift(nameRun(p.sampleRun[s]!));
    if (p.sampleLane) way.unshift(p.laneFn[lane(s)]!);
    let same = 0;
    if (before >= 0) while (same < way.length && same < open.length && t.fn[open[same]!] === way[same]) same++;
    open.length = same;
    for (let d = same; d < way.length; d++) open.push(t.add(d ? open[d - 1]! : root, way[d]!));
    const node = open[open.length - 1] ?? root;
    t.count(node, weightOf(p, s));
    sampleNode[s] = node;
    before = s;
  }
  return layOut(t, sampleNode, false);
}

/** Sorted: the heaviest child on the left; else in the order in which they were made. */
export function layOut(t: NodeTable, sampleNode: Int32Array, sorted: boolean): FlameTree {
  const n = t.n;
  const total = t.self.slice(0, n);
  const hits = Float64Array.from(t.hits.subarray(0, n));
  for (let i = n - 1; i > 0; i--) {
    total[t.parent[i]!]! += total[i]!;
    hits[t.parent[i]!]! += hits[i]!;
  }
  const nChildren = new Int32Array(n);
  for (let i = 1; i < n; i++) nChildren[t.parent[i]!]!++;
  const childStart = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) childStart[i + 1] = childStart[i]! + nChildren[i]!;
  const fill = childStart.slice(0, n);
  const children = new Int32Array(Math.max(0, n - 1));
  for (let i = 1; i < n; i++) children[fill[t.parent[i]!]!++] = i;
  if (sorted) for (let i = 0; i < n; i++) if (nChildren[i]! > 1) heaviestFirst(children, childStart[i]!, childStart[i + 1]!, total);

  const out: FlameTree = {
    n, fn: new Int32Array(n), parent: new Int32Array(n), depth: new Uint16Array(n), total: new Float64Array(n), hits: new Float64Array(n),
    self: new Float64Array(n), x: new Float64Array(n), firstChild: new Int32Array(n).fill(-1), nChildren: new Int32Array(n),
    rowStart: new Int32Array(0), nRows: 0, sampleBox: sampleNode,
  };
  const order = new Int32Array(n); // new index → node
  const boxOf = new Int32Array(n);
  const rowStart = [0];
  out.parent[0] = -1;
  let tail = 1;
  for (let i = 0; i < tail; i++) {
    const node = order[i]!;
    const depth = out.depth[i]!;
    boxOf[node] = i;
    if (i && depth !== out.depth[i - 1]) rowStart.push(i);
    out.fn[i] = t.fn[node]!;
    out.total[i] = total[node]!;
    out.hits[i] = hits[node]!;
    out.self[i] = t.self[node]!;
    out.nChildren[i] = nChildren[node]!;
    if (nChildren[node]) out.firstChild[i] = tail;
    let x = out.x[i]!;
    for (let c = childStart[node]!; c < childStart[node + 1]!; c++) {
      const child = children[c]!;
      order[tail] = child;
      out.parent[tail] = i;
      out.depth[tail] = Math.min(depth + 1, 65535);
      out.x[tail] = x;
      x += total[child]!;
      tail++;
    }
  }
  for (let s = 0; s < sampleNode.length; s++) if (sampleNode[s]! >= 0) sampleNode[s] = boxOf[sampleNode[s]!]!;
  rowStart.push(n);
  out.rowStart = Int32Array.from(rowStart);
  out.nRows = rowStart.length - 1;
  return out;
}

/* Most boxes have a handful of children; for these an insertion sort in place beats a call of sort() by far. */
function heaviestFirst(children: Int32Array, from: number, to: number, total: Float64Array): void {
  if (to - from > 12) {
    children.subarray(from, to).sort((a, b) => total[b]! - total[a]! || a - b);
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const c = children[i]!;
    let k = i - 1;
    for (; k >= from && total[children[k]!]! < total[c]!; k--) children[k + 1] = children[k]!;
    children[k + 1] = c;
  }
}

/** From the root down to the box, both included. */
export function pathTo(t: FlameTree, node: number): number[] {
  const path: number[] = [];
  for (let i = node; i >= 0; i = t.parent[i]!) path.push(i);
  return path.reverse();
}

/** The box of a row that holds offset x, or -1. */
export function boxAt(t: FlameTree, depth: number, x: number): number {
  if (depth < 0 || depth >= t.nRows) return -1;
  const i = lowerBound(t, depth, x);
  return i < t.rowStart[depth + 1]! && t.x[i]! <= x ? i : -1;
}

/** The first box of a row that ends right of x. */
export function lowerBound(t: FlameTree, depth: number, x: number): number {
  let lo = t.rowStart[depth]!;
  let hi = t.rowStart[depth + 1]!;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (t.x[mid]! + t.total[mid]! <= x) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/** Modules by own samples, heaviest first: what the colours stand for. */
export function moduleShares(t: FlameTree, p: Profile): { module: string; self: number }[] {
  const ofFn = new Float64Array(p.fnName.length);
  for (let i = 1; i < t.n; i++) ofFn[t.fn[i]!]! += t.self[i]!;
  const self = new Map<string, number>();
  for (let fn = 0; fn < ofFn.length; fn++) {
    if (!ofFn[fn]) continue;
    const module = p.fnModule[fn] || p.fnName[fn]!.replace(/^(?!\[).*/, '[unknown]');
    self.set(module, (self.get(module) ?? 0) + ofFn[fn]!);
  }
  return [...self].map(([module, n]) => ({ module, self: n })).sort((a, b) => b.self - a.self);
}
