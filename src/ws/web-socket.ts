// The WebSocket class of ws, a client's or a server's, as a view of a Connection: its methods and properties in all four states. How
// a client gets its connection is client-attempt.ts, how a server does is server-upgrade.ts, and what happens on one that is
// open is open-socket.ts.

import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connection } from '../connection/connection.ts';
import type { AgreedHandshake } from '../node/platform.ts';
import { pushBack } from '../node/upgrade-answers.ts';
import { transportOf } from './byte-transports.ts';
import { type AttemptOwner, ClientAttempt } from './client-attempt.ts';
import { clientArguments } from './client-options.ts';
import { closeReasonOf } from './close-arguments.ts';
import { OpenSocket, type SocketHome } from './open-socket.ts';
import type { SendOptions, SentCallback } from './outgoing.ts';
import {
  type BinaryType,
  CLOSED,
  CLOSING,
  CONNECTING,
  isBinaryType,
  notOpen,
  OPEN,
  type ReadyState,
} from './ready-state.ts';
import type { FrameSender, Sender } from './sender.ts';
import { type BufferLike, bytesOf, isBlob, readyDataOf } from './sent-data.ts';
import { settingsOf, type SocketOptions } from './socket-options.ts';
import type { createWebSocketStream } from './stream.ts';
import type * as types from './types.ts';
import { WebSocketEmitter } from './web-socket-emitter.ts';

const noReason = Buffer.alloc(0);
const nothingAgreed: AgreedHandshake = Object.freeze({
  subprotocol: '',
  extension: undefined,
  extensionsHeader: '',
});

/** A WebSocket of a client, or the server's end of one. */
export class WebSocket extends WebSocketEmitter {
  static readonly CONNECTING: typeof CONNECTING = CONNECTING;
  static readonly OPEN: typeof OPEN = OPEN;
  static readonly CLOSING: typeof CLOSING = CLOSING;
  static readonly CLOSED: typeof CLOSED = CLOSED;
  // The rest of the package, as members of its main class; src/ws.ts sets them.
  declare static WebSocket: typeof WebSocket;
  declare static WebSocketServer: typeof types.WebSocketServer;
  declare static Server: typeof types.WebSocketServer;
  declare static Sender: typeof Sender;
  declare static createWebSocketStream: typeof createWebSocketStream;

  declare readonly CONNECTING: typeof CONNECTING;
  declare readonly OPEN: typeof OPEN;
  declare readonly CLOSING: typeof CLOSING;
  declare readonly CLOSED: typeof CLOSED;

  #role: 'client' | 'server';
  // Until it is open, and when it never is.
  #state: ReadyState = CONNECTING;
  #binaryType: BinaryType = 'nodebuffer';
  #url = '';
  #agreed = nothingAgreed;
  #attempt: ClientAttempt | undefined;
  #open: OpenSocket | undefined;
  // Bytes that were given to `send` when it was too late.
  #refusedBytes = 0;
  #home: SocketHome | undefined;

