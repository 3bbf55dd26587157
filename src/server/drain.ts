// Ending many connections in an orderly way: everyone gets a close frame, has some time to answer, and is cut then.

import type { Clock } from '../base/clock.ts';
import { portableTextCodec } from '../base/text-codec.ts';
import type { Connection } from '../connection/connection.ts';
import { encodeCloseBody } from '../protocol/close-frame.ts';
import { requireInteger } from '../protocol/limits.ts';

const longestDelayMs = 2_147_483_647;

/** How connections are told goodbye. */
export interface DrainOptions {
  /** The close code. @defaultValue 1001 (going away) */
  readonly code?: number;
  /** The close reason, at most 123 bytes of UTF-8. @defaultValue '' */
  readonly reason?: string;
  /** After how many milliseconds those that are still there are cut. @defaultValue 5,000 */
  readonly timeoutMs?: number;
}

/** The goodbye that holds when nothing is said about it. */
export const defaultDrainOptions: Required<DrainOptions> = Object.freeze({
  code: 1001,
  reason: '',
  timeoutMs: 5_000,
});

/**
 * Completes the goodbye and checks it.
 * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code or reason that may not be sent, `WS_OPTION_INVALID`
 */
export function requireDrainOptions(given: DrainOptions): Required<DrainOptions> {
  const { code, reason, timeoutMs } = defaultDrainOptions;
  const options = {
    code: given.code ?? code,
    reason: given.reason ?? reason,
    timeoutMs: requireInteger('timeoutMs', given.timeoutMs ?? timeoutMs, 0, longestDelayMs),
  };
  encodeCloseBody(options.code, options.reason, portableTextCodec);
  return options;
}

/**
 * Closes all connections. `connections` is read again at the deadline, so that those which were added meanwhile are
 * cut too.
 * @returns a promise that is settled when all of them are gone
 */
export async function drain(
  connections: ReadonlySet<Connection<unknown>>,
  options: Required<DrainOptions>,
  clock: Clock,
): Promise<void> {
  const { code, reason, timeoutMs } = options;
  const closings = [...connections].map((connection) => connection.close(code, reason));
  if (closings.length === 0) return;
  const deadline = clock.setTimer(() => {
    // Where a platform cannot cut, the connection's own close deadline ends it.
    for (const connection of connections) if (connection.supports.terminate) connection.terminate();
  }, timeoutMs);
  await Promise.all(closings);
  deadline.cancel();
}
