// The WebSocket class of ws, a client's or a server's, as a view of a Connection: its methods and properties, and its events from
// those of the connection. How a client gets its connection is client-attempt.ts, how a server does is server-upgrade.ts.

import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Message, MessageType } from '../connection/message-transport.ts';
import type { AgreedHandshake } from '../node/platform.ts';
import { SocketTransport } from '../node/socket-transport.ts';
import { pushBack } from '../node/upgrade-answers.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import { Carrier, type CarrierOwner } from './carrier.ts';
import { type AttemptOwner, ClientAttempt } from './client-attempt.ts';
import { clientArguments } from './client-options.ts';
import { closeReasonOf } from './close-arguments.ts';
import { errorOf } from './errors.ts';
import type { EventMethods } from './event-methods.ts';
import {
  addListener,
  attributeOf,
  type EventListener,
  type EventName,
  removeListener,
  setAttribute,
} from './event-target.ts';
import { Outgoing, type SendOptions, type SentCallback } from './outgoing.ts';
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
import { binaryDataOf, bufferOver } from './received-data.ts';
import { rethrow } from './rethrow.ts';
import { FrameSender, type Sender } from './sender.ts';
import { type BufferLike, bytesOf, isBlob, readyDataOf } from './sent-data.ts';
import { settingsOf, type SocketOptions } from './socket-options.ts';
import type { createWebSocketStream } from './stream.ts';
import type * as types from './types.ts';

/** What the listeners of a WebSocket get. */
export interface WebSocketEvents {
  open: [];
  message: [data: types.RawData, isBinary: boolean];
  close: [code: number, reason: Buffer];
  error: [error: Error];
  ping: [data: Buffer];
  pong: [data: Buffer];
  upgrade: [response: IncomingMessage];
  redirect: [url: string, request: ClientRequest];
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
}

// An EventEmitter that knows its events.
const SocketEmitter: new () => EventMethods<WebSocketEvents> = EventEmitter;

const noReason = Buffer.alloc(0);
const nothingAgreed: AgreedHandshake = Object.freeze({
  subprotocol: '',
  extension: undefined,
  extensionsHeader: '',
});

type Handler<Name extends EventName> = ((event: types.WebSocketEventMap[Name]) => void) | null;

/** A WebSocket of a client, or the server's end of one. */
export class WebSocket extends SocketEmitter {
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
  #state: ReadyState = CONNECTING;
  #binaryType: BinaryType = 'nodebuffer';
  #url = '';
  #agreed = nothingAgreed;
  #attempt: ClientAttempt | undefined;
  #stream: Duplex | undefined;
  #carrier: Carrier | undefined;
  #outgoing: Outgoing | undefined;
  #sender: FrameSender | undefined;
  // Bytes that were given to `send` when it was too late.
  #refusedBytes = 0;
  #isPaused = false;
  #isSynchronous = true;
  // Whether an event was emitted and the turn of the event loop that has to follow it is awaited.
  #isBetweenEvents = false;
  #whenGone: (() => void) | undefined;

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
    for (const name of ['onclose', 'onerror', 'onmessage', 'onopen'])
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
    return (this.#outgoing?.bufferedAmount ?? 0) + this.#refusedBytes;
  }

  /** The name of the extension that was agreed, or the empty string. */
  get extensions(): string {
    return this.#agreed.extension?.name ?? '';
  }

  /** Whether `pause` was called and `resume` was not. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The subprotocol that was agreed, or the empty string. */
  get protocol(): string {
    return this.#agreed.subprotocol;
  }

  /** CONNECTING, OPEN, CLOSING or CLOSED. */
  get readyState(): ReadyState {
    return this.#state === OPEN && this.#carrier?.readyState !== 'open' ? CLOSING : this.#state;
  }

  /** Where a client has connected to; the empty string on a server. */
  get url(): string {
    return this.#url;
  }

  /** Whether the closing handshake was finished. */
  get wasClean(): boolean {
    return this.#carrier?.closedInfo?.clean === true;
  }

  get onclose(): Handler<'close'> {
    return this.#attribute('close');
  }

  set onclose(handler: Handler<'close'>) {
    setAttribute(this, 'close', handler);
  }

  get onerror(): Handler<'error'> {
    return this.#attribute('error');
  }

  set onerror(handler: Handler<'error'>) {
    setAttribute(this, 'error', handler);
  }