  static {
    for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
      Object.defineProperty(WebSocket, name, { enumerable: true, value, writable: false });
      Object.defineProperty(WebSocket.prototype, name, { enumerable: true, value });
    }
    for (const name of [
      'binaryType',
      'bufferedAmount',
      'extensions',
      'isPaused',
      'protocol',
      'readyState',
      'url',
    ])
      Object.defineProperty(WebSocket.prototype, name, { enumerable: true });
  }

  /**
   * Opens a connection: `open` or `error` and `close` say how that went. With null for the address, the WebSocket is the
   * server's end of a connection that `setSocket` brings.
   * @throws SyntaxError for a URL or subprotocols that make no sense, RangeError for another protocol version than 13
   */
  constructor(address: null, protocols?: undefined, options?: SocketOptions);
  constructor(address: string | URL, options?: types.ClientOptions);
  constructor(address: string | URL, protocols?: string | string[], options?: types.ClientOptions);
  constructor(
    address: string | URL | null,
    protocols?: string | string[] | types.ClientOptions,
    options?: types.ClientOptions | SocketOptions,
  ) {
    super();
    if (address === null) {
      this.#role = 'server';
      return;
    }
    this.#role = 'client';
    const given = clientArguments(protocols, options);
    this.#attempt = new ClientAttempt(new WebSocket.#Attempt(this), given.protocols, given.options);
    this.#attempt.start(address);
  }

  /** How binary messages are handed out. @defaultValue 'nodebuffer' */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(binaryType: BinaryType) {
    if (isBinaryType(binaryType)) this.#binaryType = binaryType;
  }

  /** The bytes that were given to `send` and that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return (this.#open?.outgoing.bufferedAmount ?? 0) + this.#refusedBytes;
  }

  /** The name of the extension that was agreed, or the empty string. */
  get extensions(): string {
    return this.#agreed.extension?.name ?? '';
  }

  /** Whether `pause` was called and `resume` was not. */
  get isPaused(): boolean {
    return this.#open?.isPaused === true;
  }

  /** The subprotocol that was agreed, or the empty string. */
  get protocol(): string {
    return this.#agreed.subprotocol;
  }

  /** CONNECTING, OPEN, CLOSING or CLOSED. */
  get readyState(): ReadyState {
    return this.#open?.readyState ?? this.#state;
  }

  /** Where a client has connected to; the empty string on a server. */
  get url(): string {
    return this.#url;
  }

  /** The stream under an open connection; packages look at its addresses. */
  get _socket(): Duplex | null {
    return this.#open?.stream ?? null;
  }

  /** Whether this is the server's end; packages set it before `setSocket`. */
  get _isServer(): boolean {
    return this.#role === 'server';
  }

  set _isServer(isServer: boolean) {
    this.#role = isServer ? 'server' : 'client';
  }

  /** The same as `readyState`, under the name that it has inside of ws. */
  get _readyState(): ReadyState {
    return this.readyState;
  }

  /** Sends frames that were encoded before. */
  get _sender(): FrameSender | null {
    return this.#open?.sender ?? null;
  }

  /**
   * Takes over a stream whose opening handshake is done, and is open from here on.
   * @param head what was read behind the handshake
   */
  setSocket(stream: Duplex, head: Uint8Array, options: SocketOptions = {}): void {
    const settings = settingsOf(options, this.#role);
    if (stream instanceof Socket) {
      stream.setTimeout(0);
      stream.setNoDelay();
    }
    pushBack(stream, head);
    this.#open = new OpenSocket(this, {
      role: this.#role,
      stream,
      transport: transportOf(stream),
      agreed: this.#agreed,
      settings,
      home: this.#home,
    });
    this.emit('open');
  }

  /**
   * Closes the connection behind everything sent so far. A client that is still connecting gives up.
   * @throws TypeError, RangeError for a code or reason that may not be sent
   */
  close(code?: number, data?: string | Buffer): void {
    const state = this.readyState;
    if (state === CONNECTING) this.#giveUp();
    if (state !== OPEN) return;
    this.#open?.close(code, closeReasonOf(code, data));
  }

  /** Cuts the connection at once. */
  terminate(): void {
    const state = this.readyState;
    if (state === CONNECTING) this.#giveUp();
    else if (state !== CLOSED) this.#open?.terminate();
  }

  /** Stops receiving. */
  pause(): void {
    if (this.readyState !== CLOSED) this.#open?.pause();
  }

  /** Goes on receiving. */
  resume(): void {
    if (this.readyState !== CLOSED) this.#open?.resume();
  }

  /**
   * Sends a message: a string as text, all else as binary, unless the options say otherwise.
   * @throws Error while connecting; TypeError for what has no bytes
   */
  send(data: BufferLike, callback?: SentCallback): void;
  send(data: BufferLike, options: SendOptions, callback?: SentCallback): void;
  send(data: unknown, options?: SendOptions | SentCallback, callback?: SentCallback): void {
    if (typeof options === 'function') this.#send(data, undefined, options);
    else this.#send(data, options, callback);
  }

  /** Sends a ping. @throws Error while connecting, RangeError above 125 bytes */
  ping(data?: unknown, mask?: boolean | SentCallback, callback?: SentCallback): void {
    this.#sendControl('ping', data, mask, callback);
  }

  /** Sends a pong that nobody asked for. @throws Error while connecting, RangeError above 125 bytes */
  pong(data?: unknown, mask?: boolean | SentCallback, callback?: SentCallback): void {
    this.#sendControl('pong', data, mask, callback);
  }

  /**
   * Gives the Connection under a WebSocket, once it is open. Not a property of the socket: programs put their own there, by any name.
   */
  static connectionOf(socket: WebSocket): Connection<unknown> | undefined {
    return socket.#open?.carrier;
  }

  /** Makes the server's end of a connection of a WebSocket, and opens it. */
  static accept(
    socket: WebSocket,
    stream: Duplex,
    head: Uint8Array,
    agreed: AgreedHandshake,
    options: SocketOptions,
    home: SocketHome,
  ): void {
    socket.#agreed = agreed;
    socket.#home = home;
    socket.setSocket(stream, head, options);
  }

  #send(data: unknown, options: SendOptions | undefined, callback: SentCallback | undefined): void {
    const state = this.readyState;
    if (state === OPEN) this.#open?.outgoing.send(data, options, callback);
    else this.#refuse(state, data, callback);
  }

  #sendControl(kind: 'ping' | 'pong', data: unknown, mask: unknown, callback: unknown): void {
    const state = this.readyState;
    const done = [data, mask, callback].find((argument) => typeof argument === 'function');
    const sent = isSentCallback(done) ? done : undefined;
    const payload = typeof data === 'function' ? undefined : data;
    if (state === OPEN) this.#open?.outgoing.sendControl(kind, payload, sent);
    else this.#refuse(state, payload, sent);
  }

  #refuse(state: ReadyState, data: unknown, callback: SentCallback | undefined): void {
    if (state === CONNECTING) throw notOpen(state);
    this.#refusedBytes += isBlob(data) ? data.size : bytesOf(readyDataOf(data)).length;
    if (typeof callback === 'function') process.nextTick(callback, notOpen(state));
  }

  #giveUp(): void {
    this.#attempt?.abort('WebSocket was closed before the connection was established');
  }

  // Hears the opening handshake of a client.
  static readonly #Attempt = class implements AttemptOwner {
    readonly socket: WebSocket;

    constructor(socket: WebSocket) {
      this.socket = socket;
    }

    get isConnecting(): boolean {
      return this.socket.#state === CONNECTING;
    }

    connectsTo(url: string): void {
      this.socket.#url = url;
    }

    ending(): void {
      this.socket.#state = CLOSING;
    }

    failed(error: Error): void {
      const { socket } = this;
      socket.#state = CLOSING;
      socket.emit('error', error);
      socket.#state = CLOSED;
      socket.emit('close', 1006, noReason);
    }

    opened(stream: Duplex, head: Uint8Array, agreed: AgreedHandshake, options: SocketOptions): void {
      this.socket.#attempt = undefined;
      this.socket.#agreed = agreed;
      this.socket.setSocket(stream, head, options);
    }
  };
}

