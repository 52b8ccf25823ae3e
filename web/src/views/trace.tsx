// SPDX-License-Identifier: Apache-2.0
// One compile, seen whole: what came of it, its spans, its samples, its source and its SPIR-V.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { compile, FLAME_KINDS, getFlame, getTrace, isSaved, type CompileRequest, type TraceJson } from '../api';
import { originalRequest, profiledRequest } from '../model/again';
import { formatBytes, formatCount, formatNs, formatWhen, plural } from '../model/format';
import { decodeOutline, decodeProfile, namesOf, placeSamples, type Profile } from '../model/profile';
import { traceRoute, type Route, type TraceRoute } from '../model/route';
import { decodeSpans, labelOf, spanRange, type SpanTable } from '../model/spans';
import { textFiles } from '../model/files';
import { kindTitle } from '../model/words';
import { Flame } from './flame';
import { Failure, Icon, lazy, Loading, StatusBadge, useLoad } from './parts';
import type { Jump } from './panes';
import { Waterfall } from './waterfall';

const CodePanes = lazy('source and SPIR-V', async () => (await import('./reading')).CodePanes);
const Passes = lazy('the passes', async () => (await import('./reading')).Passes);
const Actions = lazy('what can be done', async () => (await import('./later')).Actions);
const Outcome = lazy('the outcome', async () => (await import('./later')).Outcome);
const NoSamples = lazy('the reason', async () => (await import('./later')).NoSamples);
const SpanDetails = lazy('the details', async () => (await import('./later')).SpanDetails);
const Diagnostics = lazy('the diagnostics', async () => (await import('./later')).Diagnostics);
const Log = lazy('the log', async () => (await import('./rarely')).Log);

type Go = (r: Route, replace?: boolean) => void;

const MORE_SAMPLES = 4; // times as many as there are, when a person asks for more
const LEAST_MORE = 2000;
const MORE_MS = 10000;

export function TraceView({ route, go }: { route: TraceRoute; go: Go }) {
  const trace = useLoad(route.id, (signal) => getTrace(route.id, signal));
  if (trace.error !== null) return <main class="page"><h1>Trace</h1><Failure error={trace.error} retry={trace.retry} /><p><a href="#">All traces</a></p></main>;
  if (!trace.value) return <main class="page"><Loading what="Reading the trace…" /></main>;
  return <TracePage key={route.id} trace={trace.value} route={route} go={go} />;
}

function TracePage({ trace, route, go }: { trace: TraceJson; route: TraceRoute; go: Go }) {
  const table = useMemo(() => decodeSpans(trace.spans ?? []), [trace]);
  const selected = table.indexOfId.get(route.span) ?? -1;
  const cpu = useFlame(trace.n_samples ? trace.id : null, 'on-cpu');
  const kind = route.kind || 'on-cpu';
  const other = useFlame(kind !== 'on-cpu' ? trace.id : null, kind);
  const flame = kind === 'on-cpu' ? cpu : other;
  const plain = selected < 0 && !route.range && !route.zoom && !route.query && !route.steps.length && !/^(?!callees)./.test(route.shape);
  const shown = flame.value ?? (plain ? flame.outline : null);
  const [samplesAt, setSamplesAt] = useState<Float64Array | null>(null);
  useEffect(() => {
    // behind the first painting of the flame graph, which is what a person waits for
    const timer = setTimeout(() => setSamplesAt(cpu.value && placeSamples(cpu.value, table)), 60);
    return () => clearTimeout(timer);
  }, [cpu.value, table]);
  const [jump, setJump] = useState<Jump>();
  const [cursor, setCursor] = useState<number | null>(null);
  const again = useAgain(go);
  const response = trace.response;
  const diagnostics = response?.diagnostics ?? [];
  const now = useRef(route);
  now.current = route;
  const set = (change: Partial<TraceRoute>) => go(now.current = { ...now.current, ...change }, true);
  const select = (i: number) => set({ span: i < 0 ? 0 : table.id[i]! });
  const ids = useMemo(() => (selected < 0 ? null : spanRange(table, selected)), [table, selected]);
  const request = useMemo(() => (isSaved(trace.id) ? null : originalRequest(trace)), [trace]);
  const more = useMemo(() => request && profiledRequest(trace, response?.analyzer?.kind === 'debug' ? 'debug' : 'release'), [trace]);
  const wanted = Math.min(1000000, Math.max(LEAST_MORE, trace.n_samples * MORE_SAMPLES));
  const runs = response?.analyzer?.runs?.profiled || 1;
  const onMore = more && (() => again.run({ ...more, analyzer: { ...more.analyzer, min_samples: wanted, budget_ms: MORE_MS } }));
  const onWithLines = request && /^[gh]lsl$/.test(trace.language) && (() => again.run({ ...request, debug_info: 'line' }));
  const hasPasses = useMemo(() => table.name.some((name) => name.startsWith('codegen::opt::')), [table]);
  // What stands around the flame graph does not change with it: a zoom makes none of it anew.
  const above = useMemo(() => (
    <>
      <Head trace={trace} table={table} go={go} again={again} />
      {again.error !== null && <Failure error={again.error} />}
      <Outcome trace={trace} again={again} />
      {diagnostics.length > 0 && (
        <section class="card" aria-labelledby="h-diagnostics">
          <h2 id="h-diagnostics">Diagnostics <span class="count">{formatCount(diagnostics.length)}</span></h2>
          <Diagnostics diagnostics={diagnostics} name={trace.name} files={textFiles(trace.request).map(([file]) => file)}
            onJump={(line, character, file) => setJump((last) => ({ line, character, file, serial: (last?.serial ?? 0) + 1 }))} />
          {response?.diagnostics_cut && <p class="muted">There were more; the rest was left out.</p>}
        </section>
      )}
      <div class="split">
        <section class="card" aria-labelledby="h-spans">
          <h2 id="h-spans">Spans <span class="count">{formatCount(table.n)}</span></h2>
          {table.n ? <Waterfall table={table} selected={selected} onSelect={select} samplesAt={samplesAt} range={route.range}
            onRange={(range) => set({ range })} cursor={cursor} /> : <p class="empty-pane">No span was recorded.</p>}
        </section>
        <section class="card side" aria-label="Details">
          <SpanDetails table={table} span={selected} profile={cpu.value} range={route.range} onSelect={select} onMore={onMore} />
        </section>
      </div>
    </>
  ), [trace, selected, route.range, samplesAt, cursor, cpu.value, again.busy, again.error]);
  const below = useMemo(() => (
    <>
      {hasPasses && <Passes table={table} selected={selected} range={route.range} request={request} onSelect={select} />}
      {(trace.source !== null || trace.has_disassembly) && <CodePanes trace={trace} diagnostics={diagnostics} jump={jump} onWithLines={onWithLines} />}
      {trace.has_log && <Log id={trace.id} filter={route.log} range={route.range} table={table} span={selected} onFilter={(log) => set({ log })} onCursor={setCursor} />}
    </>
  ), [trace, selected, route.range, route.log, jump]);
  return (
    <main class="page trace">
      {above}
      <section class="card" aria-labelledby="h-flame">
        <div class="source-head"><h2 id="h-flame">Flame graph</h2>
          {trace.n_samples > 0 && <div class="segments" role="group" aria-label="Samples of">
            {FLAME_KINDS.map((k) => <button type="button" key={k} aria-pressed={kind === k} onClick={() => set({ kind: k === 'on-cpu' ? '' : k, zoom: '' })}>{kindTitle(k)}</button>)}
          </div>}
        </div>
        {flame.error !== null && (kind === 'on-cpu' ? <Failure error={flame.error} retry={flame.retry} />
          : <p class="empty-pane">{kindTitle(kind)}: this trace has none. {flame.error instanceof Error ? flame.error.message : ''}</p>)}
        {trace.n_samples > 0 && !shown && flame.error === null && <Loading what="Reading the samples…" />}
        {shown && <Flame key={kind} profile={shown} table={table} ids={ids} spanName={selected < 0 ? '' : labelOf(table, selected)}
          runs={runs} title={trace.name ?? trace.id} route={route} set={set}
          more={onMore && { times: trace.n_samples && Math.ceil((wanted * runs) / trace.n_samples), run: onMore }} />}
        {!trace.n_samples && <NoSamples trace={trace} again={again} />}
      </section>
      {below}
    </main>
  );
}

