// SPDX-License-Identifier: Apache-2.0
// From samples to a laid-out flame graph: stacks merged from the outermost frame, and boxes out of any tree of nodes. Typed
// arrays all the way, so that half a million boxes are there at once. Pure; runs on the page's thread.

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
  readonly sampleBox: Int32Array; // where each sample ended; -1: not chosen
}

export const weightOf = (p: Profile, s: number): number => (p.sampleWeight ? p.sampleWeight[s]! : 1);

/** Merges equal stacks from the outermost frame, those of several threads thread by thread. */
export const mergeProfile = (p: Profile, keep: Uint8Array | null): FlameTree => mergeStacks(weighStacks(p, keep));

/** Stacks with their weight, ready to be merged. */
export interface Weighed {
  sums: Sums;
  samples: Samples;
  ofFn: Float64Array; // own weight
  cut: number;        // samples that do not reach the outermost frame
}

/** Fresh memory is what costs most where there are half a million stacks. So their columns are taken as they lie, and samples
 * are gone through once. */
export function weighStacks(p: Profile, keep: Uint8Array | null): Weighed {
  const { n, sampleWeight: weight, sampleCount: count, sampleResult } = p;
  const { nodes, nodeOf } = nodesOf(p);
  const ofFn = new Float64Array(p.fnName.length);
  let hits = new Uint32Array(sizeOf(nodes) + 1024);
  let self: Column = weight ? new Float64Array(hits.length) : hits;
  let cut = 0;
  for (let s = 0; s < n; s++) {
    if (keep && !keep[s]) continue;
    const node = nodeOf(s);
    if (node >= hits.length) [hits, self] = longer(hits, self);
    const many = count ? count[s]! : 1;
    const w = weight ? weight[s]! : many;
    hits[node]! += many;
    if (weight) self[node]! += w;
    ofFn[fnOf(nodes, node)]! += w;
    if (sampleResult[s]) cut += many;
  }
  return { sums: sumUp(nodes, self, hits), samples: { n, nodeOf: (s) => (keep && !keep[s] ? -1 : nodeOf(s)) }, ofFn: p.own ?? ofFn, cut };
}

function longer(hits: Uint32Array<ArrayBuffer>, self: Column): [Uint32Array<ArrayBuffer>, Column] {
  const more = new Uint32Array(hits.length * 2);
  more.set(hits);
  if (self === hits) return [more, more];
  const moreSelf = new Float64Array(more.length);
  moreSelf.set(self);
  return [more, moreSelf];
}

export const mergeStacks = ({ sums, samples }: Weighed): FlameTree => layOutSums(sums, samples, true, true);

/** Nodes below one root, parents before their children: heads, each below the one before it; then columns of nodes as they lie,
 * where -1 stands for the last head; then more. */
interface Nodes {
  heads: number[]; // functions
  n: number;       // of the columns
  parent: Int32Array;
  fn: Int32Array;
  moreParent: number[]; // any node
  moreFn: number[];
}

const sizeOf = (f: Nodes): number => f.heads.length + f.n + f.moreFn.length;

function fnOf({ heads, n, fn, moreFn }: Nodes, node: number): number {
  const i = node - heads.length;
  return i < 0 ? heads[node]! : i < n ? fn[i]! : moreFn[i - n]!;
}

function upOf({ heads, n, parent, moreParent }: Nodes, node: number): number {
  const i = node - heads.length;
  return i < 0 ? node - 1 : i < n ? parent[i]! + heads.length : moreParent[i - n]!;
}

/** All stacks below one root, as whole ones of the thread that has the most samples. The way of a sample that is cut, or of
 * another thread, is made of nodes of its own; so is what is made up for single samples. */
