// The one Connection: sending with backpressure, receiving by handlers, by iteration or as streams, keep-alive, the
// close deadline, and one structured reason for every end. It stands on a MessageTransport and knows no bytes on the
// wire; the WHATWG classes and the server's connections are views of it.

import { copyOf, viewOf } from '../base/bytes.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { Deferred } from '../base/deferred.ts';
import { describe, type ErrorCode, FullduplexError } from '../base/errors.ts';
import { portableTextCodec } from '../base/text-codec.ts';
import { onRejection } from '../base/rejections.ts';
import { portableScheduler, type Scheduler } from '../base/scheduler.ts';
import type { FrameObserver } from '../protocol/frame-observer.ts';
import { requireInteger } from '../protocol/limits.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import type { Traffic } from '../protocol/traffic.ts';
import { type BufferHolder, unnoticedBytes } from './buffer-memory.ts';
import { ConnectionEnd, type PeerClose } from './connection-end.ts';
import type {
  CloseOptions,
  ConnectionEnvironment,
  ConnectionHandlers,
  FragmentOptions,
  SendData,
  SendOptions,
} from './connection-handlers.ts';
import { type ConnectionOptions, resolveConnectionOptions } from './connection-options.ts';
import { type ConnectionSnapshot, describeConnection, type PauseReason } from './connection-snapshot.ts';
import type { ClosedInfo } from './end-reason.ts';
import { FrameObservers } from './frame-observers.ts';
import { Inbox, messageOverheadBytes } from './inbox.ts';
import { KeepAlive, type KeepAliveActions } from './keep-alive.ts';
import type { MessageStream } from './message-stream.ts';
import type {
  Message,
  MessageTransport,
  MessageTransportEvents,
  MessageType,
  TransportFeatures,
} from './message-transport.ts';
import type { PullQueueEvents } from './pull-queue.ts';
import { RateWindow } from './rate-window.ts';
import { ReceiveRates, type ReceiveRatesActions } from './receive-rates.ts';

// Why receiving is paused; several causes may hold at a time.
const pausedByUser = 1;
const pausedByQueue = 2;
const pausedByBackpressure = 4;
const pausedByRate = 8;
type PauseCause =
  | typeof pausedByUser
  | typeof pausedByQueue
  | typeof pausedByBackpressure
  | typeof pausedByRate;
const pauseReasons: readonly (readonly [PauseCause, PauseReason])[] = [
  [pausedByUser, 'user'],
  [pausedByQueue, 'queue'],
  [pausedByBackpressure, 'backpressure'],
  [pausedByRate, 'rate'],
];

const longestDelayMs = 0x7fff_ffff;

let connectionCount = 0;

// How much a loop may send without a turn of the event loop: some milliseconds of work.
const yieldEveryBytes = 1024 * 1024;

