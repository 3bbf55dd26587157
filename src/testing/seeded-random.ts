// Chance that can be had again: the same seed gives the same numbers on every platform. Nothing about it is secret.

import type { RandomSource } from '../base/random.ts';

/** Random numbers from a seed, by mulberry32. */
export class SeededRandom implements RandomSource {
  #state: number;

  /** @param seed a number, or a text, of which all characters count */
  constructor(seed: number | string) {
    this.#state = typeof seed === 'number' ? seed >>> 0 : hash(seed);
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A number between the two, with fractions. */
  between([least, most]: readonly [least: number, most: number]): number {
    return least + this.next() * (most - least);
  }

  /** A whole number from 0 to `count`, without `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** True as often as `probability` says. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** How long until something that happens every `meanMs` on average happens next; Infinity: never. */
  wait(meanMs: number): number {
    return -Math.log(1 - this.next()) * meanMs;
  }

  /** One of them; undefined when there is none. */
  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.below(items.length)];
  }

  fill(target: Uint8Array<ArrayBuffer>): void {
    for (let index = 0; index < target.length; index++) target[index] = this.below(256);
  }

  /** Another one, whose numbers depend on this one's next and on the name. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.below(2 ** 32)} ${name}`);
  }
}

// FNV-1a over UTF-16.
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return state >>> 0;
}
