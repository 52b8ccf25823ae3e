// SPDX-License-Identifier: Apache-2.0
// What the debug analyzer said, filterable, in step with the axis: the chosen stretch limits it, and the line that is
// pointed at is marked above the spans.

import { useMemo, useState } from 'preact/hooks';
import { getLog, type LogEntry } from '../api';
import { formatCount, plural } from '../model/format';
import type { TimeRange } from '../model/profile';
import { matcherOf } from '../model/search';
import { labelOf, type SpanTable } from '../model/spans';
import { Failure, Icon, Loading, useLoad } from './parts';

const LOG_ROWS = 300;

interface Props {
  id: string;
  filter: string;
  range: TimeRange | null;
  table: SpanTable;
  span: number; // index, -1: none
  onFilter: (text: string) => void;
  onCursor: (ns: number | null) => void;
}

export function Log({ id, filter, range, table, span, onFilter, onCursor }: Props) {
  const log = useLoad(id, (signal) => getLog(id, signal));
  const [rows, setRows] = useState(LOG_ROWS);
  const inRange = useMemo(() => {
    const from = span < 0 ? -Infinity : table.startNs[span]!;
    const to = span < 0 ? Infinity : from + table.durationNs[span]!;
    return (log.value ?? []).filter((e) => e.time_ns >= Math.max(from, range?.[0] ?? from) && e.time_ns <= Math.min(to, range?.[1] ?? to));
  }, [log.value, range?.[0], range?.[1], table, span]);
  const chosen = [span >= 0 && `in ${labelOf(table, span)}`, range && 'in the chosen stretch'].filter(Boolean).join(' and ');
  const kinds = useMemo(() => countBy(inRange), [inRange]);
  const matches = useMemo(() => matcherOf(filter), [filter]);
  // The name of a kind asks for that kind alone, as many lines as its button says; other text is looked for in stacks too.
  const shown = useMemo(() => {
    if (inRange.some((e) => e.name === filter)) return inRange.filter((e) => e.name === filter);
    return matches ? inRange.filter((e) => matches(`${e.name} ${e.text}`) || e.stack?.some(matches)) : inRange;
  }, [inRange, filter, matches]);
  return (
    <section class="card" aria-labelledby="h-log">
      <h2 id="h-log">What the debug analyzer saw <span class="count">{log.value && formatCount(log.value.length)}</span></h2>
      {log.error !== null && <Failure error={log.error} retry={log.retry} />}
      {!log.value && log.error === null && <Loading what="Reading the log…" />}
      {log.value && (
        <>
          <div class="pane-tools">
            <label class="search-field"><span class="sr-only">Filter the log</span><Icon name="search" />
              <input type="search" placeholder="Filter, or /regex/" value={filter} onInput={(e) => onFilter(e.currentTarget.value)} /></label>
            {kinds.map(([name, n]) => (
              <button type="button" key={name} class="chip" aria-pressed={filter === name} onClick={() => onFilter(filter === name ? '' : name)}>{name} <span class="muted">{formatCount(n)}</span></button>
            ))}
            {chosen && <span class="muted">{formatCount(inRange.length)} of {formatCount(log.value.length)} lie {chosen}</span>}
          </div>
          <ol class="log" tabIndex={0} aria-label="Log" onMouseLeave={() => onCursor(null)} onBlur={() => onCursor(null)}>
            {shown.slice(0, rows).map((e, i) => (
              <li key={i} onMouseEnter={() => onCursor(e.time_ns)}><button type="button" class="link num" title="Show on the axis" onFocus={() => onCursor(e.time_ns)} onClick={() => onCursor(e.time_ns)}>{(e.time_ns / 1e6).toFixed(3)} ms</button>
                <span class="log-name">{e.name}</span><span class="message">{e.text}
                  {e.stack && e.stack.length > 0 && <details><summary>{plural(e.stack.length, 'frame')}</summary><ol>{e.stack.map((f, k) => <li key={k}>{f}</li>)}</ol></details>}</span></li>
            ))}
          </ol>
          {shown.length > rows && <button type="button" onClick={() => setRows(rows * 4)}>Show more of {formatCount(shown.length)}</button>}
          {!shown.length && <p class="empty-pane">{inRange.length ? 'Nothing fits the filter.' : 'Nothing was said in what is chosen.'}</p>}
        </>
      )}
    </section>
  );
}

function countBy(log: readonly LogEntry[]): [string, number][] {
  const by = new Map<string, number>();
  for (const e of log) by.set(e.name, (by.get(e.name) ?? 0) + 1);
  return [...by].sort((a, b) => b[1] - a[1]).slice(0, 8);
}