function nodesOf(p: Profile): { nodes: Nodes; nodeOf: (s: number) => number } {
  const { laneFn, fnName, fnTruncated, fnKernel, stackFn, stackParent, sampleStack, sampleLane, sampleResult, sampleInKernel } = p;
  const main = busiestLane(p);
  const heads = sampleLane ? [p.fnRoot, laneFn[main]!] : [p.fnRoot];
  const nodes: Nodes = { heads, n: stackFn.length, parent: stackParent, fn: stackFn, moreParent: [], moreFn: [] };
  const base = heads.length;
  const add = (up: number, fn: number): number => {
    nodes.moreParent.push(up);
    return base + nodes.n + nodes.moreFn.push(fn) - 1;
  };
  const madeOf = new Map<number, number>();
  const made = (up: number, fn: number): number => {
    const key = up * fnName.length + fn;
    let node = madeOf.get(key);
    if (node === undefined) madeOf.set(key, node = add(up, fn));
    return node;
  };
  const copies = new Map<number, number>();
  const headOf = (lane: number): number => (lane === main ? base - 1 : made(0, laneFn[lane]!));
  const copyOf = (k: number, lane: number, cut: number): number => {
    const key = (lane * 2 + cut) * nodes.n + k;
    let node = copies.get(key);
    if (node === undefined) {
      const up = stackParent[k]!;
      node = add(up >= 0 ? copyOf(up, lane, cut) : cut && stackFn[k] !== fnTruncated ? made(headOf(lane), fnTruncated) : headOf(lane), stackFn[k]!);
      copies.set(key, node);
    }
    return node;
  };
  const nodeOf = (s: number): number => {
    const stack = sampleStack[s]!;
    const lane = sampleLane ? sampleLane[s]! : 0;
    // A sample without a single frame is as truncated as can be.
    const node = stack < 0 ? made(headOf(lane), fnTruncated) : lane === main && !sampleResult[s] ? base + stack : copyOf(stack, lane, sampleResult[s] ? 1 : 0);
    return sampleInKernel[s] && (stack < 0 || fnName[stackFn[stack]!] !== '[kernel]') ? made(node, fnKernel) : node;
  };
  return { nodes, nodeOf };
}

function busiestLane({ sampleLane, laneFn }: Profile): number {
  const samples = laneFn.map(() => 0);
  sampleLane?.forEach((lane) => samples[lane]!++);
  return Math.max(0, samples.indexOf(Math.max(...samples)));
}

type Column = Float64Array | Uint32Array;

/** A table of nodes, the root first. */
export interface Forest {
  n: number;
  fn: Int32Array;
  parent: Int32Array;
  self: Float64Array;
  hits: Uint32Array;
}

/** Nodes, each with what is below it. */
interface Sums extends Nodes {
  total: Column;
  hits: Column; // may be total itself
}

/** In place: the columns of weights are used up. */
function sumUp(f: Nodes, total: Column, hits: Column): Sums {
  const base = f.heads.length;
  for (const column of total === hits ? [total] : [total, hits]) {
    for (let i = sizeOf(f) - 1; i >= base + f.n; i--) column[upOf(f, i)]! += column[i]!;
    addUp(column, f.parent, base, f.n);
    for (let i = base - 1; i > 0; i--) column[i - 1]! += column[i]!;
  }
  return { ...f, total, hits };
}

function addUp(column: Column, parent: Int32Array, base: number, n: number): void {
  for (let i = n - 1, root = base ? 0 : 1; i >= root; i--) column[parent[i]! + base]! += column[i + base]!;
}

/** How each sample is found again among the nodes; -1: not chosen. */
interface Samples {
  n: number;
  nodeOf: (s: number) => number;
}

export const layOut = (f: Forest, nodeOf: Int32Array, sorted: boolean, merged: boolean): FlameTree =>
  layOutSums(sumUp({ heads: [], n: f.n, parent: f.parent, fn: f.fn, moreParent: [], moreFn: [] }, f.self, f.hits),
    { n: nodeOf.length, nodeOf: (s) => nodeOf[s]! }, sorted, merged);

/** Boxes out of nodes, a row at a time: the nodes of a row lie side by side, are put in the order of the boxes above them, and
 * become boxes from left to right, so that nothing is looked up far away. Sorted: the heaviest child on the left; else in
 * the order in which they were made. Merged: children of one function are one box; functions are few, so an array with a
 * mark for each does what a hash table would. */
