// Two ByteTransports joined in memory: what one writes the other receives, in later microtasks, in the same order
// and with real flow control. Tests can stall a direction, cut both, or split what arrives.

import type { ByteTransport, ByteTransportEvents } from '../connection/byte-transport.ts';

/** How a pair in memory behaves. */
export interface MemoryTransportOptions {
  /** The most bytes that the receiving side holds before the sending side feels it. @defaultValue 64 KiB */
  readonly capacityBytes?: number;
  /** Cuts each delivery into pieces of at most this many bytes. @defaultValue no cutting */
  readonly maxChunkBytes?: number;
}

/** One end of a pair in memory. */
export class MemoryTransport implements ByteTransport {
  readonly #capacityBytes: number;
  readonly #maxChunkBytes: number;
  #peer: MemoryTransport | undefined;
  #events: ByteTransportEvents | undefined;
  // What the peer wrote and we have not delivered, and what we wrote and the peer had no room for.
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  #writtenBytes = 0;
  #isPaused = false;
  #isStalled = false;
  #isPumpQueued = false;
  #hasEnded = false;
  #hasPeerEnded = false;
  #hasDeliveredEnd = false;
  #isClosed = false;
  #closeError: Error | undefined;

  constructor(options: MemoryTransportOptions = {}) {
    this.#capacityBytes = options.capacityBytes ?? 64 * 1024;
    this.#maxChunkBytes = options.maxChunkBytes ?? Infinity;
  }

  /** Joins two ends; called once by `memoryTransportPair`. */
  join(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  get bufferedBytes(): number {
    return this.#outgoingBytes;
  }

  get writeProgress(): number {
    return this.#writtenBytes - this.#outgoingBytes;
  }

  attach(events: ByteTransportEvents): void {
    this.#events = events;
    this.#queuePump();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#isClosed || this.#hasEnded) return true;
    for (const chunk of chunks) {
      this.#outgoing.push(chunk.slice());
      this.#outgoingBytes += chunk.length;
      this.#writtenBytes += chunk.length;
    }
    this.#push();
    return true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#queuePump();
  }

  end(): void {
    if (this.#hasEnded || this.#isClosed) return;
    this.#hasEnded = true;
    this.#push();
  }

  destroy(): void {
    this.fail();
  }

  /** Cuts the connection on both sides, as a reset would; the error is what both sides are told. */
  fail(error?: Error): void {
    this.#close(error);
    const peer = this.#peer;
    if (peer !== undefined) peer.#close(error);
  }

  /** Makes this end deliver nothing, as if the network had swallowed it, until `unstall`. The peer is not told. */
  stall(): void {
    this.#isStalled = true;
  }

  /** Delivers again after `stall`. */
  unstall(): void {
    this.#isStalled = false;
    this.#queuePump();
  }

  #push(): void {
    const peer = this.#peer;
    if (peer === undefined || peer.#isClosed) return;
    const hadBytes = this.#outgoingBytes > 0;
    let hasMoved = false;
    let first = this.#outgoing[0];
    while (first !== undefined && peer.#incomingBytes < peer.#capacityBytes) {
      const room = peer.#capacityBytes - peer.#incomingBytes;
      const taken = first.length > room ? first.subarray(0, room) : first;
      if (taken.length === first.length) this.#outgoing.shift();
      else this.#outgoing[0] = first.subarray(room);
      this.#outgoingBytes -= taken.length;
      peer.#incoming.push(taken);
      peer.#incomingBytes += taken.length;
      hasMoved = true;
      first = this.#outgoing[0];
    }
    if (this.#hasEnded && this.#outgoing.length === 0 && !peer.#hasPeerEnded) {
      peer.#hasPeerEnded = true;
      hasMoved = true;
    }
    if (hasMoved) peer.#queuePump();
    if (hadBytes && this.#outgoingBytes === 0) queueMicrotask(() => this.#events?.drained());
  }

  #queuePump(): void {
    if (this.#isPumpQueued) return;
    this.#isPumpQueued = true;
    queueMicrotask(() => {
      this.#isPumpQueued = false;
      this.#pump();
    });
  }

  #pump(): void {
    const events = this.#events;
    if (events === undefined) return;
    if (this.#isClosed) {
      this.#events = undefined;
      events.closed(this.#closeError);
      return;
    }
    if (this.#isStalled) return;
    while (!this.#isPaused && !this.#isStalled && !this.#isClosed) {
      const first = this.#incoming[0];
      if (first === undefined) break;
      const chunk = first.length > this.#maxChunkBytes ? first.subarray(0, this.#maxChunkBytes) : first;
      if (chunk.length === first.length) this.#incoming.shift();
      else this.#incoming[0] = first.subarray(chunk.length);
      this.#incomingBytes -= chunk.length;
      events.received(chunk);
    }
    const peer = this.#peer;
    if (peer !== undefined) peer.#pushIfWaiting();
    if (this.#incoming.length === 0 && this.#hasPeerEnded && !this.#hasDeliveredEnd && !this.#isPaused) {
      this.#hasDeliveredEnd = true;
      events.ended();
    }
    // Both directions ended: the transport is gone on both sides.
    if (this.#hasDeliveredEnd && this.#hasEnded && this.#outgoing.length === 0) this.#close(undefined);
  }

  #pushIfWaiting(): void {
    const peer = this.#peer;
    const owesEnd = this.#hasEnded && peer !== undefined && !peer.#hasPeerEnded;
    if (this.#outgoing.length > 0 || owesEnd) this.#push();
    else if (this.#hasDeliveredEnd && this.#hasEnded) this.#queuePump();
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeError = error;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.#queuePump();
  }
}

/** Makes two transports that are joined: what is written into one comes out of the other. */
export function memoryTransportPair(
  options: MemoryTransportOptions = {},
): [MemoryTransport, MemoryTransport] {
  const first = new MemoryTransport(options);
  const second = new MemoryTransport(options);
  first.join(second);
  second.join(first);
  return [first, second];
}
