// How many messages of the process are in work on the thread pool at a time: more would not be done sooner, would hold
// a context and a buffer each while they wait, and would keep files and look-ups of names from the pool's threads.

import { availableParallelism } from 'node:os';
import { inCallerContext } from './in-caller-context.ts';

// The pool has four threads unless UV_THREADPOOL_SIZE says otherwise.
const poolThreads = 4;

/** Lets a few jobs run at a time, the others in the order in which they came. */
export class AsyncTurns {
  readonly #most: number;
  #running = 0;
  #waiting: (() => void)[] = [];
  #next = 0;

  constructor(most: number = Math.max(2, Math.min(poolThreads, availableParallelism()))) {
    this.#most = most;
  }

  /** Calls `start` when it is its turn, perhaps at once. Each start is followed by one call of `end`. */
  begin(start: () => void): void {
    if (this.#running < this.#most) {
      this.#running++;
      start();
    } else {
      this.#waiting.push(inCallerContext(start));
    }
  }

  /** A job that had its turn is over; the next one starts soon. */
  end(): void {
    if (this.#next === this.#waiting.length) {
      this.#running--;
      return;
    }
    const start = this.#waiting[this.#next++];
    // Moving the rest only now and then keeps a long queue linear.
    if (this.#next > 64 && this.#next * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    } else if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    // Not within this call: jobs that have nothing left to do end at once, and a thousand of them would nest.
    queueMicrotask(start);
  }
}
