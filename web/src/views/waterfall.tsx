// SPDX-License-Identifier: Apache-2.0
// The span tree on a time axis: canvas for the eye, a tree of ARIA items with the same rows and selection beside it.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatNs } from '../model/format';
import type { TimeRange } from '../model/profile';
import { hasChildren, labelOf, visibleRows, type SpanTable } from '../model/spans';
import { ownMeasure, sampleStrip, spreadStrip, type Strip } from '../model/strips';
import { Surface } from '../render/surface';
import { headHeight, labelWidth, paintWaterfall, rowAt, SPAN_ROW, toggleX, waterfallHeight, xToTime, type WaterfallScene } from '../render/waterfall';
import { Icon, lazy, Tooltip } from './parts';

const SpanTip = lazy('the span', async () => (await import('./later')).SpanTip);

const MIN_VIEW_NS = 200;
const ARIA_ROWS = 24; // to each side of the current one
const DRAG_PX = 4;    // a pointer that moves less has clicked
const BINS = 160;     // of a strip
const LEAST_SHOWN = 0.2; // of the whole time: a compile that took less of it, after a wait, is shown alone first

interface Props {
  table: SpanTable;
  selected: number; // index, -1: none
  onSelect: (span: number) => void;
  samplesAt: Float64Array | null; // on the axis
  range: TimeRange | null;
  onRange: (range: [number, number] | null) => void;
  cursor: number | null;
}

/** Samples, page faults and allocations over the stretch in view; those that there are. */
function useStrips(table: SpanTable, samplesAt: Float64Array | null, t0: number, t1: number): Strip[] {
  const measures = useMemo(() => [
    ['Page faults', ownMeasure(table, (i) => { const j = table.json[i]!; return j.minor_faults == null && j.major_faults == null ? null : (j.minor_faults ?? 0) + (j.major_faults ?? 0); })],
    ['Allocated memory', ownMeasure(table, (i) => table.json[i]!.alloc_bytes)],
  ] as const, [table]);
  return useMemo(() => {
    const strips = measures.map(([name, own]) => spreadStrip(table, name, own, t0, t1, BINS));
    if (samplesAt?.length) strips.unshift(sampleStrip(samplesAt, null, t0, t1, BINS));
    return strips.filter((s, i) => s.total > 0 || (i === 0 && samplesAt?.length));
  }, [measures, samplesAt, t0, t1]);
}

