// Masking keys (RFC 6455 5.3 and 10.3): fresh and unpredictable for every frame. Asking the generator for four
// bytes costs a hundred times more than taking them from a pool, so it is asked for 8 KiB at a time.

import type { RandomSource } from '../base/random.ts';
import { readMaskKey } from './mask.ts';

const poolBytes = 8192;

/** Hands out masking keys, each used once. One pool serves any number of connections. */
export class MaskKeyPool {
  readonly #random: RandomSource;
  #pool: Uint8Array<ArrayBuffer> | undefined;
  #offset = poolBytes;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** The next key, an unsigned 32-bit number. */
  next(): number {
    const pool = (this.#pool ??= new Uint8Array(poolBytes));
    if (this.#offset === poolBytes) {
      this.#random.fill(pool);
      this.#offset = 0;
    }
    const key = readMaskKey(pool, this.#offset);
    // A key that was used is not kept: whoever reads this memory later learns nothing.
    pool.fill(0, this.#offset, this.#offset + 4);
    this.#offset += 4;
    return key;
  }
}
