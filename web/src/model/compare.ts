// SPDX-License-Identifier: Apache-2.0
// Two traces beside each other: spans aligned by their path, flame graphs merged with a difference for each box. Pure.

import { mergeProfile, type FlameTree } from './flame';
import { Functions, type Profile } from './profile';
import { selfNs, type SpanTable } from './spans';

export interface SpanPair {
  path: string;     // names from the root, with a number where a name comes again below one parent
  name: string;
  depth: number;
  base: number;     // index; -1: only in the other
  to: number;
}

/** Pre-order of the second trace; what only the first has stands behind what it followed there. */
export function alignSpans(base: SpanTable, to: SpanTable): SpanPair[] {
  const basePaths = spanPaths(base);
  const toPaths = spanPaths(to);
  const baseOf = new Map(basePaths.map((path, i) => [path, i]));
  const toOf = new Map(toPaths.map((path, i) => [path, i]));
  const out: SpanPair[] = [];
  let next = 0; // of the first trace
  const onlyBase = (until: number): void => {
    for (; next < until; next++) {
      if (!toOf.has(basePaths[next]!)) out.push({ path: basePaths[next]!, name: base.name[next]!, depth: base.depth[next]!, base: next, to: -1 });
    }
  };
  for (let i = 0; i < to.n; i++) {
    const b = baseOf.get(toPaths[i]!) ?? -1;
    if (b >= next) onlyBase(b);
    out.push({ path: toPaths[i]!, name: to.name[i]!, depth: to.depth[i]!, base: b, to: i });
    if (b >= next) next = b + 1;
  }
  onlyBase(base.n);
  return out;
}

function spanPaths(t: SpanTable): string[] {
  const paths = new Array<string>(t.n);
  const seen = new Map<string, number>();
  for (let i = 0; i < t.n; i++) {
    let p = t.parent[i]!;
    // A compile that was repeated has its spans below one more than a compile that was not.
    while (p >= 0 && t.name[p] === 'server::repeat') p = t.parent[p]!;
    const path = `${p < 0 ? '' : paths[p]!}/${t.name[i]!}`;
    const nth = (seen.get(path) ?? 0) + 1;
    seen.set(path, nth);
    paths[i] = nth > 1 ? `${path}#${nth}` : path;
  }
  return paths;
}

/** The measured time of a span: the median of clean runs where there were some. */
export const spanNs = (t: SpanTable, i: number): number => (i < 0 ? 0 : t.json[i]!.clean?.median_ns ?? t.durationNs[i]!);

/** Whether the clean runs of both tell them apart: then even the extremes do not overlap. Null: there were no repeated runs. */
export function apart(base: SpanTable, b: number, to: SpanTable, i: number): boolean | null {
  const x = b < 0 ? undefined : base.json[b]!.clean;
  const y = i < 0 ? undefined : to.json[i]!.clean;
  if (!x || !y || x.runs < 3 || y.runs < 3) return null;
  return x.max_ns < y.min_ns || y.max_ns < x.min_ns;
}

export const ownNs = (t: SpanTable, i: number): number => (i < 0 ? 0 : selfNs(t, i));

export interface FlameDiff {
  profile: Profile;       // of both; what names and modules are read from
  tree: FlameTree;        // merged of both; width is the second's weight, and the first's where the second has none of it
  base: Float64Array;     // weight of each box in the first
  to: Float64Array;
  baseTotal: number;
  toTotal: number;
}

