// SPDX-License-Identifier: Apache-2.0
// The stylesheet's colours and fonts, for canvases. The custom properties are the only place where a colour is written.

export interface Theme {
  text: string;
  muted: string;
  faint: string;
  surface: string;
  line: string;
  hover: string;
  selected: string;
  selectedText: string; // '': as elsewhere
  accent: string;
  error: string;
  match: string;
  matchText: string;
  boxText: string;
  dim: string;
  edge: string; // around boxes, where their colours do not tell them apart
  hues: string[]; // fills that boxText can be read on
  tones: string[]; // from less to more, the middle is the same
  busy: string;
  waiting: string;
  font: string;
  mono: string;
}

export const N_HUES = 8;
export const N_TONES = 7;

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  // A canvas knows the names of the system's colours, but not always which the system forces on a page: an element does.
  const probe = matchMedia('(forced-colors: active)').matches ? document.body.appendChild(document.createElement('i')) : null;
  probe?.style.setProperty('forced-color-adjust', 'none');
  const colour = (name: string): string => {
    if (!probe || !name) return name;
    probe.style.setProperty('color', name);
    return getComputedStyle(probe).color;
  };
  const v = (name: string) => colour(style.getPropertyValue(`--${name}`).trim());
  const theme = {
    text: v('text'), muted: v('muted'), faint: v('faint'), surface: v('surface'), line: v('line'), hover: v('hover'),
    selected: v('selected'), selectedText: v('selected-text'), accent: v('accent'), error: v('error'), match: v('match'), matchText: v('match-text'),
    boxText: v('box-text'), dim: v('box-dim'), edge: v('box-edge') || 'transparent',
    hues: Array.from({ length: N_HUES }, (_, i) => v(`hue-${i}`)),
    tones: Array.from({ length: N_TONES }, (_, i) => v(`tone-${i}`)), busy: v('busy'), waiting: v('waiting'),
    font: `12px ${style.getPropertyValue('--font')}`, mono: `11.5px ${style.getPropertyValue('--mono')}`,
  };
  probe?.remove();
  return theme;
}

/** Calls back when the colours on the page change. Returns what undoes it. */
export function onThemeChange(fn: () => void): () => void {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)', '(prefers-contrast: more)'].map((q) => matchMedia(q));
  for (const q of queries) q.addEventListener('change', fn);
  return () => {
    for (const q of queries) q.removeEventListener('change', fn);
  };
}
