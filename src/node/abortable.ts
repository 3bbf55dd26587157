// Waiting while an attempt to connect lasts: for what a hook of the user promised, and for a stream to open. The abort of
// the attempt ends the wait at once, whatever the other side does with the signal.

import type { Duplex } from 'node:stream';
import { FullduplexError } from '../base/errors.ts';

/**
 * Waits for a promise, but not beyond the abort, whose reason is thrown then.
 * @param discard takes what comes too late
 */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => void = ignore,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const aborted = (): void => {
      promise.then(discard, ignore);
      reject(abortReasonOf(signal));
    };
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}

/** Waits for the event that says that the stream is open. From here on errors of the stream are listened to. */
export function untilOpen(
  stream: Duplex,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  explain: (error: unknown) => FullduplexError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      stream.off(event, opened).off('error', failed).off('close', closed);
      signal.removeEventListener('abort', aborted);
      outcome();
    };
    const opened = (): void => settle(resolve);
    const failed = (error: Error): void => settle(() => reject(explain(error)));
    const closed = (): void => settle(() => reject(explain(new Error('the connection was closed'))));
    const aborted = (): void => {
      stream.destroy();
      settle(() => reject(abortReasonOf(signal)));
    };
    // The first one stays for good.
    stream.on('error', ignore).on('error', failed).on('close', closed).on(event, opened);
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/** Gives the reason of the abort, which is ours and always an error. */
export function abortReasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new FullduplexError('WS_ABORTED', 'connecting was aborted');
}

/** Uses an option of the user for what it is meant for: what Node throws at once is a wrong option. */
export function requireUsable<T>(option: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FullduplexError('WS_OPTION_INVALID', `option ${option} cannot be used: ${message}`, { cause });
  }
}

/** An error of a stream or a promise that nobody waits for any more, or that 'close' will tell about. */
export function ignore(): void {}
