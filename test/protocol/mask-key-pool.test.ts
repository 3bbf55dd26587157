import { describe, expect, it } from 'vitest';
import { cryptoRandom } from '../../src/base/random.ts';
import { MaskKeyPool } from '../../src/protocol/mask-key-pool.ts';

describe('MaskKeyPool', () => {
  it('hands out the bytes of the generator in order, four at a time, each once', () => {
    let next = 0;
    const pool = new MaskKeyPool({
      fill: (target) => {
        for (let index = 0; index < target.length; index++) target[index] = (next++ * 7) & 0xff;
      },
    });
    let position = 0;
    for (let index = 0; index < 5000; index++) {
      const bytes = [0, 1, 2, 3].map(() => (position++ * 7) & 0xff);
      expect(pool.next()).toBe(((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0);
    }
  });

  it('does not repeat keys of the real generator and asks it rarely', () => {
    let calls = 0;
    const pool = new MaskKeyPool({
      fill: (target) => {
        calls++;
        cryptoRandom.fill(target);
      },
    });
    const keys = new Set(Array.from({ length: 4096 }, () => pool.next()));
    // Of 4,096 keys of 32 bits two are equal once in 500 runs, three pairs in practice never.
    expect(keys.size).toBeGreaterThan(4093);
    expect(calls).toBe(2);
  });

  it('keeps no key after handing it out', () => {
    let memory = new Uint8Array(0);
    const pool = new MaskKeyPool({
      fill: (target) => {
        memory = target.fill(0xaa);
      },
    });
    pool.next();
    pool.next();
    expect(Array.from(memory.subarray(0, 9))).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0xaa]);
  });

  it('asks again when the generator has failed, and never hands out what it did not give', () => {
    let isBroken = true;
    const pool = new MaskKeyPool({
      fill: (target) => {
        if (isBroken) throw new Error('no entropy');
        target.fill(0x11);
      },
    });
    expect(() => pool.next()).toThrow('no entropy');
    expect(() => pool.next()).toThrow('no entropy');
    isBroken = false;
    expect(pool.next()).toBe(0x1111_1111);
  });
});
