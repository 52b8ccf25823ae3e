// SPDX-License-Identifier: Apache-2.0
// From the service's sample columns to a merged flame graph. Typed arrays all the way: half a million boxes are laid out
// in tens of milliseconds. Pure; runs on the page's thread.

import type { FlameJson } from '../api';

/** The columns, checked, with frames folded into functions (name and module; a function is one box, whatever the line). */
export interface Profile {
  kind: string;
  unit: string;
  frequencyHz: number;
  fnName: string[];
  fnModule: string[];
  fnRoot: number;       // made here: everything
  fnTruncated: number;  // made here: above stacks that do not reach the outermost frame
  fnKernel: number;     // made here: below stacks that were interrupted in the kernel
  stackParent: Int32Array;
  stackFn: Int32Array;
  sampleStack: Int32Array;
  sampleSpan: Uint32Array;
  sampleResult: Uint8Array;
  sampleInKernel: Uint8Array;
  n: number;
  total: number;
  complete: number;
  truncated: number;
  lost: number;
}

/** Boxes in breadth-first order: parents before children, a row's boxes side by side, heaviest first. */
export interface FlameTree {
  n: number;
  fn: Int32Array;
  parent: Int32Array;
  depth: Uint16Array;
  total: Uint32Array;      // samples in it and below
  self: Uint32Array;       // samples that ended in it
  x: Uint32Array;          // where it begins, in samples from the left
  firstChild: Int32Array;  // index; children are contiguous
  nChildren: Int32Array;
  rowStart: Int32Array;    // of each depth; one more at the end
  nRows: number;
}

const int32 = (a: readonly number[] | undefined): Int32Array => Int32Array.from(a ?? []);

export function decodeProfile(j: FlameJson): Profile {
  if (j.format !== 'spvscope-columns') throw new Error('this is no flame graph in columns');
  if (j.version !== 1) throw new Error(`flame columns of version ${j.version}; this page reads version 1`);
  const frameName = int32(j.frames.name);
  const frameModule = int32(j.frames.module);
  const fnName: string[] = [];
  const fnModule: string[] = [];
  const known = new Map<string, number>();
  const fnOf = (name: string, module: string): number => {
    const key = `${module}\0${name}`;
    let fn = known.get(key);
    if (fn === undefined) {
      fn = fnName.push(name) - 1;
      fnModule.push(module);
      known.set(key, fn);
    }
    return fn;
  };
  const fnRoot = fnOf('all samples', '');
  const fnTruncated = fnOf('[truncated]', '');
  const fnKernel = fnOf('[kernel]', '');
  const fnOfFrame = new Int32Array(frameName.length);
  for (let i = 0; i < frameName.length; i++) {
    fnOfFrame[i] = fnOf(j.strings[frameName[i]!] || '[unknown]', j.strings[frameModule[i]!] ?? '');
  }

  const stackParent = int32(j.stacks.parent);
  const stackFrame = int32(j.stacks.frame);
  if (stackParent.length !== stackFrame.length) throw new Error('stack columns differ in length');
  const stackFn = new Int32Array(stackFrame.length);
  for (let i = 0; i < stackFn.length; i++) {
    if (stackParent[i]! >= i) throw new Error(`stack ${i} stands before its parent`);
    const frame = stackFrame[i]!;
    if (frame < 0 || frame >= fnOfFrame.length) throw new Error(`stack ${i} has no frame ${frame}`);
    stackFn[i] = fnOfFrame[frame]!;
  }
  const sampleStack = int32(j.samples.stack);
  for (const s of sampleStack) if (s >= stackFn.length) throw new Error(`a sample has no stack ${s}`);
  const n = sampleStack.length;
  const column = (a: readonly number[] | undefined): readonly number[] => (a?.length === n ? a : new Array<number>(n).fill(0));
  return {
    kind: j.kind, unit: j.unit, frequencyHz: j.frequency_hz, fnName, fnModule, fnRoot, fnTruncated, fnKernel,
    stackParent, stackFn, sampleStack,
    sampleSpan: Uint32Array.from(column(j.samples.span)),
    sampleResult: Uint8Array.from(column(j.samples.result)),
    sampleInKernel: Uint8Array.from(column(j.samples.in_kernel)),
    n, total: j.total, complete: j.complete, truncated: j.truncated, lost: j.lost,
  };
}

