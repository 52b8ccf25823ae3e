// SPDX-License-Identifier: Apache-2.0
// A canvas that fills its scrolling host: device pixels, resizes, one paint per animation frame, text that is cut to fit.

import { onThemeChange, readTheme, type Theme } from './theme';

export class Surface {
  readonly context: CanvasRenderingContext2D;
  theme: Theme = readTheme();
  width = 0;
  height = 0;
  scrollTop = 0;
  #paint: (s: Surface) => void;
  #frame = 0;
  #observer: ResizeObserver;
  #offTheme: () => void;
  #widths = new Map<string, Float32Array>();
  #onScroll = () => this.invalidate();

  constructor(readonly host: HTMLElement, readonly canvas: HTMLCanvasElement, paint: (s: Surface) => void) {
    this.context = canvas.getContext('2d', { alpha: true })!;
    this.#paint = paint;
    this.#observer = new ResizeObserver(() => this.invalidate());
    this.#observer.observe(host);
    host.addEventListener('scroll', this.#onScroll, { passive: true });
    this.#offTheme = onThemeChange(() => {
      this.theme = readTheme();
      this.invalidate();
    });
    this.invalidate();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.host.removeEventListener('scroll', this.#onScroll);
    this.#offTheme();
  }

  invalidate(): void {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    const ratio = Math.max(1, window.devicePixelRatio || 1);
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (!width || !height) return;
    const w = Math.round(width * ratio);
    const h = Math.round(height * ratio);
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
      this.canvas.style.setProperty('width', `${width}px`);
      this.canvas.style.setProperty('height', `${height}px`);
    }
    this.width = width;
    this.height = height;
    this.scrollTop = this.host.scrollTop;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.textBaseline = 'middle';
    this.#paint(this);
  }

  /** Width of a text in the context's font, from the widths of its characters: exact enough, and cheap for thousands. */
  measure(text: string): number {
    const font = this.context.font;
    let widths = this.#widths.get(font);
    if (!widths) {
      widths = new Float32Array(128);
      for (let c = 32; c < 127; c++) widths[c] = this.context.measureText(String.fromCharCode(c)).width;
      this.#widths.set(font, widths);
    }
    let sum = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      sum += c < 127 ? widths[c]! : this.context.measureText(text[i]!).width;
    }
    return sum;
  }

  /** Draws the text, with an ellipsis where it is longer than room. Nothing when not even three characters fit. */
  text(text: string, x: number, y: number, room: number): void {
    if (room < 16) return;
    let cut = text;
    if (this.measure(text) > room) {
      const space = room - this.measure('…');
      let sum = 0;
      let n = 0;
      while (n < text.length) {
        sum += this.measure(text[n]!);
        if (sum > space) break;
        n++;
      }
      if (n < 2) return;
      cut = `${text.slice(0, n)}…`;
    }
    this.context.fillText(cut, x, y);
  }
}
