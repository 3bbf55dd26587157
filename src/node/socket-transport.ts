// The ByteTransport over a Node stream: a TCP socket, a TLS socket, a unix socket, or any other Duplex. From the
// moment it is made it listens for 'error', so that no socket error is ever unlistened (the window between 'upgrade'
// and the first frame has killed processes elsewhere).

import type { Duplex } from 'node:stream';
import type { ByteTransport, ByteTransportEvents } from '../connection/byte-transport.ts';
import { readIntoSharedBuffer } from './shared-read-buffer.ts';

/** Carries bytes over a Node stream that is already connected. */
export class SocketTransport implements ByteTransport {
  readonly #socket: Duplex;
  #events: ByteTransportEvents | undefined;
  #error: Error | undefined;
  #hasUndrained = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('error', (error: Error) => {
      this.#error = error;
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get writeProgress(): number {
    // libuv's own queue shrinks while a large write is under way; writableLength only when it is over.
    return this.#socket.writableLength + writeQueueSizeOf(this.#socket);
  }

  attach(events: ByteTransportEvents): void {
    this.#events = events;
    const socket = this.#socket;
    if (socket.destroyed) {
      queueMicrotask(() => this.#closed());
      return;
    }
    const received = (chunk: Uint8Array): void => events.received(chunk);
    readIntoSharedBuffer(socket, received);
    // What had been read before comes as 'data' in any case, and before anything that is read from now on.
    socket.on('data', received);
    socket.on('end', () => events.ended());
    socket.on('close', () => this.#closed());
    // A stream that was flowing before has no 'readable' listener left: it flows again from here.
    socket.resume();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    const last = chunks.length - 1;
    if (last > 0) {
      socket.cork();
      for (let index = 0; index < last; index++) socket.write(chunks[index]);
    }
    socket.write(chunks[last], this.#written);
    if (last > 0) socket.uncork();
    // libuv tries to write at once; when all of it went out, nobody holds the memory any more.
    if (socket.writableLength === 0) return true;
    this.#hasUndrained = true;
    return false;
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

  readonly #written = (): void => {
    if (!this.#hasUndrained || this.#socket.writableLength > 0) return;
    this.#hasUndrained = false;
    this.#events?.drained();
  };

  #closed(): void {
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
