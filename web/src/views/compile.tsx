// SPDX-License-Identifier: Apache-2.0
// The playground: a source that is checked while it is written, compiled on demand, and the command line that would do the same.

import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { compile, getAnalyzers, getLanguages, getTrace, type Analyzers, type CompileRequest, type CompileResponse, type Diagnostic, type Languages } from '../api';
import { originalRequest } from '../model/again';
import { curlCommand } from '../model/curl';
import { draftOf, requestOfDraft, type Draft } from '../model/draft';
import { formatBytes, formatNs, plural } from '../model/format';
import { formatRoute, traceRoute, type Route } from '../model/route';
import { dialectOf } from '../model/tokens';
import { CodePane } from './code';
import { Command } from './command';
import { Diagnostics } from './diagnostics';
import { EXAMPLES } from './examples';
import { Failure, Notice, StatusBadge } from './parts';

const CHECK_MS = 200; // of quiet before what is written is checked

const LANGUAGES = ['glsl', 'hlsl', 'spirv-asm'];
const STAGES = ['vertex', 'tess-control', 'tess-eval', 'geometry', 'fragment', 'compute', 'task', 'mesh', 'raygen', 'intersect',
  'anyhit', 'closesthit', 'miss', 'callable'];
const ENVS = ['vulkan1.0', 'vulkan1.1', 'vulkan1.2', 'vulkan1.3', 'opengl4.5', 'universal'];
const OPTIMIZE = ['none', 'size', 'performance'];

const FIRST: Draft = {
  source: EXAMPLES[0]!.source, name: EXAMPLES[0]!.name, language: '', backend: '', stage: '', env: 'vulkan1.3', optimize: 'performance', passes: '',
  defines: '', trace: 'debug', analyzer: 'release', disassembly: true, keep: false, further: '',
};
let draft = FIRST; // outlives the view: going to a trace and back loses nothing

