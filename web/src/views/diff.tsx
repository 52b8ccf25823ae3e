// SPDX-License-Identifier: Apache-2.0
// The difference of two texts in one pane: signs beside the lines, so that colour is not alone.

import { useMemo } from 'preact/hooks';
import { plural } from '../model/format';
import type { DiffLine } from '../model/lines';
import { CodePane } from './code';

export function DiffPane({ lines, label }: { lines: readonly (DiffLine | { skipped: number })[]; label: string }) {
  const text = useMemo(() => lines.map((l) => ('skipped' in l ? `… ${plural(l.skipped, 'equal line')} …` : l.text)).join('\n'), [lines]);
  const look = useMemo(() => ({
    note: (i: number): string => {
      const l = lines[i];
      return !l || 'skipped' in l ? '' : l.sign === '-' ? '−' : l.sign.trim();
    },
    lineClass: (i: number): string => {
      const l = lines[i];
      return !l ? '' : 'skipped' in l ? 'is-skipped' : l.sign === '+' ? 'is-added' : l.sign === '-' ? 'is-removed' : '';
    },
  }), [lines]);
  return <CodePane text={text} label={label} dialect="spirv" note={look.note} lineClass={look.lineClass} />;
}
