// SPDX-License-Identifier: Apache-2.0
// One compile, seen whole: what came of it, its spans, its samples, its source and its SPIR-V.

import { useMemo, useRef, useState } from 'preact/hooks';
import { compile, deleteTrace, getFlame, getTrace, type TraceJson } from '../api';
import { decodeProfile } from '../model/flame';
import { formatBytes, formatCount, formatNs, formatWhen, plural } from '../model/format';
import { formatRoute, type Route } from '../model/route';
import { profiledRequest } from '../model/again';
import { decodeSpans, labelOf, type SpanTable } from '../model/spans';
import { textFiles } from '../model/text';
import { SpanDetails, spanRange } from './details';
import { Flame } from './flame';
import { Failure, Icon, lazy, Loading, Notice, StatusBadge, useLoad } from './parts';
import type { Jump } from './source';
import { Waterfall } from './waterfall';

const SourcePane = lazy('the source', async () => (await import('./later')).SourcePane);
const Diagnostics = lazy('the diagnostics', async () => (await import('./later')).Diagnostics);
const Disassembly = lazy('the disassembly', async () => (await import('./later')).Disassembly);
const Log = lazy('the log', async () => (await import('./later')).Log);

type TraceRoute = Extract<Route, { view: 'trace' }>;
type Go = (r: Route, replace?: boolean) => void;

export function TraceView({ route, go }: { route: TraceRoute; go: Go }) {
  const trace = useLoad(route.id, (signal) => getTrace(route.id, signal));
  if (trace.error !== null) return <main class="page"><h1>Trace</h1><Failure error={trace.error} retry={trace.retry} /><p><a href="#">All traces</a></p></main>;
  if (!trace.value) return <main class="page"><Loading what="Reading the trace…" /></main>;
  return <TracePage key={route.id} trace={trace.value} route={route} go={go} />;
}

function TracePage({ trace, route, go }: { trace: TraceJson; route: TraceRoute; go: Go }) {
  const table = useMemo(() => decodeSpans(trace.spans ?? []), [trace]);
  const selected = table.indexOfId.get(route.span) ?? -1;
  const flame = useLoad(trace.n_samples ? trace.id : null, async (signal) => decodeProfile(await getFlame(trace.id, signal)));
  const [jump, setJump] = useState<Jump>();
  const response = trace.response;
  const diagnostics = response?.diagnostics ?? [];
  const select = (i: number) => go({ ...route, span: i < 0 ? 0 : table.id[i]! }, true);
  const range = useMemo(() => (selected < 0 ? null : spanRange(table, selected)), [table, selected]);
  return (
    <main class="page trace">
      <Head trace={trace} table={table} go={go} />
      <Outcome trace={trace} />
      {diagnostics.length > 0 && (
        <section class="card" aria-labelledby="h-diagnostics">
          <h2 id="h-diagnostics">Diagnostics <span class="count">{formatCount(diagnostics.length)}</span></h2>
          <Diagnostics diagnostics={diagnostics} name={trace.name} files={textFiles(trace.request).map(([file]) => file)}
            onJump={(line, file) => setJump({ line, file, serial: (jump?.serial ?? 0) + 1 })} />
          {response?.diagnostics_cut && <p class="muted">There were more; the rest was left out.</p>}
        </section>
      )}
      <div class="split">
        <section class="card" aria-labelledby="h-spans">
          <h2 id="h-spans">Spans <span class="count">{formatCount(table.n)}</span></h2>
          {table.n ? <Waterfall table={table} selected={selected} onSelect={select} /> : <p class="empty-pane">No span was recorded.</p>}
        </section>
        <section class="card side" aria-label="Details">
          <SpanDetails table={table} span={selected} profile={flame.value} onSelect={select} />
        </section>
      </div>
      <section class="card" aria-labelledby="h-flame">
        <h2 id="h-flame">Flame graph</h2>
        {flame.error !== null && <Failure error={flame.error} retry={flame.retry} />}
        {trace.n_samples > 0 && !flame.value && flame.error === null && <Loading what="Reading the samples…" />}
        {flame.value && <Flame profile={flame.value} range={range} spanName={selected < 0 ? '' : labelOf(table, selected)}
          runs={response?.analyzer?.runs?.profiled ?? 1} query={route.query}
          onQuery={(query) => go({ ...route, query }, true)} onClearSpan={() => select(-1)} />}
        {!trace.n_samples && <NoSamples trace={trace} go={go} />}
      </section>
      <div class="panes">
        {trace.source !== null && <SourcePane trace={trace} diagnostics={diagnostics} jump={jump} />}
        {trace.has_disassembly && <Disassembly trace={trace} />}
      </div>
      {trace.has_log && <Log id={trace.id} />}
    </main>
  );
}

