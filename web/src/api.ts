// SPDX-License-Identifier: Apache-2.0
// The service's contract as types, and the calls. Nothing else on the page fetches. A trace that was opened from a file
// answers in the service's place.

import { unpack } from './model/packed';
import type { SavedTrace } from './model/saved';

export type Status = 'ok' | 'failed' | 'crashed' | 'timed_out' | 'out_of_memory' | 'cancelled';

export interface Position { line: number; character: number }

export interface Diagnostic {
  range?: { start: Position; end: Position };
  severity: number; // 1 error, 2 warning, 3 information, 4 hint
  code?: string | null;
  source?: string;
  message: string;
  file?: string | null;
}

export interface AnalyzerResult {
  kind: string;
  object?: string | null;
  state: string;
  reason?: string | null;
  runs?: { profiled: number; clean: number };
  samples?: number;
  complete?: number;
  truncated?: number;
  truncated_by?: Record<string, number> | null; // reasons
  lost?: number;
  // null: never attached
  events?: number | null;
  lost_events?: number | null;
  frequency_hz?: number | null;
  attach_ns?: number | null;
  slowdown?: number | null;
}

export interface CompileResponse {
  id: string;
  status: Status;
  name?: string | null;
  language: string;
  stage: string | null;
  diagnostics: Diagnostic[];
  diagnostics_cut?: boolean;
  spirv?: { base64?: string; size_bytes: number; sha256: string };
  disassembly?: string;
  trace: { id: string; url: string; viewer_url: string; spans: number; dropped: number } | null;
  analyzer: AnalyzerResult;
  failure: {
    stage: string; span: string | null; signal: string | null; message: string;
    stack?: string[] | null; stack_kind?: string | null; stack_complete?: boolean | null; stack_reason?: string | null; // innermost first
    export?: string | null; // where an archive is that reproduces it
  } | null;
  kept: boolean;
  cache?: string;
  cached_from?: { id: string; trace_id: string | null } | null; // the compile that the answer is of
  duration_ns: number;
}

export interface CompileRequest {
  language?: string;
  backend?: string; // none: the language's own
  stage?: string;
  source?: string;        // one of the two
  source_base64?: string;
  name?: string;
  files?: Record<string, string | { base64: string }>;
  entry_point?: string;
  target?: { env?: string; spirv?: string };
  defines?: Record<string, string | null>;
  optimize?: string | { passes: string[] };
  debug_info?: string;
  validate?: boolean;
  auto_map_bindings?: boolean;
  auto_map_locations?: boolean;
  emit?: string[];
  trace?: { level?: string; filter?: string };
  analyzer?: { kind?: string; frequency_hz?: number; min_samples?: number; budget_ms?: number };
  limits?: { wall_ms?: number; memory_bytes?: number };
  document?: { session: string; uri: string; version?: number };
  isolation?: string;
  keep?: boolean;
  position_encoding?: string;
  check_only?: boolean;
}

export interface TraceSummary {
  id: string;
  compilation_id: string;
  name: string | null;
  language: string;
  stage: string | null;
  status: Status | 'running';
  analyzer: string;
  started_unix_ns: number;
  duration_ns: number;
  spans: number;
  samples: number;
  kept: boolean;
}

export interface CompileEvent extends Omit<TraceSummary, 'id' | 'compilation_id'> {
  id: string; // the compilation's
  trace_id: string | null;
}

export type Attribute = string | number | boolean | null;

export interface SpanJson {
  id: number;
  name: string;
  level: string;
  start_ns: number;
  duration_ns: number;
  // null: not measured
  cpu_ns?: number | null;
  minor_faults?: number | null;
  major_faults?: number | null;
  alloc_bytes?: number | null;
  alloc_calls?: number | null;
  pid?: number;
  tid?: number;
  open?: boolean;
  clean?: { runs: number; min_ns: number; median_ns: number; max_ns: number };
  // of the profiled runs, by the analyzer; absent where it did not account for them
  profiled?: { runs?: number; wall_ns?: number; switches?: number; on_cpu_ns?: number | null; runnable_ns?: number | null; blocked_ns?: number | null } | null;
  attributes?: Record<string, Attribute>;
  events?: { time_ns: number; level: string; name: string; message: string }[];
  children?: SpanJson[];
}

export interface TraceJson {
  id: string;
  compilation_id: string;
  name: string | null;
  language: string;
  stage: string | null;
  status: Status;
  started_unix_ns: number;
  duration_ns: number;
  kept: boolean;
  dropped: number;
  response: CompileResponse | null;
  request: CompileRequest | null; // without source; null in traces of older versions
  source: string | null;
  has_spirv?: boolean;
  has_disassembly: boolean;
  has_log: boolean;
  n_samples: number;
  spans: SpanJson[];
}

type Column = ArrayLike<number>;

export interface FlameJson {
  format: string;
  version: number;
  kind: string;
  unit: string;
  frequency_hz: number;
  strings: string[];
  frames: { name: Column; module: Column; file?: Column; line?: Column };
  stacks: { parent: Column; frame: Column };
  samples: {
    stack: Column; span: Column; run?: Column; time_ns?: Column; result?: Column; in_kernel?: Column;
    pid?: Column; tid?: Column; weight?: Column; // of off-cpu: nanoseconds
  };
  total: number;
  complete: number;
  truncated: number;
  lost: number;
  // of a large one: what can be seen of it as a whole
  outline_stacks?: { parent: Column; frame: Column };
  outline_samples?: { stack: Column; result: Column; in_kernel: Column; count: Column; weight: Column };
  outline_own?: { weight: Column }; // by frame; behind the last: in the kernel
}