/** Half-open range of span ids. */
export interface IdRange {
  lo: number;
  hi: number;
}

/** Nodes keyed by (parent, function): open addressing over the node columns themselves. */
class NodeTable {
  fn: Int32Array;
  parent: Int32Array;
  self: Uint32Array;
  n = 0;
  #slots: Int32Array; // node + 1; 0 is free

  constructor(capacity = 1024) {
    this.fn = new Int32Array(capacity);
    this.parent = new Int32Array(capacity);
    this.self = new Uint32Array(capacity);
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
    const node = this.n++;
    this.fn[node] = fn;
    this.parent[node] = parent;
    this.#slots[h] = node + 1;
    return node;
  }

  #grow(): void {
    const larger = new NodeTable(this.n * 2);
    for (const column of ['fn', 'parent', 'self'] as const) larger[column].set(this[column]);
    this.#slots = larger.#slots;
    [this.fn, this.parent, this.self] = [larger.fn, larger.parent, larger.self];
    for (let i = 0; i < this.n; i++) this.#slots[this.#slotOf(this.parent[i]!, this.fn[i]!)] = i + 1;
  }
}

/** Merges equal stacks from the outermost frame. Only samples of spans in range count; none: all. */
export function mergeProfile(p: Profile, range: IdRange | null): FlameTree {
  const nStacks = p.stackFn.length;
  // Per class of stack, 0 complete and 1 truncated: which are needed (1), then the node of each, plus one.
  const nodeOf = [new Int32Array(nStacks), new Int32Array(nStacks)];
  const keep = new Uint8Array(p.n);
  for (let s = 0; s < p.n; s++) {
    const span = p.sampleSpan[s]!;
    if (range && (span < range.lo || span >= range.hi)) continue;
    keep[s] = 1;
    const cls = nodeOf[p.sampleResult[s] ? 1 : 0]!;
    for (let k = p.sampleStack[s]!; k >= 0 && !cls[k]; k = p.stackParent[k]!) cls[k] = 1;
  }
  const t = new NodeTable();
  const root = t.get(-1, p.fnRoot);
  for (let c = 0; c < 2; c++) {
    const cls = nodeOf[c]!;
    for (let k = 0; k < nStacks; k++) {
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
    if (!keep[s]) continue;
    const stack = p.sampleStack[s]!;
    const cls = p.sampleResult[s] ? 1 : 0;
    // A sample without a single frame is as truncated as can be.
    let node = stack >= 0 ? nodeOf[cls]![stack]! - 1 : t.get(root, p.fnTruncated);
    if (p.sampleInKernel[s] && p.fnName[t.fn[node]!] !== '[kernel]') node = t.get(node, p.fnKernel);
    t.self[node]!++;
  }
  return layOut(t);
}

/** The same from the other end: the function that ran first, below it who called it, and [truncated] where that ends early. */
export function mergeCallers(p: Profile, range: IdRange | null): FlameTree {
  // Samples of one stack share their way; each way is walked once.
  const ways = new Map<number, number>();
  for (let s = 0; s < p.n; s++) {
    const span = p.sampleSpan[s]!;
    if (range && (span < range.lo || span >= range.hi)) continue;
    const key = (p.sampleStack[s]! + 1) * 4 + (p.sampleResult[s] ? 2 : 0) + (p.sampleInKernel[s] ? 1 : 0);
    ways.set(key, (ways.get(key) ?? 0) + 1);
  }
  const t = new NodeTable();
  const root = t.get(-1, p.fnRoot);
  for (const [key, n] of ways) {
    let k = (key >> 2) - 1;
    let node = root;
    let outermost = -1;
    if (key & 1 && (k < 0 || p.fnName[p.stackFn[k]!] !== '[kernel]')) node = t.get(node, p.fnKernel);
    for (; k >= 0; k = p.stackParent[k]!) node = t.get(node, (outermost = p.stackFn[k]!));
    if (key & 2 && p.fnName[outermost] !== '[truncated]') node = t.get(node, p.fnTruncated);
    t.self[node]! += n;
  }
  return layOut(t);
}

function layOut(t: NodeTable): FlameTree {
  const n = t.n;
  const total = t.self.slice(0, n);
  for (let i = n - 1; i > 0; i--) total[t.parent[i]!]! += total[i]!;
  const nChildren = new Int32Array(n);
  for (let i = 1; i < n; i++) nChildren[t.parent[i]!]!++;
  const childStart = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) childStart[i + 1] = childStart[i]! + nChildren[i]!;
  const fill = childStart.slice(0, n);
  const children = new Int32Array(Math.max(0, n - 1));
  for (let i = 1; i < n; i++) children[fill[t.parent[i]!]!++] = i;
  for (let i = 0; i < n; i++) {
    if (nChildren[i]! > 1) {
      children.subarray(childStart[i]!, childStart[i + 1]!).sort((a, b) => total[b]! - total[a]! || a - b);
    }
  }

  const out: FlameTree = {
    n, fn: new Int32Array(n), parent: new Int32Array(n), depth: new Uint16Array(n), total: new Uint32Array(n),
    self: new Uint32Array(n), x: new Uint32Array(n), firstChild: new Int32Array(n).fill(-1), nChildren: new Int32Array(n),
    rowStart: new Int32Array(0), nRows: 0,
  };
  const order = new Int32Array(n); // new index → node
  const rowStart = [0];
  out.parent[0] = -1;
  let tail = 1;
  for (let i = 0; i < tail; i++) {
    const node = order[i]!;
    const depth = out.depth[i]!;
    if (i && depth !== out.depth[i - 1]) rowStart.push(i);
    out.fn[i] = t.fn[node]!;
    out.total[i] = total[node]!;
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
  rowStart.push(n);
  out.rowStart = Int32Array.from(rowStart);
  out.nRows = rowStart.length - 1;
  return out;
}

/** From the root down to the box, both included. */
export function pathTo(t: FlameTree, node: number): number[] {
  const path: number[] = [];
  for (let i = node; i >= 0; i = t.parent[i]!) path.push(i);
  return path.reverse();
}

/** The box of a row that holds sample offset x, or -1. */
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

/** The same function path in another tree (after the choice of a span changed), as deep as it goes. */
export function findPath(t: FlameTree, fns: readonly number[]): number {
  let node = 0;
  for (let k = 1; k < fns.length; k++) {
    let next = -1;
    for (let c = 0; c < t.nChildren[node]!; c++) {
      const child = t.firstChild[node]! + c;
      if (t.fn[child] === fns[k]) next = child;
    }
    if (next < 0) break;
    node = next;
  }
  return node;
}

export interface FunctionRow {
  fn: number;
  self: number;
  total: number; // a recursive function counts once per sample
}

/** Functions by the samples that ended in them. */
export function functionTable(t: FlameTree, p: Profile): FunctionRow[] {
  const self = new Uint32Array(p.fnName.length);
  const total = new Uint32Array(p.fnName.length);
  for (let i = 1; i < t.n; i++) {
    const fn = t.fn[i]!;
    self[fn]! += t.self[i]!;
    let up = t.parent[i]!;
    while (up > 0 && t.fn[up] !== fn) up = t.parent[up]!;
    if (up <= 0) total[fn]! += t.total[i]!;
  }
  const rows: FunctionRow[] = [];
  for (let fn = 0; fn < self.length; fn++) if (total[fn]) rows.push({ fn, self: self[fn]!, total: total[fn]! });
  return rows.sort((a, b) => b.self - a.self || b.total - a.total || a.fn - b.fn);
}

/** Modules by own samples, heaviest first: what the colours stand for. */
export function moduleShares(t: FlameTree, p: Profile): { module: string; self: number }[] {
  const self = new Map<string, number>();
  for (let i = 1; i < t.n; i++) {
    if (!t.self[i]) continue;
    const module = p.fnModule[t.fn[i]!] || p.fnName[t.fn[i]!]!.replace(/^(?!\[).*/, '[unknown]');
    self.set(module, (self.get(module) ?? 0) + t.self[i]!);
  }
  return [...self].map(([module, n]) => ({ module, self: n })).sort((a, b) => b.self - a.self);
}
