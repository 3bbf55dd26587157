// How long a client waits before it connects again: full jitter, so that those who lost a server together do not come back
// together.

import type { RandomSource } from '../../base/random.ts';

/** Gives a random number from 0 to 1, without 1. */
export function randomFraction(random: RandomSource): number {
  const words = new Uint32Array(1);
  random.fill(new Uint8Array(words.buffer));
  return words[0] / 2 ** 32;
}

/** How long the waits are, in milliseconds. */
export interface BackoffTimes {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly random: RandomSource;
}

/**
 * The next wait in milliseconds, drawn evenly from 0 to a most that doubles each time.
 * @param waits how many there were before, since the server was there
 */
export function backoffMs({ minDelayMs, maxDelayMs, random }: BackoffTimes, waits: number): number {
  return randomFraction(random) * Math.min(maxDelayMs, minDelayMs * 2 ** waits);
}