function Head({ trace, table, go }: { trace: TraceJson; table: SpanTable; go: Go }) {
  const runs = trace.response?.analyzer?.runs;
  const spirv = trace.response?.spirv;
  return (
    <header class="trace-head">
      <div class="trace-title">
        <h1>{trace.name || <span class="unnamed">unnamed {trace.id.slice(0, 8)}</span>}</h1>
        <StatusBadge status={trace.status} />
        {trace.kept && <span class="kept" title="Kept on disk"><Icon name="saved" /> kept</span>}
      </div>
      <p class="trace-facts">
        <span>{trace.language}{trace.stage && ` ${trace.stage}`}</span>
        {table.run
          ? <><span><b>{formatNs(table.json[table.run.compile]!.clean?.median_ns ?? table.durationNs[table.run.compile]!)}</b> a compile</span>
            <span>{formatNs(trace.duration_ns)} with {plural((runs?.profiled ?? 0) + (runs?.clean ?? 0), 'run')}</span></>
          : <span><b>{formatNs(trace.duration_ns)}</b></span>}
        <span>{plural(table.n, 'span')}</span>
        {trace.n_samples > 0 && <span>{plural(trace.n_samples, 'sample')}</span>}
        {spirv && <span title={`sha256 ${spirv.sha256}`}>{formatBytes(spirv.size_bytes)} SPIR-V</span>}
        <span>{formatWhen(trace.started_unix_ns)}</span>
      </p>
      <Actions trace={trace} go={go} />
    </header>
  );
}

function Actions({ trace, go }: { trace: TraceJson; go: Go }) {
  const [sure, setSure] = useState(false);
  const menu = useRef<HTMLDetailsElement>(null);
  const [error, setError] = useState<unknown>(null);
  const remove = async () => {
    if (!sure) return setSure(true);
    try {
      await deleteTrace(trace.id);
      go({ view: 'list', status: '', language: '', text: '' });
    } catch (e) {
      setError(e);
    }
    return undefined;
  };
  const base = `/v1/traces/${trace.id}`;
  return (
    <>
      <div class="actions">
        {trace.source !== null && <a class="button" href={formatRoute({ view: 'compile', from: trace.id })}>Edit and compile</a>}
        <Again trace={trace} kind="release" go={go} />
        <Again trace={trace} kind="debug" go={go} />
        <details class="menu" ref={menu} onKeyDown={(e) => {
          if (e.key === 'Escape') menu.current!.open = false;
        }} onFocusOut={(e) => {
          if (!menu.current!.contains(e.relatedTarget as Node | null)) menu.current!.open = false;
        }}>
          <summary class="button">Export</summary>
          <div class="menu-list">
            {trace.has_spirv !== false && trace.status === 'ok' && <a href={`/v1/compilations/${trace.compilation_id}/spirv`} download={`${fileName(trace)}.spv`}>SPIR-V</a>}
            <a href={`${base}/spans?format=chrome`} download={`${fileName(trace)}.chrome.json`}>Spans for Perfetto (Chrome trace)</a>
            <a href={`${base}/spans?format=text`} target="_blank" rel="noreferrer">Spans as text</a>
            {trace.n_samples > 0 && <a href={`${base}/flame?format=folded`} download={`${fileName(trace)}.folded`}>Folded stacks</a>}
            <a href={base} download={`${fileName(trace)}.json`}>Everything as JSON</a>
          </div>
        </details>
        <button type="button" class={sure ? 'danger' : 'quiet'} onClick={() => void remove()} onBlur={() => setSure(false)}>{sure ? 'Really delete' : 'Delete'}</button>
      </div>
      {error !== null && <Failure error={error} />}
    </>
  );
}

const fileName = (t: TraceJson): string => (t.name?.split('/').pop() || t.id.slice(0, 8)).replace(/[^\w.-]/g, '_');

