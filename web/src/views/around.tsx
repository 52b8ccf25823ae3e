// SPDX-License-Identifier: Apache-2.0
// Around the pictures of a trace: what can be done with it, what came of it, and why there are no samples.

import { useMemo, useState } from 'preact/hooks';
import { deleteTrace, isSaved, type TraceJson } from '../api';
import { originalRequest, profiledRequest } from '../model/again';
import { formatCount, formatNs, plural } from '../model/format';
import { formatRoute, traceRoute, type Route } from '../model/route';
import { fileStem } from './download';
import { Failure, Menu, Notice } from './parts';
import type { Again } from './trace';

type Go = (r: Route, replace?: boolean) => void;

export function Actions({ trace, go, again }: { trace: TraceJson; go: Go; again: Again }) {
  const [sure, setSure] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const here = !isSaved(trace.id);
  const guarded = async (what: () => Promise<void>) => {
    try {
      await what();
    } catch (e) {
      setError(e);
    }
  };
  const remove = () => {
    if (!sure) return setSure(true);
    return void guarded(async () => {
      await deleteTrace(trace.id);
      go({ view: 'list', status: '', language: '', text: '' });
    });
  };
  const base = `/v1/traces/${trace.id}`;
  const stem = fileStem(trace.name ?? trace.id);
  return (
    <>
      <div class="actions">
        {trace.source !== null && here && <a class="button" href={formatRoute({ view: 'compile', from: trace.id })}>Edit and compile</a>}
        {here && (['release', 'debug'] as const).map((kind) => <AgainButton key={kind} trace={trace} kind={kind} again={again} />)}
        <a class="button" href={formatRoute({ view: 'compare', base: trace.id, to: '' })}>Compare with…</a>
        <Menu label="Export">{() => (
          <div class="menu-list">
            <button type="button" class="quiet" onClick={() => void guarded(async () => (await import('./rarely')).saveTrace(trace, stem))}>The trace as a file, to open here</button>
            {here && <>
              {trace.has_spirv !== false && trace.status === 'ok' && <a href={`/v1/compilations/${trace.compilation_id}/spirv`} download={`${stem}.spv`}>SPIR-V</a>}
              <a href={`${base}/spans?format=chrome`} download={`${stem}.chrome.json`}>Spans for Perfetto (Chrome trace)</a>
              <a href={`${base}/spans?format=text`} target="_blank" rel="noreferrer">Spans as text</a>
              {trace.n_samples > 0 && <a href={`${base}/flame?format=folded`} download={`${stem}.folded`}>All samples as folded stacks</a>}
              <a href={base} download={`${stem}.json`}>The service's own JSON</a>
            </>}
          </div>)}
        </Menu>
        <button type="button" class={sure ? 'danger' : 'quiet'} onClick={remove} onBlur={() => setSure(false)}>{!here ? 'Close' : sure ? 'Really delete' : 'Delete'}</button>
      </div>
      {error !== null && <Failure error={error} />}
    </>
  );
}

/** Compiles the same source with the same options once more, under the analyzer. */
function AgainButton({ trace, kind, again }: { trace: TraceJson; kind: 'release' | 'debug'; again: Again }) {
  const request = useMemo(() => profiledRequest(trace, kind), [trace, kind]);
  return (
    <button type="button" disabled={again.busy || !request} onClick={() => again.run(request!)}
      title={!request ? 'An older version kept this trace, without the options that it was compiled with' : kind === 'release' ? 'Compile again and sample where the CPU time goes' : 'The same, with a log of page faults, system calls and wake-ups'}>
      {again.busy ? 'Compiling…' : `Profile again (${kind})`}</button>
  );
}

/** What of the result a person must know before reading the rest. */
export function Outcome({ trace, again }: { trace: TraceJson; again: Again }) {
  const r = trace.response;
  const a = r?.analyzer;
  const failure = r?.failure;
  const request = r?.cached_from && !isSaved(trace.id) && originalRequest(trace);
  return (
    <>
      {r?.cached_from && (
        <Notice kind="info">
          <p>Answered from the service's cache: no compiler ran, so there are no spans of one.</p>
          <p>{r.cached_from.trace_id && <a href={formatRoute(traceRoute(r.cached_from.trace_id))}>The compile that the answer is of</a>}</p>
          {request && <button type="button" disabled={again.busy} onClick={() => again.run(request)}>Compile it afresh</button>}
        </Notice>
      )}
      {failure && (
        <Notice kind="error">
          <p><b>{trace.status === 'crashed' ? 'The compiler crashed' : trace.status === 'timed_out' ? 'The compile ran out of time' : 'The compile ran out of memory'}</b>
            {' '}in <code>{failure.stage}</code>{failure.signal && <> with <code>{failure.signal}</code></>}.</p>
          {failure.message && !(failure.signal && failure.message.endsWith(failure.signal)) && <p>{failure.message}</p>}
          {failure.span && failure.span !== failure.stage && <p class="muted">Innermost open span: <code>{failure.span}</code></p>}
          {failure.stack?.length ? <details class="died" open><summary>{failure.stack_kind === 'exact' ? (trace.status === 'crashed' ? 'Where it crashed, exactly' : 'Where it was when it was ended')
            : 'Where the analyzer saw it last, at most one sampling period before'}{failure.stack_complete === false && '; outer frames are not known'}</summary>
            <ol tabIndex={0} aria-label="Stack, innermost first">{failure.stack.map((frame, i) => <li key={i}>{frame}</li>)}</ol></details>
            : failure.stack_reason && <p class="muted">No stack: {trace.response?.analyzer?.kind === 'off' ? 'no analyzer was attached. “Profile again” tells where it ends' : failure.stack_reason}.</p>}
          {failure.export && !isSaved(trace.id) && <p><a href={failure.export} download>The input as an archive that reproduces this</a></p>}
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

export function NoSamples({ trace, again }: { trace: TraceJson; again: Again }) {
  const a = trace.response?.analyzer;
  if (a?.state === 'unavailable' || a?.state === 'lost') return <p class="empty-pane">No samples, since the analyzer {a.state === 'lost' ? 'was lost' : 'is unavailable'}; the reason stands above.</p>;
  if (a?.state === 'attached') return <p class="empty-pane">The analyzer was attached, but the compile ended before a sample was taken.</p>;
  return (
    <div class="empty-pane">
      <p>This compile ran without the analyzer, so there are no samples.</p>
      {!isSaved(trace.id) && <AgainButton trace={trace} kind="release" again={again} />}
    </div>
  );
}
