import { expect, test } from 'vitest';
import {
  defaultServerLimits,
  requireFunctions,
  resolveServerLimits,
} from '../../src/server/server-options.ts';

test('the bounds have safe defaults, which cannot be changed', () => {
  expect(resolveServerLimits({})).toEqual({
    handshakeTimeoutMs: 10_000,
    maxHeaderBytes: 16_384,
    maxHeaderCount: 100,
    maxStreamsPerSession: 128,
    maxRetainedBytesTotal: 268_435_456,
  });
  expect(resolveServerLimits({ maxHeaderCount: 20 })).toEqual({ ...defaultServerLimits, maxHeaderCount: 20 });
  expect(Object.isFrozen(defaultServerLimits)).toBe(true);
});

test.each([
  [{ handshakeTimeoutMs: 0 }, 'option handshakeTimeoutMs is 0, expected an integer from 1'],
  [{ handshakeTimeoutMs: 2 ** 31 }, 'option handshakeTimeoutMs is 2147483648'],
  [{ maxHeaderBytes: 255 }, 'option maxHeaderBytes is 255, expected an integer from 256'],
  [{ maxHeaderCount: 7 }, 'option maxHeaderCount is 7, expected an integer from 8 to 1000'],
  [{ maxRetainedBytesTotal: Number.NaN }, 'option maxRetainedBytesTotal is NaN'],
])('%j is refused', (given, message) => {
  expect(() => resolveServerLimits(given)).toThrow(message);
});

test('hooks have to be functions', () => {
  expect(() => requireFunctions({ upgrade: {} }, ['upgrade'])).toThrow('option upgrade is an object');
});
