import { describe, expect, it } from 'vitest';
import { cryptoRandom } from '../../src/base/random.ts';

describe('cryptoRandom', () => {
  it('overwrites all of the target, and differently each time', () => {
    const first = new Uint8Array(65_536);
    const second = new Uint8Array(65_536);
    cryptoRandom.fill(first);
    cryptoRandom.fill(second);
    expect(first).not.toEqual(second);
    // Each of the 256 values is there, at both ends too: the chance that one is missing is below 10^-100.
    expect(new Set(first.subarray(0, 32_768)).size).toBe(256);
    expect(new Set(first.subarray(32_768)).size).toBe(256);
  });

  it('touches nothing beside a view', () => {
    const memory = new Uint8Array(300);
    cryptoRandom.fill(memory.subarray(20, 280));
    expect(memory.subarray(0, 20).every((byte) => byte === 0)).toBe(true);
    expect(memory.subarray(280).every((byte) => byte === 0)).toBe(true);
  });
});
