// The ByteTransport over one stream of HTTP/2 (RFC 8441 5): the end of the stream (END_STREAM) is the FIN of TCP, and
// RST_STREAM with CANCEL is its reset. Flow control is Node's: a paused stream gives its peer no credit, while that of the
// connection is given back at once, so that streams never wait for each other.

import { Buffer } from 'node:buffer';
import type { Http2Stream } from 'node:http2';
import type { ByteTransport, ByteTransportEvents } from '../../connection/byte-transport.ts';
import { ownSocket, type SocketOwner } from '../socket-owner.ts';
import { cancelStream, streamEnd } from './stream-end.ts';

// What is handed to Node at a time. The rest of a large write waits here, so that progress shows while the peer reads, and
// small writes are copied, because a buffer of the pool would be out of circulation until the peer gives credit.
const pieceBytes = 64 * 1024;

/** Carries bytes over a stream whose headers are exchanged. */
export class StreamTransport implements ByteTransport, SocketOwner {
  readonly #stream: Http2Stream;
  #events: ByteTransportEvents | undefined;
  #error: Error | undefined;
  #isEnding = false;
  #hasPeerEnded = false;
  // Bytes in Node's hands, and those that wait for their turn; the list is made when something has to wait.
  #inFlightBytes = 0;
  #waiting: Uint8Array[] | undefined;
  #waitingBytes = 0;
  #written: (() => void) | undefined;

  constructor(stream: Http2Stream) {
    this.#stream = stream;
    ownSocket(stream, this);
  }

  get bufferedBytes(): number {
    return this.#inFlightBytes + this.#waitingBytes;
  }

  get writeProgress(): number {
    return this.bufferedBytes;
  }

  attach(events: ByteTransportEvents): void {
    this.#events = events;
    if (this.#stream.destroyed) {
      queueMicrotask(() => this.closed());
      return;
    }
    this.#stream.resume();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#isOver()) return true;
    let byteLength = 0;
    for (const chunk of chunks) byteLength += chunk.length;
    if (byteLength <= pieceBytes) {
      const copy = chunks.length === 1 ? Buffer.from(chunks[0]) : Buffer.concat(chunks, byteLength);
      if (this.#inFlightBytes === 0) this.#writeNow([copy], byteLength);
      else this.#wait(copy);
      return true;
    }
    for (const chunk of chunks) this.#wait(chunk);
    if (this.#inFlightBytes === 0) this.#writeNext();
    return false;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    if (this.#isOver()) return;
    this.#isEnding = true;
    if (this.#waitingBytes === 0) this.#stream.end();
  }

  destroy(): void {
    cancelStream(this.#stream);
  }

  #isOver(): boolean {
    return this.#isEnding || this.#stream.destroyed || this.#stream.closed;
  }

  #wait(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#waiting ??= [];
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** Hands over the next piece: several small chunks, or a part of a large one. */
  #writeNext(): void {
    const waiting = this.#waiting ?? [];
    const piece: Uint8Array[] = [];
    let byteLength = 0;
    while (waiting.length > 0 && byteLength < pieceBytes) {
      const [chunk] = waiting;
      const roomBytes = pieceBytes - byteLength;
      if (chunk.length <= roomBytes) {
        piece.push(chunk);
        waiting.shift();
      } else {
        piece.push(chunk.subarray(0, roomBytes));
        waiting[0] = chunk.subarray(roomBytes);
      }
      byteLength += Math.min(chunk.length, roomBytes);
    }
    if (waiting.length === 0) this.#waiting = undefined;
    this.#waitingBytes -= byteLength;
    this.#writeNow(piece, byteLength);
  }

  #writeNow(chunks: readonly Uint8Array[], byteLength: number): void {
    const stream = this.#stream;
    this.#written ??= () => this.#pieceWritten();
    this.#inFlightBytes = byteLength;
    const last = chunks.length - 1;
    if (last > 0) stream.cork();
    for (let index = 0; index < last; index++) stream.write(chunks[index]);
    stream.write(chunks[last], this.#written);
    if (last > 0) stream.uncork();
  }

  #pieceWritten(): void {
    this.#inFlightBytes = 0;
    if (this.#stream.destroyed) return;
    if (this.#waitingBytes > 0) {
      this.#writeNext();
      return;
    }
    if (this.#isEnding) this.#stream.end();
    this.#events?.drained();
  }

  /** Bytes arrived. */
  received(bytes: Uint8Array, byteLength: number): void {
    this.#events?.received(bytes, byteLength);
  }

  /** The peer has ended the stream. */
  ended(): void {
    // Node ends a stream that was reset as well; that it was is told by `closed`.
    if (this.#stream.rstCode) return;
    this.#hasPeerEnded = true;
    this.#events?.ended();
  }

  /** The stream has failed; that it is gone is told later. */
  failed(error: Error): void {
    this.#error = error;
  }

  /** The stream is gone. */
  closed(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed(streamEnd(this.#stream, this.#error, this.#hasPeerEnded));
  }
}
