// Who has something to flush at the end of this turn. One callback of the scheduler serves all connections that use
// it, however many of them were sent to.

import type { Scheduler } from '../base/scheduler.ts';

/** Something that collects what is written until it is flushed. */
export interface Flushable {
  /** Writes what was collected. */
  flush(): void;
}

const queues = new WeakMap<Scheduler, FlushQueue>();

/** Flushes once per turn. */
export class FlushQueue {
  readonly #scheduler: Scheduler;
  #due: Flushable[] = [];

  private constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** The queue of everybody with this scheduler. */
  static of(scheduler: Scheduler): FlushQueue {
    const found = queues.get(scheduler);
    if (found !== undefined) return found;
    const queue = new FlushQueue(scheduler);
    queues.set(scheduler, queue);
    return queue;
  }

  /** Flushes the target at the end of this turn; the caller sees to it that each is added once. */
  add(target: Flushable): void {
    if (this.#due.push(target) === 1) this.#scheduler.queueFlush(this.#run);
  }

  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    let next = 0;
    try {
      while (next < due.length) due[next++].flush();
    } finally {
      // One that throws does not keep the others from their flush.
      for (const target of due.slice(next)) this.add(target);
    }
  };
}
