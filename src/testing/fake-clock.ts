// Time that passes only when a test says so. Timers fire in the order of their due times; those due at the same time
// fire in the order in which they were set.

import type { Clock, Timer } from '../base/clock.ts';
import type { Scheduler } from '../base/scheduler.ts';

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock for tests. It starts at 0 milliseconds. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #pending: PendingTimer[] = [];

  /** The virtual time in milliseconds. */
  now(): number {
    return this.#nowMs;
  }

  /** How many timers wait to fire. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer: PendingTimer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#pending.push(timer);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((pending) => pending !== timer);
      },
    };
  }

  /** Lets `durationMs` milliseconds pass, firing what falls due, also timers that are set meanwhile. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) this.#fire(next);
    this.#nowMs = endMs;
  }

  /**
   * As `advance`, but lets promises and queued tasks run before, between and after the timers.
   * @param turn lets them run: where all is done by promises, one turn of the loop is enough, and much faster. @defaultValue settle
   */
  async advanceAsync(durationMs: number, turn: () => Promise<void> = settle): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await turn();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#fire(next);
      await turn();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.#pending) {
      if (timer.dueMs > endMs) continue;
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  }

  #fire(timer: PendingTimer): void {
    this.#pending = this.#pending.filter((pending) => pending !== timer);
    this.#nowMs = timer.dueMs;
    timer.callback();
  }
}

/** Lets promise jobs and tasks that are queued now run to their end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

/** A scheduler that queues both kinds of work as microtasks, so that tests need no real turn of the loop. */
export const immediateScheduler: Scheduler = Object.freeze({
  queueTask: (callback: () => void): void => queueMicrotask(callback),
  queueFlush: (callback: () => void): void => queueMicrotask(callback),
});
