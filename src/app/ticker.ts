// The prices of the start page: a random walk for each of a few invented symbols, a step every second.

import type { Prices } from './contract.ts';

const start: Prices = { OTTR: 128.4, HRON: 41.75, LYNX: 312.1, TERN: 8.62 };

/** Prices that wander. */
export class Ticker {
  readonly #prices: Record<string, number> = { ...start };
  readonly #random: () => number;

  /** @param random gives numbers from 0 to 1, as Math.random does */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Moves every price one step. */
  step(): Prices {
    for (const [symbol, last] of Object.entries(this.#prices)) {
      // Up to 0.6 % either way, and never to nothing.
      const next = Math.round(last * (1 + (this.#random() - 0.5) * 0.012) * 100) / 100;
      this.#prices[symbol] = Math.max(0.5, next);
    }
    return { ...this.#prices };
  }
}
