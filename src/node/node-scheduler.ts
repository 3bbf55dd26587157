// When deferred work runs on Node. setImmediate comes after a turn of I/O; a nextTick that is queued from a promise
// job runs when no more promise jobs are left, so that all sends of one turn are flushed together.

import type { Scheduler } from '../base/scheduler.ts';

let flushes: (() => void)[] = [];

function runFlushes(): void {
  const due = flushes;
  flushes = [];
  for (const flush of due) flush();
}

/** The scheduler of Node. */
export const nodeScheduler: Scheduler = Object.freeze({
  queueTask: (callback: () => void): void => {
    setImmediate(callback);
  },
  queueFlush: (callback: () => void): void => {
    // One tick serves the flushes of all connections.
    if (flushes.push(callback) === 1) queueMicrotask(queueTick);
  },
});

function queueTick(): void {
  process.nextTick(runFlushes);
}
