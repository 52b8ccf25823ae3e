// SPDX-License-Identifier: Apache-2.0
// The way down to a box as a short text for the address: a hash of each function's name, so that it finds the same place
// after the choice of samples changed, as deep as it goes; where siblings have one name, also which of them it is.

import { pathTo, type FlameTree } from './flame';
import type { Profile } from './profile';

function hash(s: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < s.length; i++) h = Math.imul(h ^ s.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(36);
}

export function zoomOf(t: FlameTree, p: Profile, box: number): string {
  return pathTo(t, box).slice(1).map((i) => {
    let nth = 0;
    for (let k = t.firstChild[t.parent[i]!]!; k < i; k++) if (t.fn[k] === t.fn[i]) nth++;
    return `${hash(p.fnName[t.fn[i]!]!)}${nth ? `_${nth}` : ''}`;
  }).join('.');
}

export function findZoom(t: FlameTree, p: Profile, zoom: string): number {
  let box = 0;
  if (!zoom) return box;
  for (const part of zoom.split('.')) {
    const [name, nth] = part.split('_');
    let left = Number(nth ?? 0);
    let next = -1;
    for (let c = t.firstChild[box]!; c >= 0 && c < t.firstChild[box]! + t.nChildren[box]! && next < 0; c++) {
      if (hash(p.fnName[t.fn[c]!]!) === name && left-- === 0) next = c;
    }
    if (next < 0) break;
    box = next;
  }
  return box;
}
