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
  const { parent, fn, nodeOf } = forestOf(p, keep);
  const self = new Float64Array(parent.length);
  const hits = p.sampleWeight ? new Float64Array(parent.length) : self;
  for (let s = 0; s < p.n; s++) {
    const node = nodeOf[s]!;
    if (node < 0) continue;
    self[node]! += weightOf(p, s);
    if (hits !== self) hits[node]!++;
  }
  return layOut({ parent, fn, self, hits, n: parent.length }, nodeOf, true, true);
}

/** All stacks below one root, parents first: once for each class of samples that there is, which is a thread and whether
 * the stack is whole; behind them what is made up for single samples. */
function forestOf(p: Profile, keep: Uint8Array | null): { parent: Int32Array; fn: Int32Array; nodeOf: Int32Array } {
  const nStacks = p.stackFn.length;
  const nodeOf = new Int32Array(p.n).fill(-1);
  const known = new Int32Array(Math.max(1, p.laneFn.length) * 2).fill(-1); // index among the classes of lane and whether cut
  const heads: [number, number][] = [[-1, p.fnRoot]]; // parent and function of what stands above the stacks
  const laneHead = new Map<number, number>();
  const classes: { lane: number; cut: number }[] = [];
  for (let s = 0; s < p.n; s++) {
    if (keep && !keep[s]) continue;
    const cls = (p.sampleLane ? p.sampleLane[s]! : 0) * 2 + (p.sampleResult[s] ? 1 : 0);
    if (known[cls]! >= 0) continue;
    const lane = cls >> 1;
    if (!laneHead.has(lane)) laneHead.set(lane, p.sampleLane ? heads.push([0, p.laneFn[lane]!]) - 1 : 0);
    known[cls] = classes.length;
    classes.push({ lane: laneHead.get(lane)!, cut: cls & 1 ? heads.push([laneHead.get(lane)!, p.fnTruncated]) - 1 : -1 });
  }
  const base = heads.length;
  const extra: [number, number][] = [];
  const extraOf = new Map<string, number>();
  const above = base + classes.length * nStacks;
  const made = (up: number, fn: number): number => {
    const key = `${up} ${fn}`;
    let node = extraOf.get(key);
    if (node === undefined) extraOf.set(key, node = above + extra.push([up, fn]) - 1);
    return node;
  };
  for (let s = 0; s < p.n; s++) {
    if (keep && !keep[s]) continue;
    const cls = known[(p.sampleLane ? p.sampleLane[s]! : 0) * 2 + (p.sampleResult[s] ? 1 : 0)]!;
    const stack = p.sampleStack[s]!;
    // A sample without a single frame is as truncated as can be.
    let node = stack >= 0 ? base + cls * nStacks + stack : made(classes[cls]!.lane, p.fnTruncated);
    if (p.sampleInKernel[s] && (stack < 0 || p.fnName[p.stackFn[stack]!] !== '[kernel]')) node = made(node, p.fnKernel);
    nodeOf[s] = node;
  }
  const parent = new Int32Array(above + extra.length);
  const fn = new Int32Array(parent.length);
  heads.forEach(([up, f], i) => {
    parent[i] = up;
    fn[i] = f;
  });
  classes.forEach(({ lane, cut }, c) => {
    const from = base + c * nStacks;
    fn.set(p.stackFn, from);
    for (let k = 0; k < nStacks; k++) {
      const up = p.stackParent[k]!;
      parent[from + k] = up >= 0 ? from + up : cut >= 0 && p.stackFn[k] !== p.fnTruncated ? cut : lane;
    }
  });
  extra.forEach(([up, f], i) => {
    parent[above + i] = up;
    fn[above + i] = f;
  });
  return { parent, fn, nodeOf };
}

/** A sample's functions from the innermost outward, with what is made up at both ends. */
function outward(p: Profile, s: number, out: number[]): void {
  let outermost = -1;
  let k = p.sampleStack[s]!;
  if (p.sampleInKernel[s] && (k < 0 || p.fnName[p.stackFn[k]!] !== '[kernel]')) out.push(p.fnKernel);
  for (; k >= 0; k = p.stackParent[k]!) out.push((outermost = p.stackFn[k]!));
  if ((p.sampleResult[s] || p.sampleStack[s]! < 0) && p.fnName[outermost] !== '[truncated]') out.push(p.fnTruncated);
}