export function CompileView({ route }: { route: Extract<Route, { view: 'compile' }> }) {
  const [d, setDraft] = useState(draft);
  const set = (change: Partial<Draft>) => setDraft((old) => (draft = { ...old, ...change }));
  const [languages, setLanguages] = useState<Languages | null>(null);
  const [analyzers, setAnalyzers] = useState<Analyzers | null>(null);
  const [answers, setAnswers] = useState<{ last: CompileResponse; before: CompileResponse | null } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController>();

  useEffect(() => {
    getLanguages().then(setLanguages, () => undefined);
    getAnalyzers().then(setAnalyzers, () => undefined);
    return () => running.current?.abort();
  }, []);
  useEffect(() => {
    if (!route.from) return;
    getTrace(route.from).then((t) => {
      const known = { name: t.name ?? undefined, language: t.language, stage: t.stage ?? undefined, keep: t.kept };
      set(draftOf(originalRequest(t) ?? known, t.source ?? ''));
    }, setError);
  }, [route.from]);

  const check = useCheck(d);
  const submit = async () => {
    running.current?.abort();
    const abort = running.current = new AbortController();
    setBusy(true);
    setError(null);
    try {
      const request = requestOfDraft(d);
      const response = await compile(request, abort.signal, true);
      setAnswers((old) => ({ last: response, before: old?.last ?? null }));
    } catch (e) {
      if (abort.signal.aborted) return;
      setError(e);
    }
    setBusy(false);
  };
  const curl = useMemo(() => {
    try {
      return curlCommand(location.origin, requestOfDraft(d));
    } catch (e) {
      return `# ${e instanceof Error ? e.message : String(e)}`;
    }
  }, [d]);
  const [jump, setJump] = useState<{ line: number; character: number; serial: number }>();
  const missing = languages?.languages.filter((l) => !l.available) ?? [];
  const known = languages?.languages.filter((l) => l.available && l.name !== 'spirv');
  const language = known?.find((l) => l.name === d.language);
  const backends = languages?.backends?.filter((b) => !d.language || b.languages.includes(d.language) || b.name === d.backend) ?? [];
  const lacking = backends.find((b) => b.name === d.backend && !b.available);
  const unavailable = analyzers?.analyzers.find((a) => a.kind === d.analyzer && a.state !== 'available');
  return (
    <main class="page">
      <div class="page-head"><h1>Playground</h1>
        <label class="examples"><span>Example</span>
          <select value="" onChange={(e) => {
            const example = EXAMPLES[Number(e.currentTarget.value)];
            if (example) set({ source: example.source, name: example.name, language: example.language, backend: '', stage: example.stage, defines: '' });
            e.currentTarget.value = '';
          }}>
            <option value="">Choose…</option>
            {EXAMPLES.map((x, i) => (!x.optional || known?.some((l) => l.name === x.language)) && <option key={x.name} value={i}>{x.title}</option>)}
          </select>
        </label>
      </div>
      <form class="compile" onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}>
        <div class="card editor">
          <div class="source-head"><h2>Source</h2><Checked check={check} /></div>
          <CodePane text={d.source} label="Source" dialect={dialectOf(d.language || guessDialect(d.name))} diagnostics={check.diagnostics} jump={jump}
            onChange={(source) => set({ source })} onSubmit={() => void submit()} />
          {check.diagnostics.length > 0 && <Diagnostics diagnostics={check.diagnostics} name={d.name || null} onJump={(line, character) => setJump({ line, character, serial: (jump?.serial ?? 0) + 1 })} />}
        </div>
        <div class="card options">
          <Text label="Name" value={d.name} hint="Guesses language and stage" onInput={(name) => set({ name })} />
          <Choice label="Language" value={d.language} none="By name" options={known?.map((l) => l.name) ?? LANGUAGES}
            title={(n) => { const label = known?.find((x) => x.name === n)?.label; return label ? `${n} (${label})` : n; }} onChange={(v) => set({ language: v })} />
          {backends.length > 1 && <Choice label="Back end" value={d.backend} none="The language's own" options={backends.map((b) => b.name)}
            title={(n) => [n, backends.find((b) => b.name === n)?.version, n === lacking?.name && 'missing'].filter(Boolean).join(', ')} onChange={(backend) => set({ backend })} />}
          <Choice label="Stage" value={d.stage} none="By name" options={language?.stages?.length ? language.stages : STAGES} onChange={(stage) => set({ stage })} />
          <Choice label="Optimize" value={d.optimize} options={[...languages?.optimize ?? OPTIMIZE, 'passes'].filter((o, i, all) => all.indexOf(o) === i)} onChange={(optimize) => set({ optimize })} />
          {d.optimize === 'passes' && <Text label="Passes" value={d.passes} hint="--merge-return --eliminate-dead-branches" onInput={(passes) => set({ passes })} />}
          <Choice label="Target" value={d.env} options={languages?.envs ?? ENVS} onChange={(env) => set({ env })} />
          <Text label="Defines" value={d.defines} hint="USE_FOG=1 FAST" onInput={(defines) => set({ defines })} />
          <Choice label="Trace" value={d.trace} none="Service's own" options={['off', 'info', 'debug']} onChange={(trace) => set({ trace })} />
          <Choice label="Analyzer" value={d.analyzer} options={['off', 'release', 'debug']} onChange={(analyzer) => set({ analyzer })} />
          <label class="check"><input type="checkbox" checked={d.disassembly} onChange={(e) => set({ disassembly: e.currentTarget.checked })} /><span>Disassembly</span></label>
          <label class="check"><input type="checkbox" checked={d.keep} onChange={(e) => set({ keep: e.currentTarget.checked })} /><span>Keep on disk</span></label>
          <details class="further" open={d.further !== ''}>
            <summary>Further fields</summary>
            <label class="field"><span class="sr-only">Further fields of the request, as JSON</span>
              <textarea spellcheck={false} autocapitalize="off" autocomplete="off" rows={5} value={d.further}
                placeholder={'{"entry_point": "start", "files": {"b.glsl": "…"}}'} onInput={(e) => set({ further: e.currentTarget.value })} /></label>
          </details>
          {languages?.options && <details class="further"><summary>All fields of a request</summary>
            <dl class="fields">{languages.options.map((o) => <div key={o.field}><dt><code>{o.field}</code> <span class="muted">{typeWords(o)}</span></dt><dd>{o.description}</dd></div>)}</dl></details>}
          {missing.length > 0 && <details class="further"><summary>{missing.length === 1 ? 'A language' : 'Languages'} not installed here</summary>
            <ul>{missing.map((l) => <li key={l.name}><b>{l.title ?? l.name}</b>: {l.missing ?? l.note ?? 'not available'}{l.install && <> <code>{l.install}</code></>}</li>)}</ul></details>}
          {lacking && <Notice kind="warning">{lacking.name} is not there: {lacking.missing}</Notice>}
          {unavailable && <Notice kind="warning">The {d.analyzer} analyzer is unavailable: {unavailable.reason}</Notice>}
          <div class="submit"><button type="submit" class="primary" disabled={busy}>{busy ? 'Compiling…' : 'Compile'}</button><kbd>Ctrl</kbd><kbd>Enter</kbd></div>
        </div>
      </form>
      {error !== null && <Failure error={error} />}
      {answers && <Result {...answers} />}
      <section class="card"><h2>The same from a terminal</h2><Command text={curl} /></section>
    </main>
  );
}

/** "integer, 1 to 50000", "none, size or performance", for glsl and hlsl */
function typeWords(o: NonNullable<Languages['options']>[number]): string {
  const range = o.minimum !== null && o.maximum !== null ? `, ${o.minimum} to ${o.maximum}` : '';
  return `${o.words?.length ? o.words.join(' | ') : o.type}${range}${o.languages ? `; for ${o.languages.join(', ')}` : ''}`;
}

