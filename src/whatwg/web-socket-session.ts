// The algorithms of the WebSocket interface: what its methods do and the "feedback from the protocol", with the steps
// numbered as in the WHATWG WebSockets standard. Arguments arrive here converted; the interface itself, with what Web
// IDL asks of it, is web-socket.ts.

import { portableScheduler, type Scheduler } from '../base/scheduler.ts';
import { portableTextCodec, type TextCodec } from '../base/text-codec.ts';
import type { Connection } from '../connection/connection.ts';
import type { Message } from '../connection/message-transport.ts';
import { requireCloseArguments } from './arguments.ts';
import { BufferedAmount } from './buffered-amount.ts';
import { type ConnectionEnd, ConnectionLifecycle, type LifecycleEvents } from './connection-lifecycle.ts';
import type { WebSocketPlatform } from './dialer.ts';
import { CloseEvent, messageEvent } from './events.ts';
import { type OutgoingData, OutgoingMessages } from './outgoing-messages.ts';
import { ReadyState, type ReadyStateNumber } from './ready-state.ts';
import { TaskQueue } from './task-queue.ts';
import { toArrayBuffer } from './web-idl.ts';

/** What a WebSocketSession is made for. */
export interface SessionRequest<Options> {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly options: Options | undefined;
  /** Hears why the connection failed, in a task before the error event. */
  readonly onFailure: ((error: Error) => void) | undefined;
}

/** How binary messages are given to listeners. */
export type BinaryType = 'blob' | 'arraybuffer';

/** The state behind one WebSocket object. */
export class WebSocketSession<Options> implements LifecycleEvents {
  /** How binary messages are given to listeners, from the next event on. */
  binaryType: BinaryType = 'blob';
  readonly #request: SessionRequest<Options>;
  readonly #text: TextCodec;
  readonly #dispatch: (event: Event) => void;
  readonly #scheduler: Scheduler;
  readonly #tasks: TaskQueue;
  readonly #amount: BufferedAmount;
  readonly #lifecycle: ConnectionLifecycle<Options>;
  readonly #origin: string;
  #readyState: ReadyStateNumber = ReadyState.CONNECTING;
  #usedTurn = 0;
  #protocol = '';
  #extensions = '';
  #outgoing: OutgoingMessages | undefined;

  constructor(
    platform: WebSocketPlatform<Options>,
    request: SessionRequest<Options>,
    dispatch: (event: Event) => void,
  ) {
    const scheduler = platform.scheduler ?? portableScheduler;
    this.#scheduler = scheduler;
    this.#request = request;
    this.#text = platform.text ?? portableTextCodec;
    this.#dispatch = dispatch;
    this.#tasks = new TaskQueue(scheduler);
    this.#amount = new BufferedAmount(scheduler);
    this.#origin = request.url.origin;
    this.#lifecycle = new ConnectionLifecycle(platform.dialer, request, this);
  }

  get url(): string {
    return this.#request.url.href;
  }

  get readyState(): ReadyStateNumber {
    return this.#readyState;
  }

  get bufferedAmount(): number {
    return this.#amount.value;
  }

  get protocol(): string {
    return this.#protocol;
  }

  get extensions(): string {
    return this.#extensions;
  }

  /** "send(data)". @throws DOMException `InvalidStateError` */
  send(data: OutgoingData): void {
    // 1. Not before the connection is open.
    if (this.#readyState === ReadyState.CONNECTING) {
      throw new DOMException('send() came before the connection was open', 'InvalidStateError');
    }
    // 2. Every call counts, also when the message goes nowhere because the closing handshake has started.
    const byteLength = this.#byteLengthOf(data);
    this.#amount.queued(byteLength);
    if (this.#readyState === ReadyState.OPEN) this.#outgoing?.send(data, byteLength);
  }

  /** "close(code, reason)". @throws DOMException `InvalidAccessError`, `SyntaxError` */
  close(givenCode: number | undefined, givenReason: string | undefined): void {
    // 1. and 2. Check the arguments, also when nothing is left to close.
    const { code, reason } = requireCloseArguments(givenCode, givenReason, this.#text);
    // 3. Nothing happens to a socket that is closing or closed.
    if (this.#readyState === ReadyState.CLOSING || this.#readyState === ReadyState.CLOSED) return;
    this.#readyState = ReadyState.CLOSING;
    // Not yet established: fail the connection. Else start the closing handshake, unless it is started already.
    if (!this.#lifecycle.isEstablished)
      this.#lifecycle.fail(new Error('close() came before the connection was open'));
    else this.#outgoing?.close(code, reason);
  }

  // Feedback from the protocol

  established(connection: Connection): void {
    this.#amount.connected(connection);
    this.#outgoing = new OutgoingMessages(connection, this.#amount, {
      closing: (code, reason) => this.#lifecycle.startClosing(code, reason),
      failed: (error) => this.#lifecycle.fail(error),
    });
    this.#tasks.queue(() => {
      // The standard does not say what happens when close() came between the handshake and this task. As in
      // browsers, the socket stays CLOSING and there is no open event.
      if (this.#readyState !== ReadyState.CONNECTING) return;
      // 1. 2. 3. Take over what was agreed.
      this.#readyState = ReadyState.OPEN;
      this.#extensions = connection.extensions;
      this.#protocol = connection.protocol;
      // 4. Fire open.
      this.#dispatch(new Event('open'));
    });
  }

  message(message: Message): void {
    // The turn of the event loop that has read the message is a task too: the first message of a read needs no other
    // one. Those behind it do, so that microtasks run between them.
    const turn = this.#scheduler.turn ?? 0;
    if (turn === 0 || turn === this.#usedTurn || !this.#tasks.isEmpty) {
      this.#tasks.queue(() => this.#deliver(message));
      return;
    }
    this.#usedTurn = turn;
    this.#deliver(message);
  }

  #deliver(message: Message): void {
    // 1. After close() was called nothing is delivered any more.
    if (this.#readyState !== ReadyState.OPEN) return;
    // 2. The binary type of now counts, not that of the time when the message arrived.
    const data = typeof message === 'string' ? message : this.#binaryData(message);
    // 3. Fire message.
    this.#dispatch(messageEvent(data, this.#origin));
  }

  closingStarted(): void {
    this.#tasks.queue(() => {
      if (this.#readyState !== ReadyState.CLOSED) this.#readyState = ReadyState.CLOSING;
    });
  }

  ended(end: ConnectionEnd): void {
    this.#amount.closed(end.wasClean);
    const { wasClean, code, reason, hasFailed, cause } = end;
    const { onFailure } = this.#request;
    if (hasFailed && cause !== undefined && onFailure !== undefined)
      this.#tasks.queue(() => onFailure(cause));
    this.#tasks.queue(() => {
      // 1. The ready state is CLOSED in both events.
      this.#readyState = ReadyState.CLOSED;
      // 2. Fire error, which says nothing more, if the connection was failed or flagged as full.
      if (hasFailed) this.#dispatch(new Event('error'));
    });
    // 3. Fire close. The standard has one task for both events; in a browser microtasks run between them, here a
    // task of its own right behind the other lets them.
    this.#tasks.queue(() => this.#dispatch(new CloseEvent('close', { wasClean, code, reason })));
  }

  #byteLengthOf(data: OutgoingData): number {
    if (typeof data === 'string') return this.#text.byteLength(data);
    return data instanceof Uint8Array ? data.byteLength : data.size;
  }

  #binaryData(message: Uint8Array): Blob | ArrayBuffer {
    const buffer = toArrayBuffer(message);
    return this.binaryType === 'blob' ? new Blob([buffer]) : buffer;
  }
}
