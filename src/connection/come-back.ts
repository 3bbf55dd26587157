// When a client shall come back: a server that ends a connection can say so in the reason of its close frame, because
// WebSocket has no field for it (HTTP has Retry-After). The reason ends with `come back in 1500 ms`, readable for people
// and for programs; what stands before it is the server's own. reconnect() waits for that long at least.

import type { ClosedInfo } from './end-reason.ts';

// The codes with which a server says that it goes away for a while (RFC 6455 7.4.1, 1001; IANA registry, 1012 and 1013).
const codes: ReadonlySet<number> = new Set([1001, 1012, 1013]);

const hint = /(?:^|[ ;,.])come back in (\d{1,9}) ms$/;

/** Gives a close reason that says when to come back. */
export function comeBackReason(reason: string, afterMs: number): string {
  const text = `come back in ${afterMs} ms`;
  return reason === '' ? text : `${reason}; ${text}`;
}

/**
 * How long the server has asked to be left alone, in milliseconds; 0 when it has not. Only what came in the server's
 * own close frame counts, with 1001, 1012 or 1013, and never more than `maxMs`: who can write into a close frame must not
 * be able to send clients away for good.
 */
export function comeBackAfterMs(info: ClosedInfo | undefined, maxMs: number): number {
  if (info === undefined || info.by !== 'remote' || !codes.has(info.code)) return 0;
  const digits = hint.exec(info.reason)?.[1];
  return digits === undefined ? 0 : Math.min(Number(digits), maxMs);
}
