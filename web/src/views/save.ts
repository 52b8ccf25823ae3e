// SPDX-License-Identifier: Apache-2.0
// A trace with everything that belongs to it, as a file that this page opens again.

import { FLAME_KINDS, flameUrl, getDisassembly, getFlame, getLog, isSaved, request, type FlameJson, type TraceJson } from '../api';
import { SAVED_FORMAT, type SavedTrace } from '../model/saved';
import { download } from './download';

export async function saveTrace(trace: TraceJson, stem: string): Promise<void> {
  const flames: Record<string, FlameJson> = {};
  for (const kind of FLAME_KINDS) {
    // A service that has no such samples says so; then they are not in the file either.
    const flame = async (): Promise<FlameJson> => (isSaved(trace.id) ? getFlame(trace.id, kind) : (await request(flameUrl(trace.id, kind, 'columns'))).json() as Promise<FlameJson>);
    if (trace.n_samples) await flame().then((f) => { flames[kind] = f; }, () => undefined);
  }
  const saved: SavedTrace = {
    format: SAVED_FORMAT, version: 1, trace, flames,
    log: trace.has_log ? await getLog(trace.id) : null, disassembly: trace.has_disassembly ? await getDisassembly(trace.compilation_id) : null,
  };
  download(`${stem}.spvscope.json`, 'application/json', JSON.stringify(saved));
}
