// SPDX-License-Identifier: Apache-2.0
// What can be done where samples are few.

import { formatCount, plural } from '../model/format';
import { kindNoun } from '../model/words';
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
