// The prices of the start page: a random walk for each of a few invented symbols, a step every second.

import type { Quote, TickerEvent } from './messages.ts';

/** How many of the last prices a newcomer gets. */
export const pricesKept = 60;

interface Walk {
  readonly symbol: string;
  readonly name: string;
  readonly prices: number[];
}

const start: readonly (readonly [symbol: string, name: string, price: number])[] = [
  ['OTTR', 'Otter River', 128.4],
  ['HRON', 'Heron Works', 41.75],
  ['LYNX', 'Lynx Optical', 312.1],
  ['TERN', 'Tern Airways', 8.62],
];

/** Prices that wander. */
export class Ticker {
  readonly #walks: readonly Walk[];
  readonly #random: () => number;

  /** @param random gives numbers from 0 to 1, as Math.random does */
  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.#walks = start.map(([symbol, name, price]) => ({ symbol, name, prices: [price] }));
    // Newcomers should see a line and not a dot.
    for (let step = 1; step < pricesKept; step++) this.step();
  }

  /** All symbols with their last prices. */
  get history(): TickerEvent {
    const quotes: Quote[] = this.#walks.map(({ symbol, name, prices }) => ({
      symbol,
      name,
      prices: [...prices],
    }));
    return { type: 'history', quotes };
  }

  /** Moves every price one step. */
  step(): TickerEvent {
    const prices: Record<string, number> = {};
    for (const walk of this.#walks) {
      const last = walk.prices.at(-1) ?? 1;
      // Up to 0.6 % either way, and never to nothing.
      const next = Math.max(0.5, Math.round(last * (1 + (this.#random() - 0.5) * 0.012) * 100) / 100);
      walk.prices.push(next);
      if (walk.prices.length > pricesKept) walk.prices.shift();
      prices[walk.symbol] = next;
    }
    return { type: 'prices', prices };
  }
}
