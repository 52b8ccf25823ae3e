// SPDX-License-Identifier: Apache-2.0
// What the keys do, on "?".

import { useEffect, useRef } from 'preact/hooks';

const KEYS: [string, [string, string][]][] = [
  ['Everywhere', [['?', 'this help'], ['Tab', 'to the next pane or control'], ['Escape', 'backs out: closes, zooms out, clears the choice']]],
  ['Spans', [['↑ ↓', 'walk the rows; Page up and down, Home, End'], ['← →', 'close, open, to the parent'], ['Space', 'choose the span for every pane'],
    ['Enter', 'choose it and zoom the axis to it'], ['r', 'choose its stretch of time'], ['+ −', 'zoom the axis'], ['Ctrl wheel', 'zoom at the pointer, as two fingers do'], ['drag', 'choose a stretch of time']]],
  ['Flame graph', [['↑ ↓', 'to the caller, to what it called'], ['← →', 'to its neighbours'], ['Enter', 'zoom to the box'], ['f', 'focus on the function'],
    ['d', 'drop samples with it'], ['c', 'collapse its library'], ['s', 'sandwich: callers and callees'], ['Home', 'to the outermost'], ['Ctrl wheel', 'zoom at the pointer, as two fingers do']]],
  ['Search', [['text', 'in functions and libraries'], ['/regex/', 'a regular expression'], ['span:opt', 'samples of such spans'], ['file:parse', 'functions of such files']]],
  ['Playground', [['Ctrl Enter', 'compile with everything that is asked for'], ['Ctrl Z, Ctrl Y', 'undo, redo']]],
];

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog class="help" ref={dialog} aria-labelledby="h-help" onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current!.close()}>
      <div class="source-head"><h2 id="h-help">Keys</h2><button type="button" class="quiet" onClick={() => dialog.current!.close()}>Close</button></div>
      <div class="help-groups">
        {KEYS.map(([title, keys]) => (
          <section key={title}><h3>{title}</h3>
            <dl class="keys">{keys.map(([key, does]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{does}</dd></div>)}</dl></section>
        ))}
      </div>
    </dialog>
  );
}
