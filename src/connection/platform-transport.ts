// What all transports over a platform's own WebSocket have in common: the platform speaks the protocol, so that there are only whole
// messages to count, to hold against the limit and to hand on, and nothing of single frames.

import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import { Traffic } from '../protocol/traffic.ts';
import type {
  Message,
  MessageTransport,
  MessageTransportEvents,
  TransportFeatures,
} from './message-transport.ts';
import { messageByteLength, messageTooLarge, reasonOf, unsupported } from './platform-rules.ts';

/** The part that is the same on every platform. */
export abstract class PlatformTransport implements MessageTransport {
  abstract readonly supports: TransportFeatures;
  abstract readonly protocol: string;
  abstract readonly extensions: string;
  abstract readonly bufferedBytes: number;
  readonly isMessageOpen = false;
  readonly retainedBytes = 0;
  readonly #maxMessageBytes: number;
  readonly #traffic = new Traffic();
  #events: MessageTransportEvents | undefined;
  // Set once a message was refused: those behind it are not wanted either.
  #isRefusing = false;

  /** @param maxMessageBytes a longer message fails the connection with 1009; the platform has read it by then */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  get writeProgress(): number {
    return this.bufferedBytes;
  }

  attach(events: MessageTransportEvents): void {
    this.#events = events;
  }

  abstract sendText(text: string, compress?: boolean): void;

  abstract sendBinary(bytes: Uint8Array, compress?: boolean): void;

  abstract sendPing(payload: Uint8Array): void;

  abstract sendPong(payload: Uint8Array): void;

  abstract sendClose(code: number | undefined, reason: string): void;

  abstract terminate(): void;

  sendPrepared(message: PreparedMessage): void {
    if (message.type === 'text') this.sendText(message.text, message.compress);
    else this.sendBinary(message.payload, message.compress);
  }

  sendFragment(): never {
    throw unsupported('sending fragments');
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

  /** Closes with what is wrong, and hears nothing more. */
  fail(error: ProtocolError): void {
    this.#isRefusing = true;
    this.sendClose(error.closeCode, reasonOf(error));
    this.#events?.failed(error);
  }

  addTrafficTo(total: Traffic): void {
    total.add(this.#traffic);
  }

  /** Who is told; undefined before somebody is, and after the end. */
  protected get events(): MessageTransportEvents | undefined {
    return this.#events;
  }

  /** Nothing more is heard. */
  protected refuse(): void {
    this.#isRefusing = true;
  }

  /** Gives who is told for the last time. */
  protected detach(): MessageTransportEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    return events;
  }

  /** Counts a message that was handed to the platform. */
  protected sent(message: Message): void {
    this.#traffic.messagesOut++;
    this.#traffic.payloadBytesOut += messageByteLength(message);
  }

  /** The platform read a message. */
  protected received(message: Message): void {
    if (this.#isRefusing) return;
    const byteLength = messageByteLength(message);
    this.#events?.received(byteLength);
    // Hearing of the bytes may have ended it.
    if (this.#isRefusing) return;
    const violation = messageTooLarge(byteLength, this.#maxMessageBytes);
    if (violation !== undefined) {
      this.fail(violation);
      return;
    }
    this.#traffic.messagesIn++;
    this.#traffic.payloadBytesIn += byteLength;
    this.#events?.message(message);
  }
}
