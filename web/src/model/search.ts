// SPDX-License-Identifier: Apache-2.0
// Search in function names and modules, and the share of the samples that it covers.

import type { FlameTree, Profile } from './flame';

/** Plain text without regard to case; between slashes a regular expression. Null: nothing asked, or it does not parse. */
export function matcherOf(query: string): ((s: string) => boolean) | null {
  const q = query.trim();
  if (!q) return null;
  const re = /^\/(.+)\/?$/.exec(q);
  if (re && q.length > 2) {
    try {
      const compiled = new RegExp(re[1]!.replace(/\/$/, ''), 'i');
      return (s) => compiled.test(s);
    } catch {
      return null;
    }
  }
  const needle = q.toLowerCase();
  return (s) => s.toLowerCase().includes(needle);
}

export interface SearchResult {
  fnMatches: Uint8Array;
  boxes: number;   // that match
  samples: number; // with a match anywhere in the stack; counted once
}

export function search(t: FlameTree, p: Profile, query: string): SearchResult | null {
  const matches = matcherOf(query);
  if (!matches) return null;
  const fnMatches = new Uint8Array(p.fnName.length);
  for (let fn = 0; fn < fnMatches.length; fn++) {
    if (fn !== p.fnRoot && (matches(p.fnName[fn]!) || (p.fnModule[fn] && matches(p.fnModule[fn]!)))) fnMatches[fn] = 1;
  }
  const covered = new Uint8Array(t.n);
  let boxes = 0;
  let samples = 0;
  for (let i = 1; i < t.n; i++) {
    const match = fnMatches[t.fn[i]!]!;
    boxes += match;
    if (covered[t.parent[i]!]) covered[i] = 1;
    else if (match) {
      covered[i] = 1;
      samples += t.total[i]!;
    }
  }
  return { fnMatches, boxes, samples };
}
