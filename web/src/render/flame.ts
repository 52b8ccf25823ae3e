// SPDX-License-Identifier: Apache-2.0
// Paints a flame graph, its first row on top or at the bottom: only rows and boxes that are on the screen, and boxes
// narrower than a pixel as one bar per pixel.

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
  const scale = s.width / Math.max(1e-9, scene.x1 - scene.x0);
  c.font = s.theme.font;
  for (let depth = first; depth <= last; depth++) paintRow(s, scene, depth, rowTop(tree, flip, depth) - s.scrollTop, scale);
  for (const [box, colour] of [[scene.hovered, s.theme.text], [scene.focused ? scene.current : -1, s.theme.accent]] as const) {
    if (box < 0 || box >= tree.n) continue;
    const x = Math.max(-2, (tree.x[box]! - scene.x0) * scale);
    const right = Math.min(s.width + 2, (tree.x[box]! + tree.total[box]! - scene.x0) * scale);
    c.strokeStyle = colour;
    c.lineWidth = box === scene.current && scene.focused ? 2 : 1;
    c.strokeRect(x + 1, rowTop(tree, flip, tree.depth[box]!) - s.scrollTop + 1, Math.max(1, right - x - 2), FLAME_ROW - 2);
  }
}

function paintRow(s: Surface, scene: FlameScene, depth: number, y: number, scale: number): void {
  const { tree, matches } = scene;
  const c = s.context;
  const rowEnd = tree.rowStart[depth + 1]!;
  const above = depth < tree.depth[scene.zoomed]!;
  let painted = -1; // no fill left of it is needed again
  let fill = '';
  // Narrow boxes of one colour side by side are one rectangle: there may be thousands in a row.
  let from = 0;
  let to = 0;
  const flush = (): void => {
    if (to > from) c.fillRect(from, y + 1, to - from, FLAME_ROW - 2);
    from = to = 0;
  };
  for (let i = lowerBound(tree, depth, scene.x0); i < rowEnd; i++) {
    const x = (tree.x[i]! - scene.x0) * scale;
    if (x >= s.width) break;
    const right = x + tree.total[i]! * scale;
    if (right <= painted) continue;
    const left = Math.max(0, x, painted);
    const end = Math.min(s.width, right);
    const fn = tree.fn[i]!;
    const match = matches?.[i];
    const own = scene.tones ? s.theme.tones[scene.tones[i]!]! : s.theme.hues[scene.hueOf[fn]!]!;
    const colour = match ? s.theme.match : matches || above ? s.theme.dim : own;
    const width = end - left;
    if (width < 2) {
      if (colour !== fill || left > to + 0.01) {
        flush();
        c.fillStyle = fill = colour;
        from = left;
      }
      painted = to = left + 1;
      continue;
    }
    flush();
    if (colour !== fill) c.fillStyle = fill = colour;
    c.fillRect(left, y + 1, width - 1, FLAME_ROW - 1);
    painted = end;
    if (width > 30) {
      c.fillStyle = match ? s.theme.matchText : matches || above ? s.theme.muted : s.theme.boxText;
      s.text(labelOf(scene, i, width), left + 5, y + FLAME_ROW / 2 + 1, width - 10);
      fill = '';
    }
  }
  flush();
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
