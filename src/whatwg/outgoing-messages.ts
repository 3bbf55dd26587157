// Messages on their way to the connection. A Blob has to be read first; whatever is sent or closed meanwhile waits
// behind it, so that the order of the calls is the order on the wire. Without Blobs nothing ever waits here.

import { copyOf } from '../base/bytes.ts';
import type { Connection } from '../connection/connection.ts';
import type { BufferedAmount } from './buffered-amount.ts';

/** Data that was passed to send(), converted. */
export type OutgoingData = string | Uint8Array | Blob;

/** What OutgoingMessages needs from its socket. */
export interface OutgoingEvents {
  /** Everything before close() was handed over: the closing handshake may start. */
  closing(code: number | undefined, reason: string): void;
  /** A Blob could not be read. */
  failed(error: Error): void;
}

type Waiting =
  | { readonly kind: 'message'; readonly data: OutgoingData; readonly byteLength: number }
  | { readonly kind: 'close'; readonly code: number | undefined; readonly reason: string };

/** Hands messages over to a connection in the order in which they were sent. */
export class OutgoingMessages {
  readonly #connection: Connection;
  readonly #amount: BufferedAmount;
  readonly #events: OutgoingEvents;
  #waiting: Waiting[] = [];
  #isReading = false;

  constructor(connection: Connection, amount: BufferedAmount, events: OutgoingEvents) {
    this.#connection = connection;
    this.#amount = amount;
    this.#events = events;
  }

  /** Sends the data, or queues it behind a Blob. The caller may change the bytes afterwards. */
  send(data: OutgoingData, byteLength: number): void {
    if (this.#isReading) {
      const kept = data instanceof Uint8Array ? copyOf(data) : data;
      this.#waiting.push({ kind: 'message', data: kept, byteLength });
    } else if (data instanceof Blob) {
      this.#read(data, byteLength);
    } else {
      this.#handOver(data, byteLength);
    }
  }

  /** Starts the closing handshake behind everything that was sent. */
  close(code: number | undefined, reason: string): void {
    if (this.#isReading) this.#waiting.push({ kind: 'close', code, reason });
    else this.#events.closing(code, reason);
  }

  #handOver(data: string | Uint8Array, byteLength: number): void {
    const isAccepted = this.#connection.send(ownedBy(this.#connection, data));
    // What is refused, because the closing handshake has started, stays in the amount for good.
    if (isAccepted !== false) this.#amount.handedOver(byteLength);
  }

  #read(blob: Blob, byteLength: number): void {
    this.#isReading = true;
    blob.arrayBuffer().then(
      (buffer) => {
        this.#isReading = false;
        this.#handOver(new Uint8Array(buffer), byteLength);
        this.#advance();
      },
      (error: unknown) => {
        this.#isReading = false;
        this.#waiting = [];
        this.#events.failed(new Error('a Blob that was sent could not be read', { cause: error }));
      },
    );
  }

  #advance(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, item] of waiting.entries()) {
      if (item.kind === 'close') this.#events.closing(item.code, item.reason);
      else this.send(item.data, item.byteLength);
      if (!this.#isReading) continue;
      this.#waiting = waiting.slice(index + 1);
      return;
    }
  }
}

/**
 * Gives data that the connection may hold on to. A Connection wants bytes unchanged until they are drained, and a
 * script may change them at once. A client's frames are masked into memory of their own while it sends (RFC 6455
 * 5.3), which saves the copy unless an extension looks at the bytes first, perhaps later.
 */
export function ownedBy(connection: Connection, data: string | Uint8Array): string | Uint8Array {
  return typeof data === 'string' || connection.extensions === '' ? data : copyOf(data);
}