/** The same from the other end: the function that ran first, below it who called it, and [truncated] where that ends early. */
export function mergeCallers(p: Profile, keep: Uint8Array | null): FlameTree {
  const t = new NodeTable(1024);
  const root = t.get(-1, p.fnRoot);
  const sampleNode = new Int32Array(p.n).fill(-1);
  // Samples of one stack share their way; each way is walked once.
  const ways = new Map<number, number>();
  const way: number[] = [];
  for (let s = 0; s < p.n; s++) {
    if (keep && !keep[s]) continue;
    const key = (p.sampleStack[s]! + 1) * 4 + (p.sampleResult[s] ? 2 : 0) + (p.sampleInKernel[s] ? 1 : 0);
    let node = ways.get(key);
    if (node === undefined) {
      node = root;
      way.length = 0;
      outward(p, s, way);
      for (const fn of way) node = t.get(node, fn);
      ways.set(key, node);
    }
    t.count(node, weightOf(p, s));
    sampleNode[s] = node;
  }
  return layOut(t, sampleNode, true, false);
}

export function inTimeOrder(p: Profile, keep: Uint8Array | null): number[] {
  const order: number[] = [];
  for (let s = 0; s < p.n; s++) if (!keep || keep[s]) order.push(s);
  const lane = (s: number): number => p.sampleLane?.[s] ?? 0;
  return order.sort((a, b) => lane(a) - lane(b) || p.sampleRun[a]! - p.sampleRun[b]! || p.sampleTime[a]! - p.sampleTime[b]! || a - b);
}

const MAX_TIME_BOXES = 1500000; // of time order, where nothing is merged but neighbours

/** Samples in the order of thread, run and time: neighbours share a box as far as their stacks are equal from the outermost
 * frame on. Of very many samples only the first come in. */
export function timeOrder(p: Profile, keep: Uint8Array | null, nameRun: (run: number) => number): FlameTree {
  const order = inTimeOrder(p, keep);
  const manyRuns = order.some((s) => p.sampleRun[s] !== p.sampleRun[order[0]!]);
  const t = new NodeTable(Math.max(1024, Math.min(order.length * 4, MAX_TIME_BOXES)));
  const root = t.add(-1, p.fnRoot);
  const sampleNode = new Int32Array(p.n).fill(-1);
  const open: number[] = []; // nodes of the sample before, outermost first
  const way: number[] = [];  // functions of this one, innermost first
  let before = -1;
  for (const s of order) {
    if (t.n > MAX_TIME_BOXES) break;
    way.length = 0;
    outward(p, s, way);
    if (manyRuns) way.push(nameRun(p.sampleRun[s]!));
    if (p.sampleLane) way.push(p.laneFn[p.sampleLane[s]!]!);
    const depth = way.length;
    let same = 0;
    if (before >= 0) while (same < depth && same < open.length && t.fn[open[same]!] === way[depth - 1 - same]) same++;
    open.length = same;
    for (let d = same; d < depth; d++) open.push(t.add(d ? open[d - 1]! : root, way[depth - 1 - d]!));
    const node = open[open.length - 1] ?? root;
    t.count(node, weightOf(p, s));
    sampleNode[s] = node;
    before = s;
  }
  return layOut(t, sampleNode, false, false);
}

/** Nodes below one root, parents before their children. */
interface Forest {
  n: number;
  fn: Int32Array;
  parent: Int32Array;
  self: Float64Array;
  hits: Float64Array | Uint32Array; // may be self itself
}

/** Boxes out of nodes. Each row has a stretch of the columns; a walk from left to right fills all of them from their left
 * ends, so that the children of a box lie side by side, and what is near in the profile is near in time. Sorted: the
 * heaviest child on the left; else in the order in which they were made. Merged: children of one function are one box;
 * functions are few, so an array with a mark for each does what a hash table would, without its misses. */