/** Compiles the same source with the same options once more, under the analyzer. */
function Again({ trace, kind, go }: { trace: TraceJson; kind: 'release' | 'debug'; go: Go }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const request = useMemo(() => profiledRequest(trace, kind), [trace, kind]);
  const run = async () => {
    if (!request) return;
    setBusy(true);
    setError(null);
    try {
      const answer = await compile(request);
      if (answer.trace) go({ view: 'trace', id: answer.trace.id, span: 0, query: '', pane: '' });
      else setError(new Error('It was compiled, but not traced.'));
    } catch (e) {
      setError(e);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" disabled={busy || !request} onClick={() => void run()}
        title={!request ? 'An older version kept this trace, without the options that it was compiled with' : kind === 'release' ? 'Compile again and sample where the CPU time goes' : 'The same, with a log of page faults, system calls and wake-ups'}>
        {busy ? 'Compiling…' : `Profile again (${kind})`}</button>
      {error !== null && <Failure error={error} />}
    </>
  );
}

/** What of the result a person must know before reading the rest. */
function Outcome({ trace }: { trace: TraceJson }) {
  const r = trace.response;
  const a = r?.analyzer;
  const failure = r?.failure;
  return (
    <>
      {failure && (
        <Notice kind="error">
          <p><b>{trace.status === 'crashed' ? 'The compiler crashed' : trace.status === 'timed_out' ? 'The compile ran out of time' : 'The compile ran out of memory'}</b>
            {' '}in <code>{failure.stage}</code>{failure.signal && <> with <code>{failure.signal}</code></>}.</p>
          {failure.message && <p>{failure.message}</p>}
          {failure.span && failure.span !== failure.stage && <p class="muted">Innermost open span: <code>{failure.span}</code></p>}
        </Notice>
      )}
      {a && (a.state === 'unavailable' || a.state === 'lost') && (
        <Notice kind="warning"><p><b>The {a.kind} analyzer {a.state === 'lost' ? 'was lost' : 'is unavailable'}.</b> {a.reason}</p></Notice>
      )}
      {a?.state === 'attached' && <AnalyzerFacts trace={trace} />}
      {trace.dropped > 0 && <Notice kind="warning">{plural(trace.dropped, 'span, attribute or event', 'spans, attributes and events')} found no room in the trace.</Notice>}
    </>
  );
}

/** " (2 too deep, 1 bad read)" */
function truncatedBy(reasons: Record<string, number> | null | undefined): string {
  const words = Object.entries(reasons ?? {}).map(([word, n]) => `${formatCount(n)} ${word.replace(/_/g, ' ')}`);
  return words.length ? ` (${words.join(', ')})` : '';
}

function AnalyzerFacts({ trace }: { trace: TraceJson }) {
  const a = trace.response!.analyzer;
  const parts = [
    `${a.kind} analyzer${a.object && a.object !== a.kind ? ` (served by the ${a.object} object)` : ''}`,
    plural(a.samples ?? 0, 'sample'),
    `${formatCount(a.complete ?? 0)} complete`,
    a.truncated ? `${formatCount(a.truncated)} truncated${truncatedBy(a.truncated_by)}` : '',
    a.lost ? `${formatCount(a.lost)} lost` : 'none lost',
    a.runs ? `${plural(a.runs.profiled, 'profiled run')}, ${formatCount(a.runs.clean)} clean` : '',
    a.frequency_hz ? `${formatCount(a.frequency_hz)} Hz` : '',
    a.slowdown ? `slowdown ${a.slowdown.toFixed(2)} ×` : '',
    a.attach_ns ? `attached in ${formatNs(a.attach_ns)}` : '',
    a.events ? plural(a.events, 'debug event') : '',
    a.lost_events ? `${formatCount(a.lost_events)} debug events lost` : '',
  ];
  return <p class="analyzer-facts">{parts.filter(Boolean).map((p) => <span key={p}>{p}</span>)}</p>;
}

function NoSamples({ trace, go }: { trace: TraceJson; go: Go }) {
  const a = trace.response?.analyzer;
  if (a?.state === 'unavailable' || a?.state === 'lost') return <p class="empty-pane">No samples, since the analyzer {a.state === 'lost' ? 'was lost' : 'is unavailable'}; the reason stands above.</p>;
  if (a?.state === 'attached') return <p class="empty-pane">The analyzer was attached, but the compile ended before a sample was taken.</p>;
  return (
    <div class="empty-pane">
      <p>This compile ran without the analyzer, so there are no samples.</p>
      <Again trace={trace} kind="release" go={go} />
    </div>
  );
}
