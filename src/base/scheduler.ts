// When work that was put off runs: a task comes after a turn of I/O, a flush comes before it. The portable
// default uses what every platform has; the Node floor injects setImmediate and process.nextTick.

/** Queues work on the event loop. */
export interface Scheduler {
  /** Runs the callback in a task of its own, after pending I/O has had one turn. */
  queueTask(callback: () => void): void;
  /** Runs the callback after the current one and the microtasks it caused, before the next I/O. */
  queueFlush(callback: () => void): void;
  /**
   * While I/O delivers what it has read, in a callback of its own: a number that no other such turn has. It is a task of
   * its own then, promise jobs follow it, and no code of an application runs below. Elsewhere 0. @defaultValue 0
   */
  readonly turn?: number;
}

/** The scheduler of any JavaScript platform. */
export const portableScheduler: Scheduler = Object.freeze({
  queueTask: (callback: () => void): void => {
    setTimeout(callback, 0);
  },
  queueFlush: (callback: () => void): void => {
    queueMicrotask(callback);
  },
});
