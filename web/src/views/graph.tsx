// SPDX-License-Identifier: Apache-2.0
// One flame graph on a canvas, with its ARIA tree: zoom, hover, the keyboard's way through it, and what can be done to a box.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { boxAt, pathTo, type FlameTree } from '../model/flame';
import { formatShare, formatShareInterval, plural, shortName } from '../model/format';
import type { Profile } from '../model/profile';
import { TOO_FEW, weightWords } from '../model/words';
import { findZoom, zoomOf } from '../model/zoom';
import { FLAME_ROW, flameHeight, paintFlame, rowAtY, rowTop, type FlameScene } from '../render/flame';
import { Surface } from '../render/surface';
import { Tooltip } from './parts';

export interface BoxAction {
  key: string;   // pressed on a box
  label: string;
  title: string;
  act: (box: number) => void;
  can?: (box: number) => boolean;
}

interface Props {
  tree: FlameTree;
  profile: Profile;
  hueOf: Uint8Array;
  tones?: Uint8Array | null;
  flip?: boolean;
  matches: Uint8Array | null;
  own: boolean;             // whether a box's own samples are its function's
  label: string;
  zoom: string;
  onZoom: (zoom: string) => void;
  actions?: BoxAction[];
  tip?: (box: number) => ComponentChildren;
  aria?: (box: number) => string;
  onTooFew?: () => void;    // compile again for more
}

export function Graph({ tree, profile, hueOf, tones = null, flip = false, matches, own, label, zoom, onZoom, actions = [], tip, aria, onTooFew }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface>();
  const labels = useRef(new Map<number, string>());
  const [current, setCurrent] = useState(0);
  const [focused, setFocused] = useState(false);
  const [picked, setPicked] = useState(false);
  const [pointer, setPointer] = useState<{ box: number; x: number; y: number } | null>(null);
  const [pinched, setPinched] = useState<readonly [number, number] | null>(null); // in view, while two fingers are on it
  const zoomed = useMemo(() => findZoom(tree, profile, zoom), [tree, profile, zoom]);
  const here = Math.min(current, tree.n - 1);
  const scene = useRef<FlameScene>(null!);
  scene.current = {
    tree, profile, hueOf, tones, flip, zoomed, matches, current: here, focused: focused || picked, labels: labels.current,
    hovered: pointer && pointer.box < tree.n ? pointer.box : -1, x0: pinched?.[0] ?? tree.x[zoomed]!, x1: pinched?.[1] ?? tree.x[zoomed]! + tree.total[zoomed]!,
  };
  const settle = useRef<() => void>(null!);
  settle.current = () => void import('./later').then(({ boxOfStretch }) => {
    const { x0, x1 } = scene.current;
    setPinched(null);
    onZoom(zoomOf(tree, profile, boxOfStretch(tree, zoomed, x0, x1)));
  });
  useLayoutEffect(() => {
    const s = new Surface(host.current!, canvas.current!, (x) => paintFlame(x, scene.current));
    surface.current = s;
    if (scene.current.flip) host.current!.scrollTop = host.current!.scrollHeight;
    let off = () => {};
    void import('./later').then(({ followPinch }) => {
      const el = host.current;
      if (el) off = followPinch(el, { part: (x) => x / el.clientWidth, view: () => [scene.current.x0, scene.current.x1], show, end: () => settle.current() });
    });
    return () => {
      off();
      s.destroy();
    };
  }, []);
  useLayoutEffect(() => surface.current?.invalidate());
  useEffect(() => {
    setCurrent(zoomed);
    setPicked(false);
    setPointer(null);
    setPinched(null);
    labels.current.clear();
  }, [tree]);

  const show = (from: number, to: number) => {
    const all = scene.current.tree.total[0]!;
    const wide = Math.min(all, to - from);
    const x0 = Math.max(0, Math.min(all - wide, from));
    setPinched([x0, x0 + wide]);
  };
  const boxUnder = (e: MouseEvent): number => {
    const box = host.current!.getBoundingClientRect();
    const { x0, x1 } = scene.current;
    const x = x0 + ((e.clientX - box.left) / host.current!.clientWidth) * (x1 - x0);
    return boxAt(tree, rowAtY(tree, flip, e.clientY - box.top + host.current!.scrollTop), x);
  };
  const zoomTo = (box: number) => {
    setCurrent(box);
    onZoom(zoomOf(tree, profile, box));
  };
  const reveal = (box: number) => {
    setCurrent(box);
    setPicked(true);
    const el = host.current!;
    const y = rowTop(tree, flip, tree.depth[box]!);
    if (y < el.scrollTop) el.scrollTop = y;
    else if (y + FLAME_ROW > el.scrollTop + el.clientHeight) el.scrollTop = y + FLAME_ROW - el.clientHeight;
    const outside = tree.x[box]! + tree.total[box]! <= scene.current.x0 || tree.x[box]! >= scene.current.x1;
    if (outside) onZoom(zoomOf(tree, profile, tree.parent[box]!));
  };
  const key = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const parent = tree.parent[here]!;
    const sibling = (d: number) => here + d > 0 && here + d < tree.n && tree.parent[here + d] === parent && reveal(here + d);
    const out = () => parent >= 0 && reveal(parent);
    const into = () => tree.nChildren[here]! > 0 && reveal(tree.firstChild[here]!);
    const moves: Record<string, () => void> = {
      ArrowUp: flip ? into : out,
      ArrowDown: flip ? out : into,
      ArrowLeft: () => sibling(-1),
      ArrowRight: () => sibling(1),
      Home: () => reveal(0),
      Enter: () => onZoom(zoomOf(tree, profile, here)),
      Escape: () => zoomed > 0 && zoomTo(tree.parent[zoomed]!),
    };
    const action = actions.find((a) => a.key === e.key && here > 0 && (a.can?.(here) ?? true));
    const move = moves[e.key] ?? (action && (() => action.act(here)));
    if (!move) return;
    e.preventDefault();
    move();
  };

  const crumbs = pathTo(tree, zoomed);
  const cut = crumbs.length > 5 ? [crumbs[0]!, -1, ...crumbs.slice(-3)] : crumbs;
  const nameOf = (box: number) => profile.fnName[tree.fn[box]!]!;
  const words = aria ?? ((i: number) => `${nameOf(i)}, ${formatShare(tree.total[i]! / Math.max(1e-9, tree.total[0]!))}, ${weightWords(profile, tree.total[i]!)}`);
  const ariaBoxes = useMemo(() => <AriaBoxes tree={tree} box={here} prefix={label} words={words} />, [tree, profile, here]); // not again while the pointer moves
  return (
    <>
      <nav class="crumbs flame-crumbs" aria-label="Path of the zoomed box">
        {zoomed > 0 && <>
          {cut.map((box, i) => (
            <span key={box}>{i > 0 && <span aria-hidden="true"> › </span>}
              {box < 0 ? '…' : box === zoomed ? <b>{shortName(nameOf(box))}</b>
                : <button type="button" class="link" onClick={() => zoomTo(box)}>{shortName(nameOf(box))}</button>}</span>
          ))}
          <button type="button" class="quiet" onClick={() => zoomTo(0)}>Reset zoom</button></>}
      </nav>
      <div class="canvas-host flame" ref={host} tabIndex={0} role="tree" aria-label={label}
        aria-activedescendant={`${idOf(label)}-${here}`} onKeyDown={key}
        onClick={(e) => {
          const box = boxUnder(e);
          if (box < 0) return;
          setPicked(true);
          zoomTo(box);
        }}
        onFocus={() => setFocused(host.current!.matches(':focus-visible'))} onBlur={() => setFocused(false)}
        onMouseMove={(e) => {
          const box = boxUnder(e);
          setPointer(box < 0 ? null : { box, x: e.clientX, y: e.clientY });
        }}
        onMouseLeave={() => setPointer(null)}>
        <div class="canvas-space" style={{ height: `${flameHeight(tree)}px` }}><canvas ref={canvas} aria-hidden="true" /></div>
        <div class="sr-only" role="none">{ariaBoxes}</div>
      </div>
      <div class="picked">
        {here > 0 && (focused || picked) && <>
          <span class="picked-name" title={nameOf(here)}>{shortName(nameOf(here))}</span>
          <span class="muted">{shareWords(tree, profile, here)}{tree.hits[here]! < TOO_FEW && ': too few samples'}</span>
          {actions.filter((a) => a.can?.(here) ?? true).map((a) => (
            <button type="button" key={a.key} class="chip" title={`${a.title} (key ${a.key})`} onClick={() => a.act(here)}>{a.label}</button>
          ))}
          {tree.hits[here]! < TOO_FEW && onTooFew && <button type="button" class="chip" onClick={onTooFew}>Compile again for more</button>}</>}
      </div>
      {pointer && pointer.box < tree.n && <Tooltip x={pointer.x} y={pointer.y}>{tip ? tip(pointer.box) : <BoxTip tree={tree} profile={profile} box={pointer.box} own={own} />}</Tooltip>}
    </>
  );
}