/** Weights are made comparable by what one sample stands for in each: nanoseconds of one compile. */
export function diffFlames(base: Profile, to: Profile, baseUnit: number, toUnit: number): FlameDiff {
  const functions = new Functions();
  const shared: Profile = {
    ...to, fnName: functions.name, fnModule: functions.module, fnFile: functions.file,
    fnRoot: functions.of('all samples', ''), fnTruncated: functions.of('[truncated]', ''), fnKernel: functions.of('[kernel]', ''),
  };
  const mapOf = (p: Profile): Int32Array => Int32Array.from(p.fnName, (name, fn) => functions.of(name, p.fnModule[fn]!, p.fnFile[fn]!));
  const [mb, mt] = [mapOf(base), mapOf(to)];
  const nb = base.stackFn.length;
  const both = <T>(f: (p: Profile) => ArrayLike<T>): T[] => [...Array.from(f(base)), ...Array.from(f(to))];
  const n = base.n + to.n;
  const weight = new Float64Array(n);
  const unit = (p: Profile, s: number, u: number): number => (p.sampleWeight ? p.sampleWeight[s]! : 1) * u;
  for (let s = 0; s < base.n; s++) weight[s] = unit(base, s, baseUnit);
  for (let s = 0; s < to.n; s++) weight[base.n + s] = unit(to, s, toUnit);
  const profile: Profile = {
    ...shared, n, total: n, truncated: base.truncated + to.truncated, complete: base.complete + to.complete, lost: base.lost + to.lost,
    stackParent: Int32Array.from([...base.stackParent, ...Array.from(to.stackParent, (k) => (k < 0 ? k : k + nb))]),
    stackFn: Int32Array.from([...Array.from(base.stackFn, (fn) => mb[fn]!), ...Array.from(to.stackFn, (fn) => mt[fn]!)]),
    sampleStack: Int32Array.from([...base.sampleStack, ...Array.from(to.sampleStack, (k) => (k < 0 ? k : k + nb))]),
    sampleSpan: Uint32Array.from(both((p) => p.sampleSpan)), sampleResult: Uint8Array.from(both((p) => p.sampleResult)),
    sampleInKernel: Uint8Array.from(both((p) => p.sampleInKernel)), sampleRun: Uint32Array.from(both((p) => p.sampleRun)),
    sampleTime: Float64Array.from(both((p) => p.sampleTime)), sampleWeight: weight, sampleLane: null, laneFn: [],
  };
  const tree = mergeProfile(profile, null);
  const diff: FlameDiff = { profile, tree, base: new Float64Array(tree.n), to: new Float64Array(tree.n), baseTotal: 0, toTotal: 0 };
  for (let s = 0; s < n; s++) (s < base.n ? diff.base : diff.to)[tree.sampleBox[s]!]! += weight[s]!;
  for (let i = tree.n - 1; i > 0; i--) {
    diff.base[tree.parent[i]!]! += diff.base[i]!;
    diff.to[tree.parent[i]!]! += diff.to[i]!;
  }
  [diff.baseTotal, diff.toTotal] = [diff.base[0]!, diff.to[0]!];
  return diff;
}

/** How sure a difference of two sums of samples is, in standard deviations: counts of samples scatter as Poisson's do. */
export function deviations(base: number, to: number, baseUnit: number, toUnit: number): number {
  const variance = base * baseUnit + to * toUnit;
  return variance > 0 ? (to - base) / Math.sqrt(variance) : 0;
}

export interface Change {
  fn: number;
  base: number;
  to: number;
}

/** Functions by own weight in both; the largest change first. */
export function functionChanges(d: FlameDiff): Change[] {
  const base = new Float64Array(d.profile.fnName.length);
  const to = new Float64Array(base.length);
  const own = (total: Float64Array, out: Float64Array): void => {
    const self = total.slice();
    for (let i = 1; i < self.length; i++) self[d.tree.parent[i]!]! -= total[i]!;
    for (let i = 0; i < self.length; i++) out[d.tree.fn[i]!]! += Math.max(0, self[i]!);
  };
  own(d.base, base);
  own(d.to, to);
  const rows: Change[] = [];
  const least = (d.baseTotal + d.toTotal) * 1e-9;
  for (let fn = 0; fn < base.length; fn++) if (base[fn]! > least || to[fn]! > least) rows.push({ fn, base: base[fn]!, to: to[fn]! });
  return rows.sort((a, b) => Math.abs(b.to - b.base) - Math.abs(a.to - a.base) || a.fn - b.fn);
}

/** Boxes of the first that the second has none of; of a way down only the uppermost. */
export function vanished(d: FlameDiff): number[] {
  const out: number[] = [];
  for (let i = 1; i < d.tree.n; i++) if (d.base[i]! > 0 && !(d.to[i]! > 0) && d.to[d.tree.parent[i]!]! > 0) out.push(i);
  return out.sort((a, b) => d.base[b]! - d.base[a]!);
}
