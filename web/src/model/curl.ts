// SPDX-License-Identifier: Apache-2.0
// A compile as a command line that does the same.

import type { CompileRequest } from '../api';

export const shellQuote = (s: string): string => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replace(/'/g, `'\\''`)}'`);

/** The source is read from a file of its name; what is the default is left out. */
export function curlCommand(origin: string, r: CompileRequest): string {
  const q = new URLSearchParams();
  if (r.language) q.set('language', r.language);
  if (r.stage) q.set('stage', r.stage);
  if (r.name) q.set('name', r.name);
  if (r.target?.env && r.target.env !== 'vulkan1.3') q.set('target', r.target.env);
  for (const [name, value] of Object.entries(r.defines ?? {})) q.append('define', value === null ? name : `${name}=${value}`);
  if (r.optimize && r.optimize !== 'none') q.set('optimize', r.optimize);
  if (r.emit && r.emit.join() !== 'spirv') q.set('emit', r.emit.join());
  if (r.trace) q.set('trace', r.trace.level);
  if (r.analyzer && r.analyzer.kind !== 'off') q.set('analyzer', r.analyzer.kind);
  if (r.keep) q.set('keep', 'true');
  const query = q.toString().replace(/%2F/g, '/').replace(/%2C/g, ',');
  const file = (r.name ?? '').split('/').pop() || 'shader';
  return `curl --data-binary ${shellQuote(`@${file}`)} \\\n  ${shellQuote(`${origin}/v1/compile${query ? `?${query}` : ''}`)}`;
}

/** "USE_FOG=1 FAST" or a line each → the request's defines. */
export function parseDefines(text: string): Record<string, string | null> | undefined {
  const out: Record<string, string | null> = Object.create(null) as Record<string, string | null>;
  let n = 0;
  for (const word of text.split(/[\n;]+|\s+(?=(?:-D)?[A-Za-z_]\w*(?:=|\s|$))/)) {
    const m = /^\s*(?:-D)?([^=]+?)(?:=([\s\S]*))?$/.exec(word.trim());
    if (!m?.[1]) continue;
    out[m[1]] = m[2] ?? null;
    n++;
  }
  return n ? out : undefined;
}
