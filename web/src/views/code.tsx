// SPDX-License-Identifier: Apache-2.0
// A text in an editor as a component, to read or to write.

import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Diagnostic } from '../api';
import type { Dialect } from '../model/tokens';
import { Editor, PLAIN } from './editor';

interface Props {
  text: string;
  label: string;
  dialect: Dialect;
  diagnostics?: readonly Diagnostic[];
  note?: ((line: number) => string) | null;
  lineClass?: ((line: number) => string) | null;
  jump?: { line: number; character?: number; serial: number };
  onReady?: (editor: Editor | null) => void;
  onChange?: (text: string) => void;
  onSubmit?: () => void;
  onLine?: (line: number) => void;
  onPick?: (line: number) => void;
}

const NONE: readonly Diagnostic[] = [];

export function CodePane({ text, label, dialect, diagnostics = NONE, note = null, lineClass = null, jump, onReady, ...on }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>();
  const handlers = useRef(on);
  handlers.current = on;
  useLayoutEffect(() => {
    const e = new Editor(host.current!, {
      text, label, dialect, look: { ...PLAIN, diagnostics, note, lineClass },
      onChange: on.onChange && ((t) => handlers.current.onChange?.(t)),
      onSubmit: () => handlers.current.onSubmit?.(), onLine: (line) => handlers.current.onLine?.(line), onPick: (line) => handlers.current.onPick?.(line),
    });
    editor.current = e;
    onReady?.(e);
    return () => {
      onReady?.(null);
      e.destroy();
    };
  }, [dialect, label]);
  // Right behind the rendering: later, it could be what was there before the latest key.
  useLayoutEffect(() => {
    if (editor.current) editor.current.text = text;
  }, [text]);
  useEffect(() => editor.current?.look({ ...PLAIN, diagnostics, note, lineClass, jumped: jump?.line ?? -1 }), [diagnostics, note, lineClass]);
  // At once: the next key is meant for where the cursor goes.
  useLayoutEffect(() => {
    if (!jump) return;
    editor.current?.jump(jump.line, jump.character);
    host.current!.scrollIntoView({ block: 'nearest' });
  }, [jump?.serial]);
  return <div class="code" ref={host} />;
}
