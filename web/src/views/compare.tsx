// SPDX-License-Identifier: Apache-2.0
// Two traces beside each other: what grew, what shrank, what is gone. Spans are aligned by their path.

import { useMemo, useState } from 'preact/hooks';
import { getDisassembly, getFlame, getTrace, listTraces, savedTraces, type TraceJson, type TraceSummary } from '../api';
import { alignSpans, apart, deviations, diffFlames, functionChanges, ownNs, spanNs, vanished, type FlameDiff } from '../model/compare';
import { formatBytes, formatCount, formatNs, formatWhen, plural, shortName } from '../model/format';
import { diffLines, withContext } from '../model/lines';
import { passRows } from '../model/passes';
import { decodeProfile, type Profile } from '../model/profile';
import { formatRoute, traceRoute, type Route } from '../model/route';
import { decodeSpans, labelOf, type SpanTable } from '../model/spans';
import { huesByModule } from '../render/flame';
import { N_TONES } from '../render/theme';
import { DiffPane } from './diff';
import { Graph } from './graph';
import { Failure, Loading, Notice, StatusBadge, useLoad } from './parts';

type CompareRoute = Extract<Route, { view: 'compare' }>;

interface Side {
  trace: TraceJson;
  table: SpanTable;
  profile: Profile | null;
  unit: number; // what one sample stands for: ns of one compile
}

async function loadSide(id: string, signal: AbortSignal): Promise<Side> {
  const trace = await getTrace(id, signal);
  const profile = trace.n_samples ? decodeProfile(await getFlame(trace.id, 'on-cpu', signal)) : null;
  const runs = Math.max(1, trace.response?.analyzer?.runs?.profiled ?? 1);
  return { trace, table: decodeSpans(trace.spans ?? []), profile, unit: profile && profile.frequencyHz > 0 ? 1e9 / profile.frequencyHz / runs : 1 };
}

export function CompareView({ route, go }: { route: CompareRoute; go: (r: Route, replace?: boolean) => void }) {
  const both = useLoad(route.to ? `${route.base} ${route.to}` : null, (signal) => Promise.all([loadSide(route.base, signal), loadSide(route.to, signal)]));
  if (!route.to) return <ChooseOther route={route} go={go} />;
  return (
    <main class="page compare">
      <div class="page-head"><h1>Compare</h1>
        <button type="button" onClick={() => go({ ...route, base: route.to, to: route.base, zoom: '' })}>Swap</button></div>
      {both.error !== null && <Failure error={both.error} retry={both.retry} />}
      {!both.value && both.error === null && <Loading what="Reading both traces…" />}
      {both.value && <Compared base={both.value[0]} to={both.value[1]} route={route} set={(change) => go({ ...route, ...change }, true)} />}
    </main>
  );
}

/** The second trace, from those of the same name first. */
function ChooseOther({ route, go }: { route: CompareRoute; go: (r: Route) => void }) {
  const list = useLoad(route.base, (signal) => listTraces({ limit: 200 }, signal).then((l) => l.traces, () => [] as TraceSummary[]));
  const base = useLoad(route.base, (signal) => getTrace(route.base, signal));
  const name = base.value?.name;
  const files = savedTraces().filter((s) => s.trace.id !== route.base);
  const rows = (list.value ?? []).filter((r) => r.id !== route.base && r.status !== 'running').sort((a, b) => Number(b.name === name) - Number(a.name === name));
  return (
    <main class="page">
      <h1>Compare {name ?? ''} with…</h1>
      {base.error !== null && <Failure error={base.error} />}
      {!list.value && <Loading what="Reading the list…" />}
      {list.value && !rows.length && !files.length && <p class="empty-pane">There is no other trace.</p>}
      <ul class="choose">
        {files.map(({ trace }) => <li key={trace.id}><button type="button" class="link" onClick={() => go({ ...route, to: trace.id, zoom: '' })}>{trace.name ?? trace.id}</button> <span class="muted">from a file</span></li>)}
        {rows.map((r) => (
          <li key={r.id}><button type="button" class="link" onClick={() => go({ ...route, to: r.id, zoom: '' })}>{r.name || `unnamed ${r.id.slice(0, 8)}`}</button>
            <span class="muted"> {r.language}, {formatNs(r.duration_ns)}, {plural(r.samples, 'sample')}, {formatWhen(r.started_unix_ns)}</span> <StatusBadge status={r.status} /></li>
        ))}
      </ul>
    </main>
  );
}

