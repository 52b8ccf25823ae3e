// SPDX-License-Identifier: Apache-2.0
// The other ways to put samples together: from the function that ran, and in the order of time. Fetched behind the first
// picture. Pure.

import { layOut, weightOf, type FlameTree } from './flame';
import type { Profile } from './profile';

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
