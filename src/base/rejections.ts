// Handlers may be asynchronous: nobody awaits them, but a rejection must reach somebody.

/** Whether a value has to be waited for, also a promise of another realm or library. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Calls back when `result` is a promise, or anything like one, that rejects. Anything else is ignored. */
export function onRejection(result: unknown, callback: (error: unknown) => void): void {
  if (isThenable(result)) result.then(undefined, callback);
}
