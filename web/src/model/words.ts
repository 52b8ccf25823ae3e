// SPDX-License-Identifier: Apache-2.0
// Quantities of a profile in words. Pure.

import { formatNs, plural } from './format';
import type { Profile } from './profile';

export const TOO_FEW = 20; // samples: below that a share says next to nothing

/** 12 → "12 samples", "12 faults" or "12 ns", as the profile's unit has it. */
export function weightWords(p: Profile, weight: number): string {
  if (p.unit === 'ns') return formatNs(weight);
  return plural(weight, p.unit === 'faults' ? 'fault' : 'sample');
}

const KIND_WORDS: Record<string, [string, string]> = {
  'on-cpu': ['CPU', 'on-CPU sample'],
  'off-cpu': ['Waiting', 'interval off the CPU'],
  faults: ['Page faults', 'page fault'],
};
export const kindTitle = (kind: string): string => KIND_WORDS[kind]?.[0] ?? kind;
export const kindNoun = (kind: string): string => KIND_WORDS[kind]?.[1] ?? `${kind} sample`;
