// SPDX-License-Identifier: Apache-2.0
// The flame graph of what is chosen: its shapes, its steps as a breadcrumb, its search, and in words what is shown.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { mergeStacks, moduleShares, weighStacks, type FlameTree } from '../model/flame';
import { formatCount, formatShare, plural } from '../model/format';
import { chooseSamples, placeSamples, type IdRange, type Profile } from '../model/profile';
import { formatStep, type StepKind, type TraceRoute } from '../model/route';
import type { SpanTable } from '../model/spans';
import { kindNoun, TOO_FEW, weightWords } from '../model/words';
import { huesByModule } from '../render/flame';
import { N_HUES } from '../render/theme';
import type { More } from './few';
import { Graph, type BoxAction } from './graph';
import { Icon, lazy, Loading, Menu, Notice } from './parts';

const FunctionTable = lazy('the table', async () => (await import('./rarely')).FunctionTable);
const FlameExports = lazy('the formats', async () => (await import('./rarely')).FlameExports);
const TooFew = lazy('what is told of few samples', async () => (await import('./later')).TooFew);
const Choices = lazy('the choice', async () => (await import('./later')).Choices);
const Sandwich = lazy('the sandwich', async () => (await import('./rarely')).Sandwich);

const SHAPES: [string, string, string][] = [
  ['callees', 'Top down', 'From the outermost frame to the function that ran'],
  ['callers', 'Bottom up', 'From the function that ran to its callers'],
  ['time', 'Time order', 'Samples one after another'],
  ['sandwich', 'Sandwich', 'One function, its callers above it and what it called below'],
  ['table', 'Functions', 'By own samples'],
];

interface Props {
  profile: Profile;
  table: SpanTable;
  ids: IdRange | null;
  spanName: string;
  runs: number;
  title: string;
  route: TraceRoute;
  set: (change: Partial<TraceRoute>) => void;
  more: More | null; // compile again for more samples
}

/** Everything that is shown is made from the profile and the route, so that the address alone brings it back. */
function useShown({ profile: raw, table, ids, route }: Props) {
  const [tools, setTools] = useState<typeof import('./later') | null>(null);
  useEffect(() => void import('./later').then(setTools), []);
  const base = useMemo(() => tools?.applySteps(raw, route.steps) ?? raw, [raw, tools && route.steps.map(formatStep).join('\n')]);
  const [profile, nameRun] = useMemo(() => runNames(base), [base]);
  const timed = route.range !== null; // where samples stand is asked for only then
  const at = useMemo(() => (timed ? placeSamples(profile, table) : null), [profile, table, timed]);
  const keep = useMemo(() => chooseSamples(profile, ids, route.range, at), [profile, at, ids?.lo, ids?.hi, route.range?.[0], route.range?.[1]]);
  const shape = SHAPES.some(([s]) => s === route.shape) ? route.shape : raw.truncated * 2 > raw.total ? 'callers' : 'callees';
  const weighed = useMemo(() => weighStacks(profile, keep), [profile, keep]);
  const callees = useMemo(() => mergeStacks(weighed), [weighed]);
  const ordered = shape === 'callers' || shape === 'time';
  const needed = ordered || route.steps.length > 0;
  const tree = useMemo(() => {
    if (needed && !tools) return null;
    return !ordered ? callees : shape === 'time' ? tools!.timeOrder(profile, keep, nameRun) : tools!.mergeCallers(profile, keep);
  }, [callees, shape, needed && tools]);
  return { profile, keep, shape, weighed, callees, tree, tools };
}

/** Functions that stand for runs in the order of time. */
function runNames(p: Profile): [Profile, (run: number) => number] {
  const first = p.fnName.length;
  const names = Array.from({ length: Math.min(p.nRuns, 100000) }, (_, i) => `run ${i + 1}`);
  const blank = names.map(() => '');
  return [{ ...p, fnName: [...p.fnName, ...names], fnModule: [...p.fnModule, ...blank], fnFile: [...p.fnFile, ...blank] }, (run) => first + run];
}

