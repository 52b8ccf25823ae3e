// SPDX-License-Identifier: Apache-2.0
// A compile as a command line that does the same.

import type { CompileRequest } from '../api';

export const shellQuote = (s: string): string => (/^[\w@%+=:,./-]+$/.test(s) ? s : `'${s.replace(/'/g, `'\\''`)}'`);

/* Fields whose query parameter has another name than the last part of their path. */
const RENAMED: Record<string, string> = { 'target.env': 'target', 'trace.level': 'trace', 'trace.filter': 'filter', 'analyzer.kind': 'analyzer' };
const GROUPS = ['target', 'trace', 'analyzer', 'limits'];
const JSON_ONLY = ['files', 'source_base64', 'document'];

/** Fields as query parameters. */
function queryOf(fields: Record<string, unknown>, group: string, q: URLSearchParams): void {
  for (const [key, value] of Object.entries(fields)) {
    const path = group ? `${group}.${key}` : key;
    if (value === undefined || path === 'source') continue;
    if (GROUPS.includes(path)) queryOf(value as Record<string, unknown>, path, q);
    else if (path === 'defines') for (const [name, v] of Object.entries(value as Record<string, string | null>)) q.append('define', v === null ? name : `${name}=${v}`);
    else if (path === 'optimize' && typeof value === 'object') for (const pass of (value as { passes: string[] }).passes) q.append('pass', pass);
    else q.set(RENAMED[path] ?? key, Array.isArray(value) ? value.join() : String(value));
  }
}

/** The source is read from a file of its name; with what a query cannot hold, the whole request is in the command. */
export function curlCommand(origin: string, r: CompileRequest): string {
  if (JSON_ONLY.some((key) => key in r)) {
    return `curl -H 'Content-Type: application/json' --data-binary @- ${shellQuote(`${origin}/v1/compile`)} <<'END'\n${JSON.stringify(r, null, 1)}\nEND`;
  }
  const q = new URLSearchParams();
  queryOf(r as Record<string, unknown>, '', q);
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
