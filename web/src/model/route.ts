// SPDX-License-Identifier: Apache-2.0
// What is on the screen, as the URL's fragment: "#" lists, "#trace=ID&span=9&q=text" shows one, "#compile" is the form.

export type Route =
  | { view: 'list'; status: string; language: string; text: string }
  | { view: 'trace'; id: string; span: number; query: string; pane: string }
  | { view: 'compile'; from: string };

export function parseRoute(hash: string): Route {
  const q = new URLSearchParams(hash.replace(/^#\/?/, ''));
  const id = q.get('trace');
  if (id) return { view: 'trace', id, span: Number(q.get('span')) || 0, query: q.get('q') ?? '', pane: q.get('pane') ?? '' };
  if (q.has('compile')) return { view: 'compile', from: q.get('from') ?? '' };
  return { view: 'list', status: q.get('status') ?? '', language: q.get('language') ?? '', text: q.get('text') ?? '' };
}

export function formatRoute(r: Route): string {
  const q = new URLSearchParams();
  if (r.view === 'trace') {
    q.set('trace', r.id);
    if (r.span) q.set('span', String(r.span));
    if (r.query) q.set('q', r.query);
    if (r.pane) q.set('pane', r.pane);
  } else if (r.view === 'compile') {
    return r.from ? `#compile&from=${encodeURIComponent(r.from)}` : '#compile';
  } else {
    for (const key of ['status', 'language', 'text'] as const) if (r[key]) q.set(key, r[key]);
  }
  return `#${q}`;
}
