import { afterEach, expect, test, vi } from 'vitest';
import { poisonByte } from '../../src/base/poison.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

test('recycled memory is left alone until the mode is switched on, and then overwritten where it is said', async () => {
  vi.resetModules();
  const { poison, startPoisoning } = await import('../../src/base/poison.ts');
  const bytes = Uint8Array.of(1, 2, 3, 4);
  poison(bytes);
  expect(bytes).toEqual(Uint8Array.of(1, 2, 3, 4));
  startPoisoning();
  poison(bytes, 1, 3);
  expect(bytes).toEqual(Uint8Array.of(1, poisonByte, poisonByte, 4));
  poison(bytes);
  expect(bytes).toEqual(new Uint8Array(4).fill(poisonByte));
});

test('what it is filled with is no text', () => {
  expect(() =>
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.of(poisonByte, poisonByte)),
  ).toThrow(TypeError);
});
