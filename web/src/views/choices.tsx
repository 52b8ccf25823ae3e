// SPDX-License-Identifier: Apache-2.0
// What the flame graph is limited to, as a breadcrumb.

import { shortName } from '../model/format';
import type { Step, TraceRoute } from '../model/route';
import { Icon } from './parts';

/** What limits the picture, each with a way back. */
export function Choices({ spanName, route, set }: { spanName: string; route: TraceRoute; set: (change: Partial<TraceRoute>) => void }) {
  return (
    <nav class="choices" aria-label="What the flame graph is limited to">
      {spanName && <span class="chip">only <b>{spanName}</b>
        <button type="button" class="chip-close" aria-label="Show all spans" onClick={() => set({ span: 0 })}><Icon name="close" /></button></span>}
      {route.steps.map((s, i) => (
        <span key={i} class="chip">{STEP_WORDS[s.kind]} <b title={s.name}>{s.kind === 'collapse' ? s.name.split('/').pop() : shortName(s.name)}</b>
          <button type="button" class="chip-close" aria-label={`Undo: ${STEP_WORDS[s.kind]} ${s.name}`}
            onClick={() => set({ steps: route.steps.filter((_, k) => k !== i), zoom: '' })}><Icon name="close" /></button></span>
      ))}
      {route.steps.length > 1 && <button type="button" class="quiet" onClick={() => set({ steps: [], zoom: '' })}>Undo all</button>}
    </nav>
  );
}

const STEP_WORDS: Record<Step['kind'], string> = { focus: 'focus on', drop: 'without', collapse: 'collapsed' };
