// What one side is willing to receive. The limits are checked on the header, before payload is kept, and what is
// kept is bounded in bytes, not by counts alone.

import { describe, FullduplexError } from '../base/errors.ts';

/** The bounds on what the peer may make us receive and keep. */
export interface ProtocolLimits {
  /**
   * The longest message in bytes, all fragments together, after decompression. Beyond it the connection fails
   * with 1009. In streamed receiving a message may be longer than memory: there the limit is off unless given.
   * @defaultValue 16 MiB
   */
  readonly maxMessageBytes: number;
  /** The longest payload of a single frame in bytes; 1009 beyond it. @defaultValue 16 MiB */
  readonly maxFrameBytes: number;
  /** The most fragments in one message, empty ones too; 1009 beyond it. @defaultValue 131,072 */
  readonly maxFragments: number;
  /**
   * The most bytes kept for this connection at any time: the unfinished message, and input that waits while
   * receiving is paused or a codec is busy. @defaultValue 17 MiB
   */
  readonly maxRetainedBytes: number;
}

const MiB = 1024 * 1024;

/** The limits that hold when none are given; docs/decisions/0002-default-limits.md says why these. */
export const defaultLimits: ProtocolLimits = Object.freeze({
  maxMessageBytes: 16 * MiB,
  maxFrameBytes: 16 * MiB,
  maxFragments: 131_072,
  maxRetainedBytes: 17 * MiB,
});

/**
 * Checks that an option is an integer in a range.
 * @throws FullduplexError `WS_OPTION_INVALID` naming the option, what was given and what is allowed.
 */
export function requireInteger(name: string, value: number, least: number, most: number = Infinity): number {
  const isWithin =
    typeof value === 'number' &&
    value >= least &&
    value <= most &&
    (Number.isInteger(value) || value === Infinity);
  if (isWithin) return value;
  const allowed =
    most === Infinity ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`;
  throw new FullduplexError('WS_OPTION_INVALID', `option ${name} is ${describe(value)}, expected ${allowed}`);
}

/** Completes partial limits with the defaults and checks them. @throws FullduplexError `WS_OPTION_INVALID` */
export function resolveLimits(limits: Partial<ProtocolLimits> = {}, isStreamed = false): ProtocolLimits {
  const maxMessageBytes = limits.maxMessageBytes ?? (isStreamed ? Infinity : defaultLimits.maxMessageBytes);
  return {
    maxMessageBytes: requireInteger('maxMessageBytes', maxMessageBytes, 1),
    maxFrameBytes: requireInteger('maxFrameBytes', limits.maxFrameBytes ?? defaultLimits.maxFrameBytes, 125),
    maxFragments: requireInteger('maxFragments', limits.maxFragments ?? defaultLimits.maxFragments, 1),
    maxRetainedBytes: requireInteger(
      'maxRetainedBytes',
      limits.maxRetainedBytes ?? defaultLimits.maxRetainedBytes,
      1024,
    ),
  };
}
