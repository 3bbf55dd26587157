// The MessageTransport over a WebSocket of the platform: a browser's, and the server's end that Deno and Workers give.
// The platform speaks the protocol; it offers no pings, no pause, no fragments, no hard cut, and says little about why a
// connection ended.

import { viewOf } from '../base/bytes.ts';
import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { CloseCode, isApplicationCloseCode } from '../protocol/close-code.ts';
import type { Message, MessageTransportEvents, TransportFeatures } from './message-transport.ts';
import { requireSendableClose, unsupported } from './platform-rules.ts';
import { PlatformTransport } from './platform-transport.ts';

/** The event of a message. */
export interface PlatformMessageEvent {
  readonly data: unknown;
}

/** The event of an end. */
export interface PlatformCloseEvent {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** What of a platform's WebSocket is used. */
export interface PlatformSocket {
  readonly protocol?: string | null;
  readonly extensions?: string | null;
  /** Workers does not tell. */
  readonly bufferedAmount?: number;
  binaryType?: string;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', listener: (event: PlatformMessageEvent) => void): void;
  addEventListener(type: 'close', listener: (event: PlatformCloseEvent) => void): void;
  addEventListener(type: 'error' | 'open', listener: () => void): void;
  removeEventListener(type: 'message', listener: (event: PlatformMessageEvent) => void): void;
  removeEventListener(type: 'close', listener: (event: PlatformCloseEvent) => void): void;
  removeEventListener(type: 'error' | 'open', listener: () => void): void;
}

/** How a WebSocketTransport behaves. */
export interface WebSocketTransportOptions {
  /** Above this many buffered bytes the connection waits for them to leave, and is told when they have. */
  readonly highWaterMarkBytes: number;
  /** A longer message fails the connection with 1009; the platform has read it by then. @defaultValue Infinity */
  readonly maxMessageBytes?: number;
  /**
   * Whether the platform sends every close code that a frame may have (RFC 6455 7.4.2), as servers do; else those of an
   * application only. @defaultValue false
   */
  readonly sendsEveryCloseCode?: boolean;
  /** Whether the peer's close frame has to be answered by us; else the platform does. @defaultValue false */
  readonly answersClose?: boolean;
  /** The subprotocol that was agreed. @defaultValue what the socket says */
  readonly protocol?: string;
  /** @defaultValue systemClock */
  readonly clock?: Clock;
}

const features: TransportFeatures = Object.freeze({
  ping: false,
  pause: false,
  fragments: false,
  observe: false,
  terminate: false,
});

// The platform tells nobody when its buffer is empty, so that it is asked while somebody waits.
const drainPollMs = 20;

/** Carries messages over a WebSocket of the platform that is already open. */
export class WebSocketTransport extends PlatformTransport {
  readonly supports: TransportFeatures = features;
  readonly #socket: PlatformSocket;
  readonly #options: WebSocketTransportOptions;
  #poll: Timer | undefined;
  #hasFailed = false;
  #hasSentClose = false;

  constructor(socket: PlatformSocket, options: WebSocketTransportOptions) {
    super(options.maxMessageBytes ?? Infinity);
    this.#socket = socket;
    this.#options = options;
    socket.binaryType = 'arraybuffer';
  }

  get protocol(): string {
    return this.#options.protocol ?? this.#socket.protocol ?? '';
  }

  get extensions(): string {
    return this.#socket.extensions ?? '';
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount ?? 0;
  }

  override attach(events: MessageTransportEvents): void {
    super.attach(events);
    const socket = this.#socket;
    socket.addEventListener('message', this.#message);
    socket.addEventListener('error', this.#failed);
    socket.addEventListener('close', this.#closed);
  }

  sendText(text: string): void {
    this.#socket.send(text);
    this.sent(text);
    this.#watchBuffer();
  }

  sendBinary(bytes: Uint8Array): void {
    this.#socket.send(sendable(bytes));
    this.sent(bytes);
    this.#watchBuffer();
  }

  /**
   * Starts the closing handshake. A browser sends the code 1000 and those from 3000 on; with any other that RFC 6455
   * knows the close frame is empty, so that code for both platforms runs, and the peer sees 1005.
   */
  sendClose(code: number | undefined, reason: string): void {
    requireSendableClose(code, reason);
    // Not every platform lets a socket be closed twice.
    if (this.#hasSentClose) return;
    this.#hasSentClose = true;
    const { sendsEveryCloseCode = false } = this.#options;
    if (code !== undefined && (sendsEveryCloseCode || isApplicationCloseCode(code)))
      this.#socket.close(code, reason);
    else this.#socket.close();
  }

  /** Gives the socket up: the platform is left to end it, and what it still says is not heard. */
  terminate(): void {
    this.sendClose(undefined, '');
    queueMicrotask(() => this.#finish(undefined));
  }

  sendPing(): never {
    throw unsupported('sending pings');
  }

  sendPong(): never {
    throw unsupported('sending pongs');
  }

  readonly #message = ({ data }: PlatformMessageEvent): void => {
    const message = messageOf(data);
    if (message !== undefined) this.received(message);
    else {
      this.refuse();
      this.sendClose(CloseCode.unsupportedData, 'the platform gave neither text nor an ArrayBuffer');
    }
  };

  readonly #failed = (): void => {
    this.#hasFailed = true;
  };

  readonly #closed = ({ code, reason, wasClean }: PlatformCloseEvent): void => {
    if (this.#options.answersClose === true && !this.#hasSentClose) answerClose(this.#socket, code, reason);
    if (wasClean) {
      this.events?.peerClosed(code, reason);
      this.#finish(undefined);
    } else if (this.#hasFailed || code !== 1006) {
      const said = reason === '' ? `${code}` : `${code}, ${reason}`;
      this.#finish(new Error(`the platform closed it with ${said} and tells no more`));
    } else {
      this.#finish(undefined);
    }
  };

  #finish(error: Error | undefined): void {
    const events = this.detach();
    if (events === undefined) return;
    this.#poll?.cancel();
    const socket = this.#socket;
    socket.removeEventListener('message', this.#message);
    socket.removeEventListener('error', this.#failed);
    socket.removeEventListener('close', this.#closed);
    events.closed(error);
  }

  #watchBuffer(): void {
    if (this.#poll !== undefined || this.bufferedBytes <= this.#options.highWaterMarkBytes) return;
    this.#poll = this.#clock.setTimer(this.#lookAtBuffer, drainPollMs);
  }

  readonly #lookAtBuffer = (): void => {
    this.#poll = undefined;
    if (this.bufferedBytes > 0) this.#poll = this.#clock.setTimer(this.#lookAtBuffer, drainPollMs);
    else this.events?.drained();
  };

  get #clock(): Clock {
    return this.#options.clock ?? systemClock;
  }
}

function messageOf(data: unknown): Message | undefined {
  if (typeof data === 'string') return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  // A view: Node's Buffer and its like, whose slice() would be no copy.
  return ArrayBuffer.isView(data) ? viewOf(data) : undefined;
}

function answerClose(socket: PlatformSocket, code: number, reason: string): void {
  try {
    if (code === 1005 || code === 1006) socket.close();
    else socket.close(code, reason);
  } catch {
    // It was answered already: newer Workers do so by themselves.
  }
}

// Shared memory is refused by the platform, and is copied here as it would be on Node.
function sendable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(bytes);
}
