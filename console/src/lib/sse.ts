// Server-sent events over fetch: EventSource cannot send an Authorization header.

import { UNREACHABLE, authorization, failure } from './api.js';

export interface SseEvent {
  event: string;
  data: string;
  id: string;
}

// Splits a stream of text chunks into events (WHATWG HTML §9.2.6); a chunk may end anywhere.
export class SseParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private id = '';

  push(chunk: string): SseEvent[] {
    const out: SseEvent[] = [];
    this.rest += chunk;
    // A CR at the very end may be the first half of a CRLF.
    const held = this.rest.endsWith('\r') ? '\r' : '';
    const lines = (held ? this.rest.slice(0, -1) : this.rest).split(/\r\n|\n|\r/);
    this.rest = lines.pop()! + held;
    for (const line of lines) {
      if (line === '') {
        if (this.data.length) out.push({ event: this.event || 'message', data: this.data.join('\n'), id: this.id });
        this.event = '';
        this.data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.event = value;
      else if (field === 'data') this.data.push(value);
      else if (field === 'id') this.id = value;
    }
    return out;
  }
}

export interface Listener {
  event(event: SseEvent): void;
  // '' once connected, else what is wrong.
  problem(message: string): void;
}

// Follows a stream and reconnects (after 0.5 s, doubling to 8 s) until the returned function is called. After a
// reconnect the server starts over: the listener tells repeated events by their ids.
export function follow(path: string, listener: Listener): () => void {
  const abort = new AbortController();
  let wait = 500;
  const run = async () => {
    while (!abort.signal.aborted) {
      try {
        const response = await fetch(path, {
          headers: { ...authorization(), Accept: 'text/event-stream' },
          cache: 'no-store',
          signal: abort.signal,
        });
        if (!response.ok) throw await failure(response);
        listener.problem('');
        const parser = new SseParser();
        const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          wait = 500;
          for (const event of parser.push(part.value)) listener.event(event);
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        listener.problem(error instanceof TypeError ? UNREACHABLE : (error as Error).message);
      }
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(8000, wait * 2);
    }
  };
  void run();
  return () => abort.abort();
}
