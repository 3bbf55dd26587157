// The one Connection: sending with backpressure, receiving by handlers, by iteration or as streams, keep-alive, the
// close deadline, and one structured reason for every end. It stands on a MessageTransport and knows no bytes on the
// wire; the WHATWG classes and the server's connections are views of it.

import { copyOf, viewOf } from '../base/bytes.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { describe, type ErrorCode, FullduplexError } from '../base/errors.ts';
import { onRejection } from '../base/rejections.ts';
import { portableScheduler, type Scheduler } from '../base/scheduler.ts';
import type { FrameObserver } from '../protocol/frame-observer.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import { type ConnectionOptions, resolveConnectionOptions } from './connection-options.ts';
import type { ClosedInfo } from './end-reason.ts';
import { KeepAlive } from './keep-alive.ts';
import { MessageStreamSource, type MessageStream } from './message-stream.ts';
import type {
  Message,
  MessageTransport,
  MessageTransportEvents,
  MessageType,
  TransportFeatures,
} from './message-transport.ts';
import { PullQueue } from './pull-queue.ts';

/** Data that can be sent: a string as text, bytes as binary. */
export type SendData = string | ArrayBuffer | ArrayBufferView;

/**
 * What an application does when something happens on a connection. Declared once for a server or a client; every
 * handler gets the connection. What handlers return is ignored, and they are not awaited; but one that throws, or whose
 * promise rejects, closes its own connection with 1011 and is reported to `onError`.
 */
export interface ConnectionHandlers<C> {
  /** The connection is open. */
  open?(connection: C): unknown;
  /** A whole message arrived. */
  message?(connection: C, message: Message): unknown;
  /** Everything queued has left, after a `send` had given a promise. */
  drain?(connection: C): unknown;
  /** A ping arrived (and was answered, unless `autoPong` is off). The payload is valid only during the call. */
  ping?(connection: C, payload: Uint8Array): unknown;
  /** A pong arrived. The payload is valid only during the call. */
  pong?(connection: C, payload: Uint8Array): unknown;
  /**
   * The end has begun: a close frame was sent or received, or the connection failed. Messages that waited may still
   * come; `close` follows when the transport is gone.
   */
  closing?(connection: C): unknown;
  /** The connection is gone. The last call. */
  close?(connection: C, info: ClosedInfo): unknown;
}

/** How one message is sent. */
export interface SendOptions {
  /**
   * Whether the message is compressed, where permessage-deflate was agreed: `false` for what is compressed already,
   * or for secrets beside text of strangers (CRIME, BREACH); `true` also below the threshold.
   * @defaultValue by the threshold of the option `perMessageDeflate`
   */
  readonly compress?: boolean;
}

/** How one fragment is sent; `compress` of the first fragment counts for the whole message. */
export interface FragmentOptions extends SendOptions {
  /** Whether the message ends with this fragment. */
  readonly fin: boolean;
  /** The type of the message. @defaultValue text for a string, binary for bytes */
  readonly type?: MessageType;
}

/** What a Connection takes from its surroundings. Every part has a portable default. */
export interface ConnectionEnvironment {
  /** Where deadlines come from. */
  readonly clock?: Clock;
  /** Where deferred work goes. */
  readonly scheduler?: Scheduler;
  /** Hears what a handler threw. @defaultValue console.error */
  readonly onError?: (error: unknown) => void;
}

type PauseCause = 'user' | 'queue' | 'backpressure';

// What a queued message costs beside its bytes, so that a flood of empty messages is bounded too.
const messageOverheadBytes = 64;

// How much a loop may send without a turn of the event loop: some milliseconds of work.
const yieldEveryBytes = 1024 * 1024;

