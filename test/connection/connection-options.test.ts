import { expect, test } from 'vitest';
import {
  defaultConnectionOptions,
  resolveConnectionOptions,
} from '../../src/connection/connection-options.ts';

test('without options the defaults hold and cannot be changed', () => {
  expect(resolveConnectionOptions()).toEqual(defaultConnectionOptions);
  expect(resolveConnectionOptions({ pingIntervalMs: undefined })).toEqual(defaultConnectionOptions);
  expect(Object.isFrozen(defaultConnectionOptions)).toBe(true);
});

test.each([
  ['maxMessageBytes', 0, 'an integer of at least 1'],
  ['maxMessageBytes', '1 MiB', 'an integer of at least 1'],
  ['maxFrameBytes', 124, 'an integer of at least 125'],
  ['maxFragments', -1, 'an integer of at least 1'],
  ['maxRetainedBytes', 1, 'an integer of at least 1024'],
  ['highWaterMarkBytes', 0, 'an integer from 1 to 16777216'],
  ['maxQueuedBytes', Number.NaN, 'an integer of at least 1'],
  ['pingIntervalMs', -1, 'an integer from 0 to 2147483647'],
  ['pingIntervalMs', 2 ** 31, 'an integer from 0 to 2147483647'],
  ['pongTimeoutMs', 0.5, 'an integer from 1 to 2147483647'],
  ['closeTimeoutMs', Infinity, 'an integer from 1 to 2147483647'],
  ['binaryMessages', 'nodebuffer', '"copied" or "borrowed"'],
  ['autoPong', 1, 'true or false'],
  ['validateUtf8', 'no', 'true or false'],
  ['receive', 'chunks', '"whole" or "streamed"'],
])('option %s as %j throws, naming what is allowed', (name, value, allowed) => {
  expect(() => resolveConnectionOptions({ [name]: value })).toThrow(
    expect.objectContaining({
      code: 'WS_OPTION_INVALID',
      message: expect.stringContaining(`option ${name} is`),
    }),
  );
  expect(() => resolveConnectionOptions({ [name]: value })).toThrow(allowed);
});

test('streamed receiving lifts the limits on messages unless they are given', () => {
  const streamed = resolveConnectionOptions({ receive: 'streamed' });
  expect(streamed.maxMessageBytes).toBe(Infinity);
  expect(streamed.maxFragments).toBe(Infinity);
  expect(resolveConnectionOptions({ receive: 'streamed', maxMessageBytes: 5 }).maxMessageBytes).toBe(5);
});

test('the high-water mark stays below the bound of the queue: unless given, it follows it', () => {
  expect(resolveConnectionOptions({ maxQueuedBytes: 1000 }).highWaterMarkBytes).toBe(1000);
  expect(() => resolveConnectionOptions({ maxQueuedBytes: 1000, highWaterMarkBytes: 1001 })).toThrow(
    'option highWaterMarkBytes is 1001, expected an integer from 1 to 1000',
  );
});
