// Decompresses incoming messages: what is the same whether live contexts do it or the public API. With context takeover
// a connection keeps its last window of plaintext, and nothing else between messages; without it, nothing at all.

import { noBytes } from '../../base/bytes.ts';
import type { CodecCallback, Inflater } from '../../protocol/extensions/extension.ts';
import type { InflateParameters } from '../../protocol/extensions/permessage-deflate/codec.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { CompressionMemory, MemoryLease } from './compression-memory.ts';
import { InflatedMessage } from './inflated-message.ts';
import type { Inflation } from './inflation.ts';
import type { LoopTurns } from './loop-turns.ts';

const nothing = (): void => undefined;

/** What an inflater needs. */
export interface InflaterEnvironment {
  readonly memory: CompressionMemory;
  /** What zlib keeps of a message in progress. */
  readonly contextBytes: number;
  /** Whether that is counted where the context comes from. */
  readonly isContextCounted: boolean;
  /** What is decompressed on the event loop waits for these. */
  readonly turns: LoopTurns;
  /** Makes what decompresses into the message. */
  readonly inflation: (message: InflatedMessage) => Inflation;
}

/** Decompresses the messages of one connection. */
export class ZlibInflater implements Inflater {
  readonly #environment: InflaterEnvironment;
  readonly #parameters: InflateParameters;
  readonly #message: InflatedMessage;
  readonly #inflation: Inflation;
  #windowLease: MemoryLease | undefined;
  #messageLease: MemoryLease | undefined;
  // What was made on the event loop of a piece that goes on in the thread pool.
  #heldBytes = 0;
  #isFinal = false;
  #done: CodecCallback = nothing;
  #isClosed = false;

  constructor(environment: InflaterEnvironment, parameters: InflateParameters) {
    this.#environment = environment;
    this.#parameters = parameters;
    this.#message = new InflatedMessage(parameters);
    this.#inflation = environment.inflation(this.#message);
    if (parameters.hasTakeover) {
      // It was agreed on, so it has to be kept. It is counted now and allocated when there is something to keep.
      this.#windowLease = environment.memory.leaseAnyway(this.#windowBytes, nothing);
    }
  }

  get #windowBytes(): number {
    return 1 << this.#parameters.windowBits;
  }

  inflate(input: Uint8Array, isFinal: boolean, maxOutputBytes: number, done: CodecCallback): void {
    if (this.#isClosed) return;
    const message = this.#message;
    this.#isFinal = isFinal;
    this.#done = done;
    message.beginPiece(input.length, maxOutputBytes);
    if (input.length === 0 && (!isFinal || message.compressedBytes === 0)) {
      // Nothing at all is taken for an empty message: a compressor that flushes twice makes it.
      this.#over(undefined);
      return;
    }
    const error = isFinal ? undefined : this.#expectMore();
    if (error !== undefined) this.#over(error);
    else if (!this.#environment.turns.mustWait) this.#run(input, isFinal);
    else {
      this.#environment.turns.wait(() => {
        if (!this.#isClosed) this.#run(input, isFinal);
      });
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inflation.close();
    this.#letGo();
    this.#release();
  }

  #run(input: Uint8Array, isFinal: boolean): void {
    const bytesInVain = this.#inflation.run(input, isFinal, this.#over);
    if (bytesInVain > 0) this.#environment.turns.spend(bytesInVain);
    const held = this.#message.output.length;
    // `done` may have begun the next piece, which has counted what it holds.
    if (held === 0 || this.#heldBytes > 0) return;
    this.#heldBytes = held;
    this.#environment.turns.hold(held);
  }

  #letGo(): void {
    const held = this.#heldBytes;
    if (held === 0) return;
    this.#heldBytes = 0;
    this.#environment.turns.release(held);
  }

  // A message in several pieces keeps a context until it is complete: bounded like all unfinished input.
  #expectMore(): ProtocolError | undefined {
    if (this.#messageLease !== undefined) return undefined;
    const { memory, contextBytes, isContextCounted } = this.#environment;
    const windowBytes = this.#parameters.hasTakeover ? 0 : this.#windowBytes;
    if (!memory.hasRoomFor(contextBytes + windowBytes)) {
      return new ProtocolError(
        'WS_MEMORY_EXHAUSTED',
        1013,
        'RFC 6455 10.4',
        `compression keeps ${memory.usedBytes} bytes and an unfinished message needs ${contextBytes + windowBytes} more, at most ${memory.maxBytes} accepted`,
      );
    }
    this.#messageLease = memory.leaseAnyway(windowBytes + (isContextCounted ? 0 : contextBytes), nothing);
    this.#message.keepWindow();
    return undefined;
  }

  readonly #over = (error: Error | undefined): void => {
    const done = this.#done;
    this.#done = nothing;
    if (error !== undefined) {
      // What comes after it could not be read: it may refer to what is missing.
      this.close();
      done(error, noBytes);
      return;
    }
    const output = this.#message.output.take();
    this.#environment.turns.spend(output.length - this.#heldBytes);
    this.#letGo();
    if (this.#isFinal) this.#endMessage();
    done(undefined, output);
  };

  #endMessage(): void {
    this.#inflation.end();
    this.#message.end();
    this.#messageLease?.release();
    this.#messageLease = undefined;
  }

  #release(): void {
    this.#message.clear();
    this.#messageLease?.release();
    this.#messageLease = undefined;
    this.#windowLease?.release();
    this.#windowLease = undefined;
  }
}