/** "12.3 % (95 %: 10.1–14.9 %), 41 samples". An interval only where samples were counted: sums of times scatter otherwise. */
export function shareWords(t: FlameTree, p: Profile, box: number): string {
  const all = t.total[0]!;
  if (p.sampleWeight) return `${formatShare(t.total[box]! / all)}, ${weightWords(p, t.total[box]!)} in ${plural(t.hits[box]!, 'interval')}`;
  return `${formatShareInterval(t.total[box]!, all)}, ${weightWords(p, t.total[box]!)}`;
}

const MAX_ARIA_CHILDREN = 20;

/** The way down to the current box, its siblings and its children, each with name, share and samples. */
function AriaBoxes({ tree: t, box, prefix, words }: { tree: FlameTree; box: number; prefix: string; words: (box: number) => string }) {
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
          <div key={i} id={`${idOf(prefix)}-${i}`} role="treeitem" aria-level={t.depth[i]! + 1} aria-selected={i === box}
            aria-setsize={parent < 0 ? 1 : t.nChildren[parent]!} aria-posinset={parent < 0 ? 1 : i - t.firstChild[parent]! + 1}
            aria-expanded={t.nChildren[i] ? true : undefined}>
            {words(i)}
          </div>
        );
      })}
    </>
  );
}

function BoxTip({ tree: t, profile: p, box, own }: { tree: FlameTree; profile: Profile; box: number; own: boolean }) {
  const fn = t.fn[box]!;
  return (
    <>
      <strong>{p.fnName[fn]}</strong>
      {p.fnModule[fn] && <div class="muted">{p.fnModule[fn]}</div>}
      {p.fnFile[fn] && <div class="muted">{p.fnFile[fn]}</div>}
      <div>{shareWords(t, p, box)}</div>
      {own && t.self[box]! > 0 && <div>{weightWords(p, t.self[box]!)} in it itself</div>}
      {t.hits[box]! < TOO_FEW && <div class="muted">Too few samples to be exact.</div>}
      {fn === p.fnTruncated && <div>Stacks that do not reach the outermost frame.</div>}
    </>
  );
}

const idOf = (label: string): string => label.replace(/\W+/g, '-');