// Inside of the namespace the name means its member.
type Self = WebSocket;

// The types as members of the class, for `import WebSocket = require(...)`.
/* oxlint-disable-next-line typescript/no-namespace -- it is how types become members of a class */
export declare namespace WebSocket {
  type AddressInfo = types.AddressInfo;
  type CertMeta = types.CertMeta;
  type ClientOptions = types.ClientOptions;
  type CloseEvent = types.CloseEvent;
  type Data = types.Data;
  type ErrorEvent = types.ErrorEvent;
  type Event = types.Event;
  type EventListenerOptions = types.EventListenerOptions;
  type FinishRequestCallback = types.FinishRequestCallback;
  type MessageEvent = types.MessageEvent;
  type PerMessageDeflateOptions = types.PerMessageDeflateOptions;
  type RawData = types.RawData;
  type Server<
    S extends typeof WebSocket = typeof WebSocket,
    R extends typeof IncomingMessage = typeof IncomingMessage,
  > = types.WebSocketServer<S, R>;
  type ServerOptions<
    S extends typeof WebSocket = typeof WebSocket,
    R extends typeof IncomingMessage = typeof IncomingMessage,
  > = types.ServerOptions<S, R>;
  type VerifyClientCallbackAsync<R extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackAsync<R>;
  type VerifyClientCallbackSync<R extends IncomingMessage = IncomingMessage> =
    types.VerifyClientCallbackSync<R>;
  type WebSocket = Self;
  type WebSocketEventMap = types.WebSocketEventMap;
  type WebSocketServer<
    S extends typeof WebSocket = typeof WebSocket,
    R extends typeof IncomingMessage = typeof IncomingMessage,
  > = types.WebSocketServer<S, R>;
}

function isSentCallback(value: unknown): value is SentCallback {
  return typeof value === 'function';
}
