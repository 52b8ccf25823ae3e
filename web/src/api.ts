// SPDX-License-Identifier: Apache-2.0
// The service's contract as types, and the calls. Nothing else on the page fetches.

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
  failure: { stage: string; span: string | null; signal: string | null; message: string } | null;
  kept: boolean;
  duration_ns: number;
}

export interface CompileRequest {
  language?: string;
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

export interface FlameJson {
  format: string;
  version: number;
  kind: string;
  unit: string;
  frequency_hz: number;
  strings: string[];
  frames: { name: number[]; module: number[]; file?: number[]; line?: number[] };
  stacks: { parent: number[]; frame: number[] };
  samples: { stack: number[]; span: number[]; run?: number[]; time_ns?: number[]; result?: number[]; in_kernel?: number[] };
  total: number;
  complete: number;
  truncated: number;
  lost: number;
}

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
  languages: { name: string; title?: string; label?: string | null; note?: string | null; available: boolean; stages?: string[] }[];
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

async function request(path: string, init: RequestInit = {}): Promise<Response> {
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
export const getTrace = (id: string, signal?: AbortSignal) => json<TraceJson>(`/v1/traces/${of(id)}`, { signal });
export const getFlame = (id: string, signal?: AbortSignal) => json<FlameJson>(`/v1/traces/${of(id)}/flame?format=columns`, { signal });
export const getLog = (id: string, signal?: AbortSignal) => json<LogEntry[]>(`/v1/traces/${of(id)}/log`, { signal });
export const getDisassembly = async (id: string, signal?: AbortSignal) =>
  (await request(`/v1/compilations/${of(id)}/disassembly`, { signal })).text();
export const deleteTrace = async (id: string) => void (await request(`/v1/traces/${of(id)}`, { method: 'DELETE' }));
export const getLanguages = () => json<Languages>('/v1/languages');
export const getAnalyzers = () => json<Analyzers>('/v1/analyzers');
export const compile = (body: CompileRequest, signal?: AbortSignal) => json<CompileResponse>('/v1/compile', {
  method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: JSON.stringify(body), signal,
});

export interface EventSink {
  open(): void;      // connected, for the first time or again: what happened meanwhile is not told
  closed(): void;
  event(type: string, data: CompileEvent): void;
}

/** Follows /v1/events until aborted, connecting anew whenever the stream ends. By fetch, since EventSource sends no token. */
export async function followEvents(sink: EventSink, signal: AbortSignal): Promise<void> {
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 10000)) {
    try {
      const response = await request('/v1/events', { signal, headers: { Accept: 'text/event-stream' } });
      wait = 250;
      sink.open();
      await readEvents(response.body!.getReader(), sink);
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) return;
    }
    if (signal.aborted) return;
    sink.closed();
    await new Promise((done) => setTimeout(done, wait));
  }
}

async function readEvents(reader: ReadableStreamDefaultReader<Uint8Array>, sink: EventSink): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop()!;
    for (const block of blocks) {
      let type = 'message';
      let data = '';
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith('event:')) type = line.slice(6).trim();
        else if (line.startsWith('data:')) data += line.slice(5).trimStart();
      }
      if (data) sink.event(type, JSON.parse(data) as CompileEvent);
    }
  }
}
