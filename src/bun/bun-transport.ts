// The MessageTransport over the server's end of a WebSocket that Bun gives. Bun speaks the protocol and answers pings; it
// sends pings, tells of drained queues and cuts. It cannot pause a connection, nor send or show single frames.

import type { TransportFeatures } from '../connection/message-transport.ts';
import { requireSendableClose } from '../connection/platform-rules.ts';
import { PlatformTransport } from '../connection/platform-transport.ts';
import type { BunSocket } from './bun-runtime.ts';

/** How a BunTransport behaves. */
export interface BunTransportOptions {
  /** The subprotocol that was agreed; '' for none. */
  readonly protocol: string;
  /** A longer message fails the connection with 1009. */
  readonly maxMessageBytes: number;
  /** From how many bytes on messages are compressed unless told otherwise, where the client agreed; undefined: none. */
  readonly compressFromBytes: number | undefined;
}

const features: TransportFeatures = Object.freeze({
  ping: true,
  pause: false,
  fragments: false,
  observe: false,
  terminate: true,
});

/** Carries messages over a WebSocket of Bun's server; its handlers call the methods named as they are. */
export class BunTransport extends PlatformTransport {
  readonly supports: TransportFeatures = features;
  /** Bun does not tell what was agreed. */
  readonly extensions = '';
  readonly protocol: string;
  readonly #socket: BunSocket<unknown>;
  readonly #options: BunTransportOptions;
  #isClosing = false;

  constructor(socket: BunSocket<unknown>, options: BunTransportOptions) {
    super(options.maxMessageBytes);
    this.#socket = socket;
    this.#options = options;
    this.protocol = options.protocol;
    socket.binaryType = 'uint8array';
  }

  get bufferedBytes(): number {
    return this.events === undefined ? 0 : this.#socket.getBufferedAmount();
  }

  sendText(text: string, compress?: boolean): void {
    if (this.events === undefined) return;
    this.#socket.sendText(text, this.#compresses(text.length, compress));
    this.sent(text);
  }

  sendBinary(bytes: Uint8Array, compress?: boolean): void {
    if (this.events === undefined) return;
    this.#socket.sendBinary(bytes, this.#compresses(bytes.length, compress));
    this.sent(bytes);
  }

  sendPing(payload: Uint8Array): void {
    if (this.events !== undefined) this.#socket.ping(payload);
  }

  sendPong(payload: Uint8Array): void {
    if (this.events !== undefined) this.#socket.pong(payload);
  }

  sendClose(code: number | undefined, reason: string): void {
    requireSendableClose(code, reason);
    if (this.events === undefined) return;
    this.#isClosing = true;
    if (code === undefined) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  terminate(): void {
    if (this.events !== undefined) this.#socket.terminate();
  }

  /** Bun read a message. */
  message(message: string | Uint8Array): void {
    this.received(message);
  }

  /** Some of what waited has left. */
  drain(): void {
    if (this.bufferedBytes === 0) this.events?.drained();
  }

  /** Bun read a ping, and answers it. */
  ping(payload: Uint8Array): void {
    this.events?.received(payload.length);
    this.events?.ping(payload);
  }

  /** Bun read a pong. */
  pong(payload: Uint8Array): void {
    this.events?.received(payload.length);
    this.events?.pong(payload);
  }

  /**
   * The connection is gone: 1006 without a close frame of the peer. To a close of ours Bun awaits no answer: it ends the
   * connection behind the close frame and tells the code of ours, still within the call. So such a close counts as clean.
   */
  close(code: number, reason: string): void {
    if (this.#isClosing) queueMicrotask(() => this.#finish(code, reason));
    else this.#finish(code, reason);
  }

  #finish(code: number, reason: string): void {
    const events = this.detach();
    if (events === undefined) return;
    if (code !== 1006) events.peerClosed(code, reason);
    // What Bun itself found wrong, such as a message beyond its own bound.
    const hasFailed = code === 1006 && reason !== '';
    events.closed(hasFailed ? new Error(`Bun ended it: ${reason}`) : undefined);
  }

  #compresses(byteLength: number, compress: boolean | undefined): boolean {
    const { compressFromBytes } = this.#options;
    return compressFromBytes !== undefined && (compress ?? byteLength >= compressFromBytes);
  }
}