interface Check {
  state: 'waiting' | 'checking' | 'done' | 'failed';
  words: string;
  ok: boolean;
  diagnostics: readonly Diagnostic[];
}

const NO_DIAGNOSTICS: readonly Diagnostic[] = [];
const SESSION = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('');

/** Checks what is written after each pause. The service takes a newer version of the document in place of the older one. */
function useCheck(d: Draft): Check {
  const [check, setCheck] = useState<Check>({ state: 'waiting', words: '', ok: false, diagnostics: NO_DIAGNOSTICS });
  const version = useRef(0);
  const key = useMemo(() => JSON.stringify([d.source, d.name, d.language, d.backend, d.stage, d.env, d.defines, d.further]), [d]);
  const request = useCallback((): CompileRequest => {
    const { analyzer: _a, trace: _t, keep: _k, optimize: _o, emit: _e, ...rest } = requestOfDraft(d);
    return {
      ...rest, emit: [], check_only: true, trace: { level: 'off' }, position_encoding: 'utf-16',
      document: { session: SESSION, uri: `spvscope:///${encodeURIComponent(d.name || 'source')}`, version: ++version.current },
    };
  }, [key]);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      setCheck((c) => ({ ...c, state: 'checking' }));
      // What is wrong with the fields, not with the source, is told in words as well.
      Promise.resolve().then(() => compile(request(), abort.signal)).then((r) => {
        if (abort.signal.aborted || r.status === 'cancelled') return;
        const errors = r.diagnostics.filter((x) => x.severity === 1).length;
        setCheck({
          state: 'done', ok: r.status === 'ok', diagnostics: r.diagnostics,
          words: r.failure ? r.failure.message : r.status === 'ok' ? `checked in ${formatNs(r.duration_ns)}` : `${plural(errors, 'error')}, checked in ${formatNs(r.duration_ns)}`,
        });
      }, (e: unknown) => {
        if (!abort.signal.aborted) setCheck({ state: 'failed', ok: false, words: e instanceof Error ? e.message : String(e), diagnostics: NO_DIAGNOSTICS });
      });
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return check;
}

function Checked({ check }: { check: Check }) {
  return <span class={`checked ${check.state === 'waiting' || check.state === 'checking' ? 'muted' : check.ok ? 'good' : 'bad'}`} role="status">
    {check.state === 'waiting' ? '' : check.state === 'checking' && !check.words ? 'checking…' : check.words}</span>;
}

const guessDialect = (name: string): string => (/\.(?:spvasm|spv)$/.test(name) ? 'spirv-asm' : 'glsl');

/** Beside the result, a way to what it changed: another option, another compiler, another line. */
function Result({ last: r, before }: { last: CompileResponse; before: CompileResponse | null }) {
  return (
    <section class="card result" aria-labelledby="h-result">
      <div class="trace-title"><h2 id="h-result">Result</h2><StatusBadge status={r.status} />
        <span class="muted">{formatNs(r.duration_ns)}{r.spirv && `, ${formatBytes(r.spirv.size_bytes)} of SPIR-V`}</span>
        {r.trace && <span class="result-links">
          {before?.trace && <a class="button" href={formatRoute({ view: 'compare', base: before.trace.id, to: r.trace.id })}>Compare with the one before</a>}
          <a class="button primary" href={formatRoute(traceRoute(r.trace.id))}>Open its trace</a></span>}
      </div>
      {r.failure && <Notice kind="error">{r.failure.message} in <code>{r.failure.stage}</code></Notice>}
      {r.diagnostics.length > 0 && <p>{plural(r.diagnostics.length, 'diagnostic')}; the first: <code>{r.diagnostics[0]!.message}</code></p>}
      {r.disassembly && <CodePane text={r.disassembly} label="SPIR-V disassembly" dialect="spirv" />}
    </section>
  );
}

function Text({ label, value, hint, onInput }: { label: string; value: string; hint: string; onInput: (v: string) => void }) {
  return <label class="field"><span>{label}</span><input type="text" value={value} placeholder={hint} spellcheck={false} autocapitalize="off" onInput={(e) => onInput(e.currentTarget.value)} /></label>;
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly string[];
  none?: string;
  title?: (option: string) => string;
  onChange: (v: string) => void;
}

function Choice({ label, value, options, none, title, onChange }: ChoiceProps) {
  return (
    <label class="field"><span>{label}</span>
      <select value={value} onChange={(e) => onChange(e.currentTarget.value)}>
        {none && <option value="">{none}</option>}
        {options.map((o) => <option key={o} value={o}>{title?.(o) ?? o}</option>)}
      </select>
    </label>
  );
}
