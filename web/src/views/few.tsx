// SPDX-License-Identifier: Apache-2.0
// Around the flame graph: what can be done where samples are few, and what its colours are.

import { formatCount, formatShare, plural } from '../model/format';
import { kindNoun } from '../model/words';
import { N_HUES } from '../render/theme';
import { Notice } from './parts';

export interface More {
  times: number; // about as many compiles; 0: not known
  run: () => void;
}

const moreWords = ({ times }: More): string => (times ? `Compile it again, up to ${plural(times, 'time')}` : 'Compile it again for more samples');

export function TooFew({ hits, kind, chosen, more }: { hits: number; kind: string; chosen: boolean; more: More | null }) {
  const button = more && <button type="button" onClick={more.run}>{moreWords(more)}</button>;
  if (!hits) return <div class="empty-pane"><p>There is no {kindNoun(kind)}{chosen && ' in what is chosen'}.</p>{chosen && button}</div>;
  return <Notice kind="warning"><p>Too few samples ({formatCount(hits)}) to tell functions apart: take the shape as a hint.</p>{button}</Notice>;
}

export function Legend({ shares, modules, total }: { shares: { module: string; self: number }[]; modules: readonly string[]; total: number }) {
  return (
    <ul class="legend" aria-label="Colours: libraries, by own samples">
      {shares.slice(0, 9).map(({ module, self }) => (
        <li key={module}><svg width="10" height="10" aria-hidden="true"><rect class={`swatch swatch-${hueOfModule(module, modules)}`} width="10" height="10" rx="2" /></svg>
          <span class="legend-name">{module.split('/').pop()}</span> <span class="muted">{formatShare(self / total)}</span></li>
      ))}
    </ul>
  );
}

function hueOfModule(module: string, modules: readonly string[]): number {
  if (module.startsWith('[')) return N_HUES - 1;
  return modules.indexOf(module) % (N_HUES - 1);
}