/** A large profile's outline first, and behind its picture the whole. */
function useFlame(id: string | null, kind: string) {
  const key = id && `${id} ${kind}`;
  const [first, setFirst] = useState<{ key: string; outline: Profile | null } | null>(null);
  const whole = useLoad(key, async (signal) => {
    const columns = await getFlame(id!, kind, signal);
    const names = namesOf(columns);
    const outline = decodeOutline(columns, names);
    if (outline && !document.hidden) {
      setFirst({ key: key!, outline });
      await new Promise((done) => { requestAnimationFrame(() => setTimeout(done, 20)); });
    }
    return decodeProfile(columns, names);
  });
  return { ...whole, outline: first?.key === key ? first?.outline : null };
}

export interface Again {
  busy: boolean;
  error: unknown;
  run: (request: CompileRequest) => void;
}

/** Compiles and goes to the trace of that. */
function useAgain(go: Go): Again {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (request: CompileRequest) => {
    setBusy(true);
    setError(null);
    try {
      const answer = await compile(request, undefined, true);
      if (answer.trace) go(traceRoute(answer.trace.id));
      else setError(new Error('It was compiled, but not traced.'));
    } catch (e) {
      setError(e);
    }
    setBusy(false);
  };
  return { busy, error, run: (request) => void run(request) };
}

function Head({ trace, table, go, again }: { trace: TraceJson; table: SpanTable; go: Go; again: Again }) {
  const runs = trace.response?.analyzer?.runs;
  const spirv = trace.response?.spirv;
  return (
    <header class="trace-head">
      <div class="trace-title">
        <h1>{trace.name || <span class="unnamed">unnamed {trace.id.slice(0, 8)}</span>}</h1>
        <StatusBadge status={trace.status} />
        {isSaved(trace.id) && <span class="kept">from a file</span>}
        {trace.kept && <span class="kept" title="Kept on disk"><Icon name="saved" /> kept</span>}
      </div>
      <p class="trace-facts">
        <span>{trace.language}{trace.stage && ` ${trace.stage}`}{trace.request?.backend && ` by ${trace.request.backend}`}</span>
        {table.run
          ? <><span><b>{formatNs(table.json[table.run.compile]!.clean?.median_ns ?? table.durationNs[table.run.compile]!)}</b> a compile</span>
            <span>{formatNs(trace.duration_ns)} with {plural((runs?.profiled ?? 0) + (runs?.clean ?? 0), 'run')}</span></>
          : <span><b>{formatNs(trace.duration_ns)}</b></span>}
        <span>{plural(table.n, 'span')}</span>
        {trace.n_samples > 0 && <span>{plural(trace.n_samples, 'sample')}</span>}
        {spirv && <span title={`sha256 ${spirv.sha256}`}>{formatBytes(spirv.size_bytes)} SPIR-V</span>}
        <span>{formatWhen(trace.started_unix_ns)}</span>
      </p>
      <Actions trace={trace} go={go} again={again} />
    </header>
  );
}