export const FLAME_KINDS = ['on-cpu', 'off-cpu', 'faults'] as const;

export interface LogEntry {
  time_ns: number;
  pid?: number;
  tid?: number;
  name: string;
  text: string;
  stack?: string[];
}

export interface Languages {
  compilers?: string | null;
  languages: { name: string; title?: string; label?: string | null; note?: string | null; available: boolean; missing?: string | null; install?: string | null; stages?: string[] }[];
  backends?: { name: string; languages: string[]; other_language?: string | null; external: boolean; available: boolean; version?: string | null; missing?: string | null }[];
  options?: { field: string; type: string; minimum: number | null; maximum: number | null; words: string[] | null; languages: string[] | null; description: string | null }[];
  envs?: string[];
  optimize?: string[];
}

export interface Analyzers {
  analyzers: { kind: string; object?: string | null; state: string; reason?: string | null; does?: string }[];
}

/** What the service answered instead of a result, in its own words. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly where: string | null) {
    super(message);
  }
}

const TOKEN_KEY = 'spvscope.token';
let token = '';
try {
  token = sessionStorage.getItem(TOKEN_KEY) ?? '';
} catch {
  // storage may be forbidden; then the token lives as long as the page
}

export function setToken(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(TOKEN_KEY, value);
  } catch {
    // as above
  }
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: 'omit' });
  } catch (e) {
    if (init.signal?.aborted) throw e;
    throw new ApiError(0, 'unreachable', 'The service does not answer. Is it running?', null);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null) as { error?: { code: string; message: string; where: string | null } } | null;
  const error = body?.error;
  throw new ApiError(response.status, error?.code ?? 'http', error?.message ?? `The service answered ${response.status}.`, error?.where ?? null);
}

const json = async <T>(path: string, init?: RequestInit): Promise<T> => (await request(path, init)).json() as Promise<T>;
const of = (id: string) => encodeURIComponent(id);

export const listTraces = (options: { limit: number; before?: number; status?: string; language?: string }, signal?: AbortSignal) => {
  const q = new URLSearchParams({ limit: String(options.limit) });
  if (options.before) q.set('before', String(options.before));
  if (options.status) q.set('status', options.status);
  if (options.language) q.set('language', options.language);
  return json<{ traces: TraceSummary[]; next_before: number | null }>(`/v1/traces?${q}`, { signal });
};

/** Traces from files, by id; they live as long as the page. */
const saved = new Map<string, SavedTrace>();
export const openSaved = (s: SavedTrace): string => {
  const id = `file-${s.trace.id}`;
  saved.set(id, { ...s, trace: { ...s.trace, id, compilation_id: id } });
  return id;
};
export const isSaved = (id: string): boolean => id.startsWith('file-');
export const savedTraces = (): SavedTrace[] => [...saved.values()];

function fromFile<T>(id: string, part: (s: SavedTrace) => T | null | undefined): T {
  const s = saved.get(id);
  if (!s) throw new ApiError(404, 'not_open', 'This trace came from a file that is not open any more: open it again from the list.', null);
  const value = part(s);
  if (value === null || value === undefined) throw new ApiError(404, 'not_in_file', 'The file does not hold this.', null);
  return value;
}

export const getTrace = async (id: string, signal?: AbortSignal): Promise<TraceJson> =>
  (isSaved(id) ? fromFile(id, (s) => s.trace) : json<TraceJson>(`/v1/traces/${of(id)}`, { signal }));
export const flameUrl = (id: string, kind: string, format: string): string => `/v1/traces/${of(id)}/flame?format=${format}&kind=${of(kind)}`;
export const getFlame = async (id: string, kind: string, signal?: AbortSignal): Promise<FlameJson> =>
  (isSaved(id) ? fromFile(id, (s) => s.flames[kind]) : unpack(await (await request(flameUrl(id, kind, 'packed'), { signal })).arrayBuffer()));
export const getLog = async (id: string, signal?: AbortSignal): Promise<LogEntry[]> =>
  (isSaved(id) ? fromFile(id, (s) => s.log) : json<LogEntry[]>(`/v1/traces/${of(id)}/log`, { signal }));
export const getDisassembly = async (id: string, signal?: AbortSignal): Promise<string> =>
  (isSaved(id) ? fromFile(id, (s) => s.disassembly) : (await request(`/v1/compilations/${of(id)}/disassembly`, { signal })).text());
export const deleteTrace = async (id: string) => void (isSaved(id) ? saved.delete(id) : await request(`/v1/traces/${of(id)}`, { method: 'DELETE' }));
export const getLanguages = () => json<Languages>('/v1/languages');
export const getAnalyzers = () => json<Analyzers>('/v1/analyzers');
/** Afresh: not from the service's cache, which has no spans of a compiler. */
export const compile = (body: CompileRequest, signal?: AbortSignal, afresh = false) => json<CompileResponse>('/v1/compile', {
  method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...(afresh && { 'Cache-Control': 'no-cache' }) }, body: JSON.stringify(body), signal,
});
