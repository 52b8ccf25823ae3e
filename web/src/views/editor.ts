// SPDX-License-Identifier: Apache-2.0
// CodeMirror set up for this page: source and SPIR-V to read, the playground's source to write. It lives in a shadow root,
// where its styles come as constructed sheets: the page's policy allows no style elements.

import { EditorState, RangeSetBuilder, StateEffect, StateField, type Extension, type Text } from '@codemirror/state';
import {
  Decoration, EditorView, gutter, GutterMarker, keymap, lineNumbers, ViewPlugin, WidgetType, type DecorationSet, type ViewUpdate,
} from '@codemirror/view';
import type { Diagnostic } from '../api';
import { lineStarts, marksOf } from '../model/text';
import { commentLines, tokensOf, type Dialect } from '../model/tokens';
import { severityWord } from './parts';
import { history, redo, undo } from './history';

/** What lies over a text; lines count from 0. */
export interface Look {
  diagnostics: readonly Diagnostic[];
  note: ((line: number) => string) | null;      // a column of its own beside the numbers
  lineClass: ((line: number) => string) | null;
  lit: ReadonlySet<number>;
  jumped: number;                               // -1: none
}

export const PLAIN: Look = { diagnostics: [], note: null, lineClass: null, lit: new Set(), jumped: -1 };

interface Options {
  text: string;
  label: string;
  dialect: Dialect;
  look?: Look;
  noteTitle?: string;
  onChange?: (text: string) => void; // makes it one to write in
  onSubmit?: () => void;
  onLine?: (line: number) => void;   // under the pointer or the cursor; -1: none
  onPick?: (line: number) => void;   // clicked
}

const setLook = StateEffect.define<Look>();
const lookField = StateField.define<Look>({
  create: () => PLAIN,
  update: (value, tr) => tr.effects.reduce((v, e) => (e.is(setLook) ? e.value : v), value),
});

/* Comments that span lines are found once for a text; that of SPIR-V has none. */
function insideOf(doc: Text, dialect: Dialect): Uint8Array | null {
  if (dialect !== 'c') return null;
  const text = doc.toString();
  return commentLines(text, lineStarts(text));
}

/** Colours and marks of the lines that are in view, and no others. */
const paint = (dialect: Dialect) => ViewPlugin.fromClass(class {
  decorations: DecorationSet;
  #inside: Uint8Array | null;

  constructor(view: EditorView) {
    this.#inside = insideOf(view.state.doc, dialect);
    this.decorations = this.#make(view);
  }

  update(u: ViewUpdate): void {
    if (u.docChanged) this.#inside = insideOf(u.state.doc, dialect);
    if (u.docChanged || u.viewportChanged || u.startState.field(lookField) !== u.state.field(lookField)) this.decorations = this.#make(u.view);
  }

  #make(view: EditorView): DecorationSet {
    const builder = new RangeSetBuilder<Decoration>();
    const look = view.state.field(lookField);
    const { doc } = view.state;
    for (const { from, to } of view.visibleRanges) {
      for (let at = from; at <= to;) {
        const line = doc.lineAt(at);
        const n = line.number - 1;
        const classes = [look.lineClass?.(n), look.lit.has(n) && 'is-lit', look.jumped === n && 'is-jumped',
          worstAt(look.diagnostics, n) && `severity-${worstAt(look.diagnostics, n)}`].filter(Boolean).join(' ');
        if (classes) builder.add(line.from, line.from, Decoration.line({ class: classes }));
        const spans = [
          ...tokensOf(line.text, dialect, this.#inside?.[n] === 1).map((t) => ({ from: t.from, to: t.to, class: `tok-${t.kind}` })),
          ...marksOf(n, line.length, look.diagnostics).map((m) => ({ from: m.from, to: m.to, class: `mark mark-${m.severity}` })),
        ].filter((s) => s.to > s.from).sort((a, b) => a.from - b.from || a.to - b.to);
        for (const s of spans) builder.add(line.from + s.from, Math.min(line.to, line.from + s.to), Decoration.mark({ class: s.class }));
        at = line.to + 1;
      }
    }
    return builder.finish();
  }
}, { decorations: (v) => v.decorations });

const worstAt = (diagnostics: readonly Diagnostic[], line: number): number =>
  diagnostics.reduce((w, d) => ((d.range?.start.line ?? 0) === line && (!w || d.severity < w) ? d.severity : w), 0);

class Message extends WidgetType {
  constructor(readonly text: string, readonly severity: number) {
    super();
  }

  override eq(other: Message): boolean {
    return other.text === this.text && other.severity === this.severity;
  }

