// One side of one WebSocket connection after the opening handshake, without I/O: bytes go in, calls to a sink come
// out, and what is to be written collects in an output that the owner flushes. It owns no socket, no timer and no
// promise. RFC 6455 sections 5 to 8; each rule stands in the part that keeps it (FrameDecoder, MessageAssembler,
// ClosingHandshake, FrameEncoder), this class joins them.

import { copyOf, noBytes } from '../base/bytes.ts';
import { FullduplexError } from '../base/errors.ts';
import { poison } from '../base/poison.ts';
import type { TextCodec } from '../base/text-codec.ts';
import { encodeCloseBody, parseCloseBody } from './close-frame.ts';
import { CloseCode } from './close-code.ts';
import { type ClosingState, canReceive, canSend, nextClosingState } from './closing-handshake.ts';
import type { NegotiatedExtension } from './extensions/extension.ts';
import { type FrameEncoder, referenceFromBytes } from './frame-encoder.ts';
import type { FrameObserver } from './frame-observer.ts';
import type { AssembledSink } from './message-assembler.ts';
import { Opcode } from './opcode.ts';
import type { OutputTarget } from './output-buffer.ts';
import type { PreparedMessage } from './prepared-message.ts';
import { ProtocolError } from './protocol-error.ts';
import { type ProtocolOptions, ProtocolSettings } from './protocol-settings.ts';
import type { Receiver } from './receiver.ts';
import { SendQueue } from './send-queue.ts';
import { Traffic } from './traffic.ts';
import type { Writer } from './writer.ts';

/** What happens on a connection, in order. Calls come only from within methods of Protocol or from a codec's callback. */
export interface ProtocolSink {
  /** A whole text message. */
  text(message: string): void;
  /** A whole text message as bytes, when `textMessages` is `bytes`: yours to keep, unless `binaryMessages` is `borrowed`. */
  textBytes?(message: Uint8Array): void;
  /** A whole binary message: yours to keep, unless `binaryMessages` is `borrowed`. */
  binary(message: Uint8Array): void;
  /** Streamed receiving: a message begins. */
  messageStart(type: 'text' | 'binary'): void;
  /** Streamed receiving: its next bytes, borrowed for the call; text is checked, but may be cut inside a character. */
  messageChunk(bytes: Uint8Array): void;
  /** Streamed receiving: the message is complete. */
  messageEnd(): void;
  /** A ping; the pong is already in the output, unless auto-pong is off. Borrowed for the call. */
  ping(payload: Uint8Array): void;
  /** A pong, asked for or not. Borrowed for the call. */
  pong(payload: Uint8Array): void;
  /** The peer's close frame, 1005 when it had no code; the answer is in the output if one was due. */
  close(code: number, reason: string): void;
  /** The connection was failed, because of the peer or of a codec; the close frame that says so is in the output. */
  failure(error: ProtocolError): void;
  /** Something is in the output although nobody called: a codec has finished. Flush it. */
  outputReady(): void;
}

// Streamed and compressed input is decoded in steps of this many bytes: deflate makes up to 1,032 times as much of each
// (zlib, technical details), all of which is held before the receiver can pause.
const inflatedStepBytes = 4 * 1024;

// The memory that is being decoded. The transport reads into it again, so nothing sent from it may be kept by
// reference: a borrowed message that a handler sends back, or passes on to any other connection.
let borrowed: ArrayBufferLike | undefined;

// Bytes on the wire are counted in small integers, which lie in the connection itself, and from here on in its Traffic:
// larger numbers would be objects of their own, also on connections that are idle.
const mostSmallCount = 0x3fff_ffff;

/** One side of a WebSocket connection, without I/O. */
export class Protocol {
  readonly #settings: ProtocolSettings;
  readonly #sink: ProtocolSink;
  readonly #extension: NegotiatedExtension | undefined;
  readonly #sendQueue: SendQueue | undefined;
  readonly #assembled: AssembledSink;
  // Both are borrowed: an idle connection has neither.
  #receiver: Receiver | undefined;
  #writer: Writer | undefined;
  #observer: FrameObserver | undefined;
  #closingState: ClosingState = 'open';
  #isPaused = false;
  #isCodecPending = false;
  #whenFinished: (() => void) | undefined;
  #isDecoding = false;
  #hasClosePending = false;
  #isDisposed = false;
  // The kind of the fragmented message that is being sent, if one is.
  #openMessage: { readonly type: 'text' | 'binary'; readonly isTransformed: boolean } | undefined;
  // Made with the first message.
  #traffic: Traffic | undefined;
  // What is not in #traffic yet.
  #receivedBytes = 0;
  #flushedBytes = 0;

