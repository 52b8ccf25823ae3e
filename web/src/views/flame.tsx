// SPDX-License-Identifier: Apache-2.0
// The merged flame graph of the chosen span: zoom, search, functions as a table, and in words what is shown.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import {
  boxAt, findPath, mergeCallers, mergeProfile, moduleShares, pathTo, type FlameTree, type IdRange, type Profile,
} from '../model/flame';
import { formatCount, formatShare, formatShareInterval, plural, shortName } from '../model/format';
import { search } from '../model/search';
import { FLAME_ROW, flameHeight, huesByModule, paintFlame, type FlameScene } from '../render/flame';
import { Surface } from '../render/surface';
import { N_HUES } from '../render/theme';
import { Icon, lazy, Notice, Tooltip } from './parts';

const FunctionTable = lazy('the table', async () => (await import('./later')).FunctionTable);

export const TOO_FEW = 20;

type Shape = 'callees' | 'callers' | 'table';
const SHAPES: [Shape, string, string][] = [
  ['callees', 'Top down', 'From the outermost frame to the function that ran'],
  ['callers', 'Bottom up', 'From the function that ran to its callers'],
  ['table', 'Functions', 'By own samples'],
];

interface Props {
  profile: Profile;
  range: IdRange | null;
  spanName: string;
  runs: number;
  query: string;
  onQuery: (q: string) => void;
  onClearSpan: () => void;
}

export function Flame({ profile, range, spanName, runs, query, onQuery, onClearSpan }: Props) {
  const [shape, setShape] = useState<Shape>(profile.truncated * 2 > profile.n ? 'callers' : 'callees');
  const asTable = shape === 'table';
  const [zoom, setZoom] = useState<number[]>([profile.fnRoot]);
  const callees = useMemo(() => mergeProfile(profile, range), [profile, range?.lo, range?.hi]);
  const tree = useMemo(() => (shape === 'callers' ? mergeCallers(profile, range) : callees), [callees, shape]);
  const found = useMemo(() => search(tree, profile, query), [tree, profile, query]);
  const modules = useMemo(() => moduleShares(mergeProfile(profile, null), profile).map((m) => m.module), [profile]);
  const hueOf = useMemo(() => huesByModule(profile, modules.filter((m) => !m.startsWith('['))), [profile, modules]);
  const shares = useMemo(() => moduleShares(callees, profile), [callees]);
  const total = tree.total[0] ?? 0;
  const zoomed = findPath(tree, zoom);
  const cut = useMemo(() => truncatedIn(profile, range), [profile, range?.lo, range?.hi]);
  return (
    <>
      <div class="pane-tools">
        <div class="segments" role="group" aria-label="Show as">
          {SHAPES.map(([key, label, title]) => (
            <button key={key} type="button" title={title} aria-pressed={shape === key} onClick={() => setShape(key)}>{label}</button>
          ))}
        </div>
        <label class="search-field"><span class="sr-only">Search functions and libraries</span><Icon name="search" />
          <input type="search" placeholder="Search, or /regex/" value={query} onInput={(e) => onQuery(e.currentTarget.value)} />
        </label>
        {query && <span class="matched" role="status">{found
          ? <><b>{formatShare(total ? found.samples / total : 0)}</b> matched <span class="muted">({plural(found.samples, 'sample')})</span></>
          : 'not a regular expression'}</span>}
        {range && <span class="chip">only <b>{spanName}</b>
          <button type="button" class="chip-close" aria-label="Show all spans" onClick={onClearSpan}><Icon name="close" /></button></span>}
      </div>
      <p class="words">
        {asTable ? 'Self: samples that ended in the function. Total: samples with it anywhere in their stack.' : total ? `Width: share of ${plural(total, 'on-CPU sample')}${range ? ` of the ${formatCount(profile.n)} taken, those inside the chosen span` : ''}, `
          + `${formatCount(profile.frequencyHz)} a second${runs > 1 ? ` over ${formatCount(runs)} runs of the same compile` : ''}. `
          + (shape === 'callers' ? 'On top the function that ran, below it its callers' : 'Equal stacks are one box')
          + ', the heaviest on the left: left to right is not time.'
          + (cut > 0 && cut <= total / 5 ? ` ${plural(cut, 'stack')} (${formatShare(cut / total)}) ended early, at [truncated].` : '') : ''}
      </p>
      {total > 0 && total < TOO_FEW && <Notice kind="warning">Too few samples ({total}) to tell functions apart: take the shape as a hint.</Notice>}
      {cut > total / 5 && <Notice kind="info">{formatCount(cut)} of {plural(total, 'stack')} end before the outermost frame, at [truncated]: what ran is right,
        who called it is not all there.</Notice>}
      {!total && <p class="empty-pane">{range ? 'No sample was taken inside this span.' : 'No sample was taken.'}</p>}
      {total > 0 && (asTable
        ? <FunctionTable tree={tree} profile={profile} matches={found?.fnMatches ?? null} />
        : <Graph tree={tree} profile={profile} hueOf={hueOf} zoomed={zoomed} matches={found?.fnMatches ?? null} own={shape === 'callees'}
          onZoom={(box) => setZoom(pathTo(tree, box).map((i) => tree.fn[i]!))} />)}
      {total > 0 && <ul class="legend" aria-label="Colours: libraries, by own samples">
        {shares.slice(0, 9).map(({ module, self }) => (
          <li key={module}><svg width="10" height="10" aria-hidden="true"><rect class={`swatch swatch-${hueOfModule(module, modules)}`} width="10" height="10" rx="2" /></svg>
            <span class="legend-name">{module.split('/').pop()}</span> <span class="muted">{formatShare(self / total)}</span></li>
        ))}
      </ul>}
    </>
  );
}

