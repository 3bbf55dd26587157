// Who has something to do at the end of this turn: to flush what was sent, or to count it. One callback of the scheduler
// serves everybody who uses it, however many they are.

import type { Scheduler } from '../base/scheduler.ts';
import { stagingBuffersKept } from '../protocol/staging-pool.ts';

/** Something that collects what is written until it is flushed. */
export interface Flushable {
  /** Writes what was collected. */
  flush(): void;
}

// Who holds a staging buffer while it waits is flushed at once when there are more of them than the pool keeps: the next
// ones would be made anew, and sending to 1,000 connections in a loop would take 32 MiB for a moment (npm run bench:client,
// WHATWG events, 1 KiB text d16). What was published is shared by its receivers and may wait however many they are.
const mostHolders = stagingBuffersKept;

const queues = new WeakMap<Scheduler, FlushQueue>();
const queuesAfterTurn = new WeakMap<Scheduler, FlushQueue>();

/** Flushes once per turn. */
export class FlushQueue {
  readonly #scheduler: Scheduler;
  readonly #schedule: (callback: () => void) => void;
  #due: Flushable[] = [];
  #holders = 0;
  #isScheduled = false;

  private constructor(scheduler: Scheduler, schedule: (callback: () => void) => void) {
    this.#scheduler = scheduler;
    this.#schedule = schedule;
  }

  /** The queue of everybody with this scheduler: flushes before the next I/O. */
  static of(scheduler: Scheduler): FlushQueue {
    return queueIn(
      queues,
      scheduler,
      () => new FlushQueue(scheduler, (callback) => scheduler.queueFlush(callback)),
    );
  }

  /** The other queue of everybody with this scheduler: comes in a task of its own, once for all turns of I/O before it. */
  static afterTurn(scheduler: Scheduler): FlushQueue {
    const make = (): FlushQueue => new FlushQueue(scheduler, (callback) => scheduler.queueTask(callback));
    return queueIn(queuesAfterTurn, scheduler, make);
  }

  /**
   * Flushes the target at the end of this turn; the caller sees to it that each is added once.
   * @param isHolder whether it holds a staging buffer meanwhile; all are flushed at once when there are many of these
   */
  add(target: Flushable, isHolder = false): void {
    this.#due.push(target);
    if (isHolder && ++this.#holders >= mostHolders) {
      this.#flushAll();
      return;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#run);
  }

  /** Flushes the target in a task of its own, as the queue of `afterTurn` does. */
  addAfterTurn(target: Flushable, isHolder: boolean): void {
    FlushQueue.afterTurn(this.#scheduler).add(target, isHolder);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#flushAll();
  };

  #flushAll(): void {
    const due = this.#due;
    this.#due = [];
    this.#holders = 0;
    let next = 0;
    try {
      while (next < due.length) due[next++].flush();
    } finally {
      // One that throws does not keep the others from their flush.
      for (const target of due.slice(next)) this.add(target);
    }
  }
}

function queueIn(
  known: WeakMap<Scheduler, FlushQueue>,
  scheduler: Scheduler,
  make: () => FlushQueue,
): FlushQueue {
  const found = known.get(scheduler) ?? make();
  known.set(scheduler, found);
  return found;
}
