// SPDX-License-Identifier: Apache-2.0
// Small pieces that several views share: status, icons, notices, copying, tooltips.

import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api';

const ICONS = {
  ok: 'M3.5 8.5l3 3 6-7',
  failed: 'M4 4l8 8M12 4l-8 8',
  crashed: 'M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z',
  timed_out: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 4.5V8l2.5 2',
  out_of_memory: 'M4 4h8v8H4zM6 4V1.5M10 4V1.5M6 14.5V12M10 14.5V12M1.5 6H4M1.5 10H4M12 6h2.5M12 10h2.5',
  cancelled: 'M8 2a6 6 0 100 12A6 6 0 008 2zM4 12l8-8',
  running: 'M8 2a6 6 0 106 6',
  warning: 'M8 2L1.5 13.5h13zM8 6.5v3.5M8 11.6v.6',
  info: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 7.3V11.5M8 4.5v.6',
  search: 'M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.3 10.3L14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  saved: 'M3 2.5h8l2 2v9H3zM5.5 2.5v3.5h4v-3.5M5 13.5v-4.5h6v4.5',
};
export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
      <path d={ICONS[name]} />
    </svg>
  );
}

const STATUS_WORDS: Record<string, string> = {
  ok: 'ok', failed: 'failed', crashed: 'crashed', timed_out: 'timed out', out_of_memory: 'out of memory', cancelled: 'cancelled',
  running: 'running',
};
export const STATUSES = Object.keys(STATUS_WORDS);
export const statusWord = (s: string): string => STATUS_WORDS[s] ?? s;

export const severityWord = (s: number): string => ['error', 'error', 'warning', 'information', 'hint'][s] ?? 'information';

export function StatusBadge({ status }: { status: string }) {
  const known = (status in ICONS ? status : 'info') as IconName;
  return <span class={`status status-${known}`}><Icon name={known} />{statusWord(status)}</span>;
}

export function Notice({ kind, children }: { kind: 'error' | 'warning' | 'info'; children: ComponentChildren }) {
  return (
    <div class={`notice notice-${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <Icon name={kind === 'error' ? 'failed' : kind} />
      <div class="notice-body">{children}</div>
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const e = error instanceof Error ? error : new Error(String(error));
  return (
    <Notice kind="error">
      <p>{e.message}</p>
      {e instanceof ApiError && e.where && <p class="muted">Where: <code>{e.where}</code></p>}
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </Notice>
  );
}

export function Loading({ what }: { what: string }) {
  return <p class="loading" role="status"><Icon name="running" />{what}</p>;
}

/** Follows the pointer, inside the window. */
export function Tooltip({ x, y, children }: { x: number; y: number; children: ComponentChildren }) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const el = ref.current!;
    const { offsetWidth: w, offsetHeight: h } = el;
    const left = x + 14 + w > window.innerWidth - 8 ? Math.max(8, x - w - 12) : x + 14;
    const top = y + 16 + h > window.innerHeight - 8 ? Math.max(8, y - h - 12) : y + 16;
    el.style.setProperty('transform', `translate(${Math.round(left)}px, ${Math.round(top)}px)`);
  });
  return <div class="tooltip" ref={ref} aria-hidden="true">{children}</div>;
}

/** Terms and values; rows without a value are left out. */
export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows.map(([term, value]) => value !== null && value !== undefined && value !== '' && value !== false && (
        <div key={term}><dt>{term}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}

/** Loads by key; a newer load aborts the older one. */
export function useLoad<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): { value: T | null; error: unknown; retry: () => void } {
  const [state, setState] = useState<{ key: string | null; value: T | null; error: unknown }>({ key: null, value: null, error: null });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    load(abort.signal).then(
      (value) => abort.signal.aborted || setState({ key, value, error: null }),
      (error: unknown) => abort.signal.aborted || setState({ key, value: null, error }),
    );
    return () => abort.abort();
  }, [key, attempt]);
  const current = state.key === key && key !== null;
  return { value: current ? state.value : null, error: current ? state.error : null, retry: () => setAttempt(attempt + 1) };
}

/** A view that is fetched when it is first shown, so that the page opens without its weight. */
export function lazy<P extends object>(what: string, load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, setDone] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const fetchIt = () => {
      setError(null);
      load().then((c) => {
        loaded = c;
        setDone(true);
      }, setError);
    };
    useEffect(() => {
      if (!loaded) fetchIt();
    }, []);
    if (error !== null) return <Failure error={new Error(`${what} could not be loaded from the service.`)} retry={fetchIt} />;
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : <Loading what={`Loading ${what}…`} />;
  };
}

/** A button that opens a list below it. What is in the list is made when it is first open. */
export function Menu({ label, children }: { label: string; children: (close: () => void) => ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => {
    menu.current!.open = false;
  };
  return (
    <details class="menu" ref={menu} onToggle={() => setOpen(menu.current!.open)} onKeyDown={(e) => e.key === 'Escape' && close()}
      onFocusOut={(e) => e.relatedTarget && !menu.current!.contains(e.relatedTarget as Node) && close()}>
      <summary class="button">{label}</summary>
      {open && children(close)}
    </details>
  );
}
