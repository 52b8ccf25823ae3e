// SPDX-License-Identifier: Apache-2.0
// Search: text, /regex/, span:NAME and file:NAME, and the share of the weight that it covers.

import type { FlameTree } from './flame';
import type { Profile } from './profile';
import type { SpanTable } from './spans';

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
  boxMatches: Uint8Array;
  fnMatches: Uint8Array | null; // null: it was a search for spans
  boxes: number;   // that match
  samples: number; // weight with a match anywhere in the stack; counted once
}

/** "span:opt" → ["span", "opt"]; without a known word in front, the whole is looked for in names and libraries. */
export function splitQuery(query: string): ['span' | 'file' | '', string] {
  const m = /^\s*(span|file):(.*)$/s.exec(query);
  return m ? [m[1] as 'span' | 'file', m[2]!] : ['', query];
}

export function search(t: FlameTree, p: Profile, query: string, spans: SpanTable | null): SearchResult | null {
  const [field, text] = splitQuery(query);
  const matches = matcherOf(text);
  if (!matches) return null;
  return field === 'span' ? searchSpans(t, p, spans, matches) : searchFunctions(t, p, field === 'file', matches);
}

function searchFunctions(t: FlameTree, p: Profile, inFiles: boolean, matches: (s: string) => boolean): SearchResult {
  const fnMatches = new Uint8Array(p.fnName.length);
  for (let fn = 0; fn < fnMatches.length; fn++) {
    const module = p.fnModule[fn]!;
    const hit = inFiles ? matches(p.fnFile[fn]!) && p.fnFile[fn] !== '' : matches(p.fnName[fn]!) || (module !== '' && matches(module));
    if (fn !== p.fnRoot && hit) fnMatches[fn] = 1;
  }
  const boxMatches = new Uint8Array(t.n);
  const covered = new Uint8Array(t.n);
  let boxes = 0;
  let samples = 0;
  for (let i = 0; i < t.n; i++) {
    const match = fnMatches[t.fn[i]!]!;
    boxMatches[i] = match;
    boxes += match;
    if (i && covered[t.parent[i]!]) covered[i] = 1;
    else if (match) {
      covered[i] = 1;
      samples += t.total[i]!;
    }
  }
  return { boxMatches, fnMatches, boxes, samples };
}

/** Samples whose span, or one above it, has such a name; a box is marked when more than half of it was taken there. */
function searchSpans(t: FlameTree, p: Profile, spans: SpanTable | null, matches: (s: string) => boolean): SearchResult {
  const within = new Uint8Array(spans?.n ?? 0);
  for (let i = 0; i < within.length; i++) {
    const parent = spans!.parent[i]!;
    if ((parent >= 0 && within[parent]) || matches(spans!.name[i]!)) within[i] = 1;
  }
  const weight = new Float64Array(t.n);
  for (let s = 0; s < p.n; s++) {
    const box = t.sampleBox[s]!;
    const span = spans?.indexOfId.get(p.sampleSpan[s]!);
    if (box >= 0 && span !== undefined && within[span]) weight[box]! += p.sampleWeight ? p.sampleWeight[s]! : 1;
  }
  for (let i = t.n - 1; i > 0; i--) weight[t.parent[i]!]! += weight[i]!;
  const boxMatches = Uint8Array.from(weight, (w, i) => (i && w > t.total[i]! / 2 ? 1 : 0));
  return { boxMatches, fnMatches: null, boxes: boxMatches.reduce((n, x) => n + x, 0), samples: weight[0] ?? 0 };
}
