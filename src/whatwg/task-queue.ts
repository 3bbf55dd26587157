// The WebSocket task source of one socket: what is queued runs in order, each piece as a task of its own. Microtasks
// thus run to their end between two events, as they do in a browser; `await` in a listener never sees the next
// message come first. On Node a task is one setImmediate of a shared function, about 0.1 microseconds, and all that
// one read has caused run in the same turn of the loop: order costs no turn per message.

import type { Scheduler } from '../base/scheduler.ts';

/** Runs tasks in the order in which they were queued. */
export class TaskQueue {
  readonly #scheduler: Scheduler;
  #tasks: (() => void)[] = [];
  #head = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Whether nothing waits to run. */
  get isEmpty(): boolean {
    return this.#head === this.#tasks.length;
  }

  /** Runs the callback in a task of its own, behind those queued before. */
  queue(task: () => void): void {
    this.#tasks.push(task);
    this.#scheduler.queueTask(this.#runNext);
  }

  // A scheduler calls back as often as it was asked, so that each call finds its task.
  readonly #runNext = (): void => {
    const task = this.#tasks[this.#head++];
    // Moving the rest forward is put off until half of the array is behind us: each task moves once at most.
    if (this.#head * 2 > this.#tasks.length) {
      this.#tasks = this.#tasks.slice(this.#head);
      this.#head = 0;
    }
    task();
  };
}
