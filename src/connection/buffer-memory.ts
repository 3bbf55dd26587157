// What all connections of a process hold for peers that do not keep up: queued for sending, unfinished input, messages
// that nobody has taken. Beyond a bound the worst of them are ended, the others do not notice. Nothing is counted per
// message: only a connection that holds much takes part, and the holders are added up when they can have grown too far.

import type { Scheduler } from '../base/scheduler.ts';
import { requireInteger } from '../protocol/limits.ts';

/** A connection, as far as it holds memory. */
export interface BufferHolder {
  /** The bytes that it holds now. */
  readonly heldBytes: number;
  /** Ends it and lets go of what it holds. */
  shed(reason: string): void;
}

/** How the bound is kept. */
export interface BufferMemoryOptions {
  /** The most bytes that may be held. @defaultValue Infinity */
  readonly maxBytes?: number;
  /** When the holders are added up: never inside of a send or a read. */
  readonly scheduler: Scheduler;
}

/** How much of unfinished input a connection may hold without taking part; the bound of sending is its high-water mark. */
export const unnoticedBytes: number = 64 * 1024;

// Growth is noticed at this part of the bound at the latest.
const growthParts = 64;

/** Counts what connections hold and bounds it. One instance serves the process: `bufferMemory`. */
export class BufferMemory {
  readonly #scheduler: Scheduler;
  readonly #holders = new Set<BufferHolder>();
  #maxBytes: number;
  #untilCensusBytes: number;
  #isCensusDue = false;
  #shedConnections = 0;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: BufferMemoryOptions) {
    this.#scheduler = options.scheduler;
    this.#maxBytes = requireInteger('maxBytes', options.maxBytes ?? Infinity, 1);
    this.#untilCensusBytes = this.#maxBytes;
  }

  /**
   * The most bytes that connections may hold together before the worst of them are ended, with the cause
   * `WS_MEMORY_SHED`. What each of them holds below its high-water mark is not counted.
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  set maxBytes(maxBytes: number) {
    this.#maxBytes = requireInteger('maxBytes', maxBytes, 1);
    this.#census();
  }

  /** The bytes that connections with much to hold, hold now. */
  get heldBytes(): number {
    let heldBytes = 0;
    for (const holder of this.#holders) heldBytes += holder.heldBytes;
    return heldBytes;
  }

  /** How many connections were ended because of the bound. */
  get shedConnections(): number {
    return this.#shedConnections;
  }

  /** A connection that holds much holds `addedBytes` more. */
  grew(holder: BufferHolder, addedBytes: number): void {
    if (this.#holders.has(holder)) this.#untilCensusBytes -= addedBytes;
    else {
      this.#holders.add(holder);
      this.#untilCensusBytes -= holder.heldBytes;
    }
    if (this.#untilCensusBytes > 0 || this.#isCensusDue) return;
    this.#isCensusDue = true;
    this.#scheduler.queueTask(() => this.#census());
  }

  /** A connection is gone. */
  left(holder: BufferHolder): void {
    this.#holders.delete(holder);
  }

  #census(): void {
    this.#isCensusDue = false;
    const counted: { readonly holder: BufferHolder; readonly heldBytes: number }[] = [];
    let totalBytes = 0;
    for (const holder of this.#holders) {
      const { heldBytes } = holder;
      if (heldBytes > unnoticedBytes) {
        counted.push({ holder, heldBytes });
        totalBytes += heldBytes;
      } else {
        // It comes back when it grows again.
        this.#holders.delete(holder);
      }
    }
    if (totalBytes > this.#maxBytes) {
      const reason = `all connections together hold ${totalBytes} bytes, at most ${this.#maxBytes}`;
      counted.sort((left, right) => right.heldBytes - left.heldBytes);
      for (const { holder, heldBytes } of counted) {
        if (totalBytes <= this.#maxBytes) break;
        totalBytes -= heldBytes;
        this.#holders.delete(holder);
        this.#shedConnections++;
        holder.shed(`${reason}, and this one ${heldBytes}`);
      }
    }
    this.#untilCensusBytes = Math.max(this.#maxBytes - totalBytes, this.#maxBytes / growthParts);
  }
}
