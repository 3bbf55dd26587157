// The MessageTransport that is our own: the sans-I/O Protocol over a ByteTransport. Its duties are when to flush
// (once per read; once per turn of the loop for what is sent outside a read) and how the transport ends (RFC 6455 7).

import type { Scheduler } from '../base/scheduler.ts';
import type { FrameObserver } from '../protocol/frame-observer.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { NegotiatedExtension } from '../protocol/extensions/extension.ts';
import { Protocol, type ProtocolSink } from '../protocol/protocol.ts';
import type { ProtocolOptions, ProtocolSettings } from '../protocol/protocol-settings.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import type { Traffic } from '../protocol/traffic.ts';
import type { ByteTransport, ByteTransportEvents } from './byte-transport.ts';
import { type Flushable, FlushQueue } from './flush-queue.ts';
import type {
  MessageTransport,
  MessageTransportEvents,
  MessageType,
  TransportFeatures,
} from './message-transport.ts';

/** What a FramedTransport stands on, and what the opening handshake has agreed. */
export interface FramedTransportOptions {
  /** The bytes in both directions, after the opening handshake. */
  readonly transport: ByteTransport;
  /** How the protocol behaves: connections that behave alike share one ProtocolSettings. */
  readonly protocol: ProtocolSettings | Omit<ProtocolOptions, 'extension'>;
  /** The extension that was agreed. @defaultValue none */
  readonly extension?: NegotiatedExtension | undefined;
  /** When what was sent outside a read is flushed. */
  readonly scheduler: Scheduler;
  /** The subprotocol that was agreed, or the empty string. */
  readonly subprotocol: string;
  /** The extensions that were agreed, as in the header, or the empty string. */
  readonly extensions: string;
  /** Bytes that arrived behind the opening handshake: they belong to the first frame. */
  readonly head?: Uint8Array;
}

// Sends are collected until the end of the read or the turn, but not beyond this. It has to stay below the default
// high-water mark, so that a burst which the system takes at once never looks like backpressure.
const flushFromBytes = 48 * 1024;

// How many bytes of answers to pings may wait for a peer that does not read before we stop reading it too.
const mostPongBytes = 64 * 1024;
// What a pong has beside its payload, masked or not.
const pongOverheadBytes = 6;

const allFeatures: TransportFeatures = Object.freeze({
  ping: true,
  pause: true,
  fragments: true,
  observe: true,
  terminate: true,
});

/** Carries messages as frames over a stream of bytes. */
export class FramedTransport implements MessageTransport, ByteTransportEvents, ProtocolSink, Flushable {
  readonly protocol: string;
  readonly extensions: string;
  readonly supports: TransportFeatures = allFeatures;
  readonly #transport: ByteTransport;
  readonly #protocol: Protocol;
  readonly #flushes: FlushQueue;
  #events: MessageTransportEvents = silence;
  #head: Uint8Array | undefined;
  #isReceiving = false;
  #isFlushQueued = false;
  // Whether what was flushed last was not taken at once: `drained` follows.
  #isWriting = false;
  #hasEnded = false;
  #isClosed = false;
  #isTerminated = false;
  // The peer has ended while messages of ours wait for a codec: our end has to come behind them.
  #owesEnd = false;
  // The transport is paused because input waits behind a codec.
  #isHeldBack = false;
  // What pings have caused since everything had left, and whether the transport is paused because of it.
  #pongBytes = 0;
  #isFlooded = false;

  constructor(options: FramedTransportOptions) {
    this.protocol = options.subprotocol;
    this.extensions = options.extensions;
    this.#transport = options.transport;
    this.#flushes = FlushQueue.of(options.scheduler);
    this.#head = options.head;
    this.#protocol = new Protocol(options.protocol, this, options.extension);
  }

  get bufferedBytes(): number {
    return this.#protocol.outputBytes + this.#protocol.queuedBytes + this.#transport.bufferedBytes;
  }

  get writeProgress(): number {
    return this.#transport.writeProgress;
  }

  get retainedBytes(): number {
    return this.#protocol.retainedBytes;
  }

  addTrafficTo(total: Traffic): void {
    this.#protocol.addTrafficTo(total);
  }

