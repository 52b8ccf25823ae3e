// SPDX-License-Identifier: Apache-2.0
// Everything about the chosen span; without one, where the time went.

import type { Attribute } from '../api';
import { formatBytes, formatCount, formatNs, formatShare, formatShareInterval, plural } from '../model/format';
import type { IdRange, Profile, TimeRange } from '../model/profile';
import { labelOf, pathOf, selfNs, slowestSpans, spanRange, usageOf, wholeNs, type SpanTable } from '../model/spans';
import { TOO_FEW } from '../model/words';
import { Facts } from './parts';

function samplesIn(p: Profile, range: IdRange): number {
  let n = 0;
  for (const s of p.sampleSpan) if (s >= range.lo && s < range.hi) n++;
  return n;
}

interface Props {
  table: SpanTable;
  span: number;
  profile: Profile | null;
  range: TimeRange | null;
  onSelect: (span: number) => void;
  onMore: (() => void) | null;
}

export function SpanDetails({ table: t, span, profile, range, onSelect, onMore }: Props) {
  if (span < 0) return <Slowest table={t} range={range} onSelect={onSelect} />;
  const j = t.json[span]!;
  const attributes = Object.entries(j.attributes ?? {});
  const shares = usageOf(t, span);
  const samples = profile && profile.n ? samplesIn(profile, spanRange(t, span)) : null;
  return (
    <div class="details">
      <nav class="crumbs" aria-label="Path of the span">
        {pathOf(t, span).map((i) => i !== span && (
          <span key={i}><button type="button" class="link" onClick={() => onSelect(i)}>{labelOf(t, i)}</button><span aria-hidden="true"> › </span></span>
        ))}
      </nav>
      <div class="details-title"><h3>{t.name[span]}</h3><button type="button" class="quiet" onClick={() => onSelect(-1)}>Clear</button></div>
      {t.open[span] === 1 && <p class="bad">Never ended: its process died in it.</p>}
      <Facts rows={[
        ['Duration', <><b>{formatNs(j.duration_ns)}</b> <span class="muted">{wholeNs(t, span) > 0 && `${formatShare(j.duration_ns / wholeNs(t, span))} of ${wholeNs(t, span) === t.totalNs ? 'all' : 'the run'}`}</span></>],
        ['Own time', t.end[span]! > span + 1 && formatNs(selfNs(t, span))],
        ['Starts at', formatNs(j.start_ns)],
        ['CPU time', usage(j.cpu_ns, formatNs)],
        ['Profiled', shares?.measured && `${formatShare(shares.onCpu)} on a CPU, ${formatShare(shares.runnable)} waiting for one, ${formatShare(shares.blocked)} blocked`],
        ['Clean runs', j.clean && `${formatNs(j.clean.median_ns)} median of ${formatCount(j.clean.runs)}; ${formatNs(j.clean.min_ns)} to ${formatNs(j.clean.max_ns)}`],
        ['Samples', samples !== null && profile && (samples ? <>{formatCount(samples)}; {formatShareInterval(samples, profile.n)}
          {samples < TOO_FEW && <> <span class="bad">too few</span>{onMore && <> <button type="button" class="link" onClick={onMore}>compile again for more</button></>}</>}</> : 'none')],
        ['Page faults', usage(j.minor_faults, (n) => `${formatCount(n)} minor, ${formatCount(j.major_faults ?? 0)} major`)],
        ['Allocated', usage(j.alloc_calls, (n) => `${formatBytes(j.alloc_bytes ?? 0)} in ${plural(n, 'call')}`)],
        ['Level', j.level],
        ['Process', j.pid !== undefined && `${j.pid}${j.tid !== undefined && j.tid !== j.pid ? `, thread ${j.tid}` : ''}`],
      ]} />
      {attributes.length > 0 && <><h4>Attributes</h4><Facts rows={attributeRows(j.attributes!)} /></>}
      {(j.events?.length ?? 0) > 0 && (
        <>
          <h4>Events</h4>
          <ol class="events">
            {j.events!.map((e, i) => (
              <li key={i}><span class="muted">{formatNs(e.time_ns)}</span> <span class={`level level-${e.level === 'error' || e.level === 'warn' ? e.level : 'info'}`}>{e.level}</span>
                <span class="message">{e.message}</span></li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

/** What was measured in words; the front's own spans, for one, are clocked and nothing more. */
const usage = (value: number | null | undefined, words: (value: number) => string) =>
  (value === null || value === undefined ? <span class="muted" title="Not measured">–</span> : words(value));

/** Sizes before and after a pass stand on one line. */
function attributeRows(attributes: Record<string, Attribute>): [string, string][] {
  const rows: [string, string][] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const stem = key.replace(/_(before|after)$/, '');
    const before = attributes[`${stem}_before`];
    const after = attributes[`${stem}_after`];
    if (stem === key || typeof before !== 'number' || typeof after !== 'number') rows.push([key, attributeText(key, value)]);
    else if (key.endsWith('_before')) rows.push([stem, `${formatCount(before)} → ${formatCount(after)} (${changeText(before, after)})`]);
  }
  return rows;
}

function changeText(before: number, after: number): string {
  if (before === after) return 'unchanged';
  if (!before) return `+${formatCount(after)}`;
  const percent = ((after - before) / before) * 100;
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent) < 0.1 ? '< 0.1' : Math.abs(percent).toFixed(1)} %`;
}

function attributeText(key: string, value: unknown): string {
  if (typeof value === 'number') return /bytes/.test(key) ? `${formatCount(value)} (${formatBytes(value)})` : /_ns$/.test(key) ? formatNs(value) : formatCount(value);
  return String(value);
}

function Slowest({ table: t, range, onSelect }: { table: SpanTable; range: TimeRange | null; onSelect: (span: number) => void }) {
  const top = slowestSpans(t, 8, range).filter((i) => selfNs(t, i) > 0);
  const most = top.length ? selfNs(t, top[0]!) : 1;
  return (
    <div class="details">
      <h3>Where the time went</h3>
      <p class="muted">Spans by own time, without what is below them{range ? ', of those that touch the chosen stretch' : ''}. Choose one to see it alone.</p>
      <ol class="slowest">
        {top.map((i) => (
          <li key={i}>
            <button type="button" onClick={() => onSelect(i)}>
              <span class="slowest-name">{t.name[i]}</span><span class="num">{formatNs(selfNs(t, i))}</span>
              <meter min={0} max={most} value={selfNs(t, i)} aria-hidden="true" />
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What the pointer shows. */
export function SpanTip({ table: t, span }: { table: SpanTable; span: number }) {
  const j = t.json[span]!;
  const usage = usageOf(t, span);
  const facts = [
    `${formatNs(t.durationNs[span]!)}${wholeNs(t, span) ? ` · ${formatShare(t.durationNs[span]! / wholeNs(t, span))} of ${wholeNs(t, span) === t.totalNs ? 'all' : 'the run'}` : ''}`,
    j.cpu_ns ? `CPU ${formatNs(j.cpu_ns)}` : '',
    usage?.measured ? `profiled: ${formatShare(usage.onCpu)} on a CPU, ${formatShare(usage.runnable)} waiting for one, ${formatShare(usage.blocked)} blocked` : '',
    j.minor_faults || j.major_faults ? `${formatCount((j.minor_faults ?? 0) + (j.major_faults ?? 0))} page faults` : '',
    j.alloc_calls ? `${formatCount(j.alloc_calls)} allocations, ${formatBytes(j.alloc_bytes ?? 0)}` : '',
    t.open[span] ? 'never ended: its process died in it' : '',
  ].filter(Boolean);
  const attributes = Object.entries(j.attributes ?? {}).slice(0, 6);
  return (
    <>
      <strong>{t.name[span]}</strong>
      {facts.map((f) => <div key={f}>{f}</div>)}
      {attributes.map(([k, v]) => <div key={k} class="muted">{k}: {String(v)}</div>)}
      {(j.events ?? []).slice(0, 2).map((e, i) => <div key={i} class={e.level === 'error' ? 'bad' : 'muted'}>{e.message}</div>)}
    </>
  );
}
