// SPDX-License-Identifier: Apache-2.0
// The request that would make a trace anew. Options come from what this browser asked for, else from what the
// spans say about the compile.

import type { Attribute, CompileRequest, SpanJson, TraceJson } from '../api';

const asked = new Map<string, CompileRequest>();

export function remember(traceId: string, request: CompileRequest): void {
  asked.set(traceId, request);
}

/** The first value of an attribute in the tree; breadth first, since what describes the whole compile stands high. */
function attribute(roots: readonly SpanJson[], key: string): Attribute | undefined {
  let row = roots;
  while (row.length) {
    for (const span of row) {
      const value = span.attributes?.[key];
      if (value !== undefined) return value;
    }
    row = row.flatMap((span) => span.children ?? []);
  }
  return undefined;
}

export function originalRequest(trace: TraceJson): CompileRequest {
  const known = asked.get(trace.id);
  if (known) return known;
  const preset = attribute(trace.spans, 'preset');
  const env = attribute(trace.spans, 'target.env');
  return {
    source: trace.source ?? '', name: trace.name ?? undefined, language: trace.language || undefined, stage: trace.stage ?? undefined,
    optimize: preset === 'size' || preset === 'performance' ? preset : undefined,
    target: typeof env === 'string' ? { env } : undefined,
  };
}

/** Whether the trace came with files that it does not keep, so that it cannot be made anew from here. */
export function needsFiles(trace: TraceJson): boolean {
  return !asked.has(trace.id) && Number(attribute(trace.spans, 'files') ?? 0) > 0;
}

export function requestOf(trace: TraceJson, kind: string): CompileRequest {
  return { ...originalRequest(trace), emit: ['spirv', 'disassembly'], trace: { level: 'debug' }, analyzer: { kind }, keep: trace.kept || undefined };
}
