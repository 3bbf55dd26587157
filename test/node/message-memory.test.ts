import { expect, test } from 'vitest';
import { allocateMessage } from '../../src/node/message-memory.ts';

test('gives a plain array with memory of its own of exactly that length, whatever the length', () => {
  for (const byteLength of [0, 1, 4096, 128 * 1024, 1024 * 1024]) {
    const bytes = allocateMessage(byteLength);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect([bytes.length, bytes.byteOffset, bytes.buffer.byteLength]).toEqual([byteLength, 0, byteLength]);
    expect(allocateMessage(byteLength).buffer).not.toBe(bytes.buffer);
  }
});
