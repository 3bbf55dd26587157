// How much is decompressed within one turn of the event loop. A turn can bring megabytes of input, and a hostile peer
// makes each byte a thousand; what goes beyond a bound waits until all others had a turn of theirs, and then the
// connections take turns message by message.

import { inCallerContext } from './in-caller-context.ts';

// About 10 ms of work. Turns are not counted one by one: after so much, whenever it was done, the rest of that one
// turn waits. That costs those nothing who stay far below.
const mostBytes = 4 * 1024 * 1024;
// What messages hold that have outgrown the event loop and wait for the thread pool, which does a few at a time: without a
// bound a thousand peers with 1 KiB each would hold 256 MiB.
const mostHeldBytes = 16 * 1024 * 1024;
/** What a message counts beside its bytes. */
const messageBytes = 1024;

/** Shares the turns of the event loop among all messages that are decompressed on it. */
export class LoopTurns {
  #leftBytes = mostBytes;
  #heldBytes = 0;
  #isTurnQueued = false;
  #waiting: (() => void)[] = [];
  #next = 0;

  /** Whether what is to be decompressed now has to `wait`. */
  get mustWait(): boolean {
    return this.#isFull || this.#next < this.#waiting.length;
  }

  get #isFull(): boolean {
    return this.#leftBytes <= 0 || this.#heldBytes >= mostHeldBytes;
  }

  /** Starts the work when it has its turn: never within the call. */
  wait(start: () => void): void {
    this.#waiting.push(inCallerContext(start));
    this.#queueTurn();
  }

  /** A message, or a piece of one, became so many bytes. */
  spend(byteCount: number): void {
    this.#leftBytes -= byteCount + messageBytes;
    if (this.#leftBytes <= 0) this.#queueTurn();
  }

  /** A message became so many bytes, which it holds while it goes on in the thread pool: until `release`. */
  hold(byteCount: number): void {
    this.#heldBytes += byteCount;
    this.spend(byteCount);
  }

  /** What was held is done with. */
  release(byteCount: number): void {
    this.#heldBytes -= byteCount;
    if (this.#next < this.#waiting.length) this.#queueTurn();
  }

  #queueTurn(): void {
    if (this.#isTurnQueued) return;
    this.#isTurnQueued = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isTurnQueued = false;
    this.#leftBytes = mostBytes;
    // More may come to wait meanwhile, behind those that are here. What ends the loop early queues a turn: spent bytes at
    // once, held ones when they are released.
    try {
      while (!this.#isFull && this.#next < this.#waiting.length) this.#waiting[this.#next++]();
    } finally {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
      // Left without being full: the one before has thrown.
      if (!this.#isFull && this.#waiting.length > 0) this.#queueTurn();
    }
  };
}
