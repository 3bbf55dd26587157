// What the server and both clients, Node's and the browser's, check alike before anything is dialled or listens: the parts
// of options and handlers that are called or listened to later, when a mistake would show far from where it was made.

import { describe, FullduplexError } from '../base/errors.ts';
import type { ConnectionHandlers } from './connection-handlers.ts';

const handlerNames = ['open', 'message', 'drain', 'ping', 'pong', 'failed', 'closing', 'close'] as const;

/**
 * Checks a signal.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireSignal(signal: unknown): void {
  if (signal === undefined) return;
  // Not instanceof: signals of other realms and of polyfills work as well.
  const isSignal =
    typeof signal === 'object' && signal !== null && 'aborted' in signal && 'addEventListener' in signal;
  if (!isSignal) throw invalid('option signal', signal, 'an AbortSignal');
}

/**
 * Checks the error listener of a client.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireErrorListener(onError: unknown): void {
  if (onError !== undefined && typeof onError !== 'function')
    throw invalid('option onError', onError, 'a function');
}

/**
 * Checks the handlers of a connection.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireHandlers<C>(handlers: ConnectionHandlers<C> | undefined): void {
  if (handlers === undefined) return;
  if (typeof handlers !== 'object' || handlers === null) throw invalid('handlers', handlers, 'an object');
  for (const name of handlerNames) {
    const handler: unknown = handlers[name];
    if (handler !== undefined && typeof handler !== 'function')
      throw invalid(`handler ${name}`, handler, 'a function');
  }
}

function invalid(what: string, given: unknown, allowed: string): FullduplexError {
  return new FullduplexError('WS_OPTION_INVALID', `${what} is ${describe(given)}, expected ${allowed}`);
}