function truncatedIn(p: Profile, range: IdRange | null): number {
  let n = 0;
  for (let s = 0; s < p.n; s++) if (p.sampleResult[s] && (!range || (p.sampleSpan[s]! >= range.lo && p.sampleSpan[s]! < range.hi))) n++;
  return n;
}

function hueOfModule(module: string, modules: readonly string[]): number {
  if (module.startsWith('[')) return N_HUES - 1;
  return modules.filter((m) => !m.startsWith('[')).indexOf(module) % (N_HUES - 1);
}

interface GraphProps {
  tree: FlameTree;
  profile: Profile;
  hueOf: Uint8Array;
  zoomed: number;
  matches: Uint8Array | null;
  own: boolean; // whether a box's own samples are its function's
  onZoom: (box: number) => void;
}

function Graph({ tree, profile, hueOf, zoomed, matches, own, onZoom }: GraphProps) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface>();
  const labels = useRef(new Map<number, string>());
  const [current, setCurrent] = useState(0);
  const [focused, setFocused] = useState(false);
  const [pointer, setPointer] = useState<{ box: number; x: number; y: number } | null>(null);
  const here = Math.min(current, tree.n - 1);
  const scene = useRef<FlameScene>(null!);
  scene.current = {
    tree, profile, hueOf, zoomed, matches, current: here, focused, labels: labels.current,
    hovered: pointer && pointer.box < tree.n ? pointer.box : -1, x0: tree.x[zoomed]!, x1: tree.x[zoomed]! + tree.total[zoomed]!,
  };
  useLayoutEffect(() => {
    const s = new Surface(host.current!, canvas.current!, (x) => paintFlame(x, scene.current));
    surface.current = s;
    return () => s.destroy();
  }, []);
  useLayoutEffect(() => surface.current?.invalidate());
  useEffect(() => {
    setCurrent(zoomed);
    setPointer(null);
    labels.current.clear();
  }, [tree]);

  const boxUnder = (e: MouseEvent): number => {
    const box = host.current!.getBoundingClientRect();
    const { x0, x1 } = scene.current;
    const x = x0 + ((e.clientX - box.left) / host.current!.clientWidth) * (x1 - x0);
    return boxAt(tree, Math.floor((e.clientY - box.top + host.current!.scrollTop) / FLAME_ROW), x);
  };
  const zoomTo = (box: number) => {
    setCurrent(box);
    onZoom(box);
  };
  const reveal = (box: number) => {
    setCurrent(box);
    const el = host.current!;
    const y = tree.depth[box]! * FLAME_ROW;
    if (y < el.scrollTop) el.scrollTop = y;
    else if (y + FLAME_ROW > el.scrollTop + el.clientHeight) el.scrollTop = y + FLAME_ROW - el.clientHeight;
    const outside = tree.x[box]! + tree.total[box]! <= scene.current.x0 || tree.x[box]! >= scene.current.x1;
    if (outside) onZoom(tree.parent[box]!);
  };
  const key = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const parent = tree.parent[here]!;
    const sibling = here + (e.key === 'ArrowRight' ? 1 : -1);
    const actions: Record<string, () => void> = {
      ArrowUp: () => parent >= 0 && reveal(parent),
      ArrowDown: () => tree.nChildren[here]! > 0 && reveal(tree.firstChild[here]!),
      ArrowLeft: () => sibling > 0 && tree.parent[sibling] === parent && reveal(sibling),
      ArrowRight: () => sibling < tree.n && tree.parent[sibling] === parent && reveal(sibling),
      Home: () => reveal(0),
      Enter: () => onZoom(here),
      Escape: () => zoomed > 0 && zoomTo(tree.parent[zoomed]!),
    };
    const action = actions[e.key];
    if (!action) return;
    e.preventDefault();
    action();
  };

  const crumbs = pathTo(tree, zoomed);
  const cut = crumbs.length > 5 ? [crumbs[0]!, -1, ...crumbs.slice(-3)] : crumbs;
  return (
    <>
      {zoomed > 0 && (
        <nav class="crumbs" aria-label="Path of the zoomed box">
          {cut.map((box, i) => (
            <span key={box}>{i > 0 && <span aria-hidden="true"> › </span>}
              {box < 0 ? '…' : box === zoomed ? <b>{shortName(profile.fnName[tree.fn[box]!]!)}</b>
                : <button type="button" class="link" onClick={() => zoomTo(box)}>{shortName(profile.fnName[tree.fn[box]!]!)}</button>}</span>
          ))}
          <button type="button" class="quiet" onClick={() => zoomTo(0)}>Reset zoom</button>
        </nav>
      )}
      <div class="canvas-host flame" ref={host} tabIndex={0} role="tree" aria-label="Flame graph"
        aria-activedescendant={`box-${here}`} onKeyDown={key}
        onClick={(e) => {
          const box = boxUnder(e);
          if (box >= 0) zoomTo(box);
        }}
        onFocus={() => setFocused(host.current!.matches(':focus-visible'))} onBlur={() => setFocused(false)}
        onMouseMove={(e) => {
          const box = boxUnder(e);
          setPointer(box < 0 ? null : { box, x: e.clientX, y: e.clientY });
        }}
        onMouseLeave={() => setPointer(null)}>
        <div class="canvas-space" style={{ height: `${flameHeight(tree)}px` }}><canvas ref={canvas} aria-hidden="true" /></div>
        <div class="sr-only" role="none"><AriaBoxes tree={tree} profile={profile} box={here} /></div>
      </div>
      {pointer && pointer.box < tree.n && <Tooltip x={pointer.x} y={pointer.y}><BoxTip tree={tree} profile={profile} box={pointer.box} own={own} /></Tooltip>}
    </>
  );
}

