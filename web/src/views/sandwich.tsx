// SPDX-License-Identifier: Apache-2.0
// One function in the middle, its callers above it and what it called below.

import { useMemo, useState } from 'preact/hooks';
import type { FlameTree } from '../model/flame';
import { functionTable, sandwich } from '../model/functions';
import { formatShare, shortName } from '../model/format';
import type { Profile } from '../model/profile';
import type { StepKind, TraceRoute } from '../model/route';
import { weightWords } from '../model/words';
import { boxActions, madeUp } from './flame';
import { Graph } from './graph';

interface SandwichProps {
  profile: Profile;
  hueOf: Uint8Array;
  onTooFew?: () => void;
  keep: Uint8Array | null;
  callees: FlameTree;
  route: TraceRoute;
  set: (change: Partial<TraceRoute>) => void;
  step: (kind: StepKind, name: string) => void;
}

const MAX_CHOICES = 60;

export function Sandwich({ profile, hueOf, onTooFew, keep, callees, route, set, step }: SandwichProps) {
  const top = useMemo(() => functionTable(callees, profile).filter((r) => !madeUp(profile, r.fn) && !profile.fnName[r.fn]!.startsWith('[')), [callees]);
  const asked = route.fn ? profile.fnName.indexOf(route.fn) : -1;
  const fn = asked >= 0 ? asked : top[0]?.fn ?? -1;
  const [up, setUp] = useState(''); // the zoom among the callers
  const both = useMemo(() => (fn < 0 ? null : sandwich(profile, keep, fn)), [profile, keep, fn]);
  if (fn < 0 || !both) return <p class="empty-pane">No function was seen.</p>;
  const listed = top.slice(0, MAX_CHOICES);
  if (!listed.some((r) => r.fn === fn)) listed.unshift({ fn, self: 0, total: 0 });
  const shown = { profile, hueOf, matches: null, onTooFew };
  const of = (tree: FlameTree) => boxActions(tree, profile, step, (name) => set({ fn: name, zoom: '' }));
  return (
    <div class="sandwich">
      <label class="field"><span>Function</span>
        <select value={profile.fnName[fn]} onChange={(e) => set({ fn: e.currentTarget.value, zoom: '' })}>
          {listed.map((r) => <option key={r.fn} value={profile.fnName[r.fn]}>{shortName(profile.fnName[r.fn]!)}</option>)}
        </select></label>
      <p class="words"><b>{shortName(profile.fnName[fn]!)}</b> is in {formatShare(both.callees.total[0]! / Math.max(1e-9, callees.total[0]!))} of what is shown
        ({weightWords(profile, both.callees.total[0]!)}); in it itself {weightWords(profile, both.callees.self[0]!)}.</p>
      <Graph {...shown} tree={both.callers} flip own={false} label="Callers" zoom={up} onZoom={setUp} actions={of(both.callers)} />
      <Graph {...shown} tree={both.callees} own label="Callees" zoom={route.zoom} onZoom={(zoom) => set({ zoom })} actions={of(both.callees)} />
    </div>
  );
}
