// A platform's WebSocket for tests: it does nothing by itself, records what is asked of it, and says what it is told.

import { CloseEvent } from '../../src/whatwg/events.ts';

export class FakeWebSocket extends EventTarget implements WebSocket {
  static readonly made: FakeWebSocket[] = [];
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly extensions = '';
  readonly readyState: 0 | 1 | 2 | 3 = 0;
  binaryType: BinaryType = 'blob';
  bufferedAmount = 0;
  protocol = '';
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  /** What was asked of it, in order. */
  readonly calls: unknown[][] = [];
  readonly url: string;
  readonly protocols: readonly string[];

  constructor(url: string, protocols: string[] = []) {
    super();
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.made.push(this);
  }

  send(data: string | BufferSource | Blob): void {
    this.calls.push(['send', data]);
  }

  close(...given: [code?: number, reason?: string]): void {
    this.calls.push(['close', ...given]);
  }

  opens(protocol = ''): void {
    this.protocol = protocol;
    this.dispatchEvent(new Event('open'));
  }

  receives(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  fails(): void {
    this.dispatchEvent(new Event('error'));
  }

  closes(code: number, reason: string, wasClean: boolean): void {
    this.dispatchEvent(new CloseEvent('close', { code, reason, wasClean }));
  }
}
