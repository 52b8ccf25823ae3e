// SPDX-License-Identifier: Apache-2.0
// Ticks of a time axis: steps of 1, 2 or 5 times a power of ten, labels all in one unit.

export interface Tick {
  ns: number;
  label: string;
}

export function niceStep(spanNs: number, maxTicks: number): number {
  const raw = Math.max(spanNs / Math.max(1, maxTicks), 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  for (const m of [1, 2, 5]) if (m * power >= raw * (1 - 1e-9)) return m * power;
  return 10 * power;
}

export function ticks(loNs: number, hiNs: number, maxTicks: number): Tick[] {
  if (!(hiNs > loNs)) return [];
  const step = niceStep(hiNs - loNs, maxTicks);
  // the unit of the largest label, so that an axis does not mix "900 µs" with "1 ms"
  const reach = Math.max(Math.abs(loNs), Math.abs(hiNs));
  const [scale, unit] = reach >= 1e9 ? [1e9, 's'] : reach >= 1e6 ? [1e6, 'ms'] : reach >= 1e3 ? [1e3, 'µs'] : [1, 'ns'];
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / scale) - 1e-9));
  const out: Tick[] = [];
  for (let i = Math.ceil(loNs / step - 1e-9); i * step <= hiNs * (1 + 1e-12); i++) {
    const ns = i * step;
    out.push({ ns, label: ns === 0 ? '0' : `${(ns / scale).toFixed(decimals)} ${unit}` });
  }
  return out;
}
