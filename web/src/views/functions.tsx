// SPDX-License-Identifier: Apache-2.0
// The functions of a flame graph as a table, by the samples that ended in them.

import { useMemo } from 'preact/hooks';
import { functionTable, type FlameTree, type Profile } from '../model/flame';
import { formatCount, formatShare, shortName } from '../model/format';

const TABLE_ROWS = 100;

export function FunctionTable({ tree, profile, matches }: { tree: FlameTree; profile: Profile; matches: Uint8Array | null }) {
  const rows = useMemo(() => functionTable(tree, profile).filter((r) => !matches || matches[r.fn]), [tree, profile, matches]);
  const all = Math.max(1, tree.total[0]!);
  if (!rows.length) return <p class="empty-pane">No function matches.</p>;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Functions by own samples">
      <table class="functions">
        <thead><tr><th scope="col" class="num">Self</th><th scope="col" class="num">Total</th><th scope="col">Function</th></tr></thead>
        <tbody>
          {rows.slice(0, TABLE_ROWS).map((r) => (
            <tr key={r.fn}>
              <td class="num">{formatShare(r.self / all)} <span class="muted">{formatCount(r.self)}</span></td>
              <td class="num">{formatShare(r.total / all)} <span class="muted">{formatCount(r.total)}</span></td>
              <td class="fn"><span title={profile.fnName[r.fn]}>{shortName(profile.fnName[r.fn]!)}</span> <span class="muted">{profile.fnModule[r.fn]!.split('/').pop()}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > TABLE_ROWS && <p class="muted">and {formatCount(rows.length - TABLE_ROWS)} more; search to narrow them down.</p>}
    </div>
  );
}