interface ComparedProps {
  base: Side;
  to: Side;
  route: CompareRoute;
  set: (change: Partial<CompareRoute>) => void;
}

function Compared({ base, to, route, set }: ComparedProps) {
  const diff = useMemo(() => (base.profile?.n && to.profile?.n ? diffFlames(base.profile, to.profile, base.unit, to.unit) : null), [base, to]);
  return (
    <>
      <section class="card" aria-label="The two traces"><div class="table-wide"><table class="counters">
        <thead><tr><th scope="col" /><th scope="col" class="num">Base</th><th scope="col" class="num">Other</th><th scope="col" class="num">Change</th></tr></thead>
        <tbody>
          <tr><th scope="row">Trace</th>{[base, to].map((s, i) => <td key={i} class="num"><a href={formatRoute(traceRoute(s.trace.id))}>{s.trace.name ?? s.trace.id.slice(0, 8)}</a><br /><span class="muted">{formatWhen(s.trace.started_unix_ns)}</span></td>)}<td /></tr>
          <tr><th scope="row">Status</th>{[base, to].map((s, i) => <td key={i} class="num"><StatusBadge status={s.trace.status} /></td>)}<td /></tr>
          {counters(base, to).map(([name, b, t, format]) => (
            <tr key={name}><th scope="row">{name}</th><td class="num">{b === null ? '–' : format(b)}</td><td class="num">{t === null ? '–' : format(t)}</td><td class="num"><Delta base={b} to={t} format={format} /></td></tr>
          ))}
          {askedDifferently(base.trace, to.trace).map(([field, ...values]) => (
            <tr key={field}><th scope="row">Asked: {field}</th>{values.map((v, i) => <td key={i} class="num asked">{v}</td>)}<td /></tr>
          ))}
        </tbody></table></div></section>
      <SpanDiff base={base} to={to} order={route.order === 'tree' ? 'tree' : 'own'} setOrder={(order) => set({ order: order === 'own' ? '' : order })} />
      <section class="card" aria-labelledby="h-fdiff">
        <h2 id="h-fdiff">Flame difference</h2>
        {diff ? <FlameDifference diff={diff} base={base} to={to} zoom={route.zoom ?? ''} setZoom={(zoom) => set({ zoom })} />
          : <p class="empty-pane">{base.profile?.n ? 'The other trace' : to.profile?.n ? 'The base' : 'Neither trace'} has {base.profile?.n || to.profile?.n ? 'no' : 'any'} samples, so there is nothing to set against each other.</p>}
      </section>
      <SpirvDiff base={base.trace} to={to.trace} />
    </>
  );
}

/** Fields of the two requests that differ, as JSON; which document of an editor it was is no difference. */
function askedDifferently(base: TraceJson, to: TraceJson): [string, string, string][] {
  const fields = (t: TraceJson): Map<string, string> => new Map(Object.entries(t.request ?? {}).flatMap(([name, value]): [string, unknown][] =>
    (value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value).map(([part, v]) => [`${name}.${part}`, v]) : [[name, value]]))
    .map(([name, value]) => [name, JSON.stringify(value)]));
  const [a, b] = [fields(base), fields(to)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => !name.startsWith('document.') && a.get(name) !== b.get(name))
    .map((name) => [name, a.get(name) ?? '–', b.get(name) ?? '–']);
}

type Counter = [string, number | null, number | null, (x: number) => string];

