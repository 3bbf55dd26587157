// The connection of the page to the inspector: it comes back by itself, with the key that was typed and the connection that is watched.

import type { InspectorMessage, PageMessage } from '../messages.ts';

/** What the page hears. */
export interface LiveEvents {
  received(message: InspectorMessage): void;
  /** The connection is gone; the next try comes by itself. */
  lost(): void;
  /** The key that was shown is the wrong one. */
  refused(): void;
}

const againMs = 1_500;

/** The connection. */
export class LiveSocket {
  readonly #events: LiveEvents;
  #socket: WebSocket | undefined;
  #key: string | undefined;
  #watched: number | null = null;

  constructor(events: LiveEvents) {
    this.#events = events;
    this.#open();
  }

  /** Shows the key. */
  unlock(key: string): void {
    this.#key = key;
    this.#send({ kind: 'unlock', key });
  }

  /** Watches the frames of a connection; null: of none. */
  watch(connection: number | null): void {
    this.#watched = connection;
    this.#send({ kind: 'watch', connection });
  }

  #send(message: PageMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #open(): void {
    const url = new URL('/live', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      if (this.#key !== undefined) this.#send({ kind: 'unlock', key: this.#key });
      if (this.#watched !== null) this.#send({ kind: 'watch', connection: this.#watched });
    });
    socket.addEventListener('message', ({ data }: MessageEvent<string>) => {
      const message: InspectorMessage = JSON.parse(data);
      this.#events.received(message);
    });
    socket.addEventListener('close', ({ reason }) => {
      if (reason === 'wrong key') {
        this.#key = undefined;
        this.#events.refused();
      } else {
        this.#events.lost();
      }
      setTimeout(() => this.#open(), againMs);
    });
  }
}
