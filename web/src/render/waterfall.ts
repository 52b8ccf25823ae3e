// SPDX-License-Identifier: Apache-2.0
// Paints the span tree: names on the left, bars on one time axis on the right, strips of samples, faults and memory above
// them on the same axis. Only the rows on the screen.

import { formatNs } from '../model/format';
import { changesProcess, hasChildren, labelOf, usageOf, type SpanTable } from '../model/spans';
import type { Strip } from '../model/strips';
import { ticks } from '../model/ticks';
import { N_HUES } from './theme';
import type { Surface } from './surface';

export const SPAN_ROW = 24;
export const AXIS_HEIGHT = 26;
export const STRIP_HEIGHT = 22;
const INDENT = 14;
const PAD = 10;
const NARROW = 180;

export interface WaterfallScene {
  table: SpanTable;
  rows: Int32Array;              // visible spans, in order
  collapsed: ReadonlySet<number>;
  selected: number;              // index of a span; -1: none
  hovered: number;
  current: number;               // of the keyboard
  focused: boolean;
  t0: number;                    // what is in view, ns
  t1: number;
  originNs: number;              // what the axis counts from
  strips: Strip[];
  range: readonly [number, number] | null;
  cursor: number | null;         // an instant that another pane points at
}

/** Above the rows: the axis, and a strip for each quantity. */
export const headHeight = (scene: { strips: readonly Strip[] }): number => AXIS_HEIGHT + scene.strips.length * STRIP_HEIGHT;

/* Stages that follow each other differ clearly; what is not compiling is pale. */
const FAMILY_HUES: Record<string, number> = {
  server: 5, worker: 5, analyzer: 5, 'codegen::compile': 7, 'codegen::preprocess': 4, 'codegen::parse': 1, 'codegen::link': 4,
  'codegen::generate': 3, 'codegen::opt': 0, 'codegen::validate': 2, 'codegen::disassemble': 6, 'codegen::reflect': 4,
};

function hueOfFamily(family: string): number {
  const known = FAMILY_HUES[family];
  if (known !== undefined) return known;
  let hash = 0;
  for (let i = 0; i < family.length; i++) hash = (hash * 31 + family.charCodeAt(i)) >>> 0;
  return hash % (N_HUES - 1);
}

export const labelWidth = (width: number): number => Math.round(Math.min(340, Math.max(132, width * 0.34)));
export const waterfallHeight = (rows: number, strips: number): number => AXIS_HEIGHT + strips * STRIP_HEIGHT + rows * SPAN_ROW + 4;

export function timeToX(scene: WaterfallScene, width: number, ns: number): number {
  const left = labelWidth(width);
  return left + ((ns - scene.t0) / Math.max(1, scene.t1 - scene.t0)) * (width - left - PAD);
}

export function xToTime(scene: WaterfallScene, width: number, x: number): number {
  const left = labelWidth(width);
  return scene.t0 + ((x - left) / Math.max(1, width - left - PAD)) * (scene.t1 - scene.t0);
}

export function rowAt(scene: WaterfallScene, y: number): number {
  const row = Math.floor((y - headHeight(scene)) / SPAN_ROW);
  return row >= 0 && row < scene.rows.length ? row : -1;
}

/** Where the triangle of a row is that opens and closes it. */
export const toggleX = (scene: WaterfallScene, width: number, span: number): number =>
  6 + Math.min(scene.table.depth[span]! * INDENT, labelWidth(width) * 0.4);