function counters(base: Side, to: Side): Counter[] {
  const compileNs = (s: Side): number | null => {
    const i = s.table.run ? s.table.run.compile : s.table.name.indexOf('codegen::compile');
    return i < 0 ? null : spanNs(s.table, i);
  };
  const sum = (s: Side, of: (i: number) => number | null | undefined): number | null => {
    let total: number | null = null;
    const roots = s.table.name.map((_, i) => i).filter((i) => s.table.name[i] === 'codegen::compile');
    for (const i of roots.slice(0, 1)) total = of(i) ?? null;
    return total;
  };
  const r = (s: Side) => s.trace.response;
  const row = (name: string, of: (s: Side) => number | null | undefined, format: (x: number) => string): Counter => [name, of(base) ?? null, of(to) ?? null, format];
  return [
    row('Compile, wall time', compileNs, formatNs),
    row('Compile, CPU time', (s) => sum(s, (i) => s.table.json[i]!.cpu_ns), formatNs),
    row('Page faults', (s) => sum(s, (i) => s.table.json[i]!.minor_faults), formatCount),
    row('Bytes allocated', (s) => sum(s, (i) => s.table.json[i]!.alloc_bytes), formatBytes),
    row('Allocations', (s) => sum(s, (i) => s.table.json[i]!.alloc_calls), formatCount),
    row('SPIR-V', (s) => r(s)?.spirv?.size_bytes, formatBytes),
    row('Spans', (s) => s.table.n, formatCount),
    row('Samples', (s) => s.trace.n_samples, formatCount),
    row('Samples lost', (s) => (s.trace.n_samples ? r(s)?.analyzer?.lost : null), formatCount),
    row('Diagnostics', (s) => r(s)?.diagnostics.length, formatCount),
  ];
}

function Delta({ base, to, format }: { base: number | null; to: number | null; format: (x: number) => string }) {
  if (base === null || to === null) return <>–</>;
  if (base === to) return <span class="muted">same</span>;
  const by = to - base;
  return <span class={by > 0 ? 'grew' : 'shrank'}>{by > 0 ? '+' : '−'}{format(Math.abs(by))}{base > 0 && <> <span class="muted percent">({by > 0 ? '+' : '−'}{((Math.abs(by) / base) * 100).toFixed(1)} %)</span></>}</span>;
}

const SPAN_ROWS = 40;

