// What is put off runs in the asynchronous context of whoever asked for it (AsyncLocalStorage), not of whoever happens to
// make it run. `AsyncResource.bind` does the same at 60 to 100 times the cost (11 to 20 us against 0.1 to 0.3 us on a busy
// machine with Node 20, which defines properties on the function): a good part of what the thread pool costs.

import { AsyncResource } from 'node:async_hooks';

/** Gives a function that calls back in the present asynchronous context. */
export function inCallerContext(callback: () => void): () => void {
  const resource = new AsyncResource('CompressionWork');
  return () => resource.runInAsyncScope(callback);
}
