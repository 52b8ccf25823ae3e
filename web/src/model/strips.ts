// SPDX-License-Identifier: Apache-2.0
// What stands above the spans on the same axis: how samples, page faults and allocations are spread over time. Pure.

import { selfNs, type SpanTable } from './spans';

/** Values over equal steps of [t0, t1). */
export interface Strip {
  name: string;
  bins: Float64Array;
  most: number;
  total: number;
}

export function sampleStrip(at: Float64Array, keep: Uint8Array | null, t0: number, t1: number, n: number): Strip {
  const bins = new Float64Array(n);
  const scale = n / Math.max(1, t1 - t0);
  let total = 0;
  for (let s = 0; s < at.length; s++) {
    if (at[s]! < t0 || at[s]! >= t1 || (keep && !keep[s])) continue;
    bins[Math.floor((at[s]! - t0) * scale)]!++;
    total++;
  }
  return { name: 'Samples', bins, most: bins.reduce((a, b) => Math.max(a, b), 0), total };
}

/** A span's own share of a quantity, spread evenly over its own time: more than that the trace does not tell. */
export function spreadStrip(t: SpanTable, name: string, own: Float64Array, t0: number, t1: number, n: number): Strip {
  const bins = new Float64Array(n);
  const width = Math.max(1, t1 - t0) / n;
  let total = 0;
  for (let i = 0; i < t.n; i++) {
    if (!(own[i]! > 0) || t.startNs[i]! >= t1 || t.startNs[i]! + t.durationNs[i]! <= t0) continue;
    const length = Math.max(selfNs(t, i), 1);
    // own time lies between the children; of these gaps each bin gets its part
    for (const [a, b] of gaps(t, i)) {
      const lo = Math.max(a, t0);
      const hi = Math.min(b, t1);
      for (let bin = Math.floor((lo - t0) / width); bin < n && t0 + bin * width < hi; bin++) {
        const part = Math.min(hi, t0 + (bin + 1) * width) - Math.max(lo, t0 + bin * width);
        if (part > 0) {
          bins[bin]! += (own[i]! * part) / length;
          total += (own[i]! * part) / length;
        }
      }
    }
  }
  return { name, bins, most: bins.reduce((x, y) => Math.max(x, y), 0), total };
}

function* gaps(t: SpanTable, i: number): Generator<[number, number]> {
  let reach = t.startNs[i]!;
  for (let c = i + 1; c < t.end[i]!; c = t.end[c]!) {
    if (t.startNs[c]! > reach) yield [reach, t.startNs[c]!];
    reach = Math.max(reach, t.startNs[c]! + t.durationNs[c]!);
  }
  const end = t.startNs[i]! + t.durationNs[i]!;
  if (end > reach) yield [reach, end];
}

/** What of a measure is a span's own: less that of the spans below it, which is in it too. */
export function ownMeasure(t: SpanTable, of: (i: number) => number | null | undefined): Float64Array {
  const own = new Float64Array(t.n);
  for (let i = 0; i < t.n; i++) own[i] = of(i) ?? 0;
  for (let i = t.n - 1; i >= 0; i--) {
    const p = t.parent[i]!;
    if (p >= 0 && (of(p) ?? 0) > 0) own[p]! -= of(i) ?? 0;
  }
  for (let i = 0; i < t.n; i++) if (own[i]! < 0) own[i] = 0;
  return own;
}
