// SPDX-License-Identifier: Apache-2.0
// The optimizer's passes of a trace, in the order that they ran, and the requests that show what one of them did.

import type { CompileRequest } from '../api';
import type { SpanTable } from './spans';

export interface PassRow {
  span: number;  // index
  nth: number;   // which of the passes, from 0
  name: string;
  argument: string;
  durationNs: number;
  before: number | null; // instructions; null: not measured
  after: number | null;
  bytesBefore: number | null;
  bytesAfter: number | null;
}

const PREFIX = 'codegen::opt::';

export function passRows(t: SpanTable): PassRow[] {
  const rows: PassRow[] = [];
  for (let i = 0; i < t.n; i++) {
    const name = t.name[i]!;
    if (!name.startsWith(PREFIX) || name.indexOf('::', PREFIX.length) >= 0) continue;
    const a = t.json[i]!.attributes ?? {};
    const number = (key: string): number | null => (typeof a[key] === 'number' ? a[key] as number : null);
    rows.push({
      span: i, nth: rows.length, name: name.slice(PREFIX.length), argument: typeof a['argument'] === 'string' || typeof a['argument'] === 'number' ? String(a['argument']) : '',
      durationNs: t.durationNs[i]!, before: number('ir.instructions_before'), after: number('ir.instructions_after'),
      bytesBefore: number('ir.bytes_before'), bytesAfter: number('ir.bytes_after'),
    });
  }
  return rows;
}

export const passFlag = (r: PassRow): string => `--${r.name}${r.argument && !r.argument.startsWith('-') ? `=${r.argument}` : ''}`;

/** The two requests whose disassemblies differ by what the nth pass did: all passes before it, and that one more. */
export function passRequests(original: CompileRequest, rows: readonly PassRow[], nth: number): [CompileRequest, CompileRequest] {
  const upTo = (n: number): CompileRequest => {
    const { analyzer: _a, keep: _k, trace: _t, ...rest } = original;
    const passes = rows.slice(0, n).map(passFlag);
    return { ...rest, emit: ['disassembly'], trace: { level: 'off' }, optimize: passes.length ? { passes } : 'none' };
  };
  return [upTo(nth), upTo(nth + 1)];
}

export const growth = (r: PassRow): number => (r.before === null || r.after === null ? 0 : r.after - r.before);
