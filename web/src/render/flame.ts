// SPDX-License-Identifier: Apache-2.0
// Paints a flame graph, its first row on top or at the bottom: only rows and boxes that are on the screen. Boxes are filled
// in memory, names are written over them.

import { lowerBound, type FlameTree } from '../model/flame';
import { formatShare, shortName } from '../model/format';
import type { Profile } from '../model/profile';
import { N_HUES } from './theme';
import type { Surface } from './surface';

export const FLAME_ROW = 20;

export interface FlameScene {
  tree: FlameTree;
  profile: Profile;
  hueOf: Uint8Array;             // of each function
  tones: Uint8Array | null;      // of each box, instead of hues: where it lies between less and more
  flip: boolean;                 // the first row at the bottom
  x0: number;                    // what is in view, in samples
  x1: number;
  zoomed: number;                // boxes above it are only its way up
  current: number;               // of the keyboard; -1: none
  hovered: number;
  matches: Uint8Array | null;    // of each box; null: no search
  labels: Map<number, string>;   // short names, filled as they are needed
  focused: boolean;
}

export function flameHeight(tree: FlameTree): number {
  return tree.nRows * FLAME_ROW + 1;
}

/** Where a row is painted, from the top of the whole picture; and the row that is there. The same sum both ways. */
export const rowTop = (tree: FlameTree, flip: boolean, depth: number): number => (flip ? tree.nRows - 1 - depth : depth) * FLAME_ROW;
export const rowAtY = (tree: FlameTree, flip: boolean, y: number): number => {
  const row = Math.floor(y / FLAME_ROW);
  return flip ? tree.nRows - 1 - row : row;
};

export function paintFlame(s: Surface, scene: FlameScene): void {
  const { tree, flip } = scene;
  const c = s.context;
  const ends = [rowAtY(tree, flip, s.scrollTop), rowAtY(tree, flip, s.scrollTop + s.height)];
  const first = Math.max(0, Math.min(...ends));
  const last = Math.min(tree.nRows - 1, Math.max(...ends));
  const palette = paletteOf(s, scene);
  const pixels = s.pixels();
  const texts: number[] = []; // a box, left, top and width, by turns
  for (let depth = first; depth <= last; depth++) paintRow(s, scene, depth, rowTop(tree, flip, depth) - s.scrollTop, palette, pixels, texts);
  s.putPixels();
  s.font = s.theme.font;
  for (let t = 0; t < texts.length; t += 4) paintText(s, scene, texts[t]!, texts[t + 1]!, texts[t + 2]!, texts[t + 3]!);
  const scale = s.width / Math.max(1e-9, scene.x1 - scene.x0);
  for (const [box, colour] of [[scene.hovered, s.theme.text], [scene.focused ? scene.current : -1, s.theme.accent]] as const) {
    if (box < 0 || box >= tree.n) continue;
    const x = Math.max(-2, (tree.x[box]! - scene.x0) * scale);
    const right = Math.min(s.width + 2, (tree.x[box]! + tree.total[box]! - scene.x0) * scale);
    c.strokeStyle = colour;
    c.lineWidth = box === scene.current && scene.focused ? 2 : 1;
    c.strokeRect(x + 1, rowTop(tree, flip, tree.depth[box]!) - s.scrollTop + 1, Math.max(1, right - x - 2), FLAME_ROW - 2);
  }
}

interface Palette {
  own: Uint32Array; // of each hue or tone
  match: number;
  dim: number;
  edge: number;
}

const paletteOf = (s: Surface, scene: FlameScene): Palette => ({
  own: Uint32Array.from(scene.tones ? s.theme.tones : s.theme.hues, (colour) => s.pixelOf(colour)), match: s.pixelOf(s.theme.match), dim: s.pixelOf(s.theme.dim),
  edge: s.pixelOf(s.theme.edge),
});

const LEAST_TEXT = 30; // a box that is narrower has no name on it

/** One line of pixels is worked out and copied to the others of the row. A pixel that several boxes fall into has the
 * colour of the first. */
function paintRow(s: Surface, scene: FlameScene, depth: number, y: number, palette: Palette, pixels: Uint32Array, texts: number[]): void {
  const { matches, tones, hueOf, x0 } = scene;
  const { x, total, fn, rowStart } = scene.tree;
  const width = s.canvas.width;
  const ratio = width / s.width;
  const scale = width / Math.max(1e-9, scene.x1 - x0);
  const line = new Uint32Array(width);
  const gap = Math.round(ratio);
  const above = depth < scene.tree.depth[scene.zoomed]!;
  const rowEnd = rowStart[depth + 1]!;
  let end = 0; // what is left of it is painted
  for (let i = lowerBound(scene.tree, depth, x0); i < rowEnd && end < width; i++) {
    const painted = x0 + end / scale;
    while (i < rowEnd && x[i]! + total[i]! <= painted) i++;
    const from = i < rowEnd ? Math.max(end, Math.round((x[i]! - x0) * scale)) : width;
    if (from >= width) break;
    end = Math.max(from + 1, Math.round(Math.min(width, (x[i]! + total[i]! - x0) * scale)));
    const own = palette.own[tones ? tones[i]! : hueOf[fn[i]!]!]!;
    line.fill(matches?.[i] ? palette.match : matches || above ? palette.dim : own, from, end);
    if (end - from >= 2 * gap) line.fill(palette.edge, end - gap, end);
    if (end - from > LEAST_TEXT * ratio) texts.push(i, from / ratio, y, (end - from) / ratio);
  }
  const bottom = Math.min(s.canvas.height, Math.round((y + FLAME_ROW) * ratio));
  const top = Math.round(y * ratio);
  for (let k = Math.max(0, top); k < bottom; k++) {
    if (k >= top + gap) pixels.set(line, k * width);
    else pixels.fill(palette.edge, k * width, k * width + end);
  }
}

function paintText(s: Surface, scene: FlameScene, i: number, left: number, y: number, width: number): void {
  const { tree, matches } = scene;
  const above = tree.depth[i]! < tree.depth[scene.zoomed]!;
  s.context.fillStyle = matches?.[i] ? s.theme.matchText : matches || above ? s.theme.muted : s.theme.boxText;
  s.text(labelOf(scene, i, width), left + 5, y + FLAME_ROW / 2 + 1, width - 10);
}

function labelOf(scene: FlameScene, i: number, width: number): string {
  const fn = scene.tree.fn[i]!;
  let label = scene.labels.get(fn);
  if (label === undefined) {
    label = shortName(scene.profile.fnName[fn]!);
    scene.labels.set(fn, label);
  }
  return width > 260 && scene.tree.total[0] ? `${label}  ${formatShare(scene.tree.total[i]! / scene.tree.total[0]!)}` : label;
}

/** A colour for each function: by module, in the order of weight, so that the heaviest modules differ the most. What is
 * made up here (the root, truncated stacks, the kernel) has the last colour, a grey. */
export function huesByModule(p: Profile, modules: readonly string[]): Uint8Array {
  const rank = new Map(modules.map((m, i) => [m, i % (N_HUES - 1)]));
  return Uint8Array.from(p.fnModule, (m, fn) => (fn === p.fnRoot || fn === p.fnTruncated || fn === p.fnKernel || m.startsWith('[') ? N_HUES - 1
    : rank.get(m) ?? modules.length % (N_HUES - 1)));
}
