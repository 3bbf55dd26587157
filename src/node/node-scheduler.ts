// When deferred work runs on Node. setImmediate comes after a turn of I/O; a nextTick that is queued from a promise
// job runs when no more promise jobs are left, so that all sends of one turn are flushed together. The tasks of one turn
// are flushed together too: Node lets ticks run between two of them, and a write for each would cost more than all else.

import type { Scheduler } from '../base/scheduler.ts';

let flushes: (() => void)[] = [];

// Tasks in the order in which they were queued. Those that were there when the first of a turn ran all run in that turn.
let tasks: (() => void)[] = [];
let nextTask = 0;
let tasksOfTurn = 0;

// The number of the read that is being delivered, 0 outside of one, and how many there were.
let currentTurn = 0;
let turns = 0;

// Its jobs are cheaper than those of queueMicrotask, which makes an object for the async hooks each time.
const settled = Promise.resolve();

/** Hands on what Node has read in a callback of its own; meanwhile the scheduler says that this is a turn. */
export function deliverTurn(target: DeliveryTarget | undefined, bytes: Uint8Array, byteLength: number): void {
  currentTurn = ++turns;
  try {
    target?.received(bytes, byteLength);
  } finally {
    currentTurn = 0;
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
    if (tasksOfTurn === 0) void settled.then(queueTick);
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
    if (flushes.push(callback) === 1 && tasksOfTurn === 0) void settled.then(queueTick);
  },
  get turn(): number {
    return currentTurn;
  },
});

function queueTick(): void {
  process.nextTick(runFlushes);
}