  attach(events: MessageTransportEvents): void {
    this.#events = events;
    const head = this.#head;
    this.#head = undefined;
    // One microtask later, so that handlers which are attached now see it; before anything that the transport brings.
    if (head !== undefined && head.length > 0) queueMicrotask(() => this.received(head));
    this.#transport.attach(this);
  }

  sendText(text: string, compress?: boolean): void {
    this.#protocol.sendText(text, compress);
    this.#flushSoon();
  }

  sendBinary(bytes: Uint8Array, compress?: boolean): void {
    this.#protocol.sendBinary(bytes, compress);
    this.#flushSoon();
  }

  sendPrepared(message: PreparedMessage): void {
    this.#protocol.sendPrepared(message);
    this.#flushSoon();
  }

  sendFragment(type: MessageType, bytes: Uint8Array, isFinal: boolean, compress?: boolean): void {
    this.#protocol.sendFragment(type, bytes, isFinal, compress);
    this.#flushSoon();
  }

  get isMessageOpen(): boolean {
    return this.#protocol.isMessageOpen;
  }

  sendPing(payload: Uint8Array): void {
    this.#protocol.ping(payload);
    this.#flushSoon();
  }

  sendPong(payload: Uint8Array): void {
    this.#protocol.pong(payload);
    this.#flushSoon();
  }

  sendClose(code: number | undefined, reason: string): void {
    this.#protocol.close(code, reason);
    this.#flushSoon();
  }

  pause(): void {
    this.#protocol.pause();
    this.#transport.pause();
  }

