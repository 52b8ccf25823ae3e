// SPDX-License-Identifier: Apache-2.0
// The request that would make a trace anew.

import type { CompileRequest, TraceJson } from '../api';

/** The request that made the trace, whole; null where an older version did not keep it. */
export function originalRequest(trace: TraceJson): CompileRequest | null {
  if (!trace.request) return null;
  // A newer version of the editor's buffer would cancel it, and this is no version of the buffer any more.
  const { document: _, ...request } = trace.request;
  return request.source_base64 !== undefined ? request : { ...request, source: trace.source ?? '' };
}

/** The same under an analyzer; kept if the first was. */
export function profiledRequest(trace: TraceJson, kind: string): CompileRequest | null {
  const r = originalRequest(trace);
  return r && { ...r, analyzer: { ...r.analyzer, kind }, keep: trace.kept || undefined };
}
