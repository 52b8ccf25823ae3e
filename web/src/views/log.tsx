// SPDX-License-Identifier: Apache-2.0
// What the debug analyzer said, filterable.

import { useMemo, useState } from 'preact/hooks';
import { getLog, type LogEntry } from '../api';
import { formatCount, formatNs, plural } from '../model/format';
import { Failure, Icon, Loading, useLoad } from './parts';

const LOG_ROWS = 500;

export function Log({ id }: { id: string }) {
  const log = useLoad(id, (signal) => getLog(id, signal));
  const [text, setText] = useState('');
  const [rows, setRows] = useState(LOG_ROWS);
  const kinds = useMemo(() => countBy(log.value ?? []), [log.value]);
  const needle = text.trim().toLowerCase();
  const shown = (log.value ?? []).filter((e) => !needle || `${e.name} ${e.text}`.toLowerCase().includes(needle));
  return (
    <section class="card" aria-labelledby="h-log">
      <h2 id="h-log">What the debug analyzer saw <span class="count">{log.value && formatCount(log.value.length)}</span></h2>
      {log.error !== null && <Failure error={log.error} retry={log.retry} />}
      {!log.value && log.error === null && <Loading what="Reading the log…" />}
      {log.value && (
        <>
          <div class="pane-tools">
            <label class="search-field"><span class="sr-only">Filter the log</span><Icon name="search" />
              <input type="search" placeholder="Filter" value={text} onInput={(e) => setText(e.currentTarget.value)} /></label>
            {kinds.map(([name, n]) => (
              <button type="button" key={name} class="chip" aria-pressed={needle === name} onClick={() => setText(needle === name ? '' : name)}>{name} <span class="muted">{formatCount(n)}</span></button>
            ))}
          </div>
          <ol class="log" tabIndex={0} aria-label="Log">
            {shown.slice(0, rows).map((e, i) => (
              <li key={i}><span class="num muted">{formatNs(e.time_ns)}</span><span class="log-name">{e.name}</span><span class="message">{e.text}
                {e.stack && e.stack.length > 0 && <details><summary>{plural(e.stack.length, 'frame')}</summary><ol>{e.stack.map((f, k) => <li key={k}>{f}</li>)}</ol></details>}</span></li>
            ))}
          </ol>
          {shown.length > rows && <button type="button" onClick={() => setRows(rows * 4)}>Show more of {formatCount(shown.length)}</button>}
          {!shown.length && <p class="empty-pane">Nothing fits the filter.</p>}
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
