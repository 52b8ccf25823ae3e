// SPDX-License-Identifier: Apache-2.0
// Compiles as they start and end, from /v1/events.

import { ApiError, request, type CompileEvent } from './api';

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
