// How long a client waits before it connects again: full jitter, so that those who lost a server together do not come back
// together.

import type { RandomSource } from '../../base/random.ts';

/** Gives a random number from 0 to 1, without 1. */
export function randomFraction(random: RandomSource): number {
  const words = new Uint32Array(1);
  random.fill(new Uint8Array(words.buffer));
  return words[0] / 2 ** 32;
}

/** The waits between attempts. */
export class Backoff {
  readonly #minDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #random: RandomSource;
  #waits = 0;

  constructor(minDelayMs: number, maxDelayMs: number, random: RandomSource) {
    this.#minDelayMs = minDelayMs;
    this.#maxDelayMs = maxDelayMs;
    this.#random = random;
  }

  /** The next wait in milliseconds, drawn evenly from 0 to a most that doubles each time. */
  nextMs(): number {
    const mostMs = Math.min(this.#maxDelayMs, this.#minDelayMs * 2 ** this.#waits++);
    return randomFraction(this.#random) * mostMs;
  }

  /** Starts over: the server was there. */
  reset(): void {
    this.#waits = 0;
  }
}
