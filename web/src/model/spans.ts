// SPDX-License-Identifier: Apache-2.0
// The span tree as columns, in pre-order: a subtree is a range of indices. Holds for hundreds of thousands of spans.

import type { SpanJson } from '../api';

export interface SpanTable {
  n: number;
  id: Uint32Array;       // as in the trace
  parent: Int32Array;    // index, -1 for a root
  depth: Uint16Array;
  end: Int32Array;       // index after the last span below
  startNs: Float64Array;
  durationNs: Float64Array;
  cpuNs: Float64Array;   // 0 where it was not measured
  open: Uint8Array;
  hasError: Uint8Array;  // an event of level error on the span itself
  family: Uint8Array;    // what colours it: index into families
  families: string[];    // "codegen::opt", "server", …
  name: string[];
  json: SpanJson[];      // the rest: attributes, events, clean runs
  totalNs: number;       // where the last span ends
  run: Run | null;       // of a repeated compile: the run whose spans these are
  indexOfId: Map<number, number>;
}

/** A compile that was repeated for samples: one run's spans stand below server::repeat, the others took the rest of its time. */
export interface Run {
  repeat: number; // index of server::repeat
  startNs: number;
  endNs: number;
  compile: number; // index of the span that holds the compile itself
}

const MAX_FAMILIES = 255;

/** Spans that share a colour: the stage, which is the first two parts of the module path; one part for the front's own. */
export function familyOf(name: string): string {
  const parts = name.split('::');
  return parts[0] === 'codegen' && parts.length > 1 ? `${parts[0]}::${parts[1]}` : parts[0]!;
}

export function decodeSpans(roots: readonly SpanJson[]): SpanTable {
  const order: SpanJson[] = [];
  const parents: number[] = [];
  // An explicit stack: a hostile or runaway tree may be deeper than the engine's own.
  const stack: [SpanJson, number][] = [];
  for (let i = roots.length - 1; i >= 0; i--) stack.push([roots[i]!, -1]);
  while (stack.length) {
    const [span, parent] = stack.pop()!;
    const idx = order.push(span) - 1;
    parents.push(parent);
    const children = span.children ?? [];
    for (let i = children.length - 1; i >= 0; i--) stack.push([children[i]!, idx]);
  }

  const n = order.length;
  const t: SpanTable = {
    n, id: new Uint32Array(n), parent: Int32Array.from(parents), depth: new Uint16Array(n), end: new Int32Array(n),
    startNs: new Float64Array(n), durationNs: new Float64Array(n), cpuNs: new Float64Array(n), open: new Uint8Array(n),
    hasError: new Uint8Array(n), family: new Uint8Array(n), families: [], name: new Array<string>(n), json: order,
    totalNs: 0, run: null, indexOfId: new Map(),
  };
  const familyIdx = new Map<string, number>();
  for (let i = 0; i < n; i++) {
    const s = order[i]!;
    t.id[i] = s.id;
    t.indexOfId.set(s.id, i);
    t.name[i] = s.name;
    t.startNs[i] = s.start_ns;
    t.durationNs[i] = s.duration_ns;
    t.cpuNs[i] = s.cpu_ns ?? 0;
    t.open[i] = s.open ? 1 : 0;
    t.hasError[i] = s.events?.some((e) => e.level === 'error') ? 1 : 0;
    const p = t.parent[i]!;
    t.depth[i] = p < 0 ? 0 : Math.min(t.depth[p]! + 1, 65535);
    t.totalNs = Math.max(t.totalNs, s.start_ns + s.duration_ns);
    const family = familyOf(s.name);
    let f = familyIdx.get(family);
    if (f === undefined) {
      f = Math.min(familyIdx.size, MAX_FAMILIES);
      familyIdx.set(family, f);
      if (f === t.families.length) t.families.push(family);
    }
    t.family[i] = f;
  }
  for (let i = n - 1; i >= 0; i--) {
    if (!t.end[i]) t.end[i] = i + 1;
    const p = t.parent[i]!;
    if (p >= 0 && t.end[p]! < t.end[i]!) t.end[p] = t.end[i]!;
  }
  t.run = runOf(t);
  return t;
}

function runOf(t: SpanTable): Run | null {
  const repeat = t.name.indexOf('server::repeat');
  if (repeat < 0 || t.end[repeat] === repeat + 1) return null;
  const run: Run = { repeat, startNs: Infinity, endNs: 0, compile: repeat + 1 };
  for (let c = repeat + 1; c < t.end[repeat]!; c = t.end[c]!) {
    run.startNs = Math.min(run.startNs, t.startNs[c]!);
    run.endNs = Math.max(run.endNs, t.startNs[c]! + t.durationNs[c]!);
    if (t.durationNs[c]! > t.durationNs[run.compile]!) run.compile = c;
  }
  return run;
}

