// SPDX-License-Identifier: Apache-2.0
// The traces, newest first, live.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { deleteTrace, listTraces, openSaved, savedTraces, type TraceSummary } from '../api';
import { followEvents } from '../events';
import { formatCount, formatNs, formatWhen, plural } from '../model/format';
import { formatRoute, traceRoute, type Route } from '../model/route';
import { parseSaved } from '../model/saved';
import { applyEvent, filterRows, mergeRows } from '../model/traces';
import { Failure, Icon, lazy, Loading, StatusBadge, STATUSES, statusWord } from './parts';

const FirstCompile = lazy('the first steps', async () => (await import('./rarely')).FirstCompile);

type ListRoute = Extract<Route, { view: 'list' }>;
const PAGE = 100;

/** The list that the service tells, kept up to date while the view is shown. */
function useTraces(status: string, language: string) {
  const [rows, setRows] = useState<TraceSummary[] | null>(null);
  const [next, setNext] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [live, setLive] = useState(false);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    setRows(null);
    const load = async () => {
      try {
        const page = await listTraces({ limit: PAGE, status: status === 'running' ? '' : status, language }, abort.signal);
        setRows((old) => mergeRows((old ?? []).filter((r) => r.status !== 'running'), page.traces));
        setNext(page.next_before);
        setError(null);
      } catch (e) {
        if (!abort.signal.aborted) setError(e);
      }
    };
    void load();
    let opened = false;
    void followEvents({
      open() {
        setLive(true);
        if (opened) void load(); // what ended while the stream was down
        opened = true;
      },
      closed: () => setLive(false),
      event(type, data) {
        if (type === 'dropped') void load();
        else setRows((old) => old && applyEvent(old, type, data));
      },
    }, abort.signal);
    return () => abort.abort();
  }, [status, language, attempt]);

  const older = async () => {
    try {
      const page = await listTraces({ limit: PAGE, status, language, before: next ?? undefined });
      setRows((old) => mergeRows(old ?? [], page.traces));
      setNext(page.next_before);
    } catch (e) {
      setError(e);
    }
  };
  const remove = async (ids: readonly string[]) => {
    try {
      for (const id of ids) {
        await deleteTrace(id);
        setRows((old) => old && old.filter((r) => r.id !== id));
      }
    } catch (e) {
      setError(e);
    }
  };
  return { rows, next, error, live, older, remove, retry: () => setAttempt(attempt + 1) };
}

export function ListView({ route, go }: { route: ListRoute; go: (r: Route, replace?: boolean) => void }) {
  const { rows, next, error, live, older, remove, retry } = useTraces(route.status, route.language);
  const [picked, setPicked] = useState<readonly string[]>([]);
  const shown = useMemo(() => filterRows(rows ?? [], route), [rows, route.status, route.language, route.text]);
  const set = (change: Partial<ListRoute>) => go({ ...route, ...change }, true);
  const languages = useMemo(() => [...new Set(['glsl', 'hlsl', 'spirv-asm', 'spirv', ...(rows ?? []).map((r) => r.language)])], [rows]);
  const filtered = Boolean(route.status || route.language || route.text);
  return (
    <main class="page">
      <div class="page-head">
        <h1>Traces</h1>
        <span class={`live ${live ? 'is-live' : ''}`} role="status">{live ? 'Live' : 'Connecting…'}</span>
        <OpenFile go={go} />
        <form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
          <label class="search-field"><span class="sr-only">Filter by name, stage or id</span><Icon name="search" />
            <input type="search" placeholder="Name, stage or id" value={route.text} onInput={(e) => set({ text: e.currentTarget.value })} />
          </label>
          <label><span class="sr-only">Status</span>
            <select value={route.status} onChange={(e) => set({ status: e.currentTarget.value })}>
              <option value="">Any status</option>
              {STATUSES.map((s) => <option key={s} value={s}>{statusWord(s)}</option>)}
            </select>
          </label>
          <label><span class="sr-only">Language</span>
            <select value={route.language} onChange={(e) => set({ language: e.currentTarget.value })}>
              <option value="">Any language</option>
              {languages.map((l) => <option key={l} value={l}>{l}</option>)}
            </select>
          </label>
        </form>
      </div>
      {error !== null && <Failure error={error} retry={retry} />}
      {!rows && error === null && <Loading what="Reading the list…" />}
      {rows && !shown.length && (filtered
        ? <div class="card empty"><h2>Nothing fits the filter</h2>
          <button type="button" onClick={() => go({ view: 'list', status: '', language: '', text: '' })}>Show all</button></div>
        : <FirstCompile />)}
      <SavedList />
      {picked.length > 0 && <Picked picked={(rows ?? []).map((r) => r.id).filter((id) => picked.includes(id))} onDone={() => setPicked([])} remove={remove} />}
      {shown.length > 0 && <TraceTable rows={shown} picked={picked} onPick={(id) => setPicked((old) => (old.includes(id) ? old.filter((x) => x !== id) : [...old, id]))} />}
      {rows && shown.length > 0 && (
        <p class="list-foot muted">
          {plural(shown.length, 'trace')}{filtered && rows.length !== shown.length && ` of ${formatCount(rows.length)} loaded`}
          {next !== null && <button type="button" onClick={() => void older()}>Load older ones</button>}
        </p>
      )}
    </main>
  );
}