  get onmessage(): Handler<'message'> {
    return this.#attribute('message');
  }

  set onmessage(handler: Handler<'message'>) {
    setAttribute(this, 'message', handler);
  }

  get onopen(): Handler<'open'> {
    return this.#attribute('open');
  }

  set onopen(handler: Handler<'open'>) {
    setAttribute(this, 'open', handler);
  }

  /** The stream under an open connection; packages look at its addresses. */
  get _socket(): Duplex | null {
    return this.#stream ?? null;
  }

  /** Whether this is the server's end; packages set it before `setSocket`. */
  get _isServer(): boolean {
    return this.#role === 'server';
  }

  set _isServer(isServer: boolean) {
    this.#role = isServer ? 'server' : 'client';
  }

  /** Sends frames that were encoded before. */
  get _sender(): FrameSender | null {
    if (this.#sender === undefined && this.#outgoing !== undefined)
      this.#sender = new FrameSender(this.#outgoing);
    return this.#sender ?? null;
  }

  /** The Connection under this WebSocket, once it is open. */
  get connection(): Carrier | undefined {
    return this.#carrier;
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
    const owner = new WebSocket.#Owner(this);
    const carrier = new Carrier(this.#role, new SocketTransport(stream), this.#agreed, settings, owner);
    this.#isSynchronous = settings.allowSynchronousEvents;
    this.#stream = stream;
    this.#carrier = carrier;
    const takesOver = !this.#agreed.extensionsHeader.includes(`${this.#role}_no_context_takeover`);
    const compressesAll = this.#agreed.extension !== undefined && takesOver;
    this.#outgoing = new Outgoing(this.#role, carrier, compressesAll, (error) => this.#fail(error));
    this.#state = OPEN;
    this.emit('open');
  }

  /** Adds a listener in the manner of browsers; the same one is not added twice. */
  addEventListener<Name extends EventName>(
    type: Name,
    listener: EventListener<Name>,
    options?: types.EventListenerOptions,
  ): void {
    addListener(this, type, listener, options);
  }

  /** Removes a listener that `addEventListener` has added. */
  removeEventListener<Name extends EventName>(type: Name, listener: EventListener<Name>): void {
    removeListener(this, type, listener);
  }

  /**
   * Closes the connection behind everything sent so far. A client that is still connecting gives up.
   * @throws TypeError, RangeError for a code or reason that may not be sent
   */
  close(code?: number, data?: string | Buffer): void {
    const state = this.readyState;
    if (state === CONNECTING) this.#giveUp();
    if (state !== OPEN) return;
    const reason = closeReasonOf(code, data);
    this.#state = CLOSING;
    this.#outgoing?.close(code, reason);
  }

  /** Cuts the connection at once. */
  terminate(): void {
    const state = this.readyState;
    if (state === CONNECTING) this.#giveUp();
    if (state === CONNECTING || state === CLOSED) return;
    this.#state = CLOSING;
    this.#carrier?.terminate();
  }

  /** Stops receiving. */
  pause(): void {
    const state = this.readyState;
    if (state === CONNECTING || state === CLOSED) return;
    this.#isPaused = true;
    this.#carrier?.pause();
  }

  /** Goes on receiving. */
  resume(): void {
    const state = this.readyState;
    if (state === CONNECTING || state === CLOSED) return;
    this.#isPaused = false;
    if (!this.#isBetweenEvents) this.#carrier?.resume();
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

  /** Makes the server's end of a connection of a WebSocket, and opens it; `whenGone` is told before 'close'. */
  static accept(
    socket: WebSocket,
    stream: Duplex,
    head: Uint8Array,
    agreed: AgreedHandshake,
    options: SocketOptions,
    whenGone: () => void,
  ): void {
    socket.#agreed = agreed;
    socket.#whenGone = whenGone;
    socket.setSocket(stream, head, options);
  }

  #send(data: unknown, options: SendOptions | undefined, callback: SentCallback | undefined): void {
    const state = this.readyState;
    if (state === OPEN) this.#outgoing?.send(data, options, callback);
    else this.#refuse(state, data, callback);
  }

  #sendControl(kind: 'ping' | 'pong', data: unknown, mask: unknown, callback: unknown): void {
    const state = this.readyState;
    const done = [data, mask, callback].find((argument) => typeof argument === 'function');
    const sent = isSentCallback(done) ? done : undefined;
    const payload = typeof data === 'function' ? undefined : data;
    if (state === OPEN) this.#outgoing?.sendControl(kind, payload, sent);
    else this.#refuse(state, payload, sent);
  }

  #refuse(state: ReadyState, data: unknown, callback: SentCallback | undefined): void {
    if (state === CONNECTING) throw notOpen(state);
    this.#refusedBytes += isBlob(data) ? data.size : bytesOf(readyDataOf(data)).length;
    if (callback !== undefined) process.nextTick(callback, notOpen(state));
  }

  #giveUp(): void {
    this.#attempt?.abort('WebSocket was closed before the connection was established');
  }

