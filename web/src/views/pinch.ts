// SPDX-License-Identifier: Apache-2.0
// Two fingers on a picture, or two on a trackpad, which come as a wheel with Ctrl: they draw apart what is between them.

export interface Pinched {
  part: (x: number) => number;            // where a pixel lies in what is in view: 0 at its beginning, 1 at its end
  view: () => readonly [number, number];  // what is in view
  show: (from: number, to: number) => void;
  start?: () => void;
  end?: () => void;
}

const LEAST_PX = 24;  // fingers do not come closer
const REST_MS = 250;  // a wheel that is still for so long has come to its end

/** Returns what undoes it. */
export function followPinch(el: HTMLElement, on: Pinched): () => void {
  let first: { apart: number; at: number; wide: number } | null = null;
  let rest = 0;
  const draw = (at: number, wide: number, x: number): void => on.show(at - on.part(x) * wide, at + (1 - on.part(x)) * wide);
  const valueAt = (x: number): number => {
    const [from, to] = on.view();
    return from + on.part(x) * (to - from);
  };
  const width = (): number => on.view()[1] - on.view()[0];
  const touch = (e: TouchEvent): void => {
    const [a, b] = e.touches;
    if (e.touches.length !== 2) {
      if (first) on.end?.();
      first = null;
      return;
    }
    if (e.cancelable) e.preventDefault(); // else the page scrolls
    const apart = Math.max(LEAST_PX, Math.hypot(a!.clientX - b!.clientX, a!.clientY - b!.clientY));
    const x = (a!.clientX + b!.clientX) / 2 - el.getBoundingClientRect().left;
    if (first) return draw(first.at, (first.wide * first.apart) / apart, x);
    on.start?.();
    first = { apart, at: valueAt(x), wide: width() };
  };
  const wheel = (e: WheelEvent): void => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault(); // else the whole page is zoomed
    const x = e.clientX - el.getBoundingClientRect().left;
    draw(valueAt(x), width() * Math.exp(Math.max(-1, Math.min(1, e.deltaY / 200))), x);
    clearTimeout(rest);
    rest = window.setTimeout(() => on.end?.(), REST_MS);
  };
  const touches = ['touchstart', 'touchmove', 'touchend', 'touchcancel'] as const;
  for (const type of touches) el.addEventListener(type, touch, { passive: false });
  el.addEventListener('wheel', wheel, { passive: false });
  return () => {
    clearTimeout(rest);
    for (const type of touches) el.removeEventListener(type, touch);
    el.removeEventListener('wheel', wheel);
  };
}
