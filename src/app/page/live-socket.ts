// A WebSocket of the browser that comes back: it connects again with growing waits when the connection is gone.

/** What the owner of a socket hears. */
export interface LiveSocketEvents {
  opened?(): void;
  message(data: string | ArrayBuffer): void;
  /** The connection is gone; the next try comes after `waitMs`. */
  lost?(waitMs: number): void;
}

const shortestWaitMs = 500;
const longestWaitMs = 8_000;
// A connection that lived for this long was a success: the waits start over.
const stableAfterMs = 5_000;

/** Keeps one connection to the server. */
export class LiveSocket {
  readonly #url: string;
  readonly #protocols: string[];
  readonly #events: LiveSocketEvents;
  #socket: WebSocket | undefined;
  #timer: number | undefined;
  #failures = 0;
  #openedAtMs = 0;

  constructor(url: string, protocols: string[], events: LiveSocketEvents) {
    this.#url = url;
    this.#protocols = protocols;
    this.#events = events;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects now, unless it is connected or about to be. */
  connect(): void {
    if (this.#socket !== undefined) return;
    window.clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url, this.#protocols);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#openedAtMs = performance.now();
      this.#events.opened?.();
    });
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#events.message(data);
    });
    socket.addEventListener('close', () => this.#lost());
  }

  /** Sends a message; false when there is no connection. */
  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (!this.isOpen) return false;
    this.#socket?.send(data);
    return true;
  }

  /** Closes the connection, which then comes back. */
  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  #lost(): void {
    this.#socket = undefined;
    const lived = this.#openedAtMs === 0 ? 0 : performance.now() - this.#openedAtMs;
    this.#openedAtMs = 0;
    if (lived >= stableAfterMs) this.#failures = 0;
    // Chance spreads the pages that lost the same server.
    const mostMs = Math.min(longestWaitMs, shortestWaitMs * 2 ** (this.#failures + 1));
    const waitMs = shortestWaitMs + Math.random() * (mostMs - shortestWaitMs);
    this.#failures++;
    this.#timer = window.setTimeout(() => this.connect(), waitMs);
    this.#events.lost?.(waitMs);
  }
}
