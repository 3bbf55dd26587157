// When deferred work runs on Node. setImmediate comes after a turn of I/O; a nextTick that is queued from a promise
// job runs when no more promise jobs are left, so that all sends of one turn are flushed together. The tasks of one turn
// are flushed together too: Node lets ticks run between two of them, and a write for each would cost more than all else.

import type { Scheduler } from '../base/scheduler.ts';

let flushes: (() => void)[] = [];

// Tasks in the order in which they were queued. Those that were there when the first of a turn ran all run in that turn.
let tasks: (() => void)[] = [];
let nextTask = 0;
let tasksOfTurn = 0;

let isDelivering = false;

/** Hands on what was read; meanwhile the scheduler says that I/O is delivering. */
export function deliver(target: DeliveryTarget | undefined, bytes: Uint8Array, byteLength: number): void {
  const wasDelivering = isDelivering;
  isDelivering = true;
  try {
    target?.received(bytes, byteLength);
  } finally {
    isDelivering = wasDelivering;
  }
}

/** Who hears what was read. */
export interface DeliveryTarget {
  received(bytes: Uint8Array, byteLength: number): void;
}

function runFlushes(): void {
  const due = flushes;
  flushes = [];
  let next = 0;
  try {
    while (next < due.length) due[next++]();
  } finally {
    // One that throws does not keep the others from their flush.
    for (const flush of due.slice(next)) nodeScheduler.queueFlush(flush);
  }
}

function runTask(): void {
  if (tasksOfTurn === 0) tasksOfTurn = tasks.length - nextTask;
  const task = tasks[nextTask++];
  if (nextTask * 2 > tasks.length) {
    tasks = tasks.slice(nextTask);
    nextTask = 0;
  }
  try {
    task();
  } finally {
    tasksOfTurn--;
    // What the promise jobs of this task send counts as well.
    if (tasksOfTurn === 0) queueMicrotask(queueTick);
  }
}

/** The scheduler of Node. */
export const nodeScheduler: Scheduler = Object.freeze({
  queueTask: (callback: () => void): void => {
    tasks.push(callback);
    // One for each, because promise jobs and ticks run between two.
    setImmediate(runTask);
  },
  queueFlush: (callback: () => void): void => {
    // One tick serves the flushes of all connections.
    if (flushes.push(callback) === 1 && tasksOfTurn === 0) queueMicrotask(queueTick);
  },
  get isDelivering(): boolean {
    return isDelivering;
  },
});

function queueTick(): void {
  process.nextTick(runFlushes);
}
