// What is measured of the realtime layer, as data: each workload is a line for the generator.

/**
 * @typedef {object} RealtimeWorkload
 * @property {string} name
 * @property {(seconds: number) => string} command
 * @property {'delivery' | 'call'} unit
 * @property {boolean} [isIdempotent] whether our calls are those that may run twice
 */

/** How many connections follow the channel. */
export const SUBSCRIBERS = 1000;
const CALLERS = 64;

/** @type {readonly RealtimeWorkload[]} */
export const realtimeWorkloads = [
  ...[1, 16].map((window) => ({
    name: `publish to ${SUBSCRIBERS} w${window}`,
    command: (/** @type {number} */ seconds) => `fan ${seconds} ${window}`,
    unit: /** @type {const} */ ('delivery'),
  })),
  ...[false, true].flatMap((isIdempotent) =>
    [1, 16].map((depth) => ({
      name: `${isIdempotent ? 'idempotent calls' : 'calls'} d${depth}`,
      command: (/** @type {number} */ seconds) => `call ${seconds} ${CALLERS} ${depth}`,
      unit: /** @type {const} */ ('call'),
      isIdempotent,
    })),
  ),
];