export function Waterfall({ table, selected, onSelect, samplesAt, range, onRange, cursor }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface>();
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const full: [number, number] = [0, Math.max(1, table.totalNs)];
  const first = compileView(table);
  const [view, setView] = useState(() => (table.run || first[1] - first[0] < full[1] * LEAST_SHOWN ? first : full));
  const [current, setCurrent] = useState(Math.max(0, selected));
  const [focused, setFocused] = useState(false);
  const [pointer, setPointer] = useState<{ span: number; x: number; y: number } | null>(null);
  const rows = useMemo(() => visibleRows(table, collapsed), [table, collapsed]);
  const zoomed = view[0] !== full[0] || view[1] !== full[1];

  const inRun = table.run !== null && view[0] >= first[0] && view[1] <= first[1];
  const originNs = inRun ? table.run!.startNs : 0;

  const lines = useMemo(() => lineWords(table), [table]);
  const strips = useStrips(table, samplesAt, view[0], view[1]);
  const drag = useRef<{ x: number; t: number; moved: boolean } | null>(null);
  const [dragged, setDragged] = useState<[number, number] | null>(null);
  const scene = useRef<WaterfallScene>(null!);
  scene.current = { strips, range: dragged ?? range, cursor, table, rows, collapsed, selected, hovered: pointer?.span ?? -1, current, focused, t0: view[0], t1: view[1], originNs };
  useLayoutEffect(() => {
    const s = new Surface(host.current!, canvas.current!, (x) => paintWaterfall(x, scene.current));
    surface.current = s;
    return () => s.destroy();
  }, []);
  useLayoutEffect(() => surface.current?.invalidate());
  useEffect(() => {
    if (selected >= 0) setCurrent(selected);
  }, [selected]);

  const setRange = (a: number, b: number) => {
    const width = Math.min(full[1], Math.max(MIN_VIEW_NS, b - a));
    const from = Math.min(Math.max(0, a), full[1] - width);
    setView([from, from + width]);
  };
  const zoomTo = (span: number) => {
    const d = Math.max(table.durationNs[span]!, MIN_VIEW_NS);
    setRange(table.startNs[span]! - d * 0.04, table.startNs[span]! + d * 1.04);
  };
  const toggle = (span: number) => {
    const next = new Set(collapsed);
    if (!next.delete(span)) next.add(span);
    setCollapsed(next);
  };
  const reveal = (span: number) => {
    setCurrent(span);
    const el = host.current!;
    const head = headHeight(scene.current);
    const y = head + rowOf(rows, span) * SPAN_ROW;
    if (y < el.scrollTop + head) el.scrollTop = y - head;
    else if (y + SPAN_ROW > el.scrollTop + el.clientHeight) el.scrollTop = y + SPAN_ROW - el.clientHeight;
  };

  useEffect(() => {
    const el = host.current!;
    const wheel = (e: WheelEvent) => {
      const { t0, t1 } = scene.current;
      if (e.ctrlKey || e.metaKey || Math.abs(e.deltaX) <= Math.abs(e.deltaY) || t1 - t0 >= full[1]) return;
      e.preventDefault();
      const shift = (e.deltaX / el.clientWidth) * (t1 - t0);
      setRange(t0 + shift, t1 + shift);
    };
    el.addEventListener('wheel', wheel, { passive: false });
    let off = () => el.removeEventListener('wheel', wheel);
    void import('./later').then(({ followPinch }) => {
      if (!host.current) return;
      const rest = off;
      const unpinch = followPinch(el, {
        part: (x) => (xToTime(scene.current, el.clientWidth, x) - scene.current.t0) / (scene.current.t1 - scene.current.t0),
        view: () => [scene.current.t0, scene.current.t1], show: setRange, start: forget,
      });
      off = () => {
        rest();
        unpinch();
      };
    });
    return () => off();
  }, [table]);

  const at = (e: MouseEvent): { span: number; onToggle: boolean } => {
    const box = host.current!.getBoundingClientRect();
    const x = e.clientX - box.left;
    const inside = e.clientY - box.top;
    const row = inside < headHeight(scene.current) - 1 ? -1 : rowAt(scene.current, inside + host.current!.scrollTop);
    const span = row < 0 ? -1 : rows[row]!;
    const knob = span < 0 ? 0 : toggleX(scene.current, host.current!.clientWidth, span);
    return { span, onToggle: span >= 0 && hasChildren(table, span) && x >= knob - 6 && x < knob + 13 && x < labelWidth(host.current!.clientWidth) };
  };
  const timeAt = (e: MouseEvent): number => {
    const t = xToTime(scene.current, host.current!.clientWidth, e.clientX - host.current!.getBoundingClientRect().left);
    return Math.round(Math.min(full[1], Math.max(0, t)));
  };
  const forget = () => {
    drag.current = null;
    setDragged(null);
  };
  const down = (e: PointerEvent) => {
    forget(); // no click follows a stretch that a finger dragged
    if (!e.isPrimary) return; // a second finger
    // A finger scrolls; it chooses a stretch on the axis and its strips only.
    const box = host.current!.getBoundingClientRect();
    const onHead = e.clientY - box.top < headHeight(scene.current);
    if (e.button || e.clientX - box.left < labelWidth(host.current!.clientWidth) || (e.pointerType === 'touch' && !onHead)) return;
    drag.current = { x: e.clientX, t: timeAt(e), moved: false };
  };
  const move = (e: PointerEvent) => {
    const d = drag.current;
    if (!d) return;
    if (!d.moved && Math.abs(e.clientX - d.x) < DRAG_PX) return;
    if (!d.moved) host.current!.setPointerCapture(e.pointerId);
    d.moved = true;
    const t = timeAt(e);
    setDragged(t < d.t ? [t, d.t] : [d.t, t]);
  };
  const up = () => {
    if (drag.current?.moved && dragged && dragged[1] > dragged[0]) onRange(dragged);
    setDragged(null);
  };
  const click = (e: MouseEvent) => {
    const wasDrag = drag.current?.moved;
    drag.current = null;
    if (wasDrag) return;
    const { span, onToggle } = at(e);
    if (span < 0) return;
    setCurrent(span);
    if (onToggle) toggle(span);
    else onSelect(span === selected && e.detail < 2 ? -1 : span);
    if (e.detail === 2 && !onToggle) zoomTo(span);
  };
  const key = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const row = Math.max(0, rowOf(rows, current));
    const page = Math.max(1, Math.floor(host.current!.clientHeight / SPAN_ROW) - 2);
    const to = (r: number) => reveal(rows[Math.max(0, Math.min(rows.length - 1, r))]!);
    const closed = collapsed.has(current);
    const span = view[1] - view[0];
    const actions: Record<string, () => void> = {
      ArrowDown: () => to(row + 1),
      ArrowUp: () => to(row - 1),
      PageDown: () => to(row + page),
      PageUp: () => to(row - page),
      Home: () => to(0),
      End: () => to(rows.length - 1),
      ArrowRight: () => (closed ? toggle(current) : hasChildren(table, current) && to(row + 1)),
      ArrowLeft: () => (!closed && hasChildren(table, current) ? toggle(current) : table.parent[current]! >= 0 && reveal(table.parent[current]!)),
      ' ': () => onSelect(current === selected ? -1 : current),
      Enter: () => {
        onSelect(current);
        zoomTo(current);
      },
      Escape: () => (range ? onRange(null) : zoomed ? setView(full) : onSelect(-1)),
      r: () => onRange([Math.floor(table.startNs[current]!), Math.ceil(table.startNs[current]! + table.durationNs[current]!)]),
      '+': () => setRange(view[0] + span / 4, view[1] - span / 4),
      '-': () => setRange(view[0] - span / 2, view[1] + span / 2),
    };
    const action = actions[e.key];
    if (!action) return;
    e.preventDefault();
    action();
  };

  const row = Math.max(0, rowOf(rows, current));
  const firstAria = Math.max(0, row - ARIA_ROWS);
  return (
    <>
      <div class="pane-tools">
        <p class="words">Bar: wall time, from the start of the {inRun ? 'run' : 'request'}. {lines}
          {strips.length > 0 && ` Above: ${strips.map((s) => s.name.toLowerCase()).join(', ')} over the same time${strips.length > 1 ? ', each against its own highest' : ''}.`}
          {table.run && ' The compile was repeated; these are the spans of one run.'} Drag along the axis to choose a stretch.</p>
        {range && <span class="chip">only <b>{formatNs(range[0] - originNs)} to {formatNs(range[1] - originNs)}</b>
          <button type="button" class="chip-close" aria-label="Show the whole time" onClick={() => onRange(null)}><Icon name="close" /></button></span>}
        {(first[0] > 0 || first[1] < full[1]) && (view[0] !== first[0] || view[1] !== first[1]) && <button type="button" class="quiet" onClick={() => setView(first)}>The {table.run ? 'run' : 'compile'}</button>}
        {selected >= 0 && <button type="button" class="quiet" onClick={() => zoomTo(selected)}>Zoom in</button>}
        {zoomed && <button type="button" class="quiet" onClick={() => setView(full)}>Whole time</button>}
        {table.n > 1 && <button type="button" class="quiet" onClick={() => setCollapsed(collapsed.size ? new Set() : stages(table))}>
          {collapsed.size ? 'Open all' : 'Fold stages'}</button>}
      </div>
      <div class="canvas-host waterfall" ref={host} data-head={headHeight(scene.current)} tabIndex={0} role="tree" aria-label="Spans"
        aria-activedescendant={`span-${current}`} onKeyDown={key} onClick={click} onPointerDown={down} onPointerMove={move} onPointerUp={up}
        onFocus={() => setFocused(host.current!.matches(':focus-visible'))} onBlur={() => setFocused(false)}
        onMouseMove={(e) => {
          const hit = at(e);
          setPointer(hit.span < 0 ? null : { span: hit.span, x: e.clientX, y: e.clientY });
        }}
        onMouseLeave={() => setPointer(null)}>
        <div class="canvas-space" style={{ height: `${waterfallHeight(rows.length, strips.length)}px` }}><canvas ref={canvas} aria-hidden="true" /></div>
        <div class="sr-only" role="none">
          {[...rows.subarray(firstAria, row + ARIA_ROWS)].map((i) => (
            <div key={i} id={`span-${i}`} role="treeitem" aria-level={table.depth[i]! + 1} aria-selected={i === selected}
              aria-expanded={hasChildren(table, i) ? !collapsed.has(i) : undefined}>
              {`${labelOf(table, i)}, ${formatNs(table.durationNs[i]!)}${table.hasError[i] ? ', with an error' : ''}${table.open[i] ? ', never ended' : ''}`}
            </div>
          ))}
        </div>
      </div>
      {pointer && !dragged && <Tooltip x={pointer.x} y={pointer.y}><SpanTip table={table} span={pointer.span} /></Tooltip>}
    </>
  );
}

