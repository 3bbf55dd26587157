// A WebSocketPair as Cloudflare Workers has it, for Node: two ends in memory, each silent until it is accepted. Like there, a
// close frame of the peer has to be answered, and nobody is told how much is queued.

import { CloseEvent } from '../../src/whatwg/events.ts';
import type { WorkersResponseInit, WorkersSocket } from '../../src/workers/workers-runtime.ts';

type Frame =
  | { readonly kind: 'message'; readonly data: string | ArrayBuffer }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** One end. */
export class PairSocket implements WorkersSocket {
  readonly #events = new EventTarget();
  peer: PairSocket | undefined;
  readonly #waiting: Frame[] = [];
  #isAccepted = false;
  #hasSentClose = false;
  #hasReceivedClose = false;

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#events.addEventListener(type, listener as EventListener);
  }

  removeEventListener(type: string, listener: (event: never) => void): void {
    this.#events.removeEventListener(type, listener as EventListener);
  }

  accept(): void {
    this.#isAccepted = true;
    for (const frame of this.#waiting.splice(0)) this.#deliver(frame);
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (!this.#isAccepted)
      throw new TypeError('You must call accept() on this WebSocket before sending messages.');
    if (this.#hasSentClose) throw new TypeError("Can't call WebSocket send() after close().");
    PairSocket.#pass(this.peer, {
      kind: 'message',
      data: typeof data === 'string' ? data : data.slice().buffer,
    });
  }

  close(code = 1005, reason = ''): void {
    if (this.#hasSentClose) throw new TypeError('WebSocket already closed');
    this.#hasSentClose = true;
    PairSocket.#pass(this.peer, { kind: 'close', code, reason });
  }

  /** The network is gone. */
  cut(): void {
    this.#events.dispatchEvent(new Event('error'));
    this.#events.dispatchEvent(new CloseEvent('close', { code: 1006, wasClean: false }));
  }

  static #pass(receiver: PairSocket | undefined, frame: Frame): void {
    if (receiver === undefined) return;
    if (receiver.#isAccepted) receiver.#deliver(frame);
    else receiver.#waiting.push(frame);
  }

  #deliver(frame: Frame): void {
    queueMicrotask(() => {
      if (frame.kind === 'message') {
        if (!this.#hasReceivedClose)
          this.#events.dispatchEvent(new MessageEvent('message', { data: frame.data }));
        return;
      }
      this.#hasReceivedClose = true;
      this.#events.dispatchEvent(
        new CloseEvent('close', { code: frame.code, reason: frame.reason, wasClean: true }),
      );
    });
  }
}

/** Two ends that are joined. */
export class WebSocketPair {
  readonly 0: PairSocket = new PairSocket();
  readonly 1: PairSocket = new PairSocket();

  constructor() {
    this[0].peer = this[1];
    this[1].peer = this[0];
  }
}

/** A Response that may have the status 101, and then has a socket. Node's own takes no status below 200. */
export class WorkersResponse extends Response {
  readonly webSocket: PairSocket | undefined;

  constructor(
    body: BodyInit | null,
    init: (ResponseInit & { webSocket?: undefined }) | WorkersResponseInit = {},
  ) {
    super(body, { ...init, status: init.status === 101 ? 200 : init.status });
    Object.defineProperty(this, 'status', { value: init.status ?? 200 });
    this.webSocket = init.webSocket instanceof PairSocket ? init.webSocket : undefined;
  }
}
