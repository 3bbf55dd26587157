// The MessageTransport over the platform's own WebSocket, for browsers and whatever else has one. The platform speaks
// the protocol; it offers no pings, no pause, no fragments, no hard cut, and says little about why a connection ended.

import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import { portableTextCodec } from '../base/text-codec.ts';
import type {
  MessageTransport,
  MessageTransportEvents,
  TransportFeatures,
} from '../connection/message-transport.ts';
import { isApplicationCloseCode, isWireCloseCode, maxCloseReasonBytes } from '../protocol/close-code.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import { Traffic } from '../protocol/traffic.ts';

/** How a BrowserTransport behaves. */
export interface BrowserTransportOptions {
  /** Above this many buffered bytes the connection waits for them to leave, and is told when they have. */
  readonly highWaterMarkBytes: number;
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
export class BrowserTransport implements MessageTransport {
  readonly supports: TransportFeatures = features;
  readonly isMessageOpen = false;
  readonly retainedBytes = 0;
  readonly #socket: WebSocket;
  readonly #highWaterMarkBytes: number;
  readonly #clock: Clock;
  #events: MessageTransportEvents | undefined;
  #poll: Timer | undefined;
  #hasFailed = false;
  readonly #traffic = new Traffic();

  constructor(socket: WebSocket, options: BrowserTransportOptions) {
    this.#socket = socket;
    this.#highWaterMarkBytes = options.highWaterMarkBytes;
    this.#clock = options.clock ?? systemClock;
    socket.binaryType = 'arraybuffer';
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get writeProgress(): number {
    return this.#socket.bufferedAmount;
  }

  addTrafficTo(total: Traffic): void {
    total.add(this.#traffic);
  }

  attach(events: MessageTransportEvents): void {
    this.#events = events;
    const socket = this.#socket;
    socket.addEventListener('message', this.#message);
    socket.addEventListener('error', this.#failed);
    socket.addEventListener('close', this.#closed);
  }

  sendText(text: string): void {
    this.#socket.send(text);
    this.#traffic.messagesOut++;
    this.#traffic.payloadBytesOut += portableTextCodec.byteLength(text);
    this.#watchBuffer();
  }

  sendBinary(bytes: Uint8Array): void {
    this.#socket.send(sendable(bytes));
    this.#traffic.messagesOut++;
    this.#traffic.payloadBytesOut += bytes.length;
    this.#watchBuffer();
  }

  sendPrepared(message: PreparedMessage): void {
    const { payload, type } = message;
    if (type === 'text') this.sendText(portableTextCodec.decode(payload, 0, payload.length));
    else this.sendBinary(payload);
  }

  /**
   * Starts the closing handshake. A browser sends the code 1000 and those from 3000 on; with any other that RFC 6455
   * knows the close frame is empty, so that code for both platforms runs, and the peer sees 1005.
   */
  sendClose(code: number | undefined, reason: string): void {
    if (code !== undefined && !isWireCloseCode(code)) {
      throw new FullduplexError(
        'WS_ARGUMENT_INVALID',
        `close code is ${code}, expected 1000-1003, 1007-1014 or 3000-4999`,
      );
    }
    const byteLength = portableTextCodec.byteLength(reason);
    if (byteLength > maxCloseReasonBytes) {
      throw new FullduplexError(
        'WS_ARGUMENT_INVALID',
        `close reason has ${byteLength} bytes of UTF-8, at most ${maxCloseReasonBytes}`,
      );
    }
    if (code !== undefined && isApplicationCloseCode(code)) this.#socket.close(code, reason);
    else this.#socket.close();
  }

  /** Gives the socket up: the platform is left to end it, and what it still says is not heard. */
  terminate(): void {
    this.#socket.close();
    queueMicrotask(() => this.#finish(undefined));
  }

  sendFragment(): never {
    throw unsupported('sending fragments');
  }

  sendPing(): never {
    throw unsupported('sending pings');
  }

  sendPong(): never {
    throw unsupported('sending pongs');
  }

  pause(): never {
    throw unsupported('pausing');
  }

  resume(): never {
    throw unsupported('pausing');
  }

  observe(): never {
    throw unsupported('observing frames');
  }

  readonly #message = (event: MessageEvent<string | ArrayBuffer>): void => {
    const { data } = event;
    const byteLength = typeof data === 'string' ? portableTextCodec.byteLength(data) : data.byteLength;
    this.#events?.received(byteLength);
    this.#traffic.messagesIn++;
    this.#traffic.payloadBytesIn += byteLength;
    this.#events?.message(typeof data === 'string' ? data : new Uint8Array(data));
  };

  readonly #failed = (): void => {
    this.#hasFailed = true;
  };

  readonly #closed = (event: CloseEvent): void => {
    const { code, reason, wasClean } = event;
    if (wasClean) {
      this.#events?.peerClosed(code, reason);
      this.#finish(undefined);
    } else if (this.#hasFailed || code !== 1006) {
      const said = reason === '' ? `${code}` : `${code}, ${reason}`;
      this.#finish(new Error(`the browser closed it with ${said} and tells no more`));
    } else {
      this.#finish(undefined);
    }
  };

  #finish(error: Error | undefined): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    this.#poll?.cancel();
    const socket = this.#socket;
    socket.removeEventListener('message', this.#message);
    socket.removeEventListener('error', this.#failed);
    socket.removeEventListener('close', this.#closed);
    events.closed(error);
  }

  #watchBuffer(): void {
    if (this.#poll !== undefined || this.#socket.bufferedAmount <= this.#highWaterMarkBytes) return;
    this.#poll = this.#clock.setTimer(this.#lookAtBuffer, drainPollMs);
  }

  readonly #lookAtBuffer = (): void => {
    this.#poll = undefined;
    if (this.#socket.bufferedAmount > 0) this.#poll = this.#clock.setTimer(this.#lookAtBuffer, drainPollMs);
    else this.#events?.drained();
  };
}

// Shared memory is refused by the platform, and is copied here as it would be on Node.
function sendable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(bytes);
}

function unsupported(what: string): FullduplexError {
  return new FullduplexError('WS_UNSUPPORTED', `${what} is not possible over this platform's WebSocket`);
}
