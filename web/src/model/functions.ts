// SPDX-License-Identifier: Apache-2.0
// One function at a time: all of them as a table, and one with what is above and below it. Pure.

import { layOut, weightOf, type FlameTree } from './flame';
import { NodeTable } from './orders';
import type { Profile } from './profile';

export interface FunctionRow {
  fn: number;
  self: number;
  total: number; // a recursive function counts once per sample
}

/** Functions by the samples that ended in them. */
export function functionTable(t: FlameTree, p: Profile): FunctionRow[] {
  const self = new Float64Array(p.fnName.length);
  const total = new Float64Array(p.fnName.length);
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

/** Around one function: below it what it called, and the other way up who called it. A sample counts once, from the
 * outermost call of the function. */
export function sandwich(p: Profile, keep: Uint8Array | null, fn: number): { callees: FlameTree; callers: FlameTree } {
  const top = new Int32Array(p.stackFn.length); // the outermost call at or above a stack; -1: none
  for (let k = 0; k < top.length; k++) {
    const up = p.stackParent[k]!;
    top[k] = up >= 0 && top[up]! >= 0 ? top[up]! : p.stackFn[k] === fn ? k : -1;
  }
  const down = new NodeTable(1024);
  const up = new NodeTable(1024);
  const downNode = new Int32Array(p.n).fill(-1);
  const upNode = new Int32Array(p.n).fill(-1);
  down.get(-1, fn);
  up.get(-1, fn);
  for (let s = 0; s < p.n; s++) {
    const k = p.sampleStack[s]!;
    if ((keep && !keep[s]) || k < 0 || top[k]! < 0) continue;
    const way: number[] = [];
    for (let i = k; i !== top[k]; i = p.stackParent[i]!) way.push(p.stackFn[i]!);
    let node = 0;
    for (let i = way.length - 1; i >= 0; i--) node = down.get(node, way[i]!);
    if (p.sampleInKernel[s] && p.fnName[down.fn[node]!] !== '[kernel]') node = down.get(node, p.fnKernel);
    down.count(node, weightOf(p, s));
    downNode[s] = node;
    node = 0;
    for (let i = p.stackParent[top[k]!]!; i >= 0; i = p.stackParent[i]!) node = up.get(node, p.stackFn[i]!);
    if (p.sampleResult[s] && up.fn[node] !== p.fnTruncated) node = up.get(node, p.fnTruncated);
    up.count(node, weightOf(p, s));
    upNode[s] = node;
  }
  return { callees: layOut(down, downNode, true, false), callers: layOut(up, upNode, true, false) };
}