  // What this side cannot send any more: the connection ends, without a close frame.
  #fail(error: Error): void {
    if (this.readyState === CLOSED) return;
    this.#state = CLOSING;
    this.#stream?.end();
    this.#emit('error', error);
  }

  #attribute<Name extends EventName>(name: Name): Handler<Name> {
    const handler = attributeOf(this, name);
    return isHandler(handler) ? handler : null;
  }

  #emit(name: string, ...values: unknown[]): void {
    try {
      this.emit(name, ...values);
    } catch (error) {
      rethrow(error);
    }
    if (!this.#isSynchronous) this.#awaitTurn();
  }

  // `allowSynchronousEvents: false`: the next event comes in a later turn of the event loop.
  #awaitTurn(): void {
    if (this.#isBetweenEvents || this.#carrier === undefined) return;
    this.#isBetweenEvents = true;
    this.#carrier.pause();
    setImmediate(() => {
      this.#isBetweenEvents = false;
      if (!this.#isPaused) this.#carrier?.resume();
    });
  }

  #gone(code: number, reason: Buffer): void {
    this.#state = CLOSED;
    this.#whenGone?.();
    this.emit('close', code, reason);
  }

  // Hears the connection. A class of its own keeps these calls out of what users see.
  static readonly #Owner = class implements CarrierOwner {
    readonly #socket: WebSocket;

    constructor(socket: WebSocket) {
      this.#socket = socket;
    }

    message(message: Message, type: MessageType): void {
      const socket = this.#socket;
      const bytes = typeof message === 'string' ? Buffer.from(message) : bufferOver(message);
      const isBinary = type === 'binary';
      const binaryType = socket.#binaryType;
      try {
        socket.emit(
          'message',
          isBinary && binaryType !== 'nodebuffer' ? binaryDataOf(bytes, binaryType) : bytes,
          isBinary,
        );
      } catch (error) {
        rethrow(error);
      }
      if (!socket.#isSynchronous) socket.#awaitTurn();
    }

    ping(payload: Uint8Array): void {
      this.#socket.#emit('ping', Buffer.from(payload));
    }

    pong(payload: Uint8Array): void {
      this.#socket.#emit('pong', Buffer.from(payload));
    }

    failed(error: ProtocolError): void {
      this.#socket.#emit('error', errorOf(error));
    }

    sent(): void {
      this.#socket.#outgoing?.sent();
    }

    gone(): void {
      const socket = this.#socket;
      const { code, reason } = socket.#carrier?.peerClose ?? { code: 1006, reason: '' };
      socket.#outgoing?.gone();
      try {
        socket.#gone(code, reason === '' ? noReason : Buffer.from(reason));
      } catch (error) {
        rethrow(error);
      }
    }
  };

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
      this.socket.#state = CLOSING;
      this.socket.emit('error', error);
      this.socket.#gone(1006, noReason);
    }

    opened(stream: Duplex, head: Uint8Array, agreed: AgreedHandshake, options: SocketOptions): void {
      this.socket.#attempt = undefined;
      this.socket.#agreed = agreed;
      this.socket.setSocket(stream, head, options);
    }
  };
}

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
  type WebSocketEventMap = types.WebSocketEventMap;
  type WebSocketServer<
    S extends typeof WebSocket = typeof WebSocket,
    R extends typeof IncomingMessage = typeof IncomingMessage,
  > = types.WebSocketServer<S, R>;
}

function isSentCallback(value: unknown): value is SentCallback {
  return typeof value === 'function';
}

function isHandler(value: unknown): value is () => void {
  return typeof value === 'function';
}
