import { expect, test } from 'vitest';
import { fastMemory, unmask } from '../../src/node/wasm-unmask.ts';
import { rotateMaskKey } from '../../src/protocol/mask.ts';

function expected(bytes: Uint8Array, start: number, end: number, key: number): Uint8Array {
  return bytes.map((byte, index) => {
    if (index < start || index >= end) return byte;
    return byte ^ (rotateMaskKey(key, index - start) >>> 24);
  });
}

const original = Uint8Array.from({ length: 4_096 }, (_, index) => (index * 167 + 13) & 0xff);
const key = 0x9a3c_5e71;

test.each([
  ['the fast memory', fastMemory],
  ['any other memory', new Uint8Array(65_536)],
])(
  'in %s every start and length gives what a loop over bytes gives, and nothing else is touched',
  (_, memory) => {
    for (let start = 0; start < 20; start++) {
      for (const length of [0, 1, 3, 4, 63, 64, 65, 127, 128, 129, 130, 191, 192, 1_000, 4_000]) {
        const view = memory.subarray(100, 100 + original.length);
        view.set(original);
        unmask(view, start, start + length, key);
        expect(
          Buffer.compare(view, expected(original, start, start + length, key)),
          `${start}+${length}`,
        ).toBe(0);
      }
    }
  },
);

test('the whole of the fast memory can be unmasked', () => {
  for (let index = 0; index < fastMemory.length; index++) fastMemory[index] = index & 0xff;
  unmask(fastMemory, 0, fastMemory.length, 0x01020304);
  for (let index = 0; index < fastMemory.length; index++) {
    if (fastMemory[index] !== ((index & 0xff) ^ ((index & 3) + 1))) throw new Error(`wrong byte at ${index}`);
  }
});
