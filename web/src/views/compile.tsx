// SPDX-License-Identifier: Apache-2.0
// A form that compiles a source, and the command line that would do the same.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { compile, getAnalyzers, getLanguages, getTrace, type Analyzers, type CompileResponse, type Languages } from '../api';
import { originalRequest } from '../model/again';
import { curlCommand } from '../model/curl';
import { draftOf, requestOfDraft, type Draft } from '../model/draft';
import { formatBytes, formatNs } from '../model/format';
import { formatRoute, type Route } from '../model/route';
import { diagnosticsOf } from '../model/text';
import { dialectOf } from '../model/tokens';
import { CodePane } from './code';
import { Command } from './command';
import { Diagnostics } from './diagnostics';
import { EXAMPLES } from './examples';
import { Failure, Notice, StatusBadge } from './parts';

const LANGUAGES = ['glsl', 'hlsl', 'spirv-asm'];
const STAGES = ['vertex', 'tess-control', 'tess-eval', 'geometry', 'fragment', 'compute', 'task', 'mesh', 'raygen', 'intersect',
  'anyhit', 'closesthit', 'miss', 'callable'];
const ENVS = ['vulkan1.0', 'vulkan1.1', 'vulkan1.2', 'vulkan1.3', 'opengl4.5', 'universal'];
const OPTIMIZE = ['none', 'size', 'performance'];

const FIRST: Draft = {
  source: EXAMPLES[0]!.source, name: EXAMPLES[0]!.name, language: '', stage: '', env: 'vulkan1.3', optimize: 'performance', passes: '',
  defines: '', trace: 'debug', analyzer: 'release', disassembly: true, keep: false, further: '',
};
let draft = FIRST; // outlives the view: going to a trace and back loses nothing

export function CompileView({ route }: { route: Extract<Route, { view: 'compile' }> }) {
  const [d, setDraft] = useState(draft);
  const set = (change: Partial<Draft>) => setDraft((old) => (draft = { ...old, ...change }));
  const [languages, setLanguages] = useState<Languages | null>(null);
  const [analyzers, setAnalyzers] = useState<Analyzers | null>(null);
  const [answer, setAnswer] = useState<{ response: CompileResponse; source: string } | null>(null);
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

  const submit = async () => {
    running.current?.abort();
    const abort = running.current = new AbortController();
    setBusy(true);
    setError(null);
    try {
      const request = requestOfDraft(d);
      const response = await compile(request, abort.signal);
      setAnswer({ response, source: d.source });
    } catch (e) {
      if (abort.signal.aborted) return;
      setError(e);
    }
    setBusy(false);
  };
  const shortcut = (e: KeyboardEvent) => {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) void submit();
  };
  const curl = useMemo(() => {
    try {
      return curlCommand(location.origin, requestOfDraft(d));
    } catch (e) {
      return `# ${e instanceof Error ? e.message : String(e)}`;
    }
  }, [d]);
  const known = languages?.languages.filter((l) => l.available && l.name !== 'spirv');
  const language = known?.find((l) => l.name === d.language);
  const unavailable = analyzers?.analyzers.find((a) => a.kind === d.analyzer && a.state !== 'available');
  return (
    <main class="page">
      <div class="page-head"><h1>Compile</h1>
        <label class="examples"><span>Example</span>
          <select value="" onChange={(e) => {
            const example = EXAMPLES[Number(e.currentTarget.value)];
            if (example) set({ source: example.source, name: example.name, language: example.language, stage: example.stage, defines: '' });
            e.currentTarget.value = '';
          }}>
            <option value="">Choose…</option>
            {EXAMPLES.map((x, i) => <option key={x.name} value={i}>{x.title}</option>)}
          </select>
        </label>
      </div>
      <form class="compile" onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }} onKeyDown={shortcut}>
        <div class="card editor">
          <label class="field"><span>Source</span>
            <textarea spellcheck={false} autocapitalize="off" autocomplete="off" value={d.source} rows={22} onInput={(e) => set({ source: e.currentTarget.value })} />
          </label>
        </div>
        <div class="card options">
          <Text label="Name" value={d.name} hint="Guesses language and stage" onInput={(name) => set({ name })} />
          <Choice label="Language" value={d.language} none="By name" options={known?.map((l) => l.name) ?? LANGUAGES}
            title={(n) => { const label = known?.find((x) => x.name === n)?.label; return label ? `${n} (${label})` : n; }} onChange={(v) => set({ language: v })} />
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
          {unavailable && <Notice kind="warning">The {d.analyzer} analyzer is unavailable: {unavailable.reason}</Notice>}
          <div class="submit"><button type="submit" class="primary" disabled={busy}>{busy ? 'Compiling…' : 'Compile'}</button><kbd>Ctrl</kbd><kbd>Enter</kbd></div>
        </div>
      </form>
      {error !== null && <Failure error={error} />}
      {answer && <Result answer={answer} />}
      <section class="card"><h2>The same from a terminal</h2><Command text={curl} /></section>
    </main>
  );
}

function Result({ answer: { response: r, source } }: { answer: { response: CompileResponse; source: string } }) {
  const [jump, setJump] = useState<{ line: number; serial: number }>();
  const name = r.name ?? null;
  return (
    <section class="card result" aria-labelledby="h-result">
      <div class="trace-title"><h2 id="h-result">Result</h2><StatusBadge status={r.status} />
        <span class="muted">{formatNs(r.duration_ns)}{r.spirv && `, ${formatBytes(r.spirv.size_bytes)} of SPIR-V`}</span>
        {r.trace && <a class="button primary" href={formatRoute({ view: 'trace', id: r.trace.id, span: 0, query: '', pane: '' })}>Open its trace</a>}
      </div>
      {r.failure && <Notice kind="error">{r.failure.message} <code>{r.failure.stage}</code> {r.failure.signal}</Notice>}
      {r.diagnostics.length > 0 && <>
        <Diagnostics diagnostics={r.diagnostics} name={name} onJump={(line) => setJump({ line, serial: (jump?.serial ?? 0) + 1 })} />
        <CodePane text={source} label="Source with diagnostics" dialect={dialectOf(r.language)} diagnostics={diagnosticsOf(r.diagnostics, null, name)} jump={jump} /></>}
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
