// SPDX-License-Identifier: Apache-2.0
// A text with line numbers; only the rows on the screen are in the page, so that 200,000 lines open at once.
// Diagnostics stand below their lines, and their ranges are underlined.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Diagnostic } from '../api';
import { codeRows, lineAt, lineStarts, marksOf, nLines, pieces, type CodeRow } from '../model/text';
import { commentLines, tokensOf, type Dialect } from '../model/tokens';
import { Icon, severityWord } from './parts';

const ROW = 20;
const SPARE = 12; // rows beyond what is visible

interface Props {
  text: string;
  label: string;
  dialect: Dialect;
  diagnostics?: readonly Diagnostic[];
  jump?: { line: number; serial: number };
}

export function CodePane({ text: whole, label, dialect, diagnostics = [], jump }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [window_, setWindow] = useState<[number, number]>([0, 60]);
  // A text that ends with a line end has no line behind it, unless something is said about that one.
  const text = useMemo(() => withoutLastBreak(whole, diagnostics), [whole, diagnostics]);
  const starts = useMemo(() => lineStarts(text), [text]);
  const rows = useMemo(() => codeRows(nLines(starts), diagnostics), [starts, diagnostics]);
  const comments = useMemo(() => (dialect === 'c' ? commentLines(text, starts) : null), [text, starts, dialect]);
  const columns = useMemo(() => longest(text, starts, rows), [text, starts, rows]);
  const gutter = String(nLines(starts)).length;

  const look = () => {
    const el = host.current!;
    const first = Math.max(0, Math.floor(el.scrollTop / ROW) - SPARE);
    const last = Math.ceil((el.scrollTop + el.clientHeight) / ROW) + SPARE;
    setWindow((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!jump) return;
    const row = rows.findIndex((r) => r.line === jump.line);
    host.current!.scrollTop = Math.max(0, row * ROW - host.current!.clientHeight / 3);
    host.current!.scrollIntoView({ block: 'nearest' });
    look();
  }, [jump?.serial]);

  const shown = rows.slice(window_[0], window_[1]);
  return (
    <div class="code" ref={host} onScroll={look} tabIndex={0} role="region" aria-label={label}>
      <div class="code-space" style={{ height: `${rows.length * ROW}px`, 'min-width': `calc(${columns + 2}ch + ${gutter + 4}ch)` }}>
        <div class="code-window" style={{ transform: `translateY(${window_[0] * ROW}px)` }}>
          {shown.map((row, i) => ('message' in row
            ? <div key={window_[0] + i} class={`code-row code-message severity-${row.severity}`}>
              <span class="code-gutter" style={{ width: `${gutter + 3}ch` }} />
              <span class="code-text"><Icon name={row.severity === 1 ? 'failed' : row.severity === 2 ? 'warning' : 'info'} />{row.message}</span>
            </div>
            : <CodeLine key={window_[0] + i} row={row} gutter={gutter} text={lineAt(text, starts, row.line)} dialect={dialect}
              inComment={comments?.[row.line] === 1} diagnostics={diagnostics} jumped={jump?.line === row.line} />))}
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  row: CodeRow;
  gutter: number;
  text: string;
  dialect: Dialect;
  inComment: boolean;
  diagnostics: readonly Diagnostic[];
  jumped: boolean;
}

function CodeLine({ row, gutter, text, dialect, inComment, diagnostics, jumped }: LineProps) {
  const marks = marksOf(row.line, text.length, diagnostics);
  const worst = diagnostics.reduce((w, d) => ((d.range?.start.line ?? 0) === row.line && (!w || d.severity < w) ? d.severity : w), 0);
  return (
    <div class={`code-row ${worst ? `severity-${worst}` : ''} ${jumped ? 'is-jumped' : ''}`}>
      <span class="code-gutter" style={{ width: `${gutter + 3}ch` }}>
        {worst > 0 && <span class="code-mark"><span class="sr-only">{severityWord(worst)}</span></span>}{row.line + 1}
      </span>
      <span class="code-text">
        {pieces(text, tokensOf(text, dialect, inComment), marks).map((p, i) => (
          p.kind || p.severity ? <span key={i} class={`${p.kind ? `tok-${p.kind}` : ''} ${p.severity ? `mark mark-${p.severity}` : ''}`}>{p.text}</span> : p.text
        ))}
      </span>
    </div>
  );
}

function withoutLastBreak(text: string, diagnostics: readonly Diagnostic[]): string {
  const cut = text.replace(/\r?\n$/, '');
  const lines = nLines(lineStarts(cut));
  return diagnostics.some((d) => (d.range?.end.line ?? 0) >= lines) ? text : cut;
}

/** In characters; a tab counts as four. */
function longest(text: string, starts: Uint32Array, rows: readonly CodeRow[]): number {
  let most = 0;
  for (let i = 0; i + 1 < starts.length; i++) most = Math.max(most, starts[i + 1]! - starts[i]!);
  for (const r of rows) if ('message' in r) most = Math.max(most, r.message.length + 3);
  let tabs = 0;
  for (let i = text.indexOf('\t'); i >= 0 && tabs < 12; i = text.indexOf('\t', i + 1)) tabs++;
  return most + tabs * 3;
}
