// SPDX-License-Identifier: Apache-2.0
// The shown flame graph in other tools' formats. Pure: each makes text or bytes out of a tree and its profile.

import type { FlameTree } from './flame';
import type { Profile } from './profile';

export interface Shown {
  tree: FlameTree;
  profile: Profile;
  title: string;
  at?: number; // the box that is zoomed to: only what happened in it
}

function chosen({ tree: t, at = 0 }: Shown): (box: number) => boolean {
  const [x0, x1, depth] = [t.x[at]!, t.x[at]! + t.total[at]!, t.depth[at]!];
  return (i) => t.depth[i]! >= depth && t.x[i]! >= x0 && t.x[i]! < x1;
}

const clean = (name: string): string => name.replace(/;/g, ':').replace(/[\r\n]+/g, ' ');

/** Brendan Gregg's folded stacks: "a;b;c 12", a line for each box that weight ended in. */
export function foldedText(shown: Shown): string {
  const { tree: t, profile: p } = shown;
  const inIt = chosen(shown);
  const path = new Array<string>(t.n);
  const out: string[] = [];
  for (let i = 0; i < t.n; i++) {
    const up = t.parent[i]!;
    const name = clean(p.fnName[t.fn[i]!]!);
    path[i] = i === 0 ? '' : up === 0 ? name : `${path[up]!};${name}`;
    if (i && t.self[i]! > 0 && inIt(i)) out.push(`${path[i]} ${Math.round(t.self[i]!)}`);
  }
  return out.sort().map((line) => `${line}\n`).join('');
}

/** speedscope's own format, as a sampled profile: https://www.speedscope.app/file-format-schema.json */
export function speedscopeJson(shown: Shown, order?: readonly number[]): string {
  const { tree: t, profile: p, title } = shown;
  const inIt = chosen(shown);
  const frameOf = new Map<number, number>();
  const frames: { name: string; file?: string }[] = [];
  const frame = (fn: number): number => {
    let f = frameOf.get(fn);
    if (f === undefined) {
      f = frames.push({ name: p.fnName[fn]!, file: p.fnFile[fn] || p.fnModule[fn] || undefined }) - 1;
      frameOf.set(fn, f);
    }
    return f;
  };
  const samples: number[][] = [];
  const weights: number[] = [];
  const put = (box: number, weight: number): void => {
    if (!inIt(box)) return;
    const stack: number[] = [];
    for (let i = box; i > 0; i = t.parent[i]!) stack.push(frame(t.fn[i]!));
    samples.push(stack.reverse());
    weights.push(weight);
  };
  if (order) for (const s of order) put(t.sampleBox[s]!, p.sampleWeight ? p.sampleWeight[s]! : 1);
  else for (let i = 1; i < t.n; i++) if (t.self[i]! > 0) put(i, t.self[i]!);
  const total = weights.reduce((a, b) => a + b, 0);
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json', exporter: 'spvscope', name: title, activeProfileIndex: 0,
    shared: { frames },
    profiles: [{ type: 'sampled', name: title, unit: p.unit === 'ns' ? 'nanoseconds' : 'none', startValue: 0, endValue: total, samples, weights }],
  });
}

/* Protocol buffers: a field is its number and kind, then a varint or a length and bytes. */
class Proto {
  #bytes: number[] = [];

  varint(n: number): this {
    let x = n;
    while (x >= 0x80) {
      this.#bytes.push((x % 0x80) | 0x80);
      x = Math.floor(x / 0x80);
    }
    this.#bytes.push(x);
    return this;
  }

  int(field: number, n: number): this {
    return n ? this.varint(field << 3).varint(n) : this;
  }