  toDOM(): HTMLElement {
    const el = document.createElement('div');
    el.className = `code-message severity-${this.severity}`;
    el.textContent = this.text;
    return el;
  }
}

/** Messages stand below their lines. Blocks must come from the state, since they change where lines are. */
const messages = StateField.define<DecorationSet>({
  create: (state) => messageBlocks(state),
  update: (value, tr) => {
    if (tr.effects.some((e) => e.is(setLook))) return messageBlocks(tr.state);
    return tr.docChanged ? value.map(tr.changes) : value;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function messageBlocks(state: EditorState): DecorationSet {
  const { diagnostics } = state.field(lookField);
  return Decoration.set(diagnostics.map((d) => {
    const line = state.doc.line(Math.max(1, Math.min(state.doc.lines, (d.range?.start.line ?? 0) + 1)));
    return Decoration.widget({ widget: new Message(d.message, d.severity), block: true, side: 1 }).range(line.to);
  }), true);
}

class Dot extends GutterMarker {
  constructor(readonly severity: number) {
    super();
  }

  override eq(other: Dot): boolean {
    return other.severity === this.severity;
  }

  override toDOM(): Node {
    const el = document.createElement('span');
    el.className = `code-mark severity-${this.severity}`;
    el.title = severityWord(this.severity);
    return el;
  }
}

class Note extends GutterMarker {
  constructor(readonly text: string) {
    super();
  }

  override eq(other: Note): boolean {
    return other.text === this.text;
  }

  override toDOM(): Node {
    return document.createTextNode(this.text);
  }
}

const changed = (u: ViewUpdate): boolean => u.startState.field(lookField) !== u.state.field(lookField);
const lineNo = (view: EditorView, from: number): number => view.state.doc.lineAt(from).number - 1;

const gutters = [
  gutter({
    class: 'cm-dots',
    lineMarker: (view, line) => {
      const worst = worstAt(view.state.field(lookField).diagnostics, lineNo(view, line.from));
      return worst ? new Dot(worst) : null;
    },
    lineMarkerChange: changed,
  }),
  lineNumbers(),
  gutter({
    class: 'cm-notes',
    lineMarker: (view, line) => {
      const text = view.state.field(lookField).note?.(lineNo(view, line.from));
      return text ? new Note(text) : null;
    },
    lineMarkerChange: changed,
  }),
];

const STYLE = `
:host { display: block; min-height: 0; }
.cm-editor { max-height: var(--code-height, 600px); height: var(--code-fixed, auto); background: var(--sunken); color: var(--text); border-radius: 8px; }
.cm-editor.cm-focused { outline: 2px solid var(--accent); outline-offset: 2px; }
.cm-scroller { font: 12.5px/20px var(--mono) !important; overflow: auto; }
.cm-content { padding: 4px 0; caret-color: var(--text); }
.cm-gutters { background: var(--sunken) !important; color: var(--faint) !important; border: 0 !important; font-variant-numeric: tabular-nums; }
.cm-dots { width: 14px; }
.cm-notes .cm-gutterElement { padding: 0 4px; text-align: right; color: var(--accent); min-width: 8px; }
.code-mark { display: inline-block; width: 8px; height: 8px; border-radius: 4px; background: var(--info); margin-left: 4px; }
.code-mark.severity-1 { background: var(--error); }
.code-mark.severity-2 { background: var(--warning); border-radius: 1px; }
.cm-line.severity-1 { background: var(--error-soft); } .cm-line.severity-2 { background: var(--warning-soft); }
.cm-line.severity-3, .cm-line.severity-4 { background: var(--info-soft); }
.cm-line.is-lit { background: var(--selected); }
.cm-line.is-jumped { box-shadow: inset 3px 0 var(--accent); }
.cm-line.is-added { background: var(--diff-add); box-shadow: inset 3px 0 var(--warning); }
.cm-line.is-removed { background: var(--diff-del); box-shadow: inset 3px 0 var(--accent); }
.cm-line.is-skipped { color: var(--muted); font-style: italic; }
.code-message { font: 13px/20px var(--font); padding: 2px 8px; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--info); background: var(--info-soft); max-width: 100ch; }
.code-message.severity-1 { color: var(--error); background: var(--error-soft); }
.code-message.severity-2 { color: var(--warning); background: var(--warning-soft); }
.mark { text-decoration: underline wavy 1px; text-underline-offset: 3px; text-decoration-skip-ink: none; }
.mark-1 { text-decoration-color: var(--error); } .mark-2 { text-decoration-color: var(--warning); }
.mark-3, .mark-4 { text-decoration-color: var(--info); }
.tok-word { color: var(--tok-word); } .tok-type { color: var(--tok-type); } .tok-number { color: var(--tok-number); }
.tok-string { color: var(--tok-string); } .tok-comment { color: var(--tok-comment); } .tok-directive { color: var(--tok-directive); } .tok-id { color: var(--tok-id); }
@media (forced-colors: active) { .cm-line.is-lit { outline: 1px solid Highlight; background: Canvas; } }
`;
let sheet: CSSStyleSheet | null = null;

function ownSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

export class Editor {
  readonly #view: EditorView;
  #look: Look;
  #told = false; // what changes is what its owner wants

  constructor(host: HTMLElement, o: Options) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [ownSheet()];
    this.#look = o.look ?? PLAIN;
    this.#view = new EditorView({
      parent: root, root,
      state: EditorState.create({ doc: o.text, extensions: extensionsOf({ ...o, onChange: o.onChange && ((text) => this.#told || o.onChange!(text)) }) }),
    });
    if (o.look) this.look(o.look);
    // Its own styles stand behind these, so ours win where both are as specific.
    root.adoptedStyleSheets = [...root.adoptedStyleSheets.filter((s) => s !== ownSheet()), ownSheet()];
    this.#view.requestMeasure();
  }

  look(look: Look): void {
    this.#look = look;
    this.#view.dispatch({ effects: setLook.of(look) });
  }

  light(lines: ReadonlySet<number>): void {
    if (lines.size || this.#look.lit.size) this.look({ ...this.#look, lit: lines });
  }

  show(line: number): void {
    this.#view.dispatch({ effects: EditorView.scrollIntoView(this.#line(line).from, { y: 'center' }) });
  }

  /** With a character the cursor and the keyboard go there, too. */
  jump(line: number, character?: number): void {
    this.look({ ...this.#look, jumped: line });
    this.show(line);
    if (character === undefined) return;
    const { from, to } = this.#line(line);
    this.#view.dispatch({ selection: { anchor: Math.min(to, from + character) } });
    this.#view.focus();
  }

  #line(line: number): { from: number; to: number } {
    const { doc } = this.#view.state;
    return doc.line(Math.max(1, Math.min(doc.lines, line + 1)));
  }

  set text(text: string) {
    if (text === this.text) return;
    this.#told = true;
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
    this.#told = false;
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  focus(): void {
    this.#view.focus();
  }

  destroy(): void {
    this.#view.destroy();
  }
}

function extensionsOf(o: Options): Extension[] {
  const writing = o.onChange !== undefined;
  let line = -1;
  const tell = (n: number): void => {
    if (n === line) return;
    line = n;
    o.onLine?.(n);
  };
  return [
    lookField, messages, gutters, paint(o.dialect), EditorState.tabSize.of(4),
    EditorState.readOnly.of(!writing),
    EditorView.contentAttributes.of({
      'aria-label': o.label, tabindex: '0', spellcheck: 'false', autocapitalize: 'off', ...(writing ? {} : { 'aria-readonly': 'true', inputmode: 'none' }),
    }),
    // In the state at once: the browser would tell of its own selection some time later.
    keymap.of([{ key: 'Mod-a', run: (view) => (view.dispatch({ selection: { anchor: 0, head: view.state.doc.length } }), true) }]),
    keymap.of(writing ? [
      { key: 'Mod-z', run: undo }, { key: 'Mod-y', run: redo }, { key: 'Mod-Shift-z', run: redo },
      { key: 'Mod-Enter', run: () => (o.onSubmit?.(), true) },
    ] : []),
    writing ? history() : [],
    EditorView.updateListener.of((u) => {
      if (u.docChanged) o.onChange?.(u.state.doc.toString());
      if (u.selectionSet && u.view.hasFocus) tell(u.state.doc.lineAt(u.state.selection.main.head).number - 1);
    }),
    EditorView.domEventHandlers({
      // Over a selection the browser would first join lines in its own way, with style attributes, which the policy forbids.
      beforeinput: (e, view) => {
        if (!writing || view.state.selection.main.empty || !(e.inputType === 'insertText' || /^delete/.test(e.inputType))) return false;
        e.preventDefault();
        view.dispatch(view.state.replaceSelection(e.inputType === 'insertText' ? e.data ?? '' : ''), { userEvent: 'input.type', scrollIntoView: true });
        return true;
      },
      mousemove: (e, view) => {
        const pos = view.posAtCoords({ x: e.clientX, y: e.clientY });
        tell(pos === null ? -1 : view.state.doc.lineAt(pos).number - 1);
      },
      mouseleave: () => tell(-1),
      click: (e, view) => {
        const pos = view.posAtCoords({ x: e.clientX, y: e.clientY });
        if (pos !== null) o.onPick?.(view.state.doc.lineAt(pos).number - 1);
      },
    }),
  ];
}