export function layOut(f: Forest, nodeOf: Int32Array, sorted: boolean, merged: boolean): FlameTree {
  const hits = f.hits === f.self ? null : Float64Array.from(f.hits.subarray(0, f.n));
  const { ints, doubles, rowStart, fns } = link(f, hits);
  const box = new BoxColumns(rowStart[rowStart.length - 1]!);
  const rowEnd = rowStart.slice(); // how far each row is filled
  const nextInBox = merged ? new Int32Array(f.n).fill(-1) : null; // nodes of one box
  const head = new Int32Array(box.fn.length);
  const boxWithFn = new Int32Array(merged ? fns : 0);
  const madeBy = new Int32Array(merged ? fns : 0).fill(-1);
  box.fn[0] = f.fn[0]!;
  box.parent[0] = -1;
  box.total[0] = doubles[TOTAL]!;
  box.hits[0] = hits ? hits[0]! : doubles[TOTAL]!;
  rowEnd[0] = 1;

  const expand = (i: number, row: number): void => {
    const from = rowEnd[row + 1]!;
    let tail = from;
    let self = 0;
    for (let node = head[i]!; node >= 0; node = nextInBox ? nextInBox[node]! : -1) {
      ints[node * INTS + BOX] = i;
      self += doubles[node * DOUBLES + SELF]!;
      for (let c = ints[node * INTS + FIRST_CHILD]!; c >= 0; c = ints[c * INTS + NEXT_SIBLING]!) {
        const fn = ints[c * INTS + FN]!;
        const total = doubles[c * DOUBLES + TOTAL]!;
        if (nextInBox && madeBy[fn] === i) {
          const into = boxWithFn[fn]!;
          nextInBox[c] = head[into]!;
          head[into] = c;
          box.total[into]! += total;
          box.hits[into]! += hits ? hits[c]! : total;
          continue;
        }
        if (nextInBox) {
          madeBy[fn] = i;
          boxWithFn[fn] = tail;
        }
        head[tail] = c;
        box.fn[tail] = fn;
        box.total[tail] = total;
        box.hits[tail] = hits ? hits[c]! : total;
        tail++;
      }
    }
    box.self[i] = self;
    if (tail === from) return;
    if (sorted && tail - from > 1) heaviestFirst(box, head, from, tail);
    rowEnd[row + 1] = tail;
    box.firstChild[i] = from;
    box.nChildren[i] = tail - from;
    let x = box.x[i]!;
    for (let c = from; c < tail; c++) {
      box.parent[c] = i;
      box.depth[c] = row + 1;
      box.x[c] = x;
      x += box.total[c]!;
    }
  };
  const way = new Int32Array(rowStart.length + 1);  // boxes from the root down
  const next = new Int32Array(rowStart.length + 1); // which child of each comes next
  expand(0, 0);
  for (let d = 0; d >= 0;) {
    const i = way[d]!;
    if (next[d]! === box.nChildren[i]!) {
      d--;
      continue;
    }
    const child = box.firstChild[i]! + next[d]!++;
    d++;
    way[d] = child;
    next[d] = 0;
    expand(child, d);
  }
  return box.close(rowStart, rowEnd, ints, nodeOf);
}

/* What the walk needs of a node lies in one record, since nodes are met in no order that a cache could guess:
 * 0: first child, 4: next sibling, 8: function, 12: box; 16: weight in it and below, 24: its own. */
const INTS = 8;
const FIRST_CHILD = 0;
const NEXT_SIBLING = 1;
const FN = 2;
const BOX = 3;
const DOUBLES = 4;
const TOTAL = 2;
const SELF = 3;

/** Sums what is below each node, and links each to the first of its children and its next sibling; nodes without weight are
 * left out. Also where each row begins, when no two nodes are merged. */