/** What can be done with the traces that are ticked, newest first: of two the older is the base. */
function Picked({ picked, onDone, remove }: { picked: readonly string[]; onDone: () => void; remove: (ids: readonly string[]) => Promise<void> }) {
  const [sure, setSure] = useState(false);
  if (!picked.length) return null;
  return (
    <div class="picked-rows" role="status">
      <span>{plural(picked.length, 'trace')} ticked</span>
      {picked.length === 2 ? <a class="button primary" href={formatRoute({ view: 'compare', base: picked[1]!, to: picked[0]! })}>Compare the two</a>
        : <span class="muted">tick two to compare them</span>}
      <button type="button" class={sure ? 'danger' : ''} onBlur={() => setSure(false)} onClick={() => (sure ? void remove(picked).then(onDone) : setSure(true))}>{sure ? 'Really delete' : 'Delete'}</button>
      <button type="button" class="quiet" onClick={onDone}>None</button>
    </div>
  );
}

/** A trace that was saved as a file is read here and goes nowhere. */
function OpenFile({ go }: { go: (r: Route) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState('');
  const open = async () => {
    const file = input.current!.files?.[0];
    if (!file) return;
    setProblem('');
    try {
      go(traceRoute(openSaved(parseSaved(await file.text()))));
    } catch (e) {
      setProblem(`${file.name}: ${e instanceof Error ? e.message : String(e)}`);
    }
    input.current!.value = '';
  };
  return (
    <>
      <label class="button file-button">Open a file<input ref={input} type="file" accept=".json,application/json" class="sr-only" onChange={() => void open()} /></label>
      {problem && <span class="bad" role="alert">{problem}</span>}
    </>
  );
}

/** Files that are open; they are gone with the page. */
function SavedList() {
  const saved = savedTraces();
  if (!saved.length) return null;
  return (
    <ul class="saved-list" aria-label="Open files">
      {saved.map(({ trace }) => <li key={trace.id}><a class="chip" href={formatRoute(traceRoute(trace.id))}>{trace.name || trace.id.slice(5, 13)} <span class="muted">from a file</span></a></li>)}
    </ul>
  );
}

function TraceTable({ rows, picked, onPick }: { rows: TraceSummary[]; picked: readonly string[]; onPick: (id: string) => void }) {
  return (
    <div class="card table-card">
      <table class="traces">
        <thead>
          <tr>
            <th scope="col" class="c-pick"><span class="sr-only">Tick</span></th><th scope="col" class="c-status">Status</th><th scope="col" class="c-name">Name</th>
            <th scope="col" class="c-lang">Language</th><th scope="col" class="c-dur num">Duration</th><th scope="col" class="c-spans num">Spans</th>
            <th scope="col" class="c-samples num">Samples</th><th scope="col" class="c-analyzer">Analyzer</th><th scope="col" class="c-when num">Started</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => {
            const href = formatRoute(traceRoute(r.id));
            return (
              <tr key={r.compilation_id} class={r.status === 'running' ? 'is-running' : ''}>
                <td class="c-pick"><input type="checkbox" aria-label={`Tick ${r.name || r.id.slice(0, 8)}`} checked={picked.includes(r.id)} disabled={r.status === 'running'} onChange={() => onPick(r.id)} /></td>
                <td class="c-status"><StatusBadge status={r.status} /></td>
                <td class="c-name">
                  <a href={href} class="row-link" title={r.name ?? undefined}>{r.name || <span class="unnamed">unnamed {r.id.slice(0, 8)}</span>}</a>
                  {r.kept && <span class="kept" title="Kept on disk"><Icon name="saved" /><span class="sr-only">kept on disk</span></span>}
                </td>
                <td class="c-lang">{r.language}{r.stage && <span class="muted"> {r.stage}</span>}</td>
                <td class="c-dur num">{r.status === 'running' ? '…' : formatNs(r.duration_ns)}</td>
                <td class="c-spans num">{formatCount(r.spans)}<span class="unit"> spans</span></td>
                <td class="c-samples num">{r.samples ? formatCount(r.samples) : '–'}<span class="unit"> samples</span></td>
                <td class="c-analyzer">{r.analyzer === 'off' ? <span class="muted">off</span> : r.analyzer}</td>
                <td class="c-when num">{formatWhen(r.started_unix_ns)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
