// SPDX-License-Identifier: Apache-2.0
// The list of traces: pages from the service and live events brought together, newest first.

import type { CompileEvent, TraceSummary } from '../api';

export interface TraceFilter {
  status: string;   // '' is any
  language: string;
  text: string;     // in the name, the stage or the id
}

const newestFirst = (a: TraceSummary, b: TraceSummary) => b.started_unix_ns - a.started_unix_ns || (a.id < b.id ? 1 : -1);

/** Rows are known by their compilation; an incoming row takes the place of the older one. */
export function mergeRows(rows: readonly TraceSummary[], incoming: readonly TraceSummary[]): TraceSummary[] {
  const by = new Map(rows.map((r) => [r.compilation_id, r]));
  for (const r of incoming) {
    // A page that was asked for before a compile ended must not take its end back.
    const old = by.get(r.compilation_id);
    if (!(old && old.status !== 'running' && r.status === 'running')) by.set(r.compilation_id, r);
  }
  return [...by.values()].sort(newestFirst);
}

export function applyEvent(rows: readonly TraceSummary[], type: string, e: CompileEvent): TraceSummary[] {
  if (type !== 'start' && type !== 'end') return rows as TraceSummary[];
  // Without a trace there is nothing to open, and the service does not list it.
  if (!e.trace_id) return rows.filter((r) => r.compilation_id !== e.id);
  return mergeRows(rows, [{
    id: e.trace_id, compilation_id: e.id, name: e.name, language: e.language, stage: e.stage,
    status: type === 'start' ? 'running' : e.status, analyzer: e.analyzer ?? 'off', started_unix_ns: e.started_unix_ns,
    duration_ns: e.duration_ns ?? 0, spans: e.spans ?? 0, samples: e.samples ?? 0, kept: e.kept ?? false,
  }]);
}

export function filterRows(rows: readonly TraceSummary[], f: TraceFilter): TraceSummary[] {
  const text = f.text.trim().toLowerCase();
  return rows.filter((r) => (!f.status || r.status === f.status) && (!f.language || r.language === f.language)
    && (!text || `${r.name ?? ''} ${r.stage ?? ''} ${r.id}`.toLowerCase().includes(text)));
}
