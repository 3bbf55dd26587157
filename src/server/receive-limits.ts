// The options `messageRate` and `byteRate`, checked.

import { describe, FullduplexError } from '../base/errors.ts';
import { requireRate } from '../base/token-bucket.ts';
import type { ReceiveRate, ReceiveRateLimits } from '../connection/receive-rates.ts';

/** How much a peer may send. */
export interface ReceiveLimitOptions {
  readonly messageRate?: ReceiveRate | undefined;
  readonly byteRate?: ReceiveRate | undefined;
}

/**
 * Gives the limits; undefined for none.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function receiveLimitsOf({
  messageRate,
  byteRate,
}: ReceiveLimitOptions): ReceiveRateLimits | undefined {
  const messages = requireReceiveRate('messageRate', messageRate);
  const bytes = requireReceiveRate('byteRate', byteRate);
  return messages === undefined && bytes === undefined ? undefined : { messages, bytes };
}

function requireReceiveRate(name: string, rate: ReceiveRate | undefined): ReceiveRate | undefined {
  if (rate === undefined) return undefined;
  const { exceeded = 'delay' } = requireRate(name, rate);
  if (exceeded === 'delay' || exceeded === 'close') return Object.freeze({ ...rate, exceeded });
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option ${name}.exceeded is ${describe(exceeded)}, expected 'delay' or 'close'`,
  );
}
