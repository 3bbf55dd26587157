import { expect, test } from 'vitest';
import { AbortSource } from '../../src/server/abort-source.ts';

test('a signal that is asked for before the end hears of it', () => {
  const source = new AbortSource();
  const { signal } = source;
  expect([signal.aborted, source.reason]).toEqual([false, undefined]);
  source.abort(new Error('first'));
  source.abort(new Error('second'));
  expect([signal.aborted, signal.reason]).toEqual([true, new Error('first')]);
  expect(source.signal).toBe(signal);
});

test('a signal that is asked for after the end is aborted already', () => {
  const source = new AbortSource();
  source.abort(new Error('gone'));
  expect([source.signal.aborted, source.signal.reason]).toEqual([true, new Error('gone')]);
});
