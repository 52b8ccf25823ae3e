// SPDX-License-Identifier: Apache-2.0
// The functions of a flame graph as a table, by the samples that ended in them.

import { useMemo } from 'preact/hooks';
import type { FlameTree } from '../model/flame';
import { functionTable } from '../model/functions';
import { formatCount, formatNs, formatShare, formatShareInterval, shortName, wilson95 } from '../model/format';
import type { Profile } from '../model/profile';

const TABLE_ROWS = 100;

interface Props {
  tree: FlameTree;
  profile: Profile;
  matches: Uint8Array | null;
  onChoose: (name: string) => void;
}

export function FunctionTable({ tree, profile, matches, onChoose }: Props) {
  const rows = useMemo(() => functionTable(tree, profile).filter((r) => !matches || matches[r.fn]), [tree, profile, matches]);
  const all = Math.max(1, tree.total[0]!);
  const quantity = (x: number) => (profile.unit === 'ns' ? formatNs(x) : formatCount(x));
  const interval = (x: number) => (profile.sampleWeight ? undefined : formatShareInterval(x, all));
  const range = (x: number) => `${wilson95(x, all).map((part) => (part * 100).toFixed(1)).join('–')} %`;
  if (!rows.length) return <p class="empty-pane">No function matches.</p>;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Functions by own samples">
      <table class="functions">
        <thead><tr><th scope="col" class="num">Self</th>{!profile.sampleWeight && <th scope="col" class="num c-interval">95 % interval</th>}<th scope="col" class="num">Total</th><th scope="col">Function</th></tr></thead>
        <tbody>
          {rows.slice(0, TABLE_ROWS).map((r) => (
            <tr key={r.fn}>
              <td class="num" title={interval(r.self)}>{formatShare(r.self / all)} <span class="muted">{quantity(r.self)}</span></td>
              {!profile.sampleWeight && <td class="num c-interval muted">{range(r.self)}</td>}
              <td class="num" title={interval(r.total)}>{formatShare(r.total / all)} <span class="muted">{quantity(r.total)}</span></td>
              <td class="fn"><button type="button" class="link" title={profile.fnName[r.fn]} onClick={() => onChoose(profile.fnName[r.fn]!)}>{shortName(profile.fnName[r.fn]!)}</button> <span class="muted">{profile.fnModule[r.fn]!.split('/').pop()}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > TABLE_ROWS && <p class="muted">and {formatCount(rows.length - TABLE_ROWS)} more; search to narrow them down.</p>}
    </div>
  );
}