function layOutSums(f: Sums, samples: Samples, sorted: boolean, merged: boolean): FlameTree {
  const nodes = nodesInRows(f);
  const { n, rowStart, up } = nodes;
  const box = new BoxColumns(n, nodes.hits === nodes.total);
  const boxAt = new Int32Array(n); // of each node
  const [nodeWithFn, madeBy] = [new Int32Array(nodes.fns), new Int32Array(nodes.fns).fill(-1)];
  const same: number[] = []; // a node, and the one whose box it is in, by turns
  const put = (i: number, at: number): void => {
    boxAt[at] = i;
    box.fn[i] = nodes.fn[at]!;
    box.total[i] = nodes.total[at]!;
    box.hits[i] = nodes.hits[at]!;
  };
  put(0, 0);
  box.parent[0] = -1;
  const rows = [0, 1];
  const byBox = new ByBox(rowStart);
  for (let d = 1, end = 1; d + 1 < rowStart.length; d++) {
    const order = byBox.sort(rowStart[d]!, rowStart[d + 1]!, up, boxAt, rows[d - 1]!, end);
    for (let k = 0; k < order.length;) {
      const first = k;
      const above = boxAt[up[order[k]!]!]!;
      let kept = k;
      for (; k < order.length && boxAt[up[order[k]!]!] === above; k++) {
        const at = order[k]!;
        const fn = nodes.fn[at]!;
        if (merged && madeBy[fn] === above) {
          const into = nodeWithFn[fn]!;
          nodes.total[into]! += nodes.total[at]!;
          if (nodes.hits !== nodes.total) nodes.hits[into]! += nodes.hits[at]!;
          same.push(at, into);
          continue;
        }
        madeBy[fn] = above;
        nodeWithFn[fn] = at;
        order[kept++] = at;
      }
      if (sorted) heaviestFirst(order, first, kept, nodes.total);
      box.firstChild[above] = end;
      box.nChildren[above] = kept - first;
      let x = box.x[above]!;
      for (let j = first; j < kept; j++, end++) {
        put(end, order[j]!);
        box.parent[end] = above;
        box.depth[end] = d;
        box.x[end] = x;
        x += box.total[end]!;
      }
    }
    for (let j = 0; j < same.length; j += 2) boxAt[same[j]!] = boxAt[same[j + 1]!]!;
    same.length = 0;
    rows.push(end);
  }
  return box.close(rows, () => boxOfSamples(f, samples, nodes.placeOf, boxAt));
}

/** A sample is in the box of its innermost frame that is there. */
function boxOfSamples(f: Sums, { n, nodeOf }: Samples, placeOf: Int32Array, boxAt: Int32Array): Int32Array {
  const out = new Int32Array(n).fill(-1);
  for (let s = 0; s < n; s++) {
    let node = nodeOf(s);
    if (node < 0) continue;
    while (!placeOf[node]) node = upOf(f, node);
    out[s] = boxAt[placeOf[node]! - 1]!;
  }
  return out;
}

/* What is deeper counts as its last frame's own. */
const MAX_ROWS = 65535;

/** Nodes of weight, row by row, in the order in which they were made. */
interface NodeRows {
  n: number;
  fns: number;           // more than any function's number
  rowStart: Int32Array;  // of each depth; one more at the end
  up: Int32Array;        // place of the node above
  fn: Int32Array;
  total: Float64Array;
  hits: Float64Array;    // may be total itself
  placeOf: Int32Array;   // of each node of the forest, or one more; 0: it is not there
}

function nodesInRows(f: Sums): NodeRows {
  const n = sizeOf(f);
  const { total: weight, hits: count } = f;
  const shown = new Int32Array(n); // nodes; nobody weighs more than its parent, so the way up to each is there
  const depth = new Uint16Array(n); // of these
  const placeOf = new Int32Array(n);
  let m = 1;
  let rows = 1;
  let fns = fnOf(f, 0) + 1;
  placeOf[0] = 1;
  for (let i = 1; i < n; i++) {
    if (!count[i]) continue;
    const above = placeOf[upOf(f, i)]!;
    const d = above ? depth[above - 1]! + 1 : MAX_ROWS;
    if (d >= MAX_ROWS) continue;
    if (d >= rows) rows = d + 1;
    fns = Math.max(fns, fnOf(f, i) + 1);
    depth[m] = d;
    shown[m++] = i;
    placeOf[i] = m;
  }
  const rowStart = new Int32Array(rows + 1);
  for (let k = 0; k < m; k++) rowStart[depth[k]! + 1]!++;
  for (let d = 1; d <= rows; d++) rowStart[d]! += rowStart[d - 1]!;
  const [up, fn, total] = [new Int32Array(m), new Int32Array(m), new Float64Array(m)];
  const hits = count === weight ? total : new Float64Array(m);
  const next = rowStart.slice();
  for (let k = 0; k < m; k++) {
    const i = shown[k]!;
    const at = next[depth[k]!]!++;
    placeOf[i] = at + 1;
    up[at] = k ? placeOf[upOf(f, i)]! - 1 : -1;
    fn[at] = fnOf(f, i);
    total[at] = weight[i]!;
    hits[at] = count[i]!;
  }
  return { n: m, fns, rowStart, up, fn, total, hits, placeOf };
}