function link(f: Forest, hits: Float64Array | null): { ints: Int32Array; doubles: Float64Array; rowStart: Int32Array; fns: number } {
  const records = new ArrayBuffer(f.n * INTS * 4);
  const ints = new Int32Array(records);
  const doubles = new Float64Array(records);
  const depth = new Uint16Array(f.n);
  let deepest = 0;
  for (let i = 0; i < f.n; i++) {
    ints[i * INTS + FIRST_CHILD] = ints[i * INTS + NEXT_SIBLING] = ints[i * INTS + BOX] = -1;
    ints[i * INTS + FN] = f.fn[i]!;
    doubles[i * DOUBLES + TOTAL] = doubles[i * DOUBLES + SELF] = f.self[i]!;
    if (!i) continue;
    const d = Math.min(depth[f.parent[i]!]! + 1, 65534);
    depth[i] = d;
    if (d > deepest) deepest = d;
  }
  const rowStart = new Int32Array(deepest + 3); // one more that stays empty, so that the lowest row may be expanded too
  rowStart[1] = 1;
  let fns = f.fn[0]! + 1;
  for (let i = f.n - 1; i > 0; i--) {
    const total = doubles[i * DOUBLES + TOTAL]!;
    if (!(hits ? hits[i]! > 0 : total > 0)) continue;
    const up = f.parent[i]!;
    if (f.fn[i]! >= fns) fns = f.fn[i]! + 1;
    doubles[up * DOUBLES + TOTAL]! += total;
    if (hits) hits[up]! += hits[i]!;
    ints[i * INTS + NEXT_SIBLING] = ints[up * INTS + FIRST_CHILD]!;
    ints[up * INTS + FIRST_CHILD] = i;
    rowStart[depth[i]! + 1]!++;
  }
  for (let d = 1; d < rowStart.length; d++) rowStart[d]! += rowStart[d - 1]!;
  return { ints, doubles, rowStart, fns };
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

  constructor(n: number) {
    [this.fn, this.parent, this.firstChild, this.nChildren] = [new Int32Array(n), new Int32Array(n), new Int32Array(n).fill(-1), new Int32Array(n)];
    [this.total, this.self, this.hits, this.x] = [new Float64Array(n), new Float64Array(n), new Float64Array(n), new Float64Array(n)];
    this.depth = new Uint16Array(n);
  }

  /** Closes the gaps that merging left at the ends of rows. */
  close(rowStart: Int32Array, rowEnd: Int32Array, ints: Int32Array, nodeOf: Int32Array): FlameTree {
    const rows: number[] = [0];
    const shift: number[] = [];
    for (let d = 0; d < rowStart.length && rowEnd[d]! > rowStart[d]!; d++) {
      shift.push(rowStart[d]! - rows[d]!);
      rows.push(rows[d]! + rowEnd[d]! - rowStart[d]!);
    }
    const n = rows[rows.length - 1]!;
    const gaps = shift.some((by) => by > 0);
    const moved = gaps ? new Int32Array(this.fn.length) : null; // old index → new
    for (let d = 0; moved && d < shift.length; d++) {
      const [from, to, by] = [rowStart[d]!, rowEnd[d]!, shift[d]!];
      for (const column of [this.fn, this.parent, this.depth, this.total, this.self, this.hits, this.x, this.firstChild, this.nChildren]) column.copyWithin(from - by, from, to);
      for (let i = from; i < to; i++) {
        moved[i] = i - by;
        if (d) this.parent[i - by]! -= shift[d - 1]!;
        if (this.firstChild[i - by]! >= 0) this.firstChild[i - by]! -= shift[d + 1]!;
      }
    }
    for (let s = 0; s < nodeOf.length; s++) {
      if (nodeOf[s]! < 0) continue;
      const i = ints[nodeOf[s]! * INTS + BOX]!;
      nodeOf[s] = moved ? moved[i]! : i;
    }
    return {
      n, rowStart: Int32Array.from(rows), nRows: rows.length - 1, sampleBox: nodeOf, fn: this.fn.subarray(0, n), parent: this.parent.subarray(0, n),
      depth: this.depth.subarray(0, n), total: this.total.subarray(0, n), self: this.self.subarray(0, n), hits: this.hits.subarray(0, n),
      x: this.x.subarray(0, n), firstChild: this.firstChild.subarray(0, n), nChildren: this.nChildren.subarray(0, n),
    };
  }
}

/* Most boxes have a handful of children; for these an insertion sort in place beats a call of sort() by far. */
function heaviestFirst(box: BoxColumns, head: Int32Array, from: number, to: number): void {
  const { total, hits, fn } = box;
  if (to - from > 16) {
    const order = Array.from({ length: to - from }, (_, i) => from + i).sort((a, b) => total[b]! - total[a]! || a - b);
    const copy = order.map((i) => [total[i]!, hits[i]!, fn[i]!, head[i]!] as const);
    copy.forEach((c, i) => [total[from + i], hits[from + i], fn[from + i], head[from + i]] = c);
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const t = total[i]!;
    const h = hits[i]!;
    const f = fn[i]!;
    const e = head[i]!;
    let k = i - 1;
    for (; k >= from && total[k]! < t; k--) {
      total[k + 1] = total[k]!;
      hits[k + 1] = hits[k]!;
      fn[k + 1] = fn[k]!;
      head[k + 1] = head[k]!;
    }
    total[k + 1] = t;
    hits[k + 1] = h;
    fn[k + 1] = f;
    head[k + 1] = e;
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
