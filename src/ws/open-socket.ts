// What a WebSocket has once it is open: the connection, what is sent over it, and the way of its events to the listeners. How it
// was opened is no concern of it.

import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { ByteTransport } from '../connection/byte-transport.ts';
import type { Message, MessageType } from '../connection/message-transport.ts';
import type { AgreedHandshake } from '../node/platform.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import { Carrier, type CarrierOwner } from './carrier.ts';
import { errorOf } from './errors.ts';
import { noteEnd } from './event-target.ts';
import { Outgoing, type OutgoingOwner } from './outgoing.ts';
import { CLOSED, CLOSING, OPEN, type ReadyState } from './ready-state.ts';
import { binaryDataOf, bufferOver } from './received-data.ts';
import { rethrow } from './rethrow.ts';
import { FrameSender } from './sender.ts';
import type { SocketSettings } from './socket-options.ts';
import type { WebSocket } from './web-socket.ts';

/** The server that a WebSocket belongs to. */
export interface SocketHome {
  /** It is gone; told before 'close'. */
  left(socket: WebSocket): void;
}

/** What an open connection stands on. */
export interface OpenGround {
  readonly role: 'client' | 'server';
  readonly stream: Duplex;
  readonly transport: ByteTransport;
  readonly agreed: AgreedHandshake;
  readonly settings: SocketSettings;
  readonly home: SocketHome | undefined;
}

const noReason = Buffer.alloc(0);

/** The connection of one WebSocket, from 'open' to 'close'. */
export class OpenSocket implements CarrierOwner, OutgoingOwner {
  readonly stream: Duplex;
  readonly carrier: Carrier;
  readonly outgoing: Outgoing;
  readonly #socket: WebSocket;
  readonly #home: SocketHome | undefined;
  readonly #isSynchronous: boolean;
  #sender: FrameSender | undefined;
  #isClosing = false;
  #isGone = false;
  #isPaused = false;
  // Whether an event was emitted and the turn of the event loop that has to follow it is awaited.
  #isBetweenEvents = false;

  /** @param socket emits the events */
  constructor(socket: WebSocket, { role, stream, transport, agreed, settings, home }: OpenGround) {
    this.#socket = socket;
    this.#home = home;
    this.#isSynchronous = settings.allowSynchronousEvents;
    this.stream = stream;
    this.carrier = new Carrier(role, transport, agreed, settings, this);
    const takesOver = !agreed.extensionsHeader.includes(`${role}_no_context_takeover`);
    this.outgoing = new Outgoing(role, this.carrier, agreed.extension !== undefined && takesOver, this);
  }

  get readyState(): ReadyState {
    if (this.#isGone) return CLOSED;
    return this.#isClosing || this.carrier.readyState !== 'open' ? CLOSING : OPEN;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Sends frames that were encoded before. */
  get sender(): FrameSender {
    this.#sender ??= new FrameSender(this.outgoing);
    return this.#sender;
  }

  close(code: number | undefined, reason: string): void {
    this.#isClosing = true;
    this.outgoing.close(code, reason);
  }

  terminate(): void {
    this.#isClosing = true;
    this.carrier.terminate();
  }

  pause(): void {
    this.#isPaused = true;
    this.carrier.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isBetweenEvents) this.carrier.resume();
  }

  message(message: Message, type: MessageType): void {
    const socket = this.#socket;
    const bytes = typeof message === 'string' ? Buffer.from(message) : bufferOver(message);
    const isBinary = type === 'binary';
    const { binaryType } = socket;
    try {
      socket.emit(
        'message',
        isBinary && binaryType !== 'nodebuffer' ? binaryDataOf(bytes, binaryType) : bytes,
        isBinary,
      );
    } catch (error) {
      rethrow(error);
    }
    if (!this.#isSynchronous) this.#awaitTurn();
  }

  ping(payload: Uint8Array): void {
    this.#emit('ping', Buffer.from(payload));
  }

  pong(payload: Uint8Array): void {
    this.#emit('pong', Buffer.from(payload));
  }

  failed(error: ProtocolError): void {
    this.#emit('error', errorOf(error));
  }

  sent(): void {
    this.outgoing.sent();
  }

  /** What this side cannot send any more: the connection ends, without a close frame. */
  cannotSend(error: Error): void {
    if (this.#isGone) return;
    this.#isClosing = true;
    this.stream.end();
    this.#emit('error', error);
  }

  gone(): void {
    const { code, reason } = this.carrier.peerClose ?? { code: 1006, reason: '' };
    this.outgoing.gone();
    this.#isGone = true;
    this.#home?.left(this.#socket);
    noteEnd(this.#socket, () => this.carrier.closedInfo?.clean === true);
    try {
      this.#socket.emit('close', code, reason === '' ? noReason : Buffer.from(reason));
    } catch (error) {
      rethrow(error);
    }
  }

  #emit(name: string, value: unknown): void {
    try {
      this.#socket.emit(name, value);
    } catch (error) {
      rethrow(error);
    }
    if (!this.#isSynchronous) this.#awaitTurn();
  }

  // `allowSynchronousEvents: false`: the next event comes in a later turn of the event loop.
  #awaitTurn(): void {
    if (this.#isBetweenEvents) return;
    this.#isBetweenEvents = true;
    this.carrier.pause();
    setImmediate(() => {
      this.#isBetweenEvents = false;
      if (!this.#isPaused) this.carrier.resume();
    });
  }
}
