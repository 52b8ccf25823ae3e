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
  #font = '';
  #widths: Float32Array = new Float32Array(0);
  #widthsOf = new Map<string, Float32Array>();
  #image: ImageData | null = null;
  #pixelOf = new Map<string, number>();
  #probe: OffscreenCanvasRenderingContext2D | null = null;
  #onScroll = () => this.invalidate();

  constructor(readonly host: HTMLElement, readonly canvas: HTMLCanvasElement, paint: (s: Surface) => void) {
    this.context = canvas.getContext('2d', { alpha: true })!;
    this.#paint = paint;
    this.#observer = new ResizeObserver(() => this.invalidate());
    this.#observer.observe(host);
    host.addEventListener('scroll', this.#onScroll, { passive: true });
    this.#offTheme = onThemeChange(() => {
      this.theme = readTheme();
      this.#pixelOf.clear();
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
    this.#font = ''; // a new size is a new context
    this.#paint(this);
  }

  /** Sets the font, and measures its plain characters once: exact enough, and cheap for thousands of texts. */
  set font(font: string) {
    if (font === this.#font) return;
    this.context.font = this.#font = font;
    let widths = this.#widthsOf.get(font);
    if (!widths) {
      widths = new Float32Array(128);
      for (let c = 32; c < 127; c++) widths[c] = this.context.measureText(String.fromCharCode(c)).width;
      widths[ELLIPSIS] = this.context.measureText('…').width;
      this.#widthsOf.set(font, widths);
    }
    this.#widths = widths;
  }

  /** The picture's pixels, all of them clear, until they are put on the canvas in one go: thousands of small rectangles are
   * filled faster in memory than by as many calls. */
  pixels(): Uint32Array {
    const { width, height } = this.canvas;
    if (this.#image?.width !== width || this.#image.height !== height) this.#image = new ImageData(width, height);
    return new Uint32Array(this.#image.data.buffer).fill(0);
  }

  putPixels(): void {
    this.context.putImageData(this.#image!, 0, 0);
  }

  /** A colour as a pixel has it, in whatever way the stylesheet writes it. */
  pixelOf(colour: string): number {
    let pixel = this.#pixelOf.get(colour);
    if (pixel === undefined) {
      const probe = (this.#probe ??= new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!);
      probe.clearRect(0, 0, 1, 1);
      probe.fillStyle = colour;
      probe.fillRect(0, 0, 1, 1);
      pixel = new Uint32Array(probe.getImageData(0, 0, 1, 1).data.buffer)[0]!;
      this.#pixelOf.set(colour, pixel);
    }
    return pixel;
  }

  measure(text: string): number {
    let sum = 0;
    for (let i = 0; i < text.length; i++) sum += this.#widthAt(text, i);
    return sum;
  }

  #widthAt(text: string, i: number): number {
    const c = text.charCodeAt(i);
    return c < 127 ? this.#widths[c]! : this.context.measureText(text[i]!).width;
  }

  /** Draws the text, with an ellipsis where it is longer than room. Nothing when not even three characters fit. */
  text(text: string, x: number, y: number, room: number): void {
    if (room < 16) return;
    const space = room - this.#widths[ELLIPSIS]!;
    let sum = 0;
    let fits = 0; // characters that leave room for an ellipsis
    for (let i = 0; i < text.length; i++) {
      sum += this.#widthAt(text, i);
      if (sum <= space) fits = i + 1;
      if (sum > room) {
        if (fits >= 2) this.context.fillText(`${text.slice(0, fits)}…`, x, y);
        return;
      }
    }
    this.context.fillText(text, x, y);
  }
}
