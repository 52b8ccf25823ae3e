// SPDX-License-Identifier: Apache-2.0
// What is on the screen, as the URL's fragment: "#" lists, "#trace=ID&span=9&range=0-1200&q=text" shows one trace,
// "#compare=ID&to=ID" two, "#compile" is the form.

export type StepKind = 'focus' | 'drop' | 'collapse';

/** What is done to the profile before it is merged: with a function, or to collapse a library; by name, so that a link works on
 * a later compile too. */
export interface Step {
  kind: StepKind;
  name: string;
}

const LETTERS: Record<StepKind, string> = { focus: 'f', drop: 'd', collapse: 'c' };

export const formatStep = (s: Step): string => `${LETTERS[s.kind]}:${s.name}`;

export function parseStep(text: string): Step | null {
  const kind = (Object.keys(LETTERS) as StepKind[]).find((k) => text.startsWith(`${LETTERS[k]}:`));
  return kind && text.length > 2 ? { kind, name: text.slice(2) } : null;
}

export interface TraceRoute {
  view: 'trace';
  id: string;
  span: number;                    // id of the chosen one; 0: none
  range: [number, number] | null;  // ns on the axis
  shape: string;                   // of the flame graph; '': as fits
  fn: string;                      // in the middle of the sandwich
  kind: string;                    // of samples; '': on-cpu
  steps: Step[];
  zoom: string;                    // way down to the zoomed box
  query: string;
  log: string;                     // filter of the log
}

export type Route =
  | { view: 'list'; status: string; language: string; text: string }
  | TraceRoute
  | { view: 'compare'; base: string; to: string; order?: string; zoom?: string } // order of the spans; '': most changed first
  | { view: 'compile'; from: string };

export const traceRoute = (id: string, change: Partial<TraceRoute> = {}): TraceRoute =>
  ({ view: 'trace', id, span: 0, range: null, shape: '', fn: '', kind: '', steps: [], zoom: '', query: '', log: '', ...change });

export function parseRoute(hash: string): Route {
  const q = new URLSearchParams(hash.replace(/^#\/?/, ''));
  const id = q.get('trace');
  if (id) {
    const range = /^(\d+)-(\d+)$/.exec(q.get('range') ?? '');
    return traceRoute(id, {
      span: Number(q.get('span')) || 0, range: range && Number(range[1]) < Number(range[2]) ? [Number(range[1]), Number(range[2])] : null,
      shape: q.get('shape') ?? '', fn: q.get('fn') ?? '', kind: q.get('kind') ?? '', query: q.get('q') ?? '', log: q.get('log') ?? '',
      steps: q.getAll('step').map(parseStep).filter((s): s is Step => s !== null), zoom: q.get('zoom') ?? '',
    });
  }
  if (q.has('compare')) return { view: 'compare', base: q.get('compare')!, to: q.get('to') ?? '', order: q.get('order') ?? '', zoom: q.get('zoom') ?? '' };
  if (q.has('compile')) return { view: 'compile', from: q.get('from') ?? '' };
  return { view: 'list', status: q.get('status') ?? '', language: q.get('language') ?? '', text: q.get('text') ?? '' };
}

export function formatRoute(r: Route): string {
  const q = new URLSearchParams();
  const set = (key: string, value?: string | number) => value && q.set(key, String(value));
  if (r.view === 'trace') {
    q.set('trace', r.id);
    set('span', r.span);
    set('range', r.range ? r.range.map(Math.round).join('-') : '');
    set('shape', r.shape);
    set('fn', r.fn);
    set('kind', r.kind);
    for (const step of r.steps) q.append('step', formatStep(step));
    set('zoom', r.zoom);
    set('q', r.query);
    set('log', r.log);
  } else if (r.view === 'compile') {
    return r.from ? `#compile&from=${encodeURIComponent(r.from)}` : '#compile';
  } else if (r.view === 'compare') {
    q.set('compare', r.base);
    set('to', r.to);
    set('order', r.order);
    set('zoom', r.zoom);
  } else {
    for (const key of ['status', 'language', 'text'] as const) set(key, r[key]);
  }
  return `#${q}`;
}