function SpanDiff({ base, to, order, setOrder }: { base: Side; to: Side; order: 'own' | 'tree'; setOrder: (order: 'own' | 'tree') => void }) {
  const [rows, setRows] = useState(SPAN_ROWS);
  const pairs = useMemo(() => alignSpans(base.table, to.table), [base, to]);
  const instructions = useMemo(() => [base, to].map((s) => new Map(passRows(s.table).map((r) => [r.span, r.after !== null && r.before !== null ? r.after - r.before : null]))), [base, to]);
  const sorted = useMemo(() => {
    const list = pairs.map((p) => ({ ...p, by: ownNs(to.table, p.to) - ownNs(base.table, p.base) }));
    return order === 'own' ? list.sort((a, b) => Math.abs(b.by) - Math.abs(a.by)) : list;
  }, [pairs, order]);
  const gone = pairs.filter((p) => p.to < 0);
  const grew = useMemo(() => grownPass(base, to, pairs), [pairs]);
  const indent = (p: { depth: number }) => (order === 'tree' ? { 'padding-left': `${Math.min(p.depth, 12) * 12}px` } : undefined);
  return (
    <section class="card" aria-labelledby="h-sdiff">
      <h2 id="h-sdiff">Spans</h2>
      {grew && <p class="grown">The pass that grew the most: <b>{grew.name}</b>, {formatNs(grew.base)} → {formatNs(grew.to)}
        {grew.sure === null ? ', each measured in one run: that alone may be chance' : grew.sure ? ', and the clean runs do not overlap' : ', but the clean runs overlap'}.</p>}
      <div class="pane-tools">
        <div class="segments" role="group" aria-label="Order">
          <button type="button" aria-pressed={order === 'own'} onClick={() => setOrder('own')}>Most changed first</button>
          <button type="button" aria-pressed={order === 'tree'} onClick={() => setOrder('tree')}>As in the tree</button>
        </div>
        <p class="words">Own time, without what is below a span; medians of clean runs where a compile was repeated. “Apart”: not even the extremes of the clean runs overlap.
          {!base.table.run && !to.table.run && ' Neither compile was repeated: a single run scatters by tens of per cent.'}</p>
      </div>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Spans of both">
        <table class="counters span-diff">
          <thead><tr><th scope="col">Span</th><th scope="col" class="num">Base</th><th scope="col" class="num">Other</th><th scope="col" class="num">Change of own time</th><th scope="col" class="num">Instructions by it</th><th scope="col">Sure</th></tr></thead>
          <tbody>
            {sorted.slice(0, rows).map((p) => {
              const sure = apart(base.table, p.base, to.table, p.to);
              const [b, t] = [instructions[0]!.get(p.base), instructions[1]!.get(p.to)];
              return (
                <tr key={p.path} class={p.to < 0 ? 'is-gone' : p.base < 0 ? 'is-new' : ''}>
                  <td class="fn" style={indent(p)} title={p.path}>{p.to >= 0 ? labelOf(to.table, p.to) : labelOf(base.table, p.base)}{p.to < 0 && <span class="muted"> (only in base)</span>}{p.base < 0 && <span class="muted"> (new)</span>}</td>
                  <td class="num">{p.base < 0 ? '–' : formatNs(ownNs(base.table, p.base))}</td>
                  <td class="num">{p.to < 0 ? '–' : formatNs(ownNs(to.table, p.to))}</td>
                  <td class="num"><Delta base={ownNs(base.table, p.base)} to={ownNs(to.table, p.to)} format={formatNs} /></td>
                  <td class="num">{b == null && t == null ? '' : `${signed(b)} → ${signed(t)}`}</td>
                  <td>{sure === null ? <span class="muted">one run</span> : sure ? 'apart' : <span class="muted">overlap</span>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {sorted.length > rows && <button type="button" onClick={() => setRows(rows * 4)}>Show more of {formatCount(sorted.length)}</button>}
      {gone.length > 0 && <p class="words">{plural(gone.length, 'span')} of the base {gone.length === 1 ? 'is' : 'are'} gone: {gone.slice(0, 12).map((p) => labelOf(base.table, p.base)).join(', ')}{gone.length > 12 && ' …'}.</p>}
    </section>
  );
}

const signed = (n: number | null | undefined): string => (n == null ? '–' : n > 0 ? `+${formatCount(n)}` : n < 0 ? `−${formatCount(-n)}` : '0');

interface Grown {
  name: string;
  base: number;
  to: number;
  sure: boolean | null; // whether every one of its runs is apart; null: not measured often enough
}

/** Of the optimizer's passes, by name: one that runs several times is one. */
function grownPass(base: Side, to: Side, pairs: readonly { base: number; to: number }[]): Grown | null {
  const by = new Map<string, Grown>();
  const [b, t] = [base, to].map((s) => new Map(passRows(s.table).map((r) => [r.span, r.name])));
  for (const p of pairs) {
    const name = t!.get(p.to) ?? b!.get(p.base);
    if (name === undefined) continue;
    const row = by.get(name) ?? { name, base: 0, to: 0, sure: true };
    row.base += spanNs(base.table, p.base);
    row.to += spanNs(to.table, p.to);
    const sure = apart(base.table, p.base, to.table, p.to);
    row.sure = row.sure === null || sure === null ? null : row.sure && sure;
    by.set(name, row);
  }
  const rows = [...by.values()].sort((x, y) => (y.to - y.base) - (x.to - x.base));
  return rows[0] && rows[0].to > rows[0].base ? rows[0] : null;
}

const SURE = 2; // standard deviations

function FlameDifference({ diff, base, to, zoom, setZoom }: { diff: FlameDiff; base: Side; to: Side; zoom: string; setZoom: (zoom: string) => void }) {
  const hueOf = useMemo(() => huesByModule(diff.profile, []), [diff]);
  const sure = (i: number) => deviations(diff.base[i]!, diff.to[i]!, base.unit, to.unit);
  const tones = useMemo(() => Uint8Array.from(diff.base, (b, i) => toneOf(b, diff.to[i]!, sure(i))), [diff]);
  const changes = useMemo(() => functionChanges(diff).slice(0, 30), [diff]);
  const gone = useMemo(() => vanished(diff), [diff]);
  const name = (i: number) => diff.profile.fnName[diff.tree.fn[i]!]!;
  const words = (i: number) => `${formatNs(diff.base[i]!)} → ${formatNs(diff.to[i]!)} of a compile${Math.abs(sure(i)) < SURE ? ', within chance' : ''}`;
  return (
    <>
      <p class="words">Width: CPU time of one compile in both together, estimated from {plural(base.profile!.n, 'sample')} and {formatCount(to.profile!.n)}. Colour: less time than in the base, or more;
        grey where the difference is within {SURE} standard deviations of chance.</p>
      <ul class="legend" aria-label="Colours">
        {([[0, 'much less'], [2, 'less'], [3, 'same, or chance'], [4, 'more'], [6, 'much more']] as const).map(([tone, label]) => (
          <li key={tone}><svg width="14" height="10" aria-hidden="true"><rect class={`tone-${tone}`} width="14" height="10" rx="2" /></svg>{label}</li>
        ))}
      </ul>
      <Graph tree={diff.tree} profile={diff.profile} hueOf={hueOf} tones={tones} matches={null} own={false} label="Flame difference" zoom={zoom} onZoom={setZoom}
        tip={(i) => <><strong>{name(i)}</strong><div>{words(i)}</div></>} aria={(i) => `${name(i)}, ${words(i)}`} />
      <div class="panes">
        <div><h3>Functions whose own time changed</h3>
          <div class="table-scroll" tabIndex={0} role="region" aria-label="Functions whose own time changed"><table class="counters"><thead><tr><th scope="col">Function</th><th scope="col" class="num">Base</th><th scope="col" class="num">Other</th><th scope="col" class="num">Change</th></tr></thead>
            <tbody>{changes.map((c) => (
              <tr key={c.fn}><td class="fn" title={diff.profile.fnName[c.fn]}>{shortName(diff.profile.fnName[c.fn]!)}</td><td class="num">{formatNs(c.base)}</td><td class="num">{formatNs(c.to)}</td>
                <td class="num">{Math.abs(deviations(c.base, c.to, base.unit, to.unit)) < SURE ? <span class="muted">chance</span> : <Delta base={c.base} to={c.to} format={formatNs} />}</td></tr>
            ))}</tbody></table></div></div>
        <div><h3>Vanished <span class="count">{formatCount(gone.length)}</span></h3>
          {gone.length ? <ul class="vanished table-scroll" tabIndex={0} aria-label="Vanished">{gone.slice(0, 100).map((i) => <li key={i}><span class="fn">{shortName(name(i))}</span> <span class="muted">{formatNs(diff.base[i]!)}, below {shortName(name(diff.tree.parent[i]!))}{Math.abs(sure(i)) < SURE && ', within chance'}</span></li>)}</ul>
            : <p class="muted">Every stack of the base is in the other, too.</p>}
        </div>
      </div>
    </>
  );
}

/** From much less (0) to much more; the middle is the same, or no more than chance. */
function toneOf(base: number, to: number, sure: number): number {
  const middle = (N_TONES - 1) / 2;
  if (Math.abs(sure) < SURE) return middle;
  const share = (to - base) / Math.max(base, to);
  const step = Math.max(1, Math.min(middle, Math.ceil(Math.abs(share) * middle)));
  return middle + Math.sign(share) * step;
}

function SpirvDiff({ base, to }: { base: TraceJson; to: TraceJson }) {
  const [open, setOpen] = useState(false);
  const there = base.has_disassembly && to.has_disassembly;
  const same = base.response?.spirv && base.response.spirv.sha256 === to.response?.spirv?.sha256;
  const text = useLoad(open ? `${base.id} ${to.id}` : null, async (signal) => {
    const [a, b] = await Promise.all([base, to].map((t) => getDisassembly(t.compilation_id, signal)));
    const diff = diffLines(a!.split('\n'), b!.split('\n'));
    return { diff, lines: withContext(diff, 3) };
  });
  return (
    <section class="card" aria-labelledby="h-vdiff">
      <div class="source-head"><h2 id="h-vdiff">SPIR-V difference</h2>
        {there && !same && !open && <button type="button" onClick={() => setOpen(true)}>Show</button>}</div>
      {!there && <p class="empty-pane">{base.has_disassembly || to.has_disassembly ? 'Only one of the two has' : 'Neither has'} a disassembly. Compile with it to see the difference.</p>}
      {there && same && <p class="empty-pane">The two modules are equal to the byte.</p>}
      {text.error !== null && <Failure error={text.error} retry={text.retry} />}
      {open && !text.value && text.error === null && <Loading what="Reading both…" />}
      {text.value && <>
        <p class="words">{plural(text.value.diff.added, 'line')} only in the other, {plural(text.value.diff.removed, 'line')} only in the base.</p>
        {!text.value.diff.exact && <Notice kind="info">The two are too different to be aligned line by line.</Notice>}
        {text.value.diff.added + text.value.diff.removed > 0 && <DiffPane lines={text.value.lines} label="SPIR-V difference" />}</>}
    </section>
  );
}
