// SPDX-License-Identifier: Apache-2.0
// The request that would make a trace anew. Options come from what this browser asked for, else from what the root span
// says about the compile.

import type { CompileRequest, SpanJson, TraceJson } from '../api';

const asked = new Map<string, CompileRequest>();

export function remember(traceId: string, request: CompileRequest): void {
  asked.set(traceId, request);
}

function attribute(roots: readonly SpanJson[], key: string): string | undefined {
  const value = roots[0]?.attributes?.[key];
  return typeof value === 'string' && value ? value : undefined;
}

export function originalRequest(trace: TraceJson): CompileRequest {
  const known = asked.get(trace.id);
  if (known) return known;
  const optimize = attribute(trace.spans, 'optimize');
  const env = attribute(trace.spans, 'target.env') ?? attribute(trace.spans, 'target');
  return {
    source: trace.source ?? '', name: trace.name ?? undefined, language: trace.language || undefined, stage: trace.stage ?? undefined,
    optimize: optimize === 'size' || optimize === 'performance' ? optimize : undefined,
    target: env ? { env } : undefined,
  };
}

export function requestOf(trace: TraceJson, kind: string): CompileRequest {
  return { ...originalRequest(trace), emit: ['spirv', 'disassembly'], trace: { level: 'debug' }, analyzer: { kind }, keep: trace.kept };
}