/** Sorts the nodes of a row by the box above them, by counting. */
class ByBox {
  readonly #order: Int32Array;
  readonly #next: Int32Array;

  constructor(rowStart: Int32Array) {
    let widest = 1;
    for (let d = 1; d < rowStart.length; d++) widest = Math.max(widest, rowStart[d]! - rowStart[d - 1]!);
    this.#order = new Int32Array(widest);
    this.#next = new Int32Array(widest + 1);
  }

  /** The nodes from lo to hi; the boxes above them are among those from firstBox to endBox. */
  sort(lo: number, hi: number, up: Int32Array, boxAt: Int32Array, firstBox: number, endBox: number): Int32Array {
    const [order, next] = [this.#order, this.#next.fill(0, 0, endBox - firstBox + 1)];
    for (let at = lo; at < hi; at++) next[boxAt[up[at]!]! - firstBox + 1]!++;
    for (let i = 1; i < endBox - firstBox; i++) next[i]! += next[i - 1]!;
    for (let at = lo; at < hi; at++) order[next[boxAt[up[at]!]! - firstBox]!++] = at;
    return order.subarray(0, hi - lo);
  }
}

/* Most boxes have a handful of children; for these an insertion sort beats a call of sort() by far. */
function heaviestFirst(order: Int32Array, from: number, to: number, total: Float64Array): void {
  if (to - from > 16) {
    order.subarray(from, to).sort((a, b) => total[b]! - total[a]! || a - b);
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const at = order[i]!;
    let k = i - 1;
    for (; k >= from && total[order[k]!]! < total[at]!; k--) order[k + 1] = order[k]!;
    order[k + 1] = at;
  }
}

class BoxColumns {
  readonly fn: Int32Array;
  readonly parent: Int32Array;
  readonly depth: Uint16Array;
  readonly total: Float64Array;
  readonly self: Float64Array;
  readonly hits: Float64Array;
  readonly x: Float64Array;
  readonly firstChild: Int32Array;
  readonly nChildren: Int32Array;

  constructor(n: number, plain: boolean) {
    [this.fn, this.parent, this.firstChild, this.nChildren] = [new Int32Array(n), new Int32Array(n), new Int32Array(n).fill(-1), new Int32Array(n)];
    [this.total, this.self, this.x, this.depth] = [new Float64Array(n), new Float64Array(n), new Float64Array(n), new Uint16Array(n)];
    this.hits = plain ? this.total : new Float64Array(n);
  }

  close(rows: number[], boxOfSamples: () => Int32Array): FlameTree {
    const n = rows[rows.length - 1]!;
    this.self.set(this.total);
    for (let i = 1; i < n; i++) this.self[this.parent[i]!]! -= this.total[i]!;
    // times that were weighed are no whole numbers: what is left of their sums may be no weight, but an error of rounding
    for (let i = 0; i < n; i++) if (this.self[i]! < this.total[i]! * 1e-9) this.self[i] = 0;
    let sampleBox: Int32Array | undefined; // made when it is asked for
    return {
      get sampleBox() { return (sampleBox ??= boxOfSamples()); },
      n, rowStart: Int32Array.from(rows), nRows: rows.length - 1, fn: this.fn.subarray(0, n), parent: this.parent.subarray(0, n),
      depth: this.depth.subarray(0, n), total: this.total.subarray(0, n), self: this.self.subarray(0, n), hits: this.hits.subarray(0, n),
      x: this.x.subarray(0, n), firstChild: this.firstChild.subarray(0, n), nChildren: this.nChildren.subarray(0, n),
    };
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
export function moduleShares({ ofFn }: Weighed, p: Profile): { module: string; self: number }[] {
  const self = new Map<string, number>();
  for (let fn = 0; fn < ofFn.length; fn++) {
    if (!ofFn[fn]) continue;
    const module = p.fnModule[fn] || p.fnName[fn]!.replace(/^(?!\[).*/, '[unknown]');
    self.set(module, (self.get(module) ?? 0) + ofFn[fn]!);
  }
  return [...self].map(([module, n]) => ({ module, self: n })).sort((a, b) => b.self - a.self);
}
