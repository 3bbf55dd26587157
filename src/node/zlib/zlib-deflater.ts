// Compresses outgoing messages. Without context takeover it borrows what all connections share; with it, it keeps a
// stream of its own from the first message on, until it lies idle for long or others need the memory. Then the next
// message starts afresh, which a peer cannot tell from one that happens to refer to nothing before it.

import { noBytes } from '../../base/bytes.ts';
import type { CodecCallback, Deflater, SharedDeflater } from '../../protocol/extensions/extension.ts';
import type { AsyncTurns } from './async-turns.ts';
import type { Compressor } from './compressor.ts';
import type { Leased, LeasedPool } from './leased-pool.ts';

/** Where compressors come from and when they work on the thread pool. */
export interface DeflaterEnvironment {
  readonly compressors: LeasedPool<Compressor>;
  readonly turns: AsyncTurns;
  /** Input of this many bytes or more is compressed off the event loop. */
  readonly asyncFromBytes: number;
}

/** Compresses the messages of one connection. */
export class ZlibDeflater implements Deflater {
  readonly #environment: DeflaterEnvironment;
  readonly #hasTakeover: boolean;
  // With history: kept between messages (takeover), or between the pieces of one. It may be evicted at any time
  // outside of a piece, since each piece is flushed.
  #own: Leased<Compressor> | undefined;
  #isOwnStale = false;
  #isClosed = false;
  #isWorking = false;

  constructor(environment: DeflaterEnvironment, hasTakeover: boolean) {
    this.#environment = environment;
    this.#hasTakeover = hasTakeover;
  }

  deflate(input: Uint8Array, isFinal: boolean, done: CodecCallback): void {
    if (this.#isClosed) return;
    const { asyncFromBytes, turns } = this.#environment;
    if (input.length >= asyncFromBytes) {
      this.#isWorking = true;
      const byteLength = input.length;
      turns.begin(() => this.#work(input, byteLength, isFinal, done));
      return;
    }
    let error: Error | undefined;
    let output: Uint8Array;
    if (input.length === 0) {
      if (isFinal) this.#endMessage();
      output = endOfNothing(isFinal);
    } else {
      const isKept = this.#hasTakeover || !isFinal;
      const taken = this.#take(isKept);
      try {
        output = taken.item.compressSync(input, isFinal, isKept);
      } catch (thrown) {
        output = noBytes;
        error = thrown instanceof Error ? thrown : new Error(String(thrown));
      }
      this.#give(taken, isKept);
    }
    done(error, output);
  }

  reset(): void {
    this.#isOwnStale = true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isWorking) this.#dropOwn();
  }

  #work(input: Uint8Array, byteLength: number, isFinal: boolean, done: CodecCallback): void {
    const { turns } = this.#environment;
    if (this.#isClosed) {
      turns.end();
      this.#dropOwn();
      return;
    }
    if (input.length !== byteLength) {
      turns.end();
      this.#isWorking = false;
      done(
        new Error(`message of ${byteLength} bytes that has ${input.length} now: it was transferred away`),
        noBytes,
      );
      return;
    }
    const isKept = this.#hasTakeover || !isFinal;
    const taken = this.#take(isKept);
    taken.lease.markBusy();
    taken.item.compress(input, isFinal, isKept, (error, output) => {
      turns.end();
      this.#isWorking = false;
      this.#give(taken, isKept);
      if (this.#isClosed) this.#dropOwn();
      else done(error, output);
    });
  }

  #take(isKept: boolean): Leased<Compressor> {
    const own = this.#own;
    if (own !== undefined) {
      if (this.#isOwnStale) own.item.reset();
      this.#isOwnStale = false;
      return own;
    }
    const { compressors } = this.#environment;
    if (!isKept) return compressors.take();
    this.#own = compressors.takeIfRoom();
    this.#isOwnStale = false;
    // Without room for a stream of its own the piece refers to nothing before it.
    return this.#own ?? compressors.take();
  }

  #give(taken: Leased<Compressor>, isKept: boolean): void {
    if (taken !== this.#own || !isKept || taken.item.hasFailed) {
      if (taken === this.#own) this.#own = undefined;
      this.#environment.compressors.give(taken);
      return;
    }
    taken.whenEvicted = () => {
      if (this.#own === taken) this.#own = undefined;
    };
    taken.lease.markIdle();
  }

  #endMessage(): void {
    if (!this.#hasTakeover) this.#dropOwn();
  }

  #dropOwn(): void {
    const own = this.#own;
    if (own === undefined) return;
    this.#own = undefined;
    own.lease.markBusy();
    this.#environment.compressors.give(own);
  }
}

/** Compresses messages that refer to nothing before them, for any number of connections. */
export class ZlibSharedDeflater implements SharedDeflater {
  readonly #environment: DeflaterEnvironment;

  constructor(environment: DeflaterEnvironment) {
    this.#environment = environment;
  }

  deflate(input: Uint8Array, done: CodecCallback): void {
    // A message of one piece without takeover has no state: a deflater for it is a small object.
    new ZlibDeflater(this.#environment, false).deflate(input, true, done);
  }
}

// RFC 7692 7.2.3.6: an empty message is the first byte of an empty stored block. Every piece is flushed, so that it may
// stand behind any other; a piece that is not the last has nothing to say.
function endOfNothing(isFinal: boolean): Uint8Array {
  return isFinal ? new Uint8Array(1) : noBytes;
}