/** A WebSocket connection that is open, closing or closed. `Data` is what the application attached to it. */
export class Connection<Data = undefined> implements AsyncIterable<Message> {
  /** What the application attached when it accepted or opened the connection. */
  readonly data: Data;
  /** Counts the connections of this process, for logs. */
  readonly id: number = ++connectionCount;
  readonly #transport: MessageTransport;
  readonly #options: ConnectionOptions;
  readonly #environment: ConnectionEnvironment;
  readonly #inside: MessageTransportEvents &
    KeepAliveActions &
    PullQueueEvents &
    ReceiveRatesActions &
    BufferHolder;
  readonly #keepAlive: KeepAlive | undefined;
  readonly #receiveRates: ReceiveRates | undefined;
  // Whole milliseconds: a number with a fraction would be an object.
  readonly #openedAtMs: number;
  #readyState: 'open' | 'closing' | 'closed' = 'open';
  #handlers: ConnectionHandlers<this> | undefined;
  #consumer: 'none' | 'handler' | 'iterator' | 'streams' = 'none';
  #pauseCauses = 0;
  #isDispatching = false;
  #isDelivering = false;
  #isSendingStream = false;
  #owesTurn = false;
  #untilYieldBytes = yieldEveryBytes;
  // What follows is made when it is needed, which for most connections is late or never.
  #inbox: Inbox | undefined;
  #drain: Deferred<boolean> | undefined;
  #end: ConnectionEnd | undefined;
  #closed: Deferred<ClosedInfo> | undefined;
  #observers: FrameObservers | undefined;
  #rates: RateWindow | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(
    transport: MessageTransport,
    data: Data,
    options?: Partial<ConnectionOptions>,
    environment: ConnectionEnvironment = noEnvironment,
  ) {
    this.data = data;
    this.#transport = transport;
    this.#options = resolveConnectionOptions(options);
    this.#environment = environment;
    this.#inside = new Connection.#Inside(this);
    this.#openedAtMs = Math.round(this.#clock.now());
    if (this.#options.pingIntervalMs > 0 && transport.supports.ping) {
      this.#keepAlive = new KeepAlive(this.#clock, this.#scheduler, this.#options, this.#inside);
    }
    const { receiveBuckets } = environment;
    if (receiveBuckets !== undefined)
      this.#receiveRates = new ReceiveRates(receiveBuckets, this.#clock, this.#inside);
    transport.attach(this.#inside);
  }

  /** Settles when the connection is gone, with the reason. Never rejects. */
  get closed(): Promise<ClosedInfo> {
    if (this.#closed === undefined) {
      this.#closed = new Deferred();
      const info = this.closedInfo;
      if (info !== undefined) this.#closed.resolve(info);
    }
    return this.#closed.promise;
  }

  /** The subprotocol that was agreed, or the empty string. */
  get protocol(): string {
    return this.#transport.protocol;
  }

  /** The extensions that were agreed, as in the Sec-WebSocket-Extensions header, or the empty string. */
  get extensions(): string {
    return this.#transport.extensions;
  }

  /** `open` until a close frame is sent or received, `closed` when the transport is gone. */
  get readyState(): 'open' | 'closing' | 'closed' {
    return this.#readyState;
  }

  /** The bytes that were accepted by `send`, with their headers, and not yet taken by the operating system. */
  get bufferedAmount(): number {
    return this.#transport.bufferedBytes;
  }

  /** The last measured round trip of a keep-alive ping in milliseconds; undefined before the first. */
  get latencyMs(): number | undefined {
    return this.#keepAlive?.latencyMs;
  }

  /** Whether `pause` was called and `resume` was not. */
  get isPaused(): boolean {
    return (this.#pauseCauses & pausedByUser) !== 0;
  }

  /** Why the connection ended; undefined while it has not. */
  get closedInfo(): ClosedInfo | undefined {
    return this.#readyState === 'closed' ? this.#end?.closedInfo : undefined;
  }

  /** The peer's close frame as it was received (1005: without a code); undefined if none was. */
  get peerClose(): PeerClose | undefined {
    return this.#end?.peerClose;
  }

  /** What the platform's transport can do. */
  get supports(): TransportFeatures {
    return this.#transport.supports;
  }

  /**
   * Sends a message: a string as text, bytes as binary. Leave the bytes unchanged until they are drained.
   *
   * @returns `true`: accepted. `false`: refused, because the connection is closing or closed. A promise: accepted,
   * but more than `highWaterMarkBytes` are queued; it gives true when all have left and false when the connection
   * ends before that, and never rejects. About once per MiB there is a promise for one turn of the event loop, so
   * that a loop which awaits every send lets others work.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for anything else than a string, an ArrayBuffer or a view;
   * `WS_STATE_INVALID` while a fragmented message is open
   */
  send(data: SendData, options?: SendOptions): boolean | Promise<boolean> {
    if (typeof data === 'string') {
      if (this.#readyState !== 'open') return false;
      this.#transport.sendText(data, options?.compress);
    } else {
      const bytes = requireBytes(data);
      if (this.#readyState !== 'open') return false;
      this.#transport.sendBinary(bytes, options?.compress);
    }
    return this.#accepted(typeof data === 'string' ? data.length : data.byteLength, data);
  }

  /** Sends a message that was encoded once for many receivers; as `send` otherwise. */
  sendPrepared(message: PreparedMessage): boolean | Promise<boolean> {
    if (this.#readyState !== 'open') return false;
    this.#transport.sendPrepared(message);
    return this.#accepted(message.payloadLength);
  }

  /**
   * Sends one fragment of a message. The first call opens the message, the one with `fin` ends it; between them
   * nothing else than fragments, pings and pongs can be sent (RFC 6455 5.4).
   * @returns as `send`
   * @throws FullduplexError `WS_ARGUMENT_INVALID`, `WS_STATE_INVALID` when the type is not that of the open message,
   * `WS_UNSUPPORTED` in a browser
   */
  sendFragment(data: SendData, options: FragmentOptions): boolean | Promise<boolean> {
    this.#require('fragments', 'sendFragment');
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : requireBytes(data);
    if (this.#readyState !== 'open') return false;
    const type = options.type ?? (typeof data === 'string' ? 'text' : 'binary');
    this.#transport.sendFragment(type, bytes, options.fin, options.compress);
    return this.#accepted(bytes.length);
  }

  /**
   * Sends one message of any length, a fragment for each piece, waiting whenever the peer is slower than the source.
   * @returns true when all was accepted, false when the connection ended before that. When the source throws, the
   * message cannot be finished: the connection is closed with 1011 and the error is thrown on.
   * @throws (as a rejection) FullduplexError `WS_STATE_INVALID` while another fragmented message is being sent
   */
  async sendStream(
    type: MessageType,
    source: AsyncIterable<SendData> | Iterable<SendData>,
    options: SendOptions = {},
  ): Promise<boolean> {
    // Two at once would mix their pieces into one message.
    if (this.#isSendingStream || this.#transport.isMessageOpen) {
      throw new FullduplexError(
        'WS_STATE_INVALID',
        'a fragmented message is being sent, expected its end before sendStream() (RFC 6455 5.4)',
      );
    }
    this.#isSendingStream = true;
    try {
      for await (const piece of source) {
        if (!(await this.sendFragment(piece, { ...options, fin: false, type }))) return false;
      }
    } catch (error) {
      if (this.#transport.isMessageOpen) void this.close(1011, 'the source of a message failed');
      throw error;
    } finally {
      this.#isSendingStream = false;
    }
    return this.sendFragment(new Uint8Array(0), { ...options, fin: true, type });
  }

  /**
   * Sends a ping with at most 125 bytes (RFC 6455 5.5.2); the answer comes to the `pong` handler.
   * @returns false when the connection is closing or closed
   * @throws FullduplexError `WS_ARGUMENT_INVALID`, `WS_UNSUPPORTED` in a browser
   */
  ping(payload: SendData = ''): boolean {
    this.#require('ping', 'ping');
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : requireBytes(payload);
    if (this.#readyState === 'open') this.#transport.sendPing(bytes);
    return this.#readyState === 'open';
  }

  /** Sends a pong that nobody asked for (RFC 6455 5.5.3) or, with `autoPong` off, the answer to a ping; as `ping`. */
  pong(payload: SendData = ''): boolean {
    this.#require('ping', 'pong');
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : requireBytes(payload);
    if (this.#readyState === 'open') this.#transport.sendPong(bytes);
    return this.#readyState === 'open';
  }

  /**
   * Stops receiving: no message is delivered until `resume`, and the peer feels it. The keep-alive deadline stands
   * still meanwhile.
   * @throws FullduplexError `WS_UNSUPPORTED` in a browser
   */
  pause(): void {
    this.#require('pause', 'pause');
    this.#pauseFor(pausedByUser);
  }

  /** Goes on receiving after `pause`. */
  resume(): void {
    this.#resumeFor(pausedByUser);
  }

  /**
   * Closes the connection behind everything sent so far (RFC 6455 7.1.2). Messages that the peer has sent before its
   * own close frame are still delivered; receiving goes on if it was paused. After `closeTimeoutMs` the connection
   * is cut.
   * @param code 1000-1003, 1007-1014 or 3000-4999; @defaultValue 1000
   * @param reason at most 123 bytes of UTF-8
   * @returns `closed`
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for another code or a longer reason, `WS_OPTION_INVALID`
   */
  close(code = 1000, reason = '', options?: CloseOptions): Promise<ClosedInfo> {
    const timeoutMs = options?.timeoutMs;
    if (timeoutMs !== undefined) requireInteger('timeoutMs', timeoutMs, 1, longestDelayMs);
    this.#close(code, reason, undefined, timeoutMs);
    return this.closed;
  }

  /** As `close`, with an empty close frame: the peer sees no code (1005). */
  closeWithoutCode(): Promise<ClosedInfo> {
    this.#close(undefined, '', undefined);
    return this.closed;
  }

  /**
   * Cuts the connection at once: no close frame, what is queued is dropped. The peer sees 1006.
   * @throws FullduplexError `WS_UNSUPPORTED` in a browser
   */
  terminate(): void {
    this.#require('terminate', 'terminate');
    this.#cut('WS_TERMINATED', 'terminate() was called');
  }

  /**
   * Names the handlers, once: `open` is called, then messages that arrived before are delivered. With a `message`
   * handler the connection cannot be iterated.
   * @throws FullduplexError `WS_CONSUMER_EXISTS` when handlers are attached already, or the connection is iterated
   * and there is a `message` handler
   */
  attach(handlers: ConnectionHandlers<this>): void {
    if (this.#handlers !== undefined)
      throw consumerExists('handlers are attached already, expected one attach()');
    if (handlers.message !== undefined) this.#claim('handler');
    this.#handlers = handlers;
    if (handlers.open !== undefined) this.#call(() => handlers.open?.(this));
    this.#deliverHeld();
    if (this.#readyState !== 'open' && handlers.closing !== undefined)
      this.#call(() => handlers.closing?.(this));
    if (this.#readyState === 'closed') this.#callClose();
  }

  /**
   * Iterates over the messages; the loop ends when the connection is closed, whatever the reason (see `closed`).
   * Leaving the loop does not close the connection; messages then wait for the next loop.
   * @throws FullduplexError `WS_CONSUMER_EXISTS` when there is a `message` handler or another loop
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    if (this.#options.receive === 'streamed') {
      throw new FullduplexError(
        'WS_STATE_INVALID',
        "option receive is 'streamed', expected messageStreams()",
      );
    }
    this.#claim('iterator');
    return this.#openInbox().messages();
  }

  /**
   * Iterates over the messages as streams; needs the option `receive: 'streamed'`. A stream that is left early, or
   * whose chunks were not begun when the next stream is asked for, is skipped. The loop ends when the connection is
   * closed.
   * @throws FullduplexError `WS_CONSUMER_EXISTS`, `WS_STATE_INVALID` without the option
   */
  messageStreams(): AsyncIterable<MessageStream> {
    if (this.#options.receive !== 'streamed') {
      throw new FullduplexError('WS_STATE_INVALID', "option receive is 'whole', expected 'streamed'");
    }
    return {
      [Symbol.asyncIterator]: () => {
        this.#claim('streams');
        return this.#openInbox().streams();
      },
    };
  }

  /**
   * Attaches an observer that sees every frame as it is on the wire; there may be several. One that throws is told
   * nothing more, and what it threw goes where errors of handlers go; the connection lives on.
   * @returns a function that detaches it
   * @throws FullduplexError `WS_CONSUMER_EXISTS` when this very one is attached, `WS_UNSUPPORTED` in a browser
   */
  observe(observer: FrameObserver): () => void {
    this.#require('observe', 'observe');
    this.#observers ??= new FrameObservers((error) => {
      this.#detachObservers();
      this.#report(error);
    });
    const observers = this.#observers;
    if (observers.has(observer))
      throw consumerExists('this frame observer is attached already, expected another one');
    observers.add(observer);
    this.#transport.observe(observers);
    return () => {
      observers.remove(observer);
      this.#detachObservers();
    };
  }

  /**
   * Gives the connection as plain values at this moment: state, counts, rates, queues, latency, end. It can be asked by
   * several, as often as they like.
   */
  snapshot(): ConnectionSnapshot {
    const nowMs = this.#clock.now();
    this.#rates ??= new RateWindow(this.#openedAtMs, nowMs);
    return describeConnection(
      {
        id: this.id,
        readyState: this.#readyState,
        openedAtMs: this.#openedAtMs,
        nowMs,
        heldBytes: this.heldBytes,
        pausedBy: pauseReasons.flatMap(([cause, reason]) => (this.#pauseCauses & cause ? [reason] : [])),
        latencyMs: this.latencyMs,
        closedInfo: this.closedInfo,
        rates: this.#rates,
      },
      this.#transport,
    );
  }

  /** What JSON.stringify writes: `snapshot()`. */
  toJSON(): ConnectionSnapshot {
    return this.snapshot();
  }

  /** Bytes of messages that have arrived and wait for a consumer. */
  get heldBytes(): number {
    return this.#inbox?.heldBytes ?? 0;
  }

  /** Whether receiving is paused, whatever the reason; `snapshot().pausedBy` names it. */
  get isReceivingPaused(): boolean {
    return this.#pauseCauses !== 0;
  }

  /** Adds what this connection has carried so far to counts of yours. */
  addTrafficTo(total: Traffic): void {
    this.#transport.addTrafficTo(total);
  }

  /** Asks for `onDrained`, for a subclass that found the connection above the high-water mark by itself. */
  protected requestDrain(): void {
    void this.#awaitDrain();
  }

  /** Cuts the connection because more is queued than the bound, counted by a subclass with a queue of its own. */
  protected overflow(queuedBytes: number): void {
    const { maxQueuedBytes } = this.#options;
    this.#cut(
      'WS_SEND_QUEUE_OVERFLOW',
      `${queuedBytes} bytes are queued for a peer that reads too slowly, at most ${maxQueuedBytes}`,
    );
  }

  /** How the connection behaves. */
  protected get options(): ConnectionOptions {
    return this.#options;
  }

  /** Whether a fragmented message was begun and not finished: nothing but control frames may come between. */
  get isMessageOpen(): boolean {
    return this.#transport.isMessageOpen;
  }

  /** Passes on what a handler threw; what it returns may be a promise. */
  protected reportError(error: unknown): unknown {
    return (this.#environment.onError ?? reportToConsole)(error);
  }

  /** Told when everything queued has left after the high-water mark was passed; for subclasses. */
  protected onDrained(): void {}

  /**
   * Told when the connection is gone, before the `close` handler; for subclasses.
   * @param _code the code of `closedInfo`, which need not be made for it
   */
  protected onClosed(_code: number): void {}

  // Sending

  #accepted(addedBytes: number, data?: SendData): boolean | Promise<boolean> {
    const bufferedBytes = this.#transport.bufferedBytes;
    if (bufferedBytes > this.#options.highWaterMarkBytes)
      return this.#aboveHighWaterMark(bufferedBytes, addedBytes, data);
    this.#untilYieldBytes -= addedBytes + messageOverheadBytes;
    return this.#untilYieldBytes > 0 ? true : this.#yield();
  }

  // A loop that awaits every send would never let the event loop turn while the peer keeps up, because promise jobs
  // come first: its connections would read nothing, not even pings. So it waits for a turn now and then.
  #yield(): Promise<boolean> {
    this.#untilYieldBytes = yieldEveryBytes;
    this.#owesTurn = true;
    this.#scheduler.queueTask(() => {
      this.#owesTurn = false;
      if (this.#transport.bufferedBytes === 0) this.#drained();
    });
    return this.#awaitDrain();
  }

  #aboveHighWaterMark(
    bufferedBytes: number,
    addedBytes: number,
    data: SendData | undefined,
  ): boolean | Promise<boolean> {
    const { maxQueuedBytes, pauseOnBackpressure } = this.#options;
    this.#environment.memory?.grew(this.#inside, addedBytes);
    if (bufferedBytes > maxQueuedBytes) {
      // Alone in the queue, a message may be longer than the bound: its sender holds it anyway.
      const messageBytes = typeof data === 'string' ? portableTextCodec.byteLength(data) : addedBytes;
      if (bufferedBytes > messageBytes + messageOverheadBytes) {
        this.overflow(bufferedBytes);
        return false;
      }
    }
    if (this.#isDispatching && pauseOnBackpressure && this.#transport.supports.pause) {
      this.#pauseFor(pausedByBackpressure);
    }
    return this.#awaitDrain();
  }

  #awaitDrain(): Promise<boolean> {
    this.#drain ??= new Deferred();
    return this.#drain.promise;
  }

  #drained(): void {
    const drain = this.#drain;
    if (drain === undefined || this.#owesTurn) return;
    this.#drain = undefined;
    drain.resolve(true);
    this.onDrained();
    const handlers = this.#handlers;
    if (handlers?.drain !== undefined) this.#call(() => handlers.drain?.(this));
    this.#resumeFor(pausedByBackpressure);
  }

  // Receiving

  #message(message: Message, type: MessageType = typeof message === 'string' ? 'text' : 'binary'): void {
    if (this.#receiveRates?.message() === false) return;
    // What a rate has let in is delivered: that of a later message is what is waited for.
    const isFlowing = (this.#pauseCauses & ~pausedByRate) === 0;
    if (this.#consumer === 'handler' && isFlowing && !this.#isDelivering) {
      this.#dispatch(message, type);
      return;
    }
    const { highWaterMarkBytes, maxRetainedBytes } = this.#options;
    const inbox = this.#openInbox();
    // Once we are closing nothing pauses any more, so the bound holds by dropping what nobody asks for.
    if (inbox.messageBytes > highWaterMarkBytes && this.#hasSentClose && this.#consumer !== 'handler') {
      inbox.cutOff();
    }
    inbox.push(this.#keepable(message), type);
    if (inbox.messageBytes <= highWaterMarkBytes) return;
    this.#environment.memory?.grew(this.#inside, message.length);
    if (inbox.messageBytes > maxRetainedBytes && !this.#transport.supports.pause) {
      this.#cut(
        'WS_RECEIVE_QUEUE_OVERFLOW',
        `${inbox.messageBytes} bytes of messages wait for a reader on a platform that cannot pause, at most ${maxRetainedBytes}`,
      );
      return;
    }
    this.#pauseFor(pausedByQueue);
  }

  #openInbox(): Inbox {
    if (this.#inbox === undefined) {
      this.#inbox = new Inbox(this.#inside);
      if (this.#readyState === 'closed') this.#inbox.end();
    }
    return this.#inbox;
  }

  // What waits for its consumer outlives the call, for which borrowed memory is valid.
  #keepable(message: Message): Message {
    const isBorrowed = typeof message !== 'string' && this.#options.binaryMessages === 'borrowed';
    return isBorrowed ? copyOf(message) : message;
  }

  #dispatch(message: Message, type: MessageType): void {
    const handlers = this.#handlers;
    if (handlers?.message === undefined) return;
    this.#isDispatching = true;
    try {
      const result = handlers.message(this, message, type);
      if (result !== undefined) this.#watch(result);
    } catch (error) {
      this.#handlerFailed(error);
    }
    this.#isDispatching = false;
  }

  // Delivers what was held before there was a consumer, or while the user had paused.
  #deliverHeld(): void {
    const inbox = this.#inbox;
    if (inbox === undefined || this.#consumer !== 'handler' || this.#isDelivering) return;
    this.#isDelivering = true;
    while ((this.#pauseCauses & (pausedByUser | pausedByBackpressure)) === 0 && this.#end?.isCut !== true) {
      const message = inbox.shift();
      if (message === undefined) break;
      this.#dispatch(message, inbox.typeOf(message));
    }
    this.#isDelivering = false;
    this.#messageTaken();
  }

  #messageStart(type: MessageType): void {
    if (this.#receiveRates?.message() === false) return;
    this.#openInbox().messageStart(type);
    this.#pauseIfStreamsAreFull();
  }

  #messageChunk(bytes: Uint8Array): void {
    this.#inbox?.messageChunk(bytes);
    this.#pauseIfStreamsAreFull();
  }

  #pauseIfStreamsAreFull(): void {
    const inbox = this.#inbox;
    if (inbox === undefined || inbox.heldBytes <= this.#options.highWaterMarkBytes) return;
    // As for whole messages: once we are closing, what nobody asks for is dropped.
    if (this.#hasSentClose) inbox.cutOff();
    else this.#pauseFor(pausedByQueue);
  }

  #messageTaken(): void {
    if ((this.#pauseCauses & pausedByQueue) === 0) return;
    const heldBytes = this.#inbox?.heldBytes ?? 0;
    if (heldBytes <= this.#options.highWaterMarkBytes / 2) this.#resumeFor(pausedByQueue);
  }

  #claim(consumer: 'handler' | 'iterator' | 'streams'): void {
    if (this.#consumer !== 'none') {
      const found = this.#consumer === 'handler' ? 'a message handler' : 'an iterator';
      throw consumerExists(`${found} consumes the messages already, expected one consumer`);
    }
    this.#consumer = consumer;
  }

  #pauseFor(cause: PauseCause): void {
    if ((this.#pauseCauses & cause) !== 0 || this.#readyState === 'closed') return;
    // While we close, the peer's close frame has to be read.
    if (this.#hasSentClose) return;
    const wasReading = this.#pauseCauses === 0;
    this.#pauseCauses |= cause;
    if (wasReading && this.#transport.supports.pause) this.#transport.pause();
  }

  #resumeFor(cause: PauseCause): void {
    if ((this.#pauseCauses & cause) === 0) return;
    this.#pauseCauses &= ~cause;
    this.#deliverHeld();
    if (this.#pauseCauses === 0 && this.#transport.supports.pause) this.#transport.resume();
  }

  #resumeForGood(): void {
    if (this.#pauseCauses === 0) return;
    this.#pauseCauses = 0;
    this.#deliverHeld();
    if (this.#transport.supports.pause) this.#transport.resume();
  }

  // Ending

  get #hasSentClose(): boolean {
    return this.#end?.hasSentClose === true;
  }

  #beginEnd(): ConnectionEnd {
    this.#end ??= new ConnectionEnd();
    return this.#end;
  }

  #close(code: number | undefined, reason: string, cause: Error | undefined, timeoutMs?: number): void {
    // Throws for what may not be sent, also when the connection is closed already: the mistake is the same.
    this.#transport.sendClose(code, reason);
    if (this.#readyState === 'closed' || this.#hasSentClose) return;
    const end = this.#beginEnd();
    end.hasSentClose = true;
    end.begin('local', code ?? 1005, reason, cause === undefined ? undefined : () => cause);
    this.#awaitEnd(end, timeoutMs);
    this.#resumeForGood();
  }

  #awaitEnd(end: ConnectionEnd, timeoutMs = this.#options.closeTimeoutMs): void {
    this.#keepAlive?.stop();
    this.#receiveRates?.stop();
    end.startDeadline(this.#clock, timeoutMs, () => this.#transport.terminate());
    this.#startClosing();
  }

  #startClosing(): void {
    if (this.#readyState !== 'open') return;
    this.#readyState = 'closing';
    const handlers = this.#handlers;
    if (handlers?.closing !== undefined) this.#call(() => handlers.closing?.(this));
  }

  #cut(code: ErrorCode, message: string): void {
    if (this.#readyState === 'closed') return;
    const end = this.#beginEnd();
    end.fail(1006, () => new FullduplexError(code, message));
    end.isCut = true;
    this.#startClosing();
    this.#transport.terminate();
  }

  // Fails the connection because of what the peer did: nothing of what it sends is read any more.
  #fail(error: ProtocolError): void {
    if (this.#readyState === 'closed') return;
    if (this.#transport.fail !== undefined) this.#transport.fail(error);
    else this.#close(error.closeCode, '', error);
  }

  // RFC 6455 7.4.1: 1013 asks to try again later. Who has not read what was sent would not read that either.
  #shed(reason: string): void {
    if (this.#transport.bufferedBytes > this.#options.highWaterMarkBytes) this.#cut('WS_MEMORY_SHED', reason);
    else this.#fail(new ProtocolError('WS_MEMORY_SHED', 1013, 'RFC 6455 7.4.1', reason));
    this.#inbox?.clear();
  }

  #handlerFailed(error: unknown): void {
    this.#report(error);
    if (this.#readyState !== 'open') return;
    const cause = new FullduplexError('WS_HANDLER_FAILED', 'a handler of this connection threw', {
      cause: error,
    });
    this.#close(1011, '', cause);
  }

  // What a handler returned is not awaited, but a rejection must reach somebody.
  #watch(result: unknown): void {
    onRejection(result, (error) => this.#handlerFailed(error));
  }

  #report(error: unknown): void {
    this.#environment.probe?.failed(error, this);
    try {
      onRejection(this.reportError(error), reportToConsole);
    } catch (reportError) {
      // An error option that throws itself must not harm the connection; the console is the last resort.
      reportToConsole(reportError);
    }
  }

  #peerClosed(code: number, reason: string): void {
    const end = this.#beginEnd();
    end.peerClose = { code, reason };
    end.begin('remote', code, reason);
    this.#awaitEnd(end);
  }

  #failed(error: ProtocolError): void {
    const end = this.#beginEnd();
    end.fail(error.closeCode, () => error);
    this.#awaitEnd(end);
    const handlers = this.#handlers;
    if (handlers?.failed !== undefined) this.#call(() => handlers.failed?.(this, error));
  }

  #transportEnded(): void {
    const end = this.#beginEnd();
    end.hasSentClose = true;
    end.begin('transport', 1006, '', endedWithoutClose);
    this.#awaitEnd(end);
  }

  #transportClosed(error: Error | undefined): void {
    if (this.#readyState === 'closed') return;
    const end = this.#beginEnd();
    this.#readyState = 'closed';
    this.#keepAlive?.stop();
    this.#receiveRates?.stop();
    this.#environment.memory?.left(this.#inside);
    end.transportClosed(error);
    this.#pauseCauses = 0;
    this.#deliverHeld();
    this.#drain?.resolve(false);
    this.#drain = undefined;
    this.#inbox?.end();
    this.onClosed(end.code);
    this.#environment.probe?.closed(this);
    this.#closed?.resolve(end.closedInfo);
    this.#callClose();
  }

  #callClose(): void {
    const handlers = this.#handlers;
    const end = this.#end;
    if (handlers?.close === undefined || end === undefined) return;
    this.#call(() => handlers.close?.(this, end.closedInfo));
  }

  #call(handler: () => unknown): void {
    try {
      const result = handler();
      if (result !== undefined) this.#watch(result);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  #detachObservers(): void {
    if (this.#observers?.isEmpty === true) this.#transport.observe(undefined);
  }

  #require(feature: keyof TransportFeatures, method: string): void {
    if (this.#transport.supports[feature]) return;
    throw new FullduplexError('WS_UNSUPPORTED', `${method}() is not possible over this platform's WebSocket`);
  }

  get #clock(): Clock {
    return this.#environment.clock ?? systemClock;
  }

  get #scheduler(): Scheduler {
    return this.#environment.scheduler ?? portableScheduler;
  }

  // Hears the transport, the keep-alive and the inbox. A class of its own keeps these calls out of what users see.
  static readonly #Inside = class
    implements MessageTransportEvents, KeepAliveActions, PullQueueEvents, ReceiveRatesActions, BufferHolder
  {
    readonly #connection: Connection<unknown>;

    constructor(connection: Connection<unknown>) {
      this.#connection = connection;
    }

    received(byteLength = 0): void {
      const connection = this.#connection;
      connection.#keepAlive?.heard();
      connection.#receiveRates?.received(byteLength);
      const { retainedBytes } = connection.#transport;
      if (retainedBytes > unnoticedBytes) connection.#environment.memory?.grew(this, byteLength);
    }

    message(message: Message, type?: MessageType): void {
      this.#connection.#message(message, type);
    }

    messageStart(type: MessageType): void {
      this.#connection.#messageStart(type);
    }

    messageChunk(bytes: Uint8Array): void {
      this.#connection.#messageChunk(bytes);
    }

    messageEnd(): void {
      this.#connection.#inbox?.messageEnd();
    }

    ping(payload: Uint8Array): void {
      const connection = this.#connection;
      if (connection.#receiveRates?.message() === false) return;
      const handlers = connection.#handlers;
      if (handlers?.ping !== undefined) connection.#call(() => handlers.ping?.(connection, payload));
    }

    pong(payload: Uint8Array): void {
      const connection = this.#connection;
      if (connection.#receiveRates?.message() === false) return;
      const isKeepAlive = connection.#keepAlive?.heardPong(payload) === true;
      const handlers = connection.#handlers;
      if (handlers?.pong !== undefined)
        connection.#call(() => handlers.pong?.(connection, payload, isKeepAlive));
    }

    peerClosed(code: number, reason: string): void {
      this.#connection.#peerClosed(code, reason);
    }

    failed(error: ProtocolError): void {
      this.#connection.#failed(error);
    }

    drained(): void {
      this.#connection.#drained();
    }

    ended(): void {
      this.#connection.#transportEnded();
    }

    closed(error?: Error): void {
      this.#connection.#transportClosed(error);
    }

    sendPing(payload: Uint8Array): void {
      this.#connection.#transport.sendPing(payload);
    }

    isReadingPaused(): boolean {
      return (this.#connection.#pauseCauses & (pausedByUser | pausedByQueue | pausedByRate)) !== 0;
    }

    writeProgress(): number {
      return this.#connection.#transport.writeProgress;
    }

    peerIsDead(): void {
      const { pongTimeoutMs } = this.#connection.#options;
      this.#connection.#cut('WS_KEEP_ALIVE_TIMEOUT', `nothing arrived within ${pongTimeoutMs} ms of a ping`);
    }

    taken(): void {
      this.#connection.#messageTaken();
    }

    get canStopReceiving(): boolean {
      return this.#connection.#transport.supports.pause;
    }

    stopReceiving(): void {
      this.#connection.#pauseFor(pausedByRate);
    }

    receiveAgain(): void {
      this.#connection.#resumeFor(pausedByRate);
    }

    rateExceeded(error: ProtocolError): void {
      this.#connection.#fail(error);
    }

    get heldBytes(): number {
      const connection = this.#connection;
      const { bufferedBytes, retainedBytes } = connection.#transport;
      return bufferedBytes + retainedBytes + (connection.#inbox?.heldBytes ?? 0);
    }

    shed(reason: string): void {
      this.#connection.#shed(reason);
    }

    left(): void {
      this.#connection.#consumer = 'none';
    }
  };
}

const noEnvironment: ConnectionEnvironment = Object.freeze({});

function requireBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return viewOf(data);
  throw new FullduplexError(
    'WS_ARGUMENT_INVALID',
    `data is ${describe(data)}, expected a string, an ArrayBuffer or a view of one`,
  );
}

function endedWithoutClose(): FullduplexError {
  return new FullduplexError('WS_TRANSPORT_ENDED', 'the peer ended the transport without a close frame');
}

function consumerExists(message: string): FullduplexError {
  return new FullduplexError('WS_CONSUMER_EXISTS', message);
}

function reportToConsole(error: unknown): void {
  console.error(error);
}
