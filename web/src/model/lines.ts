// SPDX-License-Identifier: Apache-2.0
// The difference of two texts, line by line: Myers' greedy algorithm in linear space is more than is needed here, so this
// is the plain one behind a cut of equal ends, with a limit on the work. Eugene W. Myers, "An O(ND) Difference Algorithm
// and Its Variations", 1986.

export interface DiffLine {
  sign: ' ' | '-' | '+';
  text: string;
  from: number; // line in the first text, from 0; -1 in none
  to: number;
}

export interface LineDiff {
  lines: DiffLine[];
  added: number;
  removed: number;
  exact: boolean; // false: too different to be aligned; all of the middle stands as removed, then added
}

const MAX_EDITS = 2500; // what is kept for the way back grows with its square: 25 MB here

export function diffLines(a: readonly string[], b: readonly string[]): LineDiff {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = edits(a, b, head, a.length - tail, b.length - tail);
  const out: LineDiff = { lines: [], added: 0, removed: 0, exact: middle !== null };
  const put = (sign: DiffLine['sign'], from: number, to: number): void => {
    out.lines.push({ sign, text: sign === '+' ? b[to]! : a[from]!, from: sign === '+' ? -1 : from, to: sign === '-' ? -1 : to });
    if (sign === '+') out.added++;
    else if (sign === '-') out.removed++;
  };
  for (let i = 0; i < head; i++) put(' ', i, i);
  if (middle) for (const [sign, from, to] of middle) put(sign, from, to);
  else {
    for (let i = head; i < a.length - tail; i++) put('-', i, -1);
    for (let i = head; i < b.length - tail; i++) put('+', -1, i);
  }
  for (let i = 0; i < tail; i++) put(' ', a.length - tail + i, b.length - tail + i);
  return out;
}

type Edit = [DiffLine['sign'], number, number];

/** reach[max + k] is how far the best way with d edits comes on diagonal k; what it was before each d is kept for the way back. */
function edits(a: readonly string[], b: readonly string[], head: number, aEnd: number, bEnd: number): Edit[] | null {
  const n = aEnd - head;
  const m = bEnd - head;
  const max = Math.min(n + m, MAX_EDITS);
  const reach = new Int32Array(2 * max + 3);
  const mid = max + 1;
  const before: Int32Array[] = [];
  for (let d = 0; d <= max; d++) {
    before.push(reach.slice(mid - d - 1, mid + d + 2));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && reach[mid + k - 1]! < reach[mid + k + 1]!);
      let x = down ? reach[mid + k + 1]! : reach[mid + k - 1]! + 1;
      while (x < n && x - k < m && a[head + x] === b[head + x - k]) x++;
      reach[mid + k] = x;
      if (x >= n && x - k >= m) return wayBack(before, head, n, m);
    }
  }
  return null;
}

function wayBack(before: readonly Int32Array[], head: number, n: number, m: number): Edit[] {
  const out: Edit[] = [];
  let x = n;
  let y = m;
  for (let d = before.length - 1; d >= 0; d--) {
    const at = (k: number): number => before[d]![k + d + 1]!;
    const k = x - y;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const px = at(down ? k + 1 : k - 1);
    const py = px - (down ? k + 1 : k - 1);
    while (x > px && y > py && x > 0 && y > 0) out.push([' ', head + --x, head + --y]);
    if (d && down) out.push(['+', -1, head + --y]);
    else if (d) out.push(['-', head + --x, -1]);
  }
  return out.reverse();
}

/** Runs of equal lines longer than twice the context become one line that tells how many. */
export function withContext(diff: LineDiff, context: number): (DiffLine | { skipped: number })[] {
  const near = new Uint8Array(diff.lines.length);
  let last = -Infinity;
  for (let i = 0; i < near.length; i++) {
    if (diff.lines[i]!.sign !== ' ') last = i;
    if (i - last <= context) near[i] = 1;
  }
  last = Infinity;
  for (let i = near.length - 1; i >= 0; i--) {
    if (diff.lines[i]!.sign !== ' ') last = i;
    if (last - i <= context) near[i] = 1;
  }
  const out: (DiffLine | { skipped: number })[] = [];
  for (let i = 0; i < near.length;) {
    if (near[i]) out.push(diff.lines[i++]!);
    else {
      let k = i;
      while (k < near.length && !near[k]) k++;
      out.push({ skipped: k - i });
      i = k;
    }
  }
  return out;
}