export function paintWaterfall(s: Surface, scene: WaterfallScene): void {
  const left = labelWidth(s.width);
  const marks = ticks(scene.t0 - scene.originNs, scene.t1 - scene.originNs, Math.max(2, Math.floor((s.width - left) / 90)));
  const c = s.context;
  c.strokeStyle = s.theme.line;
  c.lineWidth = 1;
  c.beginPath();
  for (const mark of marks) {
    const x = Math.round(timeToX(scene, s.width, mark.ns + scene.originNs)) + 0.5;
    c.moveTo(x, AXIS_HEIGHT - 5);
    c.lineTo(x, s.height);
  }
  c.stroke();

  const head = headHeight(scene);
  const first = Math.max(0, Math.floor(s.scrollTop / SPAN_ROW) - 1);
  const last = Math.min(scene.rows.length, Math.ceil((s.scrollTop + s.height) / SPAN_ROW));
  for (let row = first; row < last; row++) {
    const y = head + row * SPAN_ROW - s.scrollTop;
    if (y > -SPAN_ROW) paintSpan(s, scene, scene.rows[row]!, y, left);
  }

  // the axis and the strips stay while the rows scroll below them
  c.fillStyle = s.theme.surface;
  c.fillRect(0, 0, s.width, head - 1);
  scene.strips.forEach((strip, i) => paintStrip(s, strip, AXIS_HEIGHT + i * STRIP_HEIGHT, left));
  c.fillStyle = s.theme.muted;
  s.font = s.theme.font;
  let free = left - 4;
  for (const mark of marks) {
    const x = Math.round(timeToX(scene, s.width, mark.ns + scene.originNs));
    const w = s.measure(mark.label);
    const at = Math.min(s.width - w - 2, Math.max(left, x - w / 2));
    if (at < free) continue;
    c.fillText(mark.label, at, AXIS_HEIGHT / 2 - 2);
    free = at + w + 8;
  }
  paintRange(s, scene, left);
}

function paintStrip(s: Surface, strip: Strip, top: number, left: number): void {
  const c = s.context;
  const room = s.width - left - PAD;
  const bottom = top + STRIP_HEIGHT - 3;
  s.font = s.theme.font;
  c.fillStyle = s.theme.muted;
  s.text(strip.name, 6, top + STRIP_HEIGHT / 2, left - 12);
  c.fillStyle = s.theme.line;
  c.fillRect(left, bottom, room, 1);
  c.fillStyle = s.theme.busy;
  const width = room / strip.bins.length;
  for (let i = 0; i < strip.bins.length; i++) {
    if (!strip.bins[i]) continue;
    const h = Math.max(1, (strip.bins[i]! / strip.most) * (STRIP_HEIGHT - 5));
    c.fillRect(left + i * width, bottom - h, Math.max(1, width - 0.5), h);
  }
}

/** Everything outside the chosen stretch is veiled; its ends are lines. */
function paintRange(s: Surface, scene: WaterfallScene, left: number): void {
  const c = s.context;
  const clamp = (x: number): number => Math.min(s.width, Math.max(left, x));
  if (scene.range) {
    const [a, b] = scene.range.map((ns) => clamp(timeToX(scene, s.width, ns))) as [number, number];
    c.fillStyle = s.theme.surface;
    c.globalAlpha = 0.6;
    c.fillRect(left, 0, a - left, s.height);
    c.fillRect(b, 0, s.width - b, s.height);
    c.globalAlpha = 1;
    c.fillStyle = s.theme.accent;
    for (const x of [a, b]) c.fillRect(x - 1, 0, 2, s.height);
  }
  if (scene.cursor !== null && scene.cursor >= scene.t0 && scene.cursor <= scene.t1) {
    c.fillStyle = s.theme.error;
    c.fillRect(timeToX(scene, s.width, scene.cursor) - 0.5, 0, 1, s.height);
  }
}

/** The colour of what is written on a row: that of the chosen one may need another. */
const onRow = (s: Surface, scene: WaterfallScene, span: number, colour: string): string => (span === scene.selected && s.theme.selectedText) || colour;

