// SPDX-License-Identifier: Apache-2.0
// What one pass of the optimizer did to the SPIR-V: two compiles, up to it and with it, and their difference.

import { compile, getTrace, type CompileRequest } from '../api';
import { plural } from '../model/format';
import { diffLines, withContext } from '../model/lines';
import { passFlag, passRequests, passRows, type PassRow } from '../model/passes';
import { decodeSpans } from '../model/spans';
import { DiffPane } from './diff';
import { Failure, Loading, Notice, useLoad } from './parts';

const CONTEXT = 3;

async function disassemblyOf(request: CompileRequest): Promise<string[]> {
  const answer = await compile(request);
  if (answer.disassembly === undefined) throw new Error(`The compile up to this pass ended with “${answer.status}”. ${answer.failure?.message ?? answer.diagnostics[0]?.message ?? ''}`);
  return answer.disassembly.split('\n');
}

/** The same passes with sizes, by one more compile, which nothing repeats; null if it has none either. */
export async function measureSizes(request: CompileRequest, rows: readonly PassRow[]): Promise<PassRow[] | null> {
  const { analyzer: _a, keep: _k, ...rest } = request;
  const answer = await compile({ ...rest, emit: [], trace: { level: 'debug' } }, undefined, true);
  if (!answer.trace) throw new Error('It was compiled, but not traced.');
  const sized = passRows(decodeSpans((await getTrace(answer.trace.id)).spans ?? []));
  if (sized.every((r) => r.before === null) || rows.some((r, i) => r.name !== sized[i]?.name)) return null;
  return rows.map((r, i) => ({ ...sized[i]!, span: r.span, durationNs: r.durationNs }));
}

export function PassDiff({ request, rows, row }: { request: CompileRequest; rows: readonly PassRow[]; row: PassRow }) {
  const { value, error, retry } = useLoad(String(row.nth), async () => {
    const [before, after] = await Promise.all(passRequests(request, rows, row.nth).map((q) => disassemblyOf(q)));
    const diff = diffLines(before!, after!);
    return { diff, lines: withContext(diff, CONTEXT) };
  });
  const changed = value !== null && value.diff.added + value.diff.removed > 0;
  return (
    <div class="pass-diff" role="region" aria-label={`What ${row.name} did`}>
      <h3>{passFlag(row)} <span class="count">{value && (changed ? `${plural(value.diff.added, 'line')} more, ${plural(value.diff.removed, 'line')} less` : 'changed nothing')}</span></h3>
      {error !== null && <Failure error={error} retry={retry} />}
      {!value && error === null && <Loading what="Compiling twice, up to this pass and with it…" />}
      {value && !value.diff.exact && <Notice kind="info">The two are too different to be aligned line by line: all lines of the middle stand as gone, then as new.</Notice>}
      {changed && <DiffPane lines={value.lines} label={`Difference made by ${row.name}`} />}
    </div>
  );
}
