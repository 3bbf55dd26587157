// A WebSocket as a Duplex of node:stream: what is written goes out as messages, what arrives can be read, and either side feels it
// when the other one is slow.

import { Duplex, type DuplexOptions } from 'node:stream';
import type { SentCallback } from './outgoing.ts';
import { CLOSED, CONNECTING } from './ready-state.ts';
import { type RawData, textOf } from './received-data.ts';
import type { WebSocket } from './web-socket.ts';

/** Gives a Duplex over a WebSocket; the options are those of `stream.Duplex`. */
export function createWebSocketStream(websocket: WebSocket, options: DuplexOptions = {}): Duplex {
  return new WebSocketDuplex(websocket, options);
}

class WebSocketDuplex extends Duplex {
  readonly #socket: WebSocket;
  // When the connection has failed its close frame is on its way already.
  #mayTerminate = true;

  constructor(socket: WebSocket, options: DuplexOptions) {
    super({ ...options, autoDestroy: false, emitClose: false, objectMode: false, writableObjectMode: false });
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (!this.push(this.readableObjectMode ? objectOf(data, isBinary) : chunkOf(data))) socket.pause();
    });
    socket.once('error', (error) => {
      if (this.destroyed) return;
      this.#mayTerminate = false;
      this.destroy(error);
    });
    socket.once('close', () => {
      if (!this.destroyed) this.push(null);
    });
    this.on('end', () => {
      if (!this.destroyed && this.writableFinished) this.destroy();
    });
    const failed = (error: Error): void => {
      this.removeListener('error', failed);
      this.destroy();
      // Nobody else has listened: as without us, that is not passed over in silence.
      if (this.listenerCount('error') === 0) this.emit('error', error);
    };
    this.on('error', failed);
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: SentCallback): void {
    this.#whenOpen(() => this.#socket.send(chunk, callback));
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#whenOpen(() => {
      const stream = this.#socket._socket;
      // Without one the handshake has failed, and the error follows.
      if (stream === null) return;
      if (stream.writableFinished) {
        callback();
        if (this.readableEnded) this.destroy();
        return;
      }
      stream.once('finish', () => callback());
      this.#socket.close();
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const socket = this.#socket;
    const close = (): void => process.nextTick(() => this.emit('close'));
    if (socket.readyState === CLOSED) {
      callback(error);
      close();
      return;
    }
    let isTold = false;
    socket.once('error', (failure) => {
      isTold = true;
      callback(failure);
    });
    socket.once('close', () => {
      if (!isTold) callback(error);
      close();
    });
    if (this.#mayTerminate) socket.terminate();
  }

  #whenOpen(act: () => void): void {
    if (this.#socket.readyState === CONNECTING) this.#socket.once('open', act);
    else act();
  }
}

function objectOf(data: RawData, isBinary: boolean): unknown {
  return isBinary ? data : textOf(data);
}

function chunkOf(data: RawData): unknown {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
