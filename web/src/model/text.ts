// SPDX-License-Identifier: Apache-2.0
// A text as lines, diagnostics laid onto them, and a line cut into coloured pieces.

import type { CompileRequest, Diagnostic } from '../api';

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

export const nLines = (starts: Uint32Array): number => starts.length - 1;

export function lineAt(text: string, starts: Uint32Array, line: number): string {
  const s = text.slice(starts[line], starts[line + 1]! - 1);
  return s.endsWith('\r') ? s.slice(0, -1) : s;
}

/** A row of a code pane: a line of the text, or (part of) a message below it. */
export type CodeRow = { line: number } | { line: number; message: string; severity: number };

/** Rows of the whole pane: each diagnostic's message stands below the line where its range begins. */
export function codeRows(lines: number, diagnostics: readonly Diagnostic[]): CodeRow[] {
  const below = new Map<number, Diagnostic[]>();
  for (const d of diagnostics) {
    const line = Math.max(0, Math.min(lines - 1, d.range?.start.line ?? 0));
    const list = below.get(line);
    if (list) list.push(d);
    else below.set(line, [d]);
  }
  const rows: CodeRow[] = [];
  for (let line = 0; line < lines; line++) {
    rows.push({ line });
    for (const d of below.get(line) ?? []) {
      for (const message of d.message.split('\n')) rows.push({ line, message, severity: d.severity });
    }
  }
  return rows;
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

export interface Piece {
  text: string;
  kind: string;     // of the token; '' is plain
  severity: number; // of the worst mark on it; 0 is none
}

export interface Token {
  from: number;
  to: number;
  kind: string;
}

/** Cuts a line at the borders of tokens and marks. Severity 1 is the worst. */
export function pieces(line: string, tokens: readonly Token[], marks: readonly Mark[]): Piece[] {
  const cuts = new Set<number>([0, line.length]);
  for (const t of tokens) cuts.add(t.from).add(t.to);
  for (const m of marks) cuts.add(m.from).add(m.to);
  const at = [...cuts].filter((c) => c >= 0 && c <= line.length).sort((a, b) => a - b);
  const out: Piece[] = [];
  let k = 0;
  for (let i = 0; i + 1 < at.length; i++) {
    const from = at[i]!;
    while (k < tokens.length && tokens[k]!.to <= from) k++;
    const kind = k < tokens.length && tokens[k]!.from <= from ? tokens[k]!.kind : '';
    let severity = 0;
    for (const m of marks) {
      if (m.from <= from && from < m.to && (!severity || m.severity < severity)) severity = m.severity;
    }
    const text = line.slice(from, at[i + 1]);
    const last = out[out.length - 1];
    if (last && last.kind === kind && last.severity === severity) last.text += text;
    else out.push({ text, kind, severity });
  }
  return out;
}

/** Names and texts of the files of a request, but for those that are bytes. */
export const textFiles = (r: CompileRequest | null): [string, string][] =>
  Object.entries(r?.files ?? {}).filter((f): f is [string, string] => typeof f[1] === 'string');

/** The file that a diagnostic is about; null is the source itself, whose name is given. */
export const fileOf = (d: Diagnostic, name: string | null): string | null => (!d.file || d.file === name ? null : d.file);

/** Those about one file, that have a place in it. */
export const diagnosticsOf = (all: readonly Diagnostic[], file: string | null, name: string | null): Diagnostic[] =>
  all.filter((d) => d.range && fileOf(d, name) === file);