export function Flame(props: Props) {
  const { profile: raw, table, ids, spanName, runs, title, route, set, more } = props;
  const { profile, keep, shape, weighed, callees, tree: shown, tools } = useShown(props);
  const tree = shown ?? callees; // until what makes the shape is there

  const found = useMemo(() => tools?.search(tree, profile, route.query, table) ?? null, [tools, tree, profile, route.query, table]);
  const shares = useMemo(() => moduleShares(weighed, profile), [weighed]);
  const modules = useMemo(() => (keep || route.steps.length ? moduleShares(weighStacks(raw, null), raw) : shares).map((m) => m.module).filter((m) => !m.startsWith('[')), [raw]);
  const hueOf = useMemo(() => huesByModule(profile, modules), [profile, modules]);
  const total = tree.total[0] ?? 0;
  const hits = tree.hits[0] ?? 0;
  const { cut } = weighed;
  const chosen = Boolean(keep) || route.steps.length > 0;
  const step = (kind: StepKind, name: string) => set({ steps: [...route.steps, { kind, name }], zoom: '' });
  const graph = { profile, hueOf, matches: found?.boxMatches ?? null, onTooFew: more?.run };
  const actions = boxActions(tree, profile, step, (fn) => set({ shape: 'sandwich', fn, zoom: '' }));
  return (
    <>
      <div class="pane-tools">
        <div class="segments" role="group" aria-label="Show as">
          {SHAPES.map(([key, label, words]) => (
            <button key={key} type="button" title={words} aria-pressed={shape === key} onClick={() => set({ shape: key, zoom: '' })}>{label}</button>
          ))}
        </div>
        <label class="search-field"><span class="sr-only">Search functions and libraries; span: and file: search in these</span><Icon name="search" />
          <input type="search" placeholder="Search, /regex/, span:, file:" value={route.query} onInput={(e) => set({ query: e.currentTarget.value })} />
        </label>
        {route.query && tools && <span class="matched" role="status">{found
          ? <><b>{formatShare(total ? found.samples / total : 0)}</b> matched <span class="muted">({weightWords(profile, found.samples)})</span></>
          : 'not a regular expression'}</span>}
        {total > 0 && <Menu label="Export what is shown">{(onClose) => <FlameExports tree={tree} profile={profile} title={title}
          words={`Width: share of ${weightWords(profile, total)}`} hueOf={hueOf} zoom={route.zoom} shape={shape} onClose={onClose} />}</Menu>}
      </div>
      {(ids || route.steps.length > 0) && <Choices spanName={ids ? spanName : ''} route={route} set={set} />}
      <p class="words">{total ? wordsOf(shape, profile, raw, total, hits, chosen, runs, cut) : ''}</p>
      {hits < TOO_FEW && <TooFew hits={hits} kind={raw.kind} chosen={chosen} more={more} />}
      {cut > hits / 5 && <Notice kind="info">{formatCount(cut)} of {plural(hits, 'stack')} end before the outermost frame, at [truncated]: what ran is right,
        who called it is not all there.</Notice>}
      {total > 0 && shown && shape === 'table' && <FunctionTable tree={tree} profile={profile} matches={found?.fnMatches ?? null} onChoose={(fn) => set({ shape: 'sandwich', fn, zoom: '' })} />}
      {total > 0 && shown && shape === 'sandwich' && <Sandwich {...graph} keep={keep} callees={callees} route={route} set={set} step={step} />}
      {total > 0 && !shown && <Loading what="Putting the samples in order…" />}
      {total > 0 && shown && shape !== 'table' && shape !== 'sandwich' && <Graph {...graph} tree={tree} own={shape !== 'callers'} label="Flame graph"
        zoom={route.zoom} onZoom={(zoom) => set({ zoom })} actions={actions} />}
      {total > 0 && <Legend shares={shares} modules={modules} total={callees.total[0]!} />}
    </>
  );
}

export const madeUp = (p: Profile, fn: number): boolean => fn === p.fnTruncated || fn === p.fnKernel || fn === p.fnRoot || p.laneFn.includes(fn);

export function boxActions(tree: FlameTree, p: Profile, step: (kind: StepKind, name: string) => void, onSandwich: (name: string) => void): BoxAction[] {
  const name = (box: number): string => p.fnName[tree.fn[box]!]!;
  const real = (box: number): boolean => !madeUp(p, tree.fn[box]!) && tree.fn[box]! < p.fnName.length;
  return [
    { key: 'f', label: 'Focus', title: 'Only what happened in this function', act: (box) => step('focus', name(box)), can: real },
    { key: 'd', label: 'Drop', title: 'Without the samples that have this function', act: (box) => step('drop', name(box)), can: real },
    { key: 'c', label: 'Collapse library', title: 'Calls within this library become one box', act: (box) => step('collapse', p.fnModule[tree.fn[box]!]!),
      can: (box) => p.fnModule[tree.fn[box]!] !== '' },
    { key: 's', label: 'Sandwich', title: 'Its callers and what it called', act: (box) => onSandwich(name(box)), can: real },
  ];
}

const ORDER_WORDS: Record<string, string> = {
  callees: 'Equal stacks are one box, the heaviest on the left: left to right is not time.',
  callers: 'On top the function that ran, below it its callers, the heaviest on the left: left to right is not time.',
  time: 'Left to right is the order in which they were taken; each is as wide as the other, so time without samples has no width.',
  sandwich: 'The function in the middle, above it its callers, below it what it called. A sample counts once, from the outermost call.',
};

function wordsOf(shape: string, p: Profile, raw: Profile, total: number, hits: number, chosen: boolean, runs: number, cut: number): string {
  if (shape === 'table') return 'Self: samples that ended in the function. Total: samples with it anywhere in their stack.';
  const noun = kindNoun(raw.kind);
  const what = p.sampleWeight ? `${weightWords(p, total)} in ${plural(hits, noun, noun.replace('interval', 'intervals'))}` : plural(total, noun);
  const of = chosen ? ` of the ${formatCount(raw.total)} taken, those that are chosen` : '';
  const rate = raw.kind === 'on-cpu' ? `, ${formatCount(raw.frequencyHz)} a second` : '';
  const over = runs > 1 ? ` over ${formatCount(runs)} runs of the same compile` : '';
  const early = cut > 0 && cut <= hits / 5 ? ` ${plural(cut, 'stack')} (${formatShare(cut / hits)}) ended early, at [truncated].` : '';
  const lost = raw.lost ? ` ${formatCount(raw.lost)} were lost.` : '';
  return `Width: share of ${what}${of}${rate}${over}. ${ORDER_WORDS[shape] ?? ''}${early}${lost}`;
}

function Legend({ shares, modules, total }: { shares: { module: string; self: number }[]; modules: readonly string[]; total: number }) {
  return (
    <ul class="legend" aria-label="Colours: libraries, by own samples">
      {shares.slice(0, 9).map(({ module, self }) => (
        <li key={module}><svg width="10" height="10" aria-hidden="true"><rect class={`swatch swatch-${hueOfModule(module, modules)}`} width="10" height="10" rx="2" /></svg>
          <span class="legend-name">{module.split('/').pop()}</span> <span class="muted">{formatShare(self / total)}</span></li>
      ))}
    </ul>
  );
}

function hueOfModule(module: string, modules: readonly string[]): number {
  if (module.startsWith('[')) return N_HUES - 1;
  return modules.indexOf(module) % (N_HUES - 1);
}
