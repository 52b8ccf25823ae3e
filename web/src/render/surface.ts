// SPDX-License-Identifier: Apache-2.0
// A canvas that fills its scrolling host: device pixels, resizes, one paint per animation frame, text that is cut to fit.

import { onThemeChange, readTheme, type Theme } from './theme';

const ELLIPSIS = 127; // its place among the widths

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

  /** Widths of the plain characters in the context's font: exact enough, and cheap for thousands of texts. */
  #widthsOf(): Float32Array {
    const font = this.context.font;
    let widths = this.#widths.get(font);
    if (!widths) {
      widths = new Float32Array(128);
      for (let c = 32; c < 127; c++) widths[c] = this.context.measureText(String.fromCharCode(c)).width;
      widths[ELLIPSIS] = this.context.measureText('…').width;
      this.#widths.set(font, widths);
    }
    return widths;
  }

  measure(text: string): number {
    const widths = this.#widthsOf();
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
    const widths = this.#widthsOf();
    const space = room - widths[ELLIPSIS]!;
    let sum = 0;
    let fits = 0; // characters that leave room for an ellipsis
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      sum += c < 127 ? widths[c]! : this.context.measureText(text[i]!).width;
      if (sum <= space) fits = i + 1;
      if (sum > room) {
        if (fits >= 2) this.context.fillText(`${text.slice(0, fits)}…`, x, y);
        return;
      }
    }
    this.context.fillText(text, x, y);
  }
}
