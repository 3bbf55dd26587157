// The ByteTransport over a Node stream: a TCP socket, a TLS socket, a unix socket, or any other Duplex. From the
// moment it is made it listens for 'error', so that no socket error is ever unlistened (the window between 'upgrade'
// and the first frame has killed processes elsewhere).

import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { ByteTransport, ByteTransportEvents } from '../connection/byte-transport.ts';
import { type DirectWriter, type DirectWriterEvents, directWriter, learnRequests } from './direct-write.ts';
import { ownSocket, type SocketOwner } from './socket-owner.ts';
import { encryptsAtOnce, encryptsNow, keepsWrites } from './tls-write.ts';

// What a stream keeps until it is written is copied when it is small: taking a buffer of the pool out of circulation for
// each of them costs more.
const mostCopiedBytes = 64 * 1024;

/** Carries bytes over a Node stream that is already connected. */
export class SocketTransport implements ByteTransport, DirectWriterEvents, SocketOwner {
  readonly #socket: Duplex;
  #events: ByteTransportEvents | undefined;
  #error: Error | undefined;
  #direct: DirectWriter | undefined;
  #hasUndrained = false;
  // How often all that waited has left, up to 1,023 and again from 0.
  #drains = 0;
  #written: (() => void) | undefined;
  readonly #encryptsAtOnce: boolean;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#encryptsAtOnce = encryptsAtOnce(socket);
    ownSocket(socket, this);
    learnRequests(socket);
  }

  get bufferedBytes(): number {
    const direct = this.#direct;
    return direct === undefined
      ? this.#socket.writableLength
      : this.#socket.writableLength + direct.pendingBytes;
  }

  get writeProgress(): number {
    // libuv's own queue shrinks while a large write is under way; our count only when it is over. Both may be what they were
    // the last time, with as many bytes that were sent since: then what waited before has drained.
    return this.#drains * 2 ** 40 + this.bufferedBytes + writeQueueSizeOf(this.#socket);
  }

  attach(events: ByteTransportEvents): void {
    this.#events = events;
    const socket = this.#socket;
    if (socket.destroyed) {
      queueMicrotask(() => this.closed());
      return;
    }
    // A stream that was flowing before has no 'readable' listener left: it flows again from here.
    socket.resume();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    this.#direct ??= directWriter(socket, this);
    const direct = this.#direct;
    if (direct?.mayWrite === true) return direct.write(chunks);
    if (socket.destroyed || socket.writableEnded) return true;
    const isTaken = this.#encryptsAtOnce && encryptsNow(socket);
    let byteLength = 0;
    for (const chunk of chunks) byteLength += chunk.length;
    // TLS would join several itself, with a list of them on the way.
    const isCopied = byteLength <= mostCopiedBytes && !(isTaken && chunks.length === 1);
    if (isCopied)
      this.#writeToStream([chunks.length === 1 ? Buffer.from(chunks[0]) : Buffer.concat(chunks, byteLength)]);
    else this.#writeToStream(chunks);
    // When all of it went out at once, nobody holds the memory any more.
    if (socket.writableLength === 0) return true;
    this.#hasUndrained = true;
    return isCopied || (isTaken && !keepsWrites(socket));
  }

  #writeToStream(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    this.#written ??= () => this.#streamWritten();
    const last = chunks.length - 1;
    if (last > 0) {
      socket.cork();
      for (let index = 0; index < last; index++) socket.write(chunks[index]);
    }
    socket.write(chunks[last], this.#written);
    if (last > 0) socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** What a DirectWriter could not write at once has left. */
  drained(): void {
    if (this.bufferedBytes !== 0) return;
    this.#drains = (this.#drains + 1) & 1023;
    this.#events?.drained();
  }

  #streamWritten(): void {
    // Node reports a write that was cut off as if it were done: `closed` follows.
    if (!this.#hasUndrained || this.#socket.writableLength > 0 || this.#socket.destroyed) return;
    this.#hasUndrained = false;
    this.drained();
  }

  /** Bytes arrived. */
  received(bytes: Uint8Array, byteLength: number, isMoreLikely?: boolean): void {
    this.#events?.received(bytes, byteLength, isMoreLikely);
  }

  /** The peer sends nothing more. */
  ended(): void {
    this.#events?.ended();
  }

  /** The socket has failed; that it is gone is told later. */
  failed(error: Error): void {
    this.#error = error;
  }

  /** The socket is gone. */
  closed(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed(this.#error);
  }
}

function writeQueueSizeOf(socket: Duplex): number {
  // Undocumented and optional: where it is missing, progress shows when a whole write is over.
  if (!('_handle' in socket)) return 0;
  const handle: unknown = socket._handle;
  if (typeof handle !== 'object' || handle === null || !('writeQueueSize' in handle)) return 0;
  return typeof handle.writeQueueSize === 'number' ? handle.writeQueueSize : 0;
}