/** A WebSocket connection that is open, closing or closed. `Data` is what the application attached to it. */
export class Connection<Data = undefined> implements AsyncIterable<Message> {
  /** What the application attached when it accepted or opened the connection. */
  readonly data: Data;
  /** Settles when the connection is gone, with the reason. Never rejects. */
  readonly closed: Promise<ClosedInfo>;
  readonly #transport: MessageTransport;
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #onError: (error: unknown) => void;
  readonly #keepAlive: KeepAlive | undefined;
  readonly #messages: PullQueue<Message>;
  readonly #streams: PullQueue<MessageStreamSource>;
  #resolveClosed: (info: ClosedInfo) => void = () => undefined;
  #readyState: 'open' | 'closing' | 'closed' = 'open';
  #closedInfo: ClosedInfo | undefined;
  #handlers: ConnectionHandlers<this> | undefined;
  #consumer: 'none' | 'handler' | 'iterator' | 'streams' = 'none';
  // The stream that is arriving, the one that the consumer got last, and what waits in all of them.
  #stream: MessageStreamSource | undefined;
  #givenStream: MessageStreamSource | undefined;
  #streamBytes = 0;
  #isSendingStream = false;
  #isDispatching = false;
  #untilYieldBytes = yieldEveryBytes;
  #owesTurn = false;
  #isDelivering = false;
  readonly #pauseCauses = new Set<PauseCause>();
  #drain: { readonly promise: Promise<boolean>; readonly resolve: (isDrained: boolean) => void } | undefined;
  #closeTimer: { cancel(): void } | undefined;
  // How the end began: the first of our close, the peer's close, a failure.
  #end: { code: number; reason: string; by: ClosedInfo['by']; cause?: Error } | undefined;
  #hasSentClose = false;
  #peerClose: { readonly code: number; readonly reason: string } | undefined;
  #observer: FrameObserver | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(
    transport: MessageTransport,
    data: Data,
    options?: Partial<ConnectionOptions>,
    environment: ConnectionEnvironment = {},
  ) {
    this.data = data;
    this.#transport = transport;
    this.#options = resolveConnectionOptions(options);
    this.#clock = environment.clock ?? systemClock;
    this.#scheduler = environment.scheduler ?? portableScheduler;
    this.#onError = environment.onError ?? reportToConsole;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#messages = new PullQueue({ taken: () => this.#messageTaken(), left: () => this.#consumerLeft() });
    this.#streams = new PullQueue({ taken: () => this.#messageTaken(), left: () => this.#consumerLeft() });
    if (this.#options.pingIntervalMs > 0 && transport.supports.ping) {
      this.#keepAlive = new KeepAlive(this.#clock, this.#scheduler, this.#options, {
        sendPing: (payload) => transport.sendPing(payload),
        isReadingPaused: () => this.#pauseCauses.has('user') || this.#pauseCauses.has('queue'),
        writeProgress: () => transport.writeProgress,
        peerIsDead: () => this.#peerIsDead(),
      });
    }
    transport.attach(this.#events());
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
    return this.#pauseCauses.has('user');
  }

  /** Why the connection ended; undefined while it has not. */
  get closedInfo(): ClosedInfo | undefined {
    return this.#closedInfo;
  }

  /** The peer's close frame as it was received (1005: without a code); undefined if none was. */
  get peerClose(): { readonly code: number; readonly reason: string } | undefined {
    return this.#peerClose;
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
    return this.#accepted(typeof data === 'string' ? data.length : data.byteLength);
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
    this.#pauseFor('user');
  }

  /** Goes on receiving after `pause`. */
  resume(): void {
    this.#resumeFor('user');
  }

  /**
   * Closes the connection behind everything sent so far (RFC 6455 7.1.2). Messages that the peer has sent before its
   * own close frame are still delivered; receiving goes on if it was paused. After `closeTimeoutMs` the connection
   * is cut.
   * @param code 1000-1003, 1007-1014 or 3000-4999; @defaultValue 1000
   * @param reason at most 123 bytes of UTF-8
   * @returns `closed`
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for another code or a longer reason
   */
  close(code = 1000, reason = ''): Promise<ClosedInfo> {
    this.#close(code, reason, undefined);
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
    if (this.#readyState !== 'open') this.#callClosing();
    if (this.#closedInfo !== undefined) this.#callClose(this.#closedInfo);
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
    return this.#messages.iterate();
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
        return this.#iterateStreams();
      },
    };
  }

  /**
   * Attaches an observer that sees every frame as it is on the wire.
   * @returns a function that detaches it
   * @throws FullduplexError `WS_CONSUMER_EXISTS` when there is one, `WS_UNSUPPORTED` in a browser
   */
  observe(observer: FrameObserver): () => void {
    this.#require('observe', 'observe');
    if (this.#observer !== undefined)
      throw consumerExists('a frame observer is attached already, expected one');
    this.#observer = observer;
    this.#transport.observe(observer);
    return () => {
      if (this.#observer !== observer) return;
      this.#observer = undefined;
      this.#transport.observe(undefined);
    };
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

  /** Told when everything queued has left after the high-water mark was passed; for subclasses. */
  protected onDrained(): void {}

  /** Told when the connection is gone, before the `close` handler; for subclasses. */
  protected onClosed(): void {}

  // Sending

  #accepted(addedBytes: number): boolean | Promise<boolean> {
    const bufferedBytes = this.#transport.bufferedBytes;
    if (bufferedBytes > this.#options.highWaterMarkBytes)
      return this.#aboveHighWaterMark(bufferedBytes, addedBytes);
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

  #aboveHighWaterMark(bufferedBytes: number, addedBytes: number): boolean | Promise<boolean> {
    const { maxQueuedBytes, pauseOnBackpressure } = this.#options;
    // Alone in the queue, a message may be longer than the bound: its sender holds it anyway.
    if (bufferedBytes > maxQueuedBytes && bufferedBytes > addedBytes * 3 + messageOverheadBytes) {
      this.overflow(bufferedBytes);
      return false;
    }
    if (this.#isDispatching && pauseOnBackpressure && this.#transport.supports.pause) {
      this.#pauseFor('backpressure');
    }
    return this.#awaitDrain();
  }

  #awaitDrain(): Promise<boolean> {
    if (this.#drain === undefined) {
      let resolve: (isDrained: boolean) => void = () => undefined;
      const promise = new Promise<boolean>((resolvePromise) => {
        resolve = resolvePromise;
      });
      this.#drain = { promise, resolve };
    }
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
    this.#resumeFor('backpressure');
  }

  // Receiving

  #message(message: Message): void {
    if (this.#consumer === 'handler' && this.#pauseCauses.size === 0 && !this.#isDelivering) {
      this.#dispatch(message);
      return;
    }
    const byteLength = messageOverheadBytes + message.length;
    // Once we are closing nothing pauses any more, so the bound holds by dropping what nobody asks for.
    const isFull = this.#messages.byteLength > this.#options.highWaterMarkBytes;
    if (isFull && this.#hasSentClose && this.#consumer !== 'handler') return;
    this.#messages.push(this.#keepable(message), byteLength);
    if (this.#messages.byteLength > this.#options.highWaterMarkBytes) this.#pauseFor('queue');
  }

  // What waits for its consumer outlives the call, for which borrowed memory is valid.
  #keepable(message: Message): Message {
    const isBorrowed = typeof message !== 'string' && this.#options.binaryMessages === 'borrowed';
    return isBorrowed ? copyOf(message) : message;
  }

  #dispatch(message: Message): void {
    const handlers = this.#handlers;
    if (handlers?.message === undefined) return;
    this.#isDispatching = true;
    try {
      const result = handlers.message(this, message);
      if (result !== undefined) onRejection(result, this.#handlerFailed);
    } catch (error) {
      this.#handlerFailed(error);
    }
    this.#isDispatching = false;
  }

  // Delivers what was held before there was a consumer, or while the user had paused.
  #deliverHeld(): void {
    if (this.#consumer !== 'handler' || this.#isDelivering) return;
    this.#isDelivering = true;
    while (!this.#pauseCauses.has('user') && !this.#pauseCauses.has('backpressure')) {
      const held = this.#messages.shift();
      if (held === undefined) break;
      this.#dispatch(held.item);
    }
    this.#isDelivering = false;
    this.#messageTaken();
  }

  #messageStart(type: MessageType): void {
    const source = new MessageStreamSource(type, (addedBytes) => {
      this.#streamBytes += addedBytes;
      if (addedBytes < 0) this.#messageTaken();
    });
    this.#stream = source;
    this.#streams.push(source, messageOverheadBytes);
    this.#pauseIfStreamsAreFull();
  }

  #iterateStreams(): AsyncIterator<MessageStream, undefined> {
    const sources = this.#streams.iterate();
    return {
      next: async () => {
        this.#givenStream?.skipUnlessBegun();
        const { done, value } = await sources.next();
        if (done === true) return { done, value };
        this.#givenStream = value;
        return { done, value: value.stream };
      },
      return: async () => {
        await sources.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  #messageChunk(bytes: Uint8Array): void {
    this.#stream?.push(bytes);
    this.#pauseIfStreamsAreFull();
  }

  #messageEnd(): void {
    this.#stream?.end();
  }

  #pauseIfStreamsAreFull(): void {
    if (this.#heldBytes() > this.#options.highWaterMarkBytes && !this.#hasSentClose) this.#pauseFor('queue');
  }

  #heldBytes(): number {
    return this.#messages.byteLength + this.#streams.byteLength + this.#streamBytes;
  }

  #messageTaken(): void {
    if (this.#pauseCauses.has('queue') && this.#heldBytes() <= this.#options.highWaterMarkBytes / 2) {
      this.#resumeFor('queue');
    }
  }

  #claim(consumer: 'handler' | 'iterator' | 'streams'): void {
    if (this.#consumer !== 'none') {
      const found = this.#consumer === 'handler' ? 'a message handler' : 'an iterator';
      throw consumerExists(`${found} consumes the messages already, expected one consumer`);
    }
    this.#consumer = consumer;
  }

  #consumerLeft(): void {
    this.#consumer = 'none';
  }

  #pauseFor(cause: PauseCause): void {
    if (this.#pauseCauses.has(cause) || this.#readyState === 'closed') return;
    // While we close, the peer's close frame has to be read.
    if (this.#hasSentClose) return;
    this.#pauseCauses.add(cause);
    if (this.#pauseCauses.size === 1 && this.#transport.supports.pause) this.#transport.pause();
  }

  #resumeFor(cause: PauseCause): void {
    if (!this.#pauseCauses.delete(cause)) return;
    this.#deliverHeld();
    if (this.#pauseCauses.size === 0 && this.#transport.supports.pause) this.#transport.resume();
  }

  #resumeForGood(): void {
    if (this.#pauseCauses.size === 0) return;
    this.#pauseCauses.clear();
    this.#deliverHeld();
    if (this.#transport.supports.pause) this.#transport.resume();
  }

  // Ending

  #close(code: number | undefined, reason: string, cause: Error | undefined): void {
    // Throws for what may not be sent, also when the connection is closed already: the mistake is the same.
    this.#transport.sendClose(code, reason);
    if (this.#readyState === 'closed' || this.#hasSentClose) return;
    this.#hasSentClose = true;
    this.#endsBy('local', code ?? 1005, reason, cause);
    this.#resumeForGood();
  }

  #endsBy(by: ClosedInfo['by'], code: number, reason: string, cause: Error | undefined): void {
    this.#end ??= { code, reason, by, ...(cause === undefined ? {} : { cause }) };
    this.#keepAlive?.stop();
    this.#closeTimer ??= this.#clock.setTimer(this.#closeIsOverdue, this.#options.closeTimeoutMs);
    this.#startClosing();
  }

  #startClosing(): void {
    if (this.#readyState !== 'open') return;
    this.#readyState = 'closing';
    this.#callClosing();
  }

  readonly #closeIsOverdue = (): void => {
    const { closeTimeoutMs } = this.#options;
    if (this.#end?.cause === undefined && !this.#isClean()) {
      this.#end = {
        code: 1006,
        reason: '',
        by: this.#end?.by ?? 'local',
        cause: new FullduplexError(
          'WS_CLOSE_TIMEOUT',
          `the closing handshake was not finished within ${closeTimeoutMs} ms`,
        ),
      };
    }
    this.#transport.terminate();
  };

  #isClean(): boolean {
    return this.#peerClose !== undefined && (this.#hasSentClose || this.#end?.by === 'remote');
  }

  #cut(code: ErrorCode, message: string): void {
    if (this.#readyState === 'closed') return;
    this.#end = { code: 1006, reason: '', by: 'local', cause: new FullduplexError(code, message) };
    this.#hasSentClose = true;
    this.#startClosing();
    this.#transport.terminate();
  }

  #peerIsDead(): void {
    const { pongTimeoutMs } = this.#options;
    this.#cut('WS_KEEP_ALIVE_TIMEOUT', `nothing arrived within ${pongTimeoutMs} ms of a ping`);
  }

  readonly #handlerFailed = (error: unknown): void => {
    this.#report(error);
    if (this.#readyState !== 'open') return;
    const cause = new FullduplexError('WS_HANDLER_FAILED', 'a handler of this connection threw', {
      cause: error,
    });
    this.#close(1011, '', cause);
  };

  #report(error: unknown): void {
    try {
      const result: unknown = this.#onError(error);
      onRejection(result, reportToConsole);
    } catch (reportError) {
      // An error option that throws itself must not harm the connection; the console is the last resort.
      reportToConsole(reportError);
    }
  }

  #peerClosed(code: number, reason: string): void {
    this.#peerClose = { code, reason };
    this.#endsBy('remote', code, reason, undefined);
  }

  #failed(error: ProtocolError): void {
    this.#end = { code: error.closeCode, reason: '', by: 'local', cause: error };
    this.#hasSentClose = true;
    this.#endsBy('local', error.closeCode, '', error);
  }

  #transportEnded(): void {
    const cause = new FullduplexError(
      'WS_TRANSPORT_ENDED',
      'the peer ended the transport without a close frame',
    );
    this.#hasSentClose = true;
    this.#endsBy('transport', 1006, '', cause);
  }

  #transportClosed(error: Error | undefined): void {
    if (this.#readyState === 'closed') return;
    const isClean = this.#isClean();
    this.#readyState = 'closed';
    this.#keepAlive?.stop();
    this.#closeTimer?.cancel();
    this.#pauseCauses.clear();
    const info = this.#closedInfoOf(isClean, error);
    this.#closedInfo = info;
    this.#deliverHeld();
    this.#drain?.resolve(false);
    this.#drain = undefined;
    this.#stream?.end();
    this.#messages.end();
    this.#streams.end();
    this.onClosed();
    this.#resolveClosed(info);
    this.#callClose(info);
  }

  #closedInfoOf(isClean: boolean, error: Error | undefined): ClosedInfo {
    const end = this.#end;
    if (end !== undefined && (isClean || end.cause !== undefined)) {
      const { code, reason, by, cause } = end;
      return { code, reason, clean: isClean, by, ...(cause === undefined ? {} : { cause }) };
    }
    const cause =
      error === undefined
        ? new FullduplexError(
            'WS_TRANSPORT_ENDED',
            'the transport ended before the closing handshake was finished',
          )
        : new FullduplexError('WS_TRANSPORT_FAILED', `the transport failed: ${error.message}`, {
            cause: error,
          });
    return { code: 1006, reason: '', clean: false, by: 'transport', cause };
  }

  #callClosing(): void {
    const handlers = this.#handlers;
    if (handlers?.closing !== undefined) this.#call(() => handlers.closing?.(this));
  }

  #callClose(info: ClosedInfo): void {
    const handlers = this.#handlers;
    if (handlers?.close !== undefined) this.#call(() => handlers.close?.(this, info));
  }

  #call(handler: () => unknown): void {
    try {
      const result = handler();
      if (result !== undefined) onRejection(result, this.#handlerFailed);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  #require(feature: keyof TransportFeatures, method: string): void {
    if (this.#transport.supports[feature]) return;
    throw new FullduplexError('WS_UNSUPPORTED', `${method}() is not possible over this platform's WebSocket`);
  }

  #events(): MessageTransportEvents {
    return {
      received: () => this.#keepAlive?.heard(),
      message: (message) => this.#message(message),
      messageStart: (type) => this.#messageStart(type),
      messageChunk: (bytes) => this.#messageChunk(bytes),
      messageEnd: () => this.#messageEnd(),
      ping: (payload) => {
        const handlers = this.#handlers;
        if (handlers?.ping !== undefined) this.#call(() => handlers.ping?.(this, payload));
      },
      pong: (payload) => {
        this.#keepAlive?.heardPong(payload);
        const handlers = this.#handlers;
        if (handlers?.pong !== undefined) this.#call(() => handlers.pong?.(this, payload));
      },
      peerClosed: (code, reason) => this.#peerClosed(code, reason),
      failed: (error) => this.#failed(error),
      drained: () => this.#drained(),
      ended: () => this.#transportEnded(),
      closed: (error) => this.#transportClosed(error),
    };
  }
}

function requireBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return viewOf(data);
  throw new FullduplexError(
    'WS_ARGUMENT_INVALID',
    `data is ${describe(data)}, expected a string, an ArrayBuffer or a view of one`,
  );
}

function consumerExists(message: string): FullduplexError {
  return new FullduplexError('WS_CONSUMER_EXISTS', message);
}

function reportToConsole(error: unknown): void {
  console.error(error);
}
