// SPDX-License-Identifier: Apache-2.0
// Quantities as words. Pure; three significant digits unless said otherwise.

const NS_UNITS: [number, string][] = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];

function digits3(x: number): string {
  const magnitude = Math.abs(x);
  if (magnitude >= 100 || Number.isInteger(x)) return String(Math.round(x));
  return x.toFixed(magnitude >= 10 ? 1 : 2);
}

/** 1234567 → "1.23 ms". Minutes from 60 s on. */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return '–';
  if (Math.abs(ns) >= 60e9) {
    const s = Math.round(ns / 1e9);
    return `${Math.trunc(s / 60)} min ${Math.abs(s % 60)} s`;
  }
  for (const [scale, unit] of NS_UNITS) {
    // 999.6 µs would print as 1000 µs
    if (Math.abs(ns) >= scale * (scale === 1 ? 0 : 0.9995)) return `${digits3(ns / scale)} ${unit}`;
  }
  return '0 ns';
}

export function formatBytes(bytes: number): string {
  if (Math.abs(bytes) < 1024) return `${Math.round(bytes)} B`;
  let x = bytes;
  for (const unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
    x /= 1024;
    if (Math.abs(x) < 1023.5 || unit === 'TiB') return `${digits3(x)} ${unit}`;
  }
  return '';
}

/** 1234567 → "1,234,567" */
export function formatCount(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}

/** A share of 0..1 → "12.3 %"; what is there but rounds to nothing is "< 0.1 %". */
export function formatShare(share: number): string {
  if (!Number.isFinite(share) || share <= 0) return '0 %';
  const percent = share * 100;
  if (percent < 0.1) return '< 0.1 %';
  if (percent >= 99.95) return percent >= 99.9999 ? '100 %' : '> 99.9 %';
  return `${percent.toFixed(1)} %`;
}

/** Wilson's 95 % interval of a share, k hits of n: honest for small n and at the ends. */
export function wilson95(k: number, n: number): [number, number] {
  if (n <= 0) return [0, 1];
  const z = 1.959964;
  const p = k / n;
  const z2n = (z * z) / n;
  const centre = (p + z2n / 2) / (1 + z2n);
  const half = (z / (1 + z2n)) * Math.sqrt((p * (1 - p)) / n + z2n / (4 * n));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** "12.3 % (95 %: 10.1–14.9 %)" */
export function formatShareInterval(k: number, n: number): string {
  const [lo, hi] = wilson95(k, n);
  const f = (x: number) => (x * 100).toFixed(1);
  return `${formatShare(n ? k / n : 0)} (95 %: ${f(lo)}–${f(hi)} %)`;
}

/** "14:03:22" today, "2026-02-01 14:03" else. */
export function formatWhen(unixNs: number, now = Date.now()): string {
  const d = new Date(unixNs / 1e6);
  if (!unixNs || Number.isNaN(d.getTime())) return '–';
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (new Date(now).toDateString() === d.toDateString()) return `${time}:${two(d.getSeconds())}`;
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${time}`;
}

/** A C++ signature without arguments and template parameters, for boxes that are narrow. Cuts nothing out of
 * `operator()` and `operator<<`, nor out of `(anonymous namespace)`. */
export function shortName(name: string): string {
  let out = '';
  let angle = 0;
  for (let i = 0; i < name.length; i++) {
    const c = name[i]!;
    if (name.startsWith('(anonymous namespace)', i)) {
      if (!angle) out += '(anon)';
      i += 20;
      continue;
    }
    if (!angle && out.endsWith('operator')) {
      const symbol = /^(?:\(\)|\[\]|[-+*/%^&|~!=<>,]+)/.exec(name.slice(i));
      if (symbol) {
        out += symbol[0];
        i += symbol[0].length - 1;
        continue;
      }
    }
    if (c === '<') angle++;
    else if (c === '>' && angle) angle--;
    else if (angle) continue;
    else if (c === '(' && out) break;
    else out += c;
  }
  const trimmed = out.trim() || name;
  // a template's demangled name opens with its return type: "void spvtools::f"
  const space = trimmed.lastIndexOf(' ');
  return space > 0 && !/operator /.test(trimmed) && trimmed.slice(space + 1).includes('::')
    ? trimmed.slice(space + 1) : trimmed;
}