function paintSpan(s: Surface, scene: WaterfallScene, span: number, y: number, left: number): void {
  const { table: t } = scene;
  const c = s.context;
  if (span === scene.selected || span === scene.hovered) {
    c.fillStyle = span === scene.selected ? s.theme.selected : s.theme.hover;
    c.fillRect(0, y, s.width, SPAN_ROW);
  }
  if (span === scene.current && scene.focused) {
    c.strokeStyle = s.theme.accent;
    c.lineWidth = 2;
    c.strokeRect(1, y + 1, s.width - 2, SPAN_ROW - 2);
  }
  const middle = y + SPAN_ROW / 2;
  const x = toggleX(scene, s.width, span);
  if (hasChildren(t, span)) triangle(c, x + 4, middle, scene.collapsed.has(span), s.theme.muted);
  s.font = s.theme.font;
  c.fillStyle = onRow(s, scene, span, t.hasError[span] || t.open[span] ? s.theme.error : s.theme.text);
  const room = left - x - 22;
  const sign = t.open[span] ? '⚡ ' : t.hasError[span] ? '✕ ' : '';
  const process = changesProcess(t, span) ? ` [process ${t.json[span]!.pid}]` : '';
  let label = sign + labelOf(t, span) + process;
  // where there is little room, the last part of the path says the most
  if (left < NARROW || s.measure(label) > room) label = sign + (t.name[span]!.split('::').pop() ?? '') + process;
  s.text(label, x + 14, middle + 0.5, room);
  paintBar(s, scene, span, middle, left);
}

function paintBar(s: Surface, scene: WaterfallScene, span: number, middle: number, left: number): void {
  const { table: t } = scene;
  const c = s.context;
  const from = timeToX(scene, s.width, t.startNs[span]!);
  const to = timeToX(scene, s.width, t.startNs[span]! + t.durationNs[span]!);
  const label = formatNs(t.durationNs[span]!);
  if (to < left || from > s.width) {
    // out of view: on which side, and how long
    c.fillStyle = onRow(s, scene, span, s.theme.muted);
    if (to < left) c.fillText(`◂ ${label}`, left + 2, middle);
    else c.fillText(`${label} ▸`, s.width - s.measure(`${label} ▸`) - 2, middle);
    return;
  }
  c.save();
  c.beginPath();
  c.rect(left, middle - SPAN_ROW / 2, s.width - left, SPAN_ROW);
  c.clip();
  const width = Math.max(2, to - from);
  const top = middle - 8;
  c.fillStyle = s.theme.hues[hueOfFamily(t.families[t.family[span]!]!)]!;
  c.beginPath();
  c.roundRect(from, top, width, 16, Math.min(3, width / 2));
  c.fill();
  if (width >= 3) paintUsage(s, t, span, from, top, width);
  if (t.open[span]) {
    c.strokeStyle = s.theme.error;
    c.lineWidth = 2;
    c.setLineDash([3, 2]);
    c.strokeRect(from + 1, top + 1, Math.max(2, width - 2), 14);
    c.setLineDash([]);
  }
  // the duration inside its bar, else to the right of it, else to the left
  const w = s.measure(label);
  const inside = Math.max(from, left);
  c.fillStyle = onRow(s, scene, span, s.theme.muted);
  if (Math.min(to, s.width) - inside > w + 14) {
    c.fillStyle = s.theme.boxText;
    c.fillText(label, inside + 7, middle);
  } else if (from + width + 6 + w < s.width) c.fillText(label, from + width + 6, middle);
  else if (from - w - 6 > left) c.fillText(label, from - w - 6, middle);
  c.restore();
}

/** A line along the bottom of the bar: on a CPU, then waiting for one, then blocked; their lengths are their shares. */
function paintUsage(s: Surface, t: SpanTable, span: number, from: number, top: number, width: number): void {
  const c = s.context;
  const usage = usageOf(t, span);
  if (!usage) return;
  let x = from;
  for (const [share, colour, height] of [[usage.onCpu, s.theme.busy, 3], [usage.runnable, s.theme.waiting, 3], [usage.blocked, s.theme.waiting, 1]] as const) {
    c.fillStyle = colour;
    c.fillRect(x, top + 16 - height, width * share, height);
    x += width * share;
  }
}

function triangle(c: CanvasRenderingContext2D, x: number, y: number, closed: boolean, colour: string): void {
  c.fillStyle = colour;
  c.beginPath();
  if (closed) {
    c.moveTo(x - 2.5, y - 4.5);
    c.lineTo(x + 3.5, y);
    c.lineTo(x - 2.5, y + 4.5);
  } else {
    c.moveTo(x - 4.5, y - 2.5);
    c.lineTo(x + 4.5, y - 2.5);
    c.lineTo(x, y + 3.5);
  }
  c.fill();
}
