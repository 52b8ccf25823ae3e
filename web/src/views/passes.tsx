// SPDX-License-Identifier: Apache-2.0
// The optimizer's passes: time, size before and after, and on request what one of them did to the SPIR-V.

import { useMemo, useState } from 'preact/hooks';
import type { CompileRequest } from '../api';
import { formatCount, formatNs, formatShare } from '../model/format';
import { growth, passRows, type PassRow } from '../model/passes';
import type { TimeRange } from '../model/profile';
import { labelOf, touches, type SpanTable } from '../model/spans';
import { lazy } from './parts';

const PassDiff = lazy('the difference', async () => (await import('./rarely')).PassDiff);

interface Props {
  table: SpanTable;
  selected: number;
  range: TimeRange | null;
  request: CompileRequest | null;
  onSelect: (span: number) => void;
}

type Order = 'ran' | 'time' | 'growth';
const ORDERS: [Order, string][] = [['ran', 'As they ran'], ['time', 'Slowest first'], ['growth', 'Most grown first']];

export function Passes({ table, selected, range, request, onSelect }: Props) {
  const [measured, setMeasured] = useState<PassRow[] | null>(null);
  const rows = useMemo(() => measured ?? passRows(table), [table, measured]);
  const [measuring, setMeasuring] = useState('');
  const measure = async () => {
    setMeasuring('Compiling…');
    try {
      const found = await (await import('./rarely')).measureSizes(request!, rows);
      setMeasuring(found ? '' : 'They could not be measured: the module is too big for it.');
      if (found) setMeasured(found);
    } catch (e) {
      setMeasuring(e instanceof Error ? e.message : String(e));
    }
  };
  const [order, setOrder] = useState<Order>('ran');
  const [open, setOpen] = useState(-1); // whose difference is shown
  const total = rows.reduce((sum, r) => sum + r.durationNs, 0);
  const chosenPass = rows.some((r) => r.span === selected); // then it is marked, among the others
  const shown = useMemo(() => {
    const list = rows.filter((r) => touches(table, r.span, range) && (selected < 0 || chosenPass || (r.span >= selected && r.span < table.end[selected]!)));
    if (order === 'time') list.sort((a, b) => b.durationNs - a.durationNs);
    if (order === 'growth') list.sort((a, b) => growth(b) - growth(a));
    return list;
  }, [rows, range?.[0], range?.[1], order, selected]);
  return (
    <section class="card" aria-labelledby="h-passes">
      <h2 id="h-passes">Optimizer passes <span class="count">{formatCount(rows.length)}</span></h2>
      <div class="pane-tools">
        <div class="segments" role="group" aria-label="Order">
          {ORDERS.map(([key, label]) => <button type="button" key={key} aria-pressed={order === key} onClick={() => setOrder(key)}>{label}</button>)}
        </div>
        <p class="words">Time of one run, own size in instructions before and after; the bar is the share of the passes' time.{shown.length < rows.length && ` ${shown.length} of ${rows.length} ${selected < 0 || chosenPass ? 'touch the chosen stretch' : `lie in ${labelOf(table, selected)}${range ? ' and touch the chosen stretch' : ''}`}.`}</p>
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
                <td>{request && <button type="button" class="chip" aria-expanded={open === r.nth} onClick={() => setOpen(open === r.nth ? -1 : r.nth)}>Difference</button>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.every((r) => r.before === null) && <p class="measure"><span class="muted" role="status">{measuring || 'Sizes were not measured with this compile: that takes a run of its own.'}</span>
        {request && !measuring && <button type="button" onClick={() => void measure()}>Measure the sizes</button>}</p>}
      {measured && <p class="muted">The sizes are those of a compile of its own, without an analyzer.</p>}
      {open >= 0 && <PassDiff request={request!} rows={rows} row={rows[open]!} />}
    </section>
  );
}

function changeWords(r: PassRow) {
  const by = growth(r);
  if (!by) return <span class="muted">{r.before === null ? '–' : '0'}</span>;
  return <span class={by > 0 ? 'grew' : 'shrank'}>{by > 0 ? '+' : '−'}{formatCount(Math.abs(by))}</span>;
}
