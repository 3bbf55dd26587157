import { describe, expect, test } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import { requireRate, TokenBucket } from '../../src/base/token-bucket.ts';

describe('a bucket', () => {
  test('gives its burst at once, then as many as come back', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
    expect([1, 2, 3, 4].map(() => bucket.take(1, 0))).toEqual([true, true, true, false]);
    expect(bucket.waitMs(1, 0)).toBe(100);
    expect(bucket.take(1, 99)).toBe(false);
    expect(bucket.take(1, 100)).toBe(true);
    expect(bucket.take(1, 100)).toBe(false);
  });

  test('never holds more than its burst, however long it is left alone', () => {
    const bucket = new TokenBucket({ perSecond: 1000, burst: 2 }, 0);
    bucket.spend(1, 0);
    expect([1, 2, 3].map(() => bucket.take(1, 1e9))).toEqual([true, true, false]);
  });

  test('goes into debt for what was spent anyway, and the debt comes back first', () => {
    const bucket = new TokenBucket({ perSecond: 100, burst: 10 }, 0);
    bucket.spend(60, 0);
    expect(bucket.waitMs(1, 0)).toBe(510);
    expect(bucket.take(1, 500)).toBe(false);
    expect(bucket.take(1, 510)).toBe(true);
  });

  test('has a token after the wait that it names, whatever the rate', () => {
    for (const perSecond of [0.3, 1 / 3, 3, 7, 29.97, 1e6]) {
      const bucket = new TokenBucket({ perSecond, burst: 1 }, 0);
      let nowMs = 0;
      for (let index = 0; index < 1000; index++) {
        nowMs += bucket.waitMs(1, nowMs);
        expect(bucket.take(1, nowMs)).toBe(true);
      }
      // And no faster than its rate.
      expect(nowMs).toBeGreaterThan(((999 * 1000) / perSecond) * 0.999);
    }
  });
});

test.each([
  [undefined, 'option r is undefined, expected { perSecond, burst }'],
  [5, 'option r is 5, expected { perSecond, burst }'],
  [{ perSecond: 0, burst: 1 }, 'option r.perSecond is 0, expected a number above 0'],
  [{ perSecond: Infinity, burst: 1 }, 'option r.perSecond is Infinity, expected a number above 0'],
  [{ perSecond: 1, burst: 0.5 }, 'option r.burst is 0.5, expected a number of at least 1'],
  [{ perSecond: 1 }, 'option r.burst is undefined, expected a number of at least 1'],
  [{ perSecond: '1', burst: 1 }, 'option r.perSecond is "1", expected a number above 0'],
])('a rate of %j is refused with what is expected', (rate, message) => {
  const given: unknown = rate;
  let thrown: unknown;
  try {
    requireRate('r', given as never);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FullduplexError);
  expect(thrown).toMatchObject({ code: 'WS_OPTION_INVALID', message });
});
