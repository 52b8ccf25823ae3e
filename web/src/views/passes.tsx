// SPDX-License-Identifier: Apache-2.0
// The optimizer's passes: time, size before and after, and on request what one of them did to the SPIR-V.

import { useMemo, useState } from 'preact/hooks';
import { compile, type CompileRequest } from '../api';
import { formatCount, formatNs, formatShare, plural } from '../model/format';
import { diffLines, withContext, type LineDiff } from '../model/lines';
import { growth, passFlag, passRequests, passRows, type PassRow } from '../model/passes';
import type { TimeRange } from '../model/profile';
import { touches, type SpanTable } from '../model/spans';
import { DiffPane } from './diff';
import { Failure, Loading, Notice } from './parts';

interface Props {
  table: SpanTable;
  selected: number;
  range: TimeRange | null;
  request: CompileRequest | null;
  onSelect: (span: number) => void;
}

type Order = 'ran' | 'time' | 'growth';
const ORDERS: [Order, string][] = [['ran', 'As they ran'], ['time', 'Slowest first'], ['growth', 'Most grown first']];
const CONTEXT = 3;

export function Passes({ table, selected, range, request, onSelect }: Props) {
  const rows = useMemo(() => passRows(table), [table]);
  const [order, setOrder] = useState<Order>('ran');
  const [open, setOpen] = useState<{ nth: number; diff: LineDiff | null; error: unknown } | null>(null);
  const total = rows.reduce((sum, r) => sum + r.durationNs, 0);
  const shown = useMemo(() => {
    const list = rows.filter((r) => touches(table, r.span, range));
    if (order === 'time') list.sort((a, b) => b.durationNs - a.durationNs);
    if (order === 'growth') list.sort((a, b) => growth(b) - growth(a));
    return list;
  }, [rows, range?.[0], range?.[1], order]);
  const difference = async (r: PassRow) => {
    if (open?.nth === r.nth) return setOpen(null);
    setOpen({ nth: r.nth, diff: null, error: null });
    try {
      const [before, after] = await Promise.all(passRequests(request!, rows, r.nth).map((q) => disassemblyOf(q)));
      setOpen((o) => (o?.nth === r.nth ? { nth: r.nth, diff: diffLines(before!, after!), error: null } : o));
    } catch (error) {
      setOpen((o) => (o?.nth === r.nth ? { nth: r.nth, diff: null, error } : o));
    }
    return undefined;
  };
  return (
    <section class="card" aria-labelledby="h-passes">
      <h2 id="h-passes">Optimizer passes <span class="count">{formatCount(rows.length)}</span></h2>
      <div class="pane-tools">
        <div class="segments" role="group" aria-label="Order">
          {ORDERS.map(([key, label]) => <button type="button" key={key} aria-pressed={order === key} onClick={() => setOrder(key)}>{label}</button>)}
        </div>
        <p class="words">Time of one run, own size in instructions before and after; the bar is the share of the passes' time.{range && ` ${shown.length} of ${rows.length} touch the chosen stretch.`}</p>
      </div>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Optimizer passes">
        <table class="passes">
          <thead><tr><th scope="col" class="num">#</th><th scope="col">Pass</th><th scope="col" class="num">Time</th><th scope="col" class="num">Before</th>
            <th scope="col" class="num">After</th><th scope="col" class="num">Change</th><th scope="col"><span class="sr-only">Difference</span></th></tr></thead>
          <tbody>
            {shown.map((r) => (
              <tr key={r.nth} class={r.span === selected ? 'is-chosen' : ''}>
                <td class="num muted">{r.nth + 1}</td>
                <td class="fn"><button type="button" class="link" aria-pressed={r.span === selected} onClick={() => onSelect(r.span === selected ? -1 : r.span)}>{r.name}{r.argument && ` ${r.argument}`}</button></td>
                <td class="num">{formatNs(r.durationNs)} <meter min={0} max={1} value={total ? r.durationNs / total : 0} title={formatShare(total ? r.durationNs / total : 0)} aria-hidden="true" /></td>
                <td class="num">{r.before === null ? '–' : formatCount(r.before)}</td>
                <td class="num">{r.after === null ? '–' : formatCount(r.after)}</td>
                <td class="num">{changeWords(r)}</td>
                <td>{request && <button type="button" class="chip" aria-expanded={open?.nth === r.nth} onClick={() => void difference(r)}>Difference</button>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.every((r) => r.before === null) && <p class="muted">Sizes were not measured: that takes a run of its own, which is left out for big modules, when a compile is timed over and over, and on request.</p>}
      {open && <PassDiff row={rows[open.nth]!} diff={open.diff} error={open.error} />}
    </section>
  );
}

function changeWords(r: PassRow) {
  const by = growth(r);
  if (!by) return <span class="muted">{r.before === null ? '–' : '0'}</span>;
  return <span class={by > 0 ? 'grew' : 'shrank'}>{by > 0 ? '+' : '−'}{formatCount(Math.abs(by))}</span>;
}

async function disassemblyOf(request: CompileRequest): Promise<string[]> {
  const answer = await compile(request);
  if (answer.disassembly === undefined) throw new Error(`The compile up to this pass ended with “${answer.status}”. ${answer.failure?.message ?? answer.diagnostics[0]?.message ?? ''}`);
  return answer.disassembly.split('\n');
}

function PassDiff({ row, diff, error }: { row: PassRow; diff: LineDiff | null; error: unknown }) {
  const lines = useMemo(() => diff && withContext(diff, CONTEXT), [diff]);
  return (
    <div class="pass-diff" role="region" aria-label={`What ${row.name} did`}>
      <h3>{passFlag(row)} <span class="count">{diff && (diff.added || diff.removed ? `${plural(diff.added, 'line')} more, ${plural(diff.removed, 'line')} less` : 'changed nothing')}</span></h3>
      {error !== null && <Failure error={error} />}
      {!diff && error === null && <Loading what="Compiling twice, up to this pass and with it…" />}
      {diff && !diff.exact && <Notice kind="info">The two are too different to be aligned line by line: all lines of the middle stand as gone, then as new.</Notice>}
      {lines && (diff!.added > 0 || diff!.removed > 0) && <DiffPane lines={lines} label={`Difference made by ${row.name}`} />}
    </div>
  );
}