  resume(): void {
    if (this.#isClosed || this.#isTerminated) return;
    this.#isReceiving = true;
    this.#protocol.resume();
    this.#isReceiving = false;
    this.#flush();
    this.#resumeTransport();
  }

  terminate(): void {
    this.#isTerminated = true;
    // Also in the middle of a read: nothing more is delivered, and what waited is given back at once.
    this.#protocol.dispose();
    this.#transport.destroy();
  }

  fail(error: ProtocolError): void {
    this.#protocol.fail(error);
  }

  observe(observer: FrameObserver | undefined): void {
    this.#protocol.observe(observer);
  }

  // ByteTransportEvents

  received(chunk: Uint8Array, byteLength: number = chunk.length, isMoreLikely = false): void {
    this.#events.received(byteLength);
    this.#isReceiving = true;
    this.#protocol.receive(chunk, byteLength);
    this.#isReceiving = false;
    if (isMoreLikely && this.#protocol.closingState === 'open') this.#flushAfterTurn();
    else this.#flush();
    // What waits behind a busy codec is bounded: the peer has to feel it.
    if (this.#protocol.hasWaitingInput && !this.#isHeldBack) {
      this.#isHeldBack = true;
      this.#transport.pause();
    }
  }

  ended(): void {
    if (this.#protocol.closingState !== 'closed') this.#events.ended();
    this.#end();
  }

  drained(): void {
    if (this.#protocol.outputBytes > 0 && this.#transport.bufferedBytes === 0) {
      // What was collected meanwhile; comes back here when all of it has left.
      this.#flush();
      return;
    }
    if (this.bufferedBytes !== 0) return;
    this.#pongBytes = 0;
    if (this.#isFlooded) {
      this.#isFlooded = false;
      this.#resumeTransport();
    }
    this.#events.drained();
  }

  closed(error?: Error): void {
    this.#isClosed = true;
    if (this.#isTerminated) {
      this.#events.closed(error);
      return;
    }
    // What had arrived before the end is still delivered: only the transport is gone, not the messages.
    this.#protocol.finish(() => {
      this.#protocol.dispose();
      this.#events.closed(error);
    });
  }

  // ProtocolSink

  text(message: string): void {
    this.#events.message(message);
  }

  textBytes(message: Uint8Array): void {
    this.#events.message(message, 'text');
  }

  binary(message: Uint8Array): void {
    this.#events.message(message);
  }

  messageStart(type: MessageType): void {
    this.#events.messageStart(type);
  }

  messageChunk(bytes: Uint8Array): void {
    this.#events.messageChunk(bytes);
  }

  messageEnd(): void {
    this.#events.messageEnd();
  }

  ping(payload: Uint8Array): void {
    this.#pongBytes += payload.length + pongOverheadBytes;
    // A peer that sends pings and reads no pongs would fill our memory: nobody sees what a pong's `send` says.
    if (this.#pongBytes > mostPongBytes && !this.#isFlooded && this.#transport.bufferedBytes > 0) {
      this.#isFlooded = true;
      this.#transport.pause();
    }
    this.#events.ping(payload);
  }

  pong(payload: Uint8Array): void {
    this.#events.pong(payload);
  }

  close(code: number, reason: string): void {
    this.#events.peerClosed(code, reason);
  }

  failure(error: ProtocolError): void {
    this.#events.failed(error);
    this.#flushSoon();
  }

  outputReady(): void {
    this.#flushSoon();
    if (this.#isHeldBack) this.#resumeTransport();
    if (this.#owesEnd) this.#end();
  }

  #flushSoon(): void {
    if (this.#isClosed) return;
    // Also during a read: what the system takes now is not backpressure.
    if (this.#protocol.outputBytes >= flushFromBytes) {
      this.#flush();
      return;
    }
    if (this.#isReceiving || this.#isFlushQueued) return;
    this.#isFlushQueued = true;
    this.#flushes.add(this, this.#protocol.isOutputStaged);
  }

  // The next chunk takes what there is with it; the queue is for when none comes.
  #flushAfterTurn(): void {
    if (this.#isFlushQueued || this.#protocol.outputBytes === 0) return;
    this.#isFlushQueued = true;
    this.#flushes.addAfterTurn(this, this.#protocol.isOutputStaged);
  }

  // Unless what was kept has paused again, or still waits for a codec.
  #resumeTransport(): void {
    if (this.#protocol.isPaused || this.#protocol.hasWaitingInput || this.#isClosed) return;
    if (this.#isFlooded && this.#protocol.closingState === 'open') return;
    this.#isHeldBack = false;
    this.#transport.resume();
  }

  /** Writes what was sent during this turn; called by the FlushQueue. */
  flush(): void {
    this.#isFlushQueued = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#isClosed || this.#isTerminated) return;
    // Behind a write that is under way nothing is gained by another one, and each would keep a staging buffer, a request
    // and its chunks for as long as the peer does not read, however few bytes it has (docs/decisions/0019). The end of the
    // connection has to get away, whatever waits.
    const isWaiting = this.#isWriting && this.#transport.bufferedBytes > 0;
    if (isWaiting && this.#protocol.closingState === 'open') return;
    // Only a write of ours is told of when it has left; the opening handshake may still be on its way.
    const hasOutput = this.#protocol.outputBytes > 0;
    this.#protocol.flush(this.#transport);
    if (hasOutput) this.#isWriting = this.#transport.bufferedBytes > 0;
    if (this.#protocol.closingState !== 'open') {
      this.#endIfDue();
      // From our close frame on no pings are answered, and that of the peer has to be read.
      if (this.#isFlooded) this.#resumeTransport();
    }
    if (this.#transport.bufferedBytes === 0) this.drained();
  }

  // RFC 6455 7.1.1: the server ends the TCP connection first, a client waits for that; after a failure
  // (7.1.7) either side ends it. What still arrives is read and dropped, so that no reset overtakes our close frame.
  #endIfDue(): void {
    const state = this.#protocol.closingState;
    if (state === 'failed' || (state === 'closed' && this.#protocol.isServer)) {
      this.#end();
      this.#transport.resume();
    }
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#owesEnd = this.#protocol.queuedBytes > 0;
    if (this.#owesEnd) return;
    this.#hasEnded = true;
    this.#protocol.flush(this.#transport);
    this.#transport.end();
  }
}

const silence: MessageTransportEvents = Object.freeze({
  received: () => undefined,
  message: () => undefined,
  messageStart: () => undefined,
  messageChunk: () => undefined,
  messageEnd: () => undefined,
  ping: () => undefined,
  pong: () => undefined,
  peerClosed: () => undefined,
  failed: () => undefined,
  drained: () => undefined,
  ended: () => undefined,
  closed: () => undefined,
});