/** Rows are in the order of the spans. */
function rowOf(rows: Int32Array, span: number): number {
  let lo = 0;
  let hi = rows.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (rows[mid]! < span) lo = mid + 1;
    else hi = mid;
  }
  return rows[lo] === span ? lo : -1;
}

/** What the line along the bottom of a bar is, as far as this trace has it. */
function lineWords(t: SpanTable): string {
  if (t.json.some((j) => j.profiled?.on_cpu_ns != null)) return 'Lines in it: on a CPU, then waiting for one (thick), then blocked (thin), by the profiled runs.';
  return t.cpuNs.some((x) => x > 0) ? 'Dark line: CPU time.' : '';
}

/** The compile without what came before and after it; of a repeated one, the run that the spans are of. */
function compileView(t: SpanTable): [number, number] {
  const compile = t.name.indexOf('codegen::compile');
  const [from, to] = t.run ? [t.run.startNs, t.run.endNs] : compile < 0 ? [0, t.totalNs] : [t.startNs[compile]!, t.startNs[compile]! + t.durationNs[compile]!];
  const pad = (to - from) * 0.02;
  return [Math.max(0, from - pad), Math.max(1, Math.min(t.totalNs, to + pad))];
}

/** What "fold stages" closes: everything below the second level that has something below it. */
function stages(t: SpanTable): Set<number> {
  const out = new Set<number>();
  for (let i = 0; i < t.n; i++) if (t.depth[i]! >= 1 && hasChildren(t, i)) out.add(i);
  return out;
}
