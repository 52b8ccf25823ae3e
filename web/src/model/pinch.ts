// SPDX-License-Identifier: Apache-2.0
// Which box a stretch of a flame graph comes to rest on.

import { boxAt, pathTo, type FlameTree } from './flame';

/** Of the boxes above the zoomed one, itself and those below it in the middle of the stretch: the one that is as wide as the
 * stretch, or nearest to that; of several the outermost. */
export function boxOfStretch(t: FlameTree, zoomed: number, x0: number, x1: number): number {
  const boxes = pathTo(t, zoomed);
  for (let next = zoomed, depth = t.depth[zoomed]! + 1; next >= 0; depth++) {
    next = depth < t.nRows ? boxAt(t, depth, (x0 + x1) / 2) : -1;
    if (next >= 0) boxes.push(next);
  }
  const off = (box: number): number => Math.abs(Math.log(t.total[box]! / (x1 - x0)));
  return boxes.reduce((best, box) => (off(box) < off(best) - 1e-9 ? box : best));
}
