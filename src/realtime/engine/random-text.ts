// Random texts of base64url, a few characters each: ids of entries, and epochs. Randomness is taken in large pieces, because
// an id is made for every publication.

import { cryptoRandom, type RandomSource } from '../../base/random.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
// Two characters for each 12 bits.
const pairs: readonly string[] = Array.from(
  { length: 4096 },
  (_, bits) => `${alphabet[bits >> 6]}${alphabet[bits & 63]}`,
);
const poolBytes = 3 * 512;

/** Makes random texts. */
export class RandomText {
  readonly #random: RandomSource;
  readonly #pool = new Uint8Array(poolBytes);
  #used = poolBytes;

  constructor(random: RandomSource = cryptoRandom) {
    this.#random = random;
  }

  /** 24 random bits as 4 characters. */
  short(): string {
    if (this.#used === poolBytes) {
      this.#random.fill(this.#pool);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used = at + 3;
    const bits = (this.#pool[at] << 16) | (this.#pool[at + 1] << 8) | this.#pool[at + 2];
    return pairs[bits >> 12] + pairs[bits & 4095];
  }

  /** 72 random bits as 12 characters. */
  long(): string {
    return this.short() + this.short() + this.short();
  }
}
