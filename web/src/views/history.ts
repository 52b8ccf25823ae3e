// SPDX-License-Identifier: Apache-2.0
// Undo and redo for the editor. CodeMirror's own comes with its language support, which weighs more than all of this page.

import { Annotation, StateField, type ChangeSet, type EditorState, type Extension, type Transaction } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';

interface Step {
  back: ChangeSet;    // from what is there to what was
  cursor: number;     // where the cursor was
  at: number;         // ms, of its last change
}

interface History {
  done: readonly Step[];
  undone: readonly Step[];
}

const GROUP_MS = 600;  // typing without a longer pause is one step
const MAX_STEPS = 500;

const travels = Annotation.define<{ to: 'done' | 'undone'; from: History }>();

const stepOf = (tr: Transaction): Step => ({ back: tr.changes.invert(tr.startState.doc), cursor: tr.startState.selection.main.head, at: Date.now() });

const field = StateField.define<History>({
  create: () => ({ done: [], undone: [] }),
  update(h, tr) {
    if (!tr.docChanged) return h;
    const travel = tr.annotation(travels);
    if (travel) return { ...travel.from, [travel.to]: [...travel.from[travel.to], stepOf(tr)] };
    const step = stepOf(tr);
    const last = h.done[h.done.length - 1];
    const joins = last && step.at - last.at < GROUP_MS && tr.isUserEvent('input.type');
    const done = joins ? [...h.done.slice(0, -1), { ...last, back: step.back.compose(last.back), at: step.at }] : [...h.done, step].slice(-MAX_STEPS);
    return { done, undone: [] };
  },
});

function travel(state: EditorState, from: 'done' | 'undone'): { step: Step; note: ReturnType<typeof travels.of> } | null {
  const h = state.field(field);
  const step = h[from][h[from].length - 1];
  if (!step) return null;
  return { step, note: travels.of({ to: from === 'done' ? 'undone' : 'done', from: { ...h, [from]: h[from].slice(0, -1) } }) };
}

function go(view: EditorView, from: 'done' | 'undone'): boolean {
  const t = travel(view.state, from);
  if (t) view.dispatch({ changes: t.step.back, selection: { anchor: Math.min(t.step.cursor, t.step.back.newLength) }, annotations: t.note, scrollIntoView: true });
  return true;
}

export const history = (): Extension => field;
export const undo = (view: EditorView): boolean => go(view, 'done');
export const redo = (view: EditorView): boolean => go(view, 'undone');