const MAX_ARIA_CHILDREN = 20;

/** The way down to the current box, its siblings and its children, each with name, share and samples. */
function AriaBoxes({ tree: t, profile: p, box }: { tree: FlameTree; profile: Profile; box: number }) {
  const boxes = new Set(pathTo(t, box));
  const add = (of: number) => {
    for (let c = 0; of >= 0 && c < Math.min(t.nChildren[of]!, MAX_ARIA_CHILDREN); c++) boxes.add(t.firstChild[of]! + c);
  };
  add(t.parent[box]!);
  add(box);
  return (
    <>
      {[...boxes].sort((a, b) => a - b).map((i) => {
        const parent = t.parent[i]!;
        return (
          <div key={i} id={`box-${i}`} role="treeitem" aria-level={t.depth[i]! + 1} aria-selected={i === box}
            aria-setsize={parent < 0 ? 1 : t.nChildren[parent]!} aria-posinset={parent < 0 ? 1 : i - t.firstChild[parent]! + 1}
            aria-expanded={t.nChildren[i] ? true : undefined}>
            {`${p.fnName[t.fn[i]!]}, ${formatShare(t.total[i]! / Math.max(1, t.total[0]!))}, ${plural(t.total[i]!, 'sample')}`}
          </div>
        );
      })}
    </>
  );
}

function BoxTip({ tree: t, profile: p, box, own }: { tree: FlameTree; profile: Profile; box: number; own: boolean }) {
  const fn = t.fn[box]!;
  const all = t.total[0]!;
  return (
    <>
      <strong>{p.fnName[fn]}</strong>
      {p.fnModule[fn] && <div class="muted">{p.fnModule[fn]}</div>}
      <div>{plural(t.total[box]!, 'sample')}, {formatShareInterval(t.total[box]!, all)}</div>
      {own && t.self[box]! > 0 && <div>{formatCount(t.self[box]!)} of them in it itself</div>}
      {t.total[box]! < TOO_FEW && <div class="muted">Too few samples to be exact.</div>}
      {fn === p.fnTruncated && <div>Stacks that do not reach the outermost frame.</div>}
    </>
  );
}
