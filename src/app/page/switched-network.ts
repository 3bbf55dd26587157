// A network that a person can cut: the page's WebSocket and fetch with a switch between them and the real ones. To the client it
// looks as a cable does that is pulled: what was open is gone, and nothing opens.

import type { WebSocketConstructor, WebSocketLike } from '../../client.browser.ts';

const reason = 'the network is cut';
// As long as it takes a system to find that out.
const refusalMs = 50;

/** What connects the page to its server. */
export class SwitchedNetwork {
  /** The class of WebSockets that go over it. */
  readonly WebSocket: WebSocketConstructor;
  readonly #sockets = new Set<SwitchedSocket>();
  #requests = new AbortController();
  #isCut = false;

  constructor() {
    const open = (socket: SwitchedSocket): boolean => {
      if (!this.#isCut) this.#sockets.add(socket);
      return !this.#isCut;
    };
    const closed = (socket: SwitchedSocket): void => void this.#sockets.delete(socket);
    this.WebSocket = class extends SwitchedSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, open, closed);
      }
    };
  }

  /** Whether it is cut. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Sends a request over it. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    if (this.#isCut) throw new TypeError(reason);
    const signals = [this.#requests.signal, ...(init?.signal ? [init.signal] : [])];
    return globalThis.fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };

  /** Cuts it: everything on it is gone at once. */
  cut(): void {
    this.#isCut = true;
    this.#requests.abort(new TypeError(reason));
    this.#requests = new AbortController();
    for (const socket of this.#sockets) socket.cut();
    this.#sockets.clear();
  }

  /** Mends it, and says so as browsers do. */
  mend(): void {
    this.#isCut = false;
    window.dispatchEvent(new Event('online'));
  }
}

class SwitchedSocket implements WebSocketLike {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readonly #socket: WebSocket | undefined;
  #isOver = false;

  constructor(
    url: string,
    protocols: string,
    open: (socket: SwitchedSocket) => boolean,
    closed: (socket: SwitchedSocket) => void,
  ) {
    if (!open(this)) {
      window.setTimeout(() => this.cut(), refusalMs);
      return;
    }
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    socket.onopen = (event) => this.onopen?.(event);
    socket.onerror = (event) => this.onerror?.(event);
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (!this.#isOver) this.onmessage?.(event);
    };
    socket.onclose = (event) => {
      closed(this);
      this.#end(event);
    };
  }

  get readyState(): number {
    return this.#isOver ? WebSocket.CLOSED : (this.#socket?.readyState ?? WebSocket.CONNECTING);
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(data: string): void {
    if (!this.#isOver) this.#socket?.send(data);
  }

  close(code?: number, why?: string): void {
    this.#socket?.close(code, why);
  }

  /** Nothing goes through any more. */
  cut(): void {
    // A page cannot pull the cable itself: the server sees a proper end.
    this.#socket?.close(4002, reason);
    this.#end(new CloseEvent('close', { code: 1006, reason }));
  }

  #end(event: CloseEvent): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onclose?.(event);
  }
}