/** What the share of a span is a share of: its run, where there were several, else everything. */
export function wholeNs(t: SpanTable, i: number): number {
  return t.run && i > t.run.repeat && i < t.end[t.run.repeat]! ? t.run.endNs - t.run.startNs : t.totalNs;
}

/** The rows to show, in order: what is below a collapsed span is left out. */
export function visibleRows(t: SpanTable, collapsed: ReadonlySet<number>): Int32Array {
  const rows = new Int32Array(t.n);
  let n = 0;
  for (let i = 0; i < t.n;) {
    rows[n++] = i;
    i = collapsed.has(i) ? t.end[i]! : i + 1;
  }
  return rows.subarray(0, n);
}

/** The ids of a subtree. */
export const spanRange = (t: SpanTable, i: number): { lo: number; hi: number } => ({ lo: t.id[i]!, hi: t.id[i]! + (t.end[i]! - i) });

export const hasChildren = (t: SpanTable, i: number): boolean => t.end[i]! > i + 1;

/** Whether a span runs in another process than the one above it: a tool of its own. The step from the front to its worker
 * is not told, since every compile has it. */
export function changesProcess(t: SpanTable, i: number): boolean {
  const p = t.parent[i]!;
  const [own, above] = [t.json[i]!.pid, p < 0 ? undefined : t.json[p]!.pid];
  return own !== undefined && above !== undefined && own !== above && !t.name[p]!.startsWith('server::');
}

/** Shares of a span's time on a CPU, waiting for one, and blocked. By the analyzer, else the thread's clock tells the first alone. */
export function usageOf(t: SpanTable, i: number): { onCpu: number; runnable: number; blocked: number; measured: boolean } | null {
  const p = t.json[i]!.profiled;
  const sum = (p?.on_cpu_ns ?? 0) + (p?.runnable_ns ?? 0) + (p?.blocked_ns ?? 0);
  if (p && sum > 0) return { onCpu: (p.on_cpu_ns ?? 0) / sum, runnable: (p.runnable_ns ?? 0) / sum, blocked: (p.blocked_ns ?? 0) / sum, measured: true };
  if (!(t.cpuNs[i]! > 0) || !(t.durationNs[i]! > 0)) return null;
  return { onCpu: Math.min(1, t.cpuNs[i]! / t.durationNs[i]!), runnable: 0, blocked: 0, measured: false };
}

/** Below its parent "codegen::opt", "codegen::opt::inline" needs only "inline". */
export function labelOf(t: SpanTable, i: number): string {
  const p = t.parent[i]!;
  const name = t.name[i]!;
  if (p < 0) return name;
  const prefix = `${t.name[p]}::`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Time in the span and in none of its children; children that overlap (threads) count once. */
export function selfNs(t: SpanTable, i: number): number {
  const parts: [number, number][] = [];
  const lo = t.startNs[i]!;
  const hi = lo + t.durationNs[i]!;
  for (let c = i + 1; c < t.end[i]!; c = t.end[c]!) {
    const a = Math.max(lo, t.startNs[c]!);
    const b = Math.min(hi, t.startNs[c]! + t.durationNs[c]!);
    if (b > a) parts.push([a, b]);
  }
  parts.sort((x, y) => x[0] - y[0]);
  let covered = 0;
  let reach = lo;
  for (const [a, b] of parts) {
    if (b > reach) {
      covered += b - Math.max(a, reach);
      reach = b;
    }
  }
  return Math.max(0, t.durationNs[i]! - covered);
}

/** Names from the root down to the span. */
export function pathOf(t: SpanTable, i: number): number[] {
  const path: number[] = [];
  for (let k = i; k >= 0; k = t.parent[k]!) path.push(k);
  return path.reverse();
}

export const touches = (t: SpanTable, i: number, range: readonly [number, number] | null): boolean =>
  !range || (t.startNs[i]! < range[1] && t.startNs[i]! + t.durationNs[i]! > range[0]);

/** The n spans with the largest own time, largest first; of a repeated compile, those of its run. */
export function slowestSpans(t: SpanTable, n: number, range: readonly [number, number] | null = null): number[] {
  const all: [number, number][] = [];
  const to = t.run ? t.end[t.run.repeat]! : t.n;
  for (let i = t.run ? t.run.repeat + 1 : 0; i < to; i++) if (touches(t, i, range)) all.push([selfNs(t, i), i]);
  all.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  return all.slice(0, n).map((x) => x[1]);
}
