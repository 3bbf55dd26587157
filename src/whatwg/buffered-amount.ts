// `bufferedAmount` as the standard has it: bytes of application data that were passed to send() and had not left when
// the event loop last began a turn. A Connection counts what it holds with frame headers, so the headers are taken
// off here. Sends that reach nobody (a connection that closes) count too, and for good.

import type { Scheduler } from '../base/scheduler.ts';
import type { Connection } from '../connection/connection.ts';
import { type Flushable, FlushQueue } from '../connection/flush-queue.ts';
import { frameHeaderLength } from '../protocol/frame-header.ts';

/** Counts the bytes of application data that are on their way. */
export class BufferedAmount implements Flushable {
  readonly #turnEnds: FlushQueue;
  #connection: Connection | undefined;
  // What send() was given and the connection was not (yet, or ever).
  #withheldBytes = 0;
  // What the connection was given: the payload of each message, oldest first, and the sums.
  #payloads: number[] = [];
  #head = 0;
  #payloadBytes = 0;
  #wireBytes = 0;
  // How much of the oldest message's payload has left.
  #leftOfOldest = 0;
  #isTurnOver = true;

  constructor(scheduler: Scheduler) {
    this.#turnEnds = FlushQueue.afterTurn(scheduler);
  }

  /** The amount. It never falls during the turn in which something was sent. */
  get value(): number {
    if (this.#isTurnOver) this.#settle();
    return this.#withheldBytes + this.#payloadBytes - this.#leftOfOldest;
  }

  /** From now on messages are handed to this connection. */
  connected(connection: Connection): void {
    this.#connection = connection;
  }

  /** send() was called with a message of this length. */
  queued(byteLength: number): void {
    this.#withheldBytes += byteLength;
    if (!this.#isTurnOver) return;
    this.#isTurnOver = false;
    // In a task that all sockets share: a tick after each read costs 2 us of 20 (npm run bench:client, WHATWG events d1).
    this.#turnEnds.add(this);
  }

  /** A message that was queued was handed to the connection. */
  handedOver(byteLength: number): void {
    this.#withheldBytes -= byteLength;
    this.#payloads.push(byteLength);
    this.#payloadBytes += byteLength;
    this.#wireBytes += wireLength(byteLength);
  }

  /** The connection is gone; what had not left never will, and the amount only grows from here. */
  closed(wasClean: boolean): void {
    // Our close frame went behind everything that was sent, so that after a clean end all of it has left.
    if (wasClean) this.#leave(this.#wireBytes);
    this.#connection = undefined;
  }

  /** The turn is over in which something was sent; called by the FlushQueue. */
  flush(): void {
    this.#isTurnOver = true;
    this.#settle();
  }

  #settle(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#wireBytes === 0) return;
    const held = connection.bufferedAmount;
    // What an extension made of the messages has another length: only "nothing is left" can be told.
    if (held === 0 || connection.extensions === '') this.#leave(this.#wireBytes - held);
  }

  // The oldest messages leave first. Pings and pongs among the bytes held make this too little, never too much.
  #leave(leftBytes: number): void {
    let left = leftBytes;
    let oldest = this.#payloads[this.#head];
    while (oldest !== undefined && wireLength(oldest) <= left) {
      left -= wireLength(oldest);
      this.#wireBytes -= wireLength(oldest);
      this.#payloadBytes -= oldest;
      this.#leftOfOldest = 0;
      oldest = this.#payloads[++this.#head];
    }
    if (oldest !== undefined) {
      const header = wireLength(oldest) - oldest;
      this.#leftOfOldest = Math.max(this.#leftOfOldest, left - header);
    }
    if (this.#head * 2 <= this.#payloads.length) return;
    this.#payloads = this.#payloads.slice(this.#head);
    this.#head = 0;
  }
}

function wireLength(payloadLength: number): number {
  return frameHeaderLength(payloadLength, true) + payloadLength;
}
