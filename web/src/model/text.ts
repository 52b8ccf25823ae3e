// SPDX-License-Identifier: Apache-2.0
// A text as lines, and diagnostics laid onto them.

import type { Diagnostic } from '../api';

/** Offsets of line starts; one more at the end. Lines end with LF; a CR before it is cut when the line is read. */
export function lineStarts(text: string): Uint32Array {
  let n = 1;
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) n++;
  const starts = new Uint32Array(n + 1);
  let k = 1;
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts[k++] = i + 1;
  starts[n] = text.length + 1;
  return starts;
}

/** What of one line a diagnostic underlines, in UTF-16 units: [from, to). An empty range marks one character. */
export interface Mark {
  from: number;
  to: number;
  severity: number;
}

export function marksOf(line: number, length: number, diagnostics: readonly Diagnostic[]): Mark[] {
  const marks: Mark[] = [];
  for (const d of diagnostics) {
    const r = d.range;
    if (!r || line < r.start.line || line > r.end.line) continue;
    let from = line === r.start.line ? r.start.character : 0;
    let to = line === r.end.line ? r.end.character : length;
    from = Math.min(from, Math.max(0, length - 1));
    to = Math.min(Math.max(to, from + 1), length);
    if (to > from) marks.push({ from, to, severity: d.severity });
  }
  return marks;
}

export interface Token {
  from: number;
  to: number;
  kind: string;
}