  /**
   * @param options how it behaves; connections that behave alike share one ProtocolSettings
   * @param extension what was negotiated, beside a ProtocolSettings; otherwise it stands in the options
   * @throws FullduplexError `WS_OPTION_INVALID` for limits or a role that make no sense
   */
  constructor(
    options: ProtocolOptions | ProtocolSettings,
    sink: ProtocolSink,
    extension: NegotiatedExtension | undefined = 'extension' in options ? options.extension : undefined,
  ) {
    this.#settings = options instanceof ProtocolSettings ? options : new ProtocolSettings(options);
    this.#sink = sink;
    this.#extension = extension;
    this.#assembled = new Protocol.#Assembled(this);
    if (extension !== undefined) {
      this.#sendQueue = new SendQueue(() => this.#encoder, extension, {
        written: () => this.#sink.outputReady(),
        transformed: (plainBytes, deflatedBytes) => this.#countDeflated(plainBytes, deflatedBytes),
        failed: (error) => {
          this.fail(codecFailed(error));
          this.#sink.outputReady();
        },
      });
    }
  }

  /** Whether this is the server's side. */
  get isServer(): boolean {
    return this.#settings.isServer;
  }

  /** Where the closing handshake stands. */
  get closingState(): ClosingState {
    return this.#closingState;
  }

  /** Bytes that were sent and are not in the output yet: they wait for a codec. */
  get queuedBytes(): number {
    return this.#sendQueue?.byteLength ?? 0;
  }

  /** Bytes of input that are kept: of an unfinished message, or because receiving is paused. */
  get retainedBytes(): number {
    return this.#receiver?.retained.count ?? 0;
  }

  /** The bytes that wait for the next flush. */
  get outputBytes(): number {
    return this.#writer?.output.byteLength ?? 0;
  }

  /** Whether what waits for the next flush holds memory of the staging pool. */
  get isOutputStaged(): boolean {
    return this.#writer?.output.isStaged === true;
  }

  /**
   * Hands all that is to be written to the target, whose result says whether the memory is free again. Does nothing
   * when nothing waits.
   */
  flush(target: OutputTarget): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#countFlushed(writer.output.byteLength);
    writer.output.flush(target);
    if (this.#writer !== writer || writer.output.byteLength > 0) return;
    this.#writer = undefined;
    this.#settings.giveWriter(writer);
  }

  /** Whether `pause` was called and `resume` was not. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether input waits undecoded. */
  get hasWaitingInput(): boolean {
    return this.#receiver !== undefined && this.#receiver.waiting.length > 0;
  }

  /** Whether a fragmented message was begun and not finished by this side. */
  get isMessageOpen(): boolean {
    return this.#openMessage !== undefined;
  }

  /**
   * Takes bytes from the peer, `chunk[0..end)`. They are borrowed for the call and may be overwritten. Never throws,
   * whatever the peer sent, provided that the sink does not.
   */
  receive(chunk: Uint8Array, end: number = chunk.length): void {
    this.#countReceived(end);
    if (canReceive(this.#closingState)) this.#receive(chunk, end);
    poison(chunk, 0, end);
  }

  #receive(chunk: Uint8Array, end: number): void {
    const receiver = this.#receiver ?? this.#takeReceiver();
    if (this.#isPaused || this.#isCodecPending || this.#isDecoding || receiver.waiting.length > 0) {
      this.#requireKept(receiver.waiting.append(chunk, 0, end));
      return;
    }
    const offset = this.#decode(receiver, chunk, 0, end);
    // A sink that called receive() itself has added what comes after this chunk.
    if (offset < end && canReceive(this.#closingState)) {
      this.#requireKept(receiver.waiting.prepend(chunk, offset, end));
    }
    this.#decodeWaiting();
  }

  /**
   * Stops decoding after the current message; input is kept from now on, up to the limit. A message that a codec
   * already holds is still delivered when the codec is done.
   */
  pause(): void {
    this.#isPaused = true;
    this.#receiver?.decoder.stop();
  }

  /** Decodes what was kept and goes on. */
  resume(): void {
    this.#isPaused = false;
    this.#decodeWaiting();
  }

  /**
   * Decodes what was kept, paused or not: the transport is gone and nothing more will come. Calls back when all of it
   * is delivered, which may be later when a codec is busy; `dispose` follows then.
   */
  finish(done: () => void): void {
    this.#whenFinished = done;
    this.#finishWaiting();
  }

  /**
   * Sends a text message. Nothing happens once a close frame was sent.
   * @param compress whether the extension transforms it; @defaultValue what the extension says of its kind and size
   */
  sendText(text: string, compress?: boolean): void {
    if (!canSend(this.#closingState) || this.#hasClosePending) return;
    this.#requireNoOpenMessage();
    const firstByte = 0x80 | Opcode.text;
    const queue = this.#sendQueue;
    if (queue === undefined) {
      this.#countOut(1, this.#encoder.writeText(firstByte, text));
      return;
    }
    const byteLength = this.#settings.text.byteLength(text);
    this.#countOut(1, byteLength);
    const isTransformed = this.#isTransformed('text', byteLength, compress);
    if (!isTransformed && queue.isIdle) {
      this.#encoder.writeText(firstByte, text);
      return;
    }
    const bytes = new Uint8Array(byteLength);
    this.#settings.text.encodeInto(text, bytes, 0);
    queue.push(firstByte, bytes, isTransformed);
  }

  /** Sends a binary message; the bytes stay unchanged until the output was flushed and written. As sendText. */
  sendBinary(bytes: Uint8Array, compress?: boolean): void {
    if (!canSend(this.#closingState) || this.#hasClosePending) return;
    this.#requireNoOpenMessage();
    this.#countOut(1, bytes.length);
    const firstByte = 0x80 | Opcode.binary;
    if (this.#sendQueue === undefined) this.#encoder.writeBytes(firstByte, this.#stable(bytes));
    else
      this.#sendQueue.push(
        firstByte,
        this.#stable(bytes),
        this.#isTransformed('binary', bytes.length, compress),
      );
  }

  /** Sends a message that was encoded once for many receivers. */
  sendPrepared(message: PreparedMessage): void {
    if (!canSend(this.#closingState) || this.#hasClosePending) return;
    this.#requireNoOpenMessage();
    const { type, payloadLength, compress } = message;
    this.#countOut(1, payloadLength);
    const queue = this.#sendQueue;
    const isTransformed = queue !== undefined && this.#isTransformed(type, payloadLength, compress);
    if (queue === undefined || (!isTransformed && queue.isIdle)) {
      this.#encoder.writeFrame(message.frame, payloadLength);
      return;
    }
    const firstByte = 0x80 | (type === 'text' ? Opcode.text : Opcode.binary);
    queue.push(firstByte, message.payload, isTransformed, message);
  }

  /**
   * Sends one fragment: the first one opens a message of the type, the final one ends it. Control frames may come
   * between (RFC 6455 5.4).
   * @throws FullduplexError `WS_STATE_INVALID` when a fragment names another type than the open message
   */
  sendFragment(type: 'text' | 'binary', bytes: Uint8Array, isFinal: boolean, compress?: boolean): void {
    if (!canSend(this.#closingState) || this.#hasClosePending) return;
    const open = this.#openMessage;
    if (open !== undefined && open.type !== type) {
      throw new FullduplexError(
        'WS_STATE_INVALID',
        `${type} fragment while a ${open.type} message is open, expected a ${open.type} fragment`,
      );
    }
    const opcode = open !== undefined ? Opcode.continuation : type === 'text' ? Opcode.text : Opcode.binary;
    const firstByte = (isFinal ? 0x80 : 0) | opcode;
    // How long the message will be is unknown here; a fragmented message counts as long.
    const isTransformed =
      open?.isTransformed ??
      this.#isTransformed(type, isFinal ? bytes.length : Number.MAX_SAFE_INTEGER, compress);
    this.#openMessage = isFinal ? undefined : { type, isTransformed };
    this.#countOut(isFinal ? 1 : 0, bytes.length);
    if (this.#sendQueue === undefined) this.#encoder.writeBytes(firstByte, this.#stable(bytes));
    else this.#sendQueue.push(firstByte, this.#stable(bytes), isTransformed);
  }

  /** Sends a ping with at most 125 bytes. @throws FullduplexError `WS_ARGUMENT_INVALID` */
  ping(payload: Uint8Array = noBytes): void {
    this.#sendControl(Opcode.ping, payload);
  }

  /** Sends a pong with at most 125 bytes, asked for or not. @throws FullduplexError `WS_ARGUMENT_INVALID` */
  pong(payload: Uint8Array = noBytes): void {
    this.#sendControl(Opcode.pong, payload);
  }

  /**
   * Starts the closing handshake. The close frame goes behind everything sent so far; nothing can be sent after it.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code that may not be sent or a reason over 123 bytes
   */
  close(code?: number, reason = ''): void {
    const body = encodeCloseBody(code, reason, this.#settings.text);
    if (!canSend(this.#closingState) || this.#hasClosePending) return;
    this.#closeAfterMessages(body);
  }

  /**
   * Fails the connection (RFC 6455 7.1.7): sends a close frame if none was sent, discards all further input and
   * tells the sink.
   * @throws FullduplexError `WS_ARGUMENT_INVALID` when the error's close code may not be sent
   */
  fail(error: ProtocolError): void {
    if (this.#closingState === 'failed' || this.#closingState === 'closed') return;
    const mayTell = canSend(this.#closingState) || this.#closingState === 'closeReceived';
    const body = encodeCloseBody(
      error.closeCode,
      shortenReason(error.message, this.#settings.text),
      this.#settings.text,
    );
    this.#closingState = nextClosingState(this.#closingState, 'fail');
    this.#stopReceiving();
    this.#sendQueue?.dispose();
    if (mayTell) this.#encoder.writeBytes(0x80 | Opcode.close, body);
    this.#sink.failure(error);
  }

  /** Gives back all memory; the transport is gone. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#stopReceiving();
    this.#sendQueue?.dispose();
    this.#extension?.deflater.close();
    this.#extension?.inflater.close();
    this.#writer?.output.discard();
    this.#writer = undefined;
    if (this.#closingState !== 'closed') this.#closingState = 'failed';
  }

  /** Attaches the observer of all frames, or detaches it with undefined. */
  observe(observer: FrameObserver | undefined): void {
    this.#observer = observer;
    if (this.#receiver !== undefined) this.#receiver.decoder.observer = observer;
    if (this.#writer !== undefined) this.#writer.encoder.observer = observer;
  }

  /** Adds what this connection has carried so far. */
  addTrafficTo(total: Traffic): void {
    if (this.#traffic !== undefined) total.add(this.#traffic);
    total.wireBytesIn += this.#receivedBytes;
    total.wireBytesOut += this.#flushedBytes;
  }

  get #counts(): Traffic {
    return (this.#traffic ??= new Traffic());
  }

  #countIn(messages: number, payloadBytes: number): void {
    const counts = this.#counts;
    counts.messagesIn += messages;
    counts.payloadBytesIn += payloadBytes;
  }

  #countOut(messages: number, payloadBytes: number): void {
    const counts = this.#counts;
    counts.messagesOut += messages;
    counts.payloadBytesOut += payloadBytes;
  }

  #countDeflated(plainBytes: number, deflatedBytes: number): void {
    this.#counts.plainBytesOut += plainBytes;
    this.#counts.deflatedBytesOut += deflatedBytes;
  }

  #countInflated(deflatedBytes: number, plainBytes: number): void {
    this.#counts.deflatedBytesIn += deflatedBytes;
    this.#counts.plainBytesIn += plainBytes;
  }

  #countReceived(byteLength: number): void {
    this.#receivedBytes += byteLength;
    if (this.#receivedBytes > mostSmallCount) this.#spillCounts();
  }

  #countFlushed(byteLength: number): void {
    this.#flushedBytes += byteLength;
    if (this.#flushedBytes > mostSmallCount) this.#spillCounts();
  }

  #spillCounts(): void {
    this.#counts.wireBytesIn += this.#receivedBytes;
    this.#counts.wireBytesOut += this.#flushedBytes;
    this.#receivedBytes = 0;
    this.#flushedBytes = 0;
  }

  get #encoder(): FrameEncoder {
    return (this.#writer ?? this.#takeWriter()).encoder;
  }

  #takeWriter(): Writer {
    const writer = this.#settings.takeWriter();
    writer.encoder.observer = this.#observer;
    this.#writer = writer;
    return writer;
  }

  #takeReceiver(): Receiver {
    const receiver = this.#settings.takeReceiver(this.#assembled, this.#extension);
    receiver.decoder.observer = this.#observer;
    this.#receiver = receiver;
    return receiver;
  }

  #giveReceiverIfIdle(): void {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#isDecoding || this.#isCodecPending || !receiver.isIdle) return;
    this.#receiver = undefined;
    this.#settings.giveReceiver(receiver);
  }

  // Gives how far it came: less than `end` when receiving is paused, a codec is pending or all is over.
  #decode(receiver: Receiver, bytes: Uint8Array, start: number, end: number): number {
    const { decoder } = receiver;
    this.#isDecoding = true;
    const outer = borrowed;
    borrowed = bytes.buffer;
    try {
      let offset = decoder.decode(bytes, start, this.#stepEnd(start, end));
      // A handler may pause and resume at once: the decoder has stopped although nothing holds it any more.
      while (offset < end && !this.#isPaused && !this.#isCodecPending && canReceive(this.#closingState)) {
        offset = decoder.decode(bytes, offset, this.#stepEnd(offset, end));
      }
      return offset;
    } finally {
      this.#isDecoding = false;
      borrowed = outer;
    }
  }

  #stepEnd(start: number, end: number): number {
    if (this.#extension === undefined || !this.#settings.isStreamed) return end;
    return Math.min(end, start + inflatedStepBytes);
  }

  #decodeWaiting(): void {
    if (this.#isDecoding) return;
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    while (receiver.waiting.length > 0 && !this.#isPaused && !this.#isCodecPending && !this.#isDecoding) {
      receiver.waiting.consume((bytes, start, end) => this.#decode(receiver, bytes, start, end));
    }
    this.#giveReceiverIfIdle();
  }

  #finishWaiting(): void {
    while (this.hasWaitingInput && !this.#isCodecPending && !this.#isDecoding) this.resume();
    if (this.#isCodecPending) return;
    const done = this.#whenFinished;
    this.#whenFinished = undefined;
    done?.();
  }

  #requireKept(error: ProtocolError | undefined): void {
    if (error === undefined) return;
    this.fail(error);
    this.#sink.outputReady();
  }

  #stopReceiving(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.dispose();
  }

  // What the encoder or a codec may keep beyond the call must not lie in memory that is read into again.
  #stable(bytes: Uint8Array): Uint8Array {
    const isKept = this.#sendQueue !== undefined || bytes.length >= referenceFromBytes;
    return isKept && bytes.buffer === borrowed ? copyOf(bytes) : bytes;
  }

  #isTransformed(type: 'text' | 'binary', byteLength: number, compress: boolean | undefined): boolean {
    const extension = this.#extension;
    return extension !== undefined && (compress ?? extension.shouldDeflate(type, byteLength));
  }

  #requireNoOpenMessage(): void {
    if (this.#openMessage === undefined) return;
    throw new FullduplexError(
      'WS_STATE_INVALID',
      `a fragmented ${this.#openMessage.type} message is open, expected its final fragment first (RFC 6455 5.4)`,
    );
  }

  #sendControl(opcode: number, payload: Uint8Array): void {
    if (payload.length > 125) {
      throw new FullduplexError(
        'WS_ARGUMENT_INVALID',
        `payload of ${payload.length} bytes for a ping or pong, at most 125 (RFC 6455 5.5)`,
      );
    }
    if (canSend(this.#closingState)) this.#encoder.writeBytes(0x80 | opcode, payload);
  }

  #closeAfterMessages(body: Uint8Array): void {
    if (this.#sendQueue === undefined) {
      this.#writeClose(body);
      return;
    }
    this.#hasClosePending = true;
    this.#sendQueue.afterAll(() => {
      this.#writeClose(body);
    });
  }

  #writeClose(body: Uint8Array): void {
    this.#encoder.writeBytes(0x80 | Opcode.close, body);
    this.#closingState = nextClosingState(this.#closingState, 'send');
  }

  #receiveClose(payload: Uint8Array): void {
    const body = parseCloseBody(payload, this.#settings.text);
    if (body instanceof ProtocolError) {
      this.fail(body);
      return;
    }
    this.#closingState = nextClosingState(this.#closingState, 'receive');
    // RFC 6455 1.4: what follows the peer's close frame is discarded.
    this.#stopReceiving();
    if (this.#closingState === 'closeReceived' && !this.#hasClosePending) {
      // RFC 6455 5.5.1: the answer repeats the code that was received.
      const code = body.code === CloseCode.noStatusReceived ? undefined : body.code;
      const reason = this.#settings.repeatsCloseReason ? body.reason : '';
      this.#closeAfterMessages(encodeCloseBody(code, reason, this.#settings.text));
    }
    this.#sink.close(body.code, body.reason);
  }

  #codecDone(): void {
    this.#isCodecPending = false;
    if (this.#whenFinished !== undefined) this.#finishWaiting();
    else this.#decodeWaiting();
    if (!this.#isDisposed) this.#sink.outputReady();
  }

  #receiveBytes(
    type: 'text' | 'binary',
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): void {
    const { isBorrowing, copy } = this.#settings;
    const message = isOwned ? bytes : isBorrowing ? bytes.subarray(start, end) : copy(bytes, start, end);
    if (type === 'binary') this.#sink.binary(message);
    else this.#sink.textBytes?.(message);
    if (isBorrowing && !isOwned) poison(bytes, start, end);
  }

  #receiveControl(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.close) {
      this.#receiveClose(payload);
    } else if (opcode === Opcode.ping) {
      // RFC 6455 5.5.2: a pong with the same payload. Not behind our own close frame, although only that of the peer
      // would excuse us: the peer discards what comes behind ours (1.4).
      if (this.#settings.autoPong) this.#sendControl(Opcode.pong, payload);
      this.#sink.ping(payload);
    } else {
      this.#sink.pong(payload);
    }
  }

  // Hears the assembler for a connection. A class of its own keeps these calls out of what users of Protocol see.
  static readonly #Assembled = class implements AssembledSink {
    readonly #protocol: Protocol;

    constructor(protocol: Protocol) {
      this.#protocol = protocol;
    }

    text(text: string, byteLength: number): void {
      this.#protocol.#countIn(1, byteLength);
      this.#protocol.#sink.text(text);
    }

    textBytes(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
      this.#protocol.#countIn(1, end - start);
      this.#protocol.#receiveBytes('text', bytes, start, end, isOwned);
    }

    binary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
      this.#protocol.#countIn(1, end - start);
      this.#protocol.#receiveBytes('binary', bytes, start, end, isOwned);
    }

    messageStart(type: 'text' | 'binary'): void {
      this.#protocol.#sink.messageStart(type);
    }

    messageChunk(bytes: Uint8Array): void {
      this.#protocol.#countIn(0, bytes.length);
      this.#protocol.#sink.messageChunk(bytes);
    }

    messageEnd(): void {
      this.#protocol.#countIn(1, 0);
      this.#protocol.#sink.messageEnd();
    }

    messageInflated(framedBytes: number, inflatedBytes: number): void {
      this.#protocol.#countInflated(framedBytes, inflatedBytes);
    }

    control(opcode: number, payload: Uint8Array): void {
      this.#protocol.#receiveControl(opcode, payload);
    }

    codecPending(): void {
      this.#protocol.#isCodecPending = true;
      this.#protocol.#receiver?.decoder.stop();
    }

    codecDone(): void {
      this.#protocol.#codecDone();
    }

    assemblyError(error: ProtocolError): void {
      this.#protocol.fail(error);
    }
  };
}

function codecFailed(error: Error): ProtocolError {
  return new ProtocolError(
    'WS_CODEC_FAILED',
    1011,
    'RFC 6455 7.4.1',
    `codec failed: ${error.message}`,
    error,
  );
}

// A close reason holds 123 bytes: the message of an error is cut between characters.
function shortenReason(message: string, text: TextCodec): string {
  if (text.byteLength(message) <= 123) return message;
  let shortened = message;
  while (text.byteLength(shortened) > 120) {
    shortened = shortened.slice(
      0,
      Math.max(0, shortened.length - Math.ceil((text.byteLength(shortened) - 120) / 3)),
    );
  }
  // The halves of a surrogate pair stay together.
  return `${shortened.replace(/[\ud800-\udbff]$/, '')}...`;
}
