// An engine that did not answer an append may have made it: to whoever would publish anew, under another key, that must not look as if
// nothing had happened.

import { RealtimeError } from '../wire/error-codes.ts';

/** What is told of an append that was rejected and is not tried again with its key. What the engine is sure of stays as it is. */
export function unknownAppend(error: unknown): RealtimeError {
  if (error instanceof RealtimeError && error.code !== 'UNAVAILABLE') return error;
  const why = error instanceof RealtimeError ? error.message : 'the engine failed';
  return new RealtimeError('OUTCOME_UNKNOWN', `nobody knows whether it was published: ${why}`, {
    cause: error,
  });
}
