// SPDX-License-Identifier: Apache-2.0
// Sample columns as the service packs them: a line of JSON, then the columns as they lie. Pure.

import type { FlameJson } from '../api';

const TYPES = { i32: Int32Array, u8: Uint8Array, f64: Float64Array };

/** Nothing is copied, so that half a million stacks cost no time. Every machine that runs a browser is little-endian. */
export function unpack(packed: ArrayBuffer): FlameJson {
  const bytes = new Uint8Array(packed);
  let at = bytes.indexOf(10) + 1;
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(0, at))) as FlameJson;
  for (const group of Object.values(json) as (Record<string, unknown> | null)[]) {
    if (typeof group?.rows !== 'number') continue; // no table
    for (const name in group) {
      const type = TYPES[group[name] as keyof typeof TYPES];
      if (!type) continue;
      at = Math.ceil(at / 8) * 8;
      const column = group[name] = new type(packed, at, group.rows);
      at += column.byteLength;
    }
  }
  return json;
}