  bytes(field: number, bytes: ArrayLike<number>): this {
    this.varint((field << 3) | 2).varint(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.#bytes.push(bytes[i]!);
    return this;
  }

  message(field: number, m: Proto): this {
    return this.bytes(field, m.#bytes);
  }

  packed(field: number, numbers: readonly number[]): this {
    const inner = new Proto();
    for (const n of numbers) inner.varint(n);
    return this.message(field, inner);
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** pprof's profile.proto, not compressed: https://github.com/google/pprof/blob/main/proto/profile.proto */
export function pprofBytes(shown: Shown): Uint8Array {
  const { tree: t, profile: p } = shown;
  const inIt = chosen(shown);
  const strings = new Map<string, number>([['', 0]]);
  const str = (s: string): number => {
    let i = strings.get(s);
    if (i === undefined) strings.set(s, i = strings.size);
    return i;
  };
  const out = new Proto();
  const valueType = (type: string, unit: string): Proto => new Proto().int(1, str(type)).int(2, str(unit));
  const nsPerSample = p.frequencyHz > 0 ? Math.round(1e9 / p.frequencyHz) : 0;
  const timed = p.unit === 'samples' && nsPerSample > 0;
  out.message(1, timed ? valueType('samples', 'count') : valueType(p.kind, p.unit === 'ns' ? 'nanoseconds' : 'count'));
  if (timed) out.message(1, valueType('cpu', 'nanoseconds'));
  const used = new Set<number>();
  for (let i = 1; i < t.n; i++) {
    const weight = Math.round(t.self[i]!);
    if (weight <= 0 || !inIt(i)) continue;
    const ids: number[] = [];
    for (let k = i; k > 0; k = t.parent[k]!) {
      used.add(t.fn[k]!);
      ids.push(t.fn[k]! + 1);
    }
    out.message(2, new Proto().packed(1, ids).packed(2, timed ? [weight, weight * nsPerSample] : [weight]));
  }
  const modules = new Map<string, number>();
  for (const fn of used) {
    const module = p.fnModule[fn]!;
    if (module && !modules.has(module)) modules.set(module, modules.size + 1);
  }
  for (const [module, id] of modules) out.message(3, new Proto().int(1, id).int(5, str(module)).int(7, 1));
  for (const fn of used) out.message(4, new Proto().int(1, fn + 1).int(2, modules.get(p.fnModule[fn]!) ?? 0).message(4, new Proto().int(1, fn + 1)));
  for (const fn of used) out.message(5, new Proto().int(1, fn + 1).int(2, str(p.fnName[fn]!)).int(3, str(p.fnName[fn]!)).int(4, str(p.fnFile[fn]!)));
  if (timed) out.message(11, valueType('cpu', 'nanoseconds')).int(12, nsPerSample);
  const encoder = new TextEncoder();
  for (const s of strings.keys()) out.bytes(6, encoder.encode(s));
  return out.done();
}

const escapeXml = (s: string): string => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
  // XML 1.0 has no way to write these
  .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');

export interface SvgLook {
  width: number;
  row: number;
  font: string;
  background: string;
  text: string;
  box: (i: number) => string;
  boxText: string;
  label: (i: number) => string;
}

/** A picture that stands alone: boxes below a fifth of a pixel are left out, and how many is written in it. */
export function svgText({ tree: t, title }: Shown, words: string, look: SvgLook, x0 = 0, x1 = t.total[0] ?? 1): string {
  const scale = look.width / Math.max(1e-9, x1 - x0);
  const top = 44;
  const boxes: string[] = [];
  let left = 0;
  let rows = 0;
  for (let i = 0; i < t.n; i++) {
    const from = Math.max(0, (t.x[i]! - x0) * scale);
    const to = Math.min(look.width, (t.x[i]! + t.total[i]! - x0) * scale);
    if (to <= 0 || from >= look.width) continue;
    if (to - from < 0.2) {
      left++;
      continue;
    }
    rows = Math.max(rows, t.depth[i]! + 1);
    const y = top + t.depth[i]! * look.row;
    const label = look.label(i);
    const room = Math.floor((to - from - 8) / 6.6);
    boxes.push(`<g><title>${escapeXml(label)}</title><rect x="${from.toFixed(2)}" y="${y}" width="${Math.max(0.2, to - from - 0.6).toFixed(2)}" height="${look.row - 1}" fill="${look.box(i)}"/>${
      room >= 3 ? `<text x="${(from + 4).toFixed(2)}" y="${y + look.row - 6}" fill="${look.boxText}">${escapeXml(label.length > room ? `${label.slice(0, room - 1)}…` : label)}</text>` : ''}</g>`);
  }
  const note = left ? ` ${left} boxes too narrow to be seen are left out.` : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${look.width}" height="${top + rows * look.row + 8}" font-family="${escapeXml(look.font)}" font-size="12">`
    + `<rect width="100%" height="100%" fill="${look.background}"/><text x="8" y="18" fill="${look.text}" font-size="14">${escapeXml(title)}</text>`
    + `<text x="8" y="36" fill="${look.text}">${escapeXml(words + note)}</text>${boxes.join('')}</svg>\n`;
}
