// SPDX-License-Identifier: Apache-2.0
// A trace as a file: everything that its page shows, in one JSON document that opens without a service.

import type { FlameJson, LogEntry, TraceJson } from '../api';

export const SAVED_FORMAT = 'spvscope-trace';

export interface SavedTrace {
  format: typeof SAVED_FORMAT;
  version: 1;
  trace: TraceJson;
  flames: Record<string, FlameJson>; // by kind
  log: LogEntry[] | null;
  disassembly: string | null;
}

/** What a person picked from a disk, checked as far as the page needs. A bare answer of /v1/traces/{id} will do. */
export function parseSaved(text: string): SavedTrace {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('The file is no JSON.');
  }
  const o = (typeof value === 'object' && value !== null ? value : {}) as Partial<SavedTrace> & Partial<TraceJson>;
  if (o.format === SAVED_FORMAT && o.version !== 1) throw new Error(`The file is of version ${String(o.version)}; this page reads version 1.`);
  const saved: SavedTrace = o.format === SAVED_FORMAT
    ? { format: SAVED_FORMAT, version: 1, trace: o.trace as TraceJson, flames: o.flames ?? {}, log: o.log ?? null, disassembly: o.disassembly ?? null }
    : { format: SAVED_FORMAT, version: 1, trace: value as TraceJson, flames: {}, log: null, disassembly: null };
  const t = saved.trace;
  if (typeof t !== 'object' || t === null || typeof t.id !== 'string' || !Array.isArray(t.spans)) throw new Error('The file is JSON, but no trace of spvscope.');
  // What did not come along cannot be shown, and the page must not ask a service for it.
  saved.trace = {
    ...t, name: t.name ?? null, language: String(t.language ?? ''), stage: t.stage ?? null, source: t.source ?? null, request: t.request ?? null,
    response: t.response ?? null, dropped: t.dropped ?? 0, has_spirv: false, has_disassembly: saved.disassembly !== null, has_log: saved.log !== null,
    n_samples: Object.values(saved.flames).reduce((n, f) => n + (f?.samples?.stack?.length ?? 0), 0),
  };
  return saved;
}
