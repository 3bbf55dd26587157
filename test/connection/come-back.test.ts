import { describe, expect, test } from 'vitest';
import { comeBackAfterMs, comeBackReason } from '../../src/connection/come-back.ts';
import type { ClosedInfo } from '../../src/connection/end-reason.ts';

function closedBy(code: number, reason: string, by: ClosedInfo['by'] = 'remote'): ClosedInfo {
  return { code, reason, clean: true, by };
}

test('what one side writes the other reads', () => {
  for (const reason of ['', 'restarting', 'neue Version; gleich zurück']) {
    for (const afterMs of [0, 1, 1500, 300_000])
      expect(comeBackAfterMs(closedBy(1012, comeBackReason(reason, afterMs)), 300_000)).toBe(afterMs);
  }
  expect(comeBackReason('', 1500)).toBe('come back in 1500 ms');
  expect(comeBackReason('restarting', 1500)).toBe('restarting; come back in 1500 ms');
});

describe('nothing is asked for', () => {
  test.each([
    ['by another code', closedBy(1000, 'come back in 5000 ms')],
    ['by an application code', closedBy(4000, 'come back in 5000 ms')],
    ['by our own close', closedBy(1012, 'come back in 5000 ms', 'local')],
    ['by another reason', closedBy(1012, 'restarting')],
    ['by words in the middle', closedBy(1012, 'come back in 5000 ms or later')],
    ['inside of another word', closedBy(1012, 'overcome back in 5000 ms')],
    ['by a number that is none', closedBy(1012, 'come back in -5 ms')],
    ['by a fraction', closedBy(1012, 'come back in 1.5 ms')],
    ['by a number with too many digits', closedBy(1012, 'come back in 99999999999 ms')],
    ['before there was an end', undefined],
  ])('%s', (_name, info) => {
    expect(comeBackAfterMs(info, 300_000)).toBe(0);
  });
});

test('a server cannot send clients away for longer than they allow', () => {
  expect(comeBackAfterMs(closedBy(1013, 'come back in 999999999 ms'), 300_000)).toBe(300_000);
  expect(comeBackAfterMs(closedBy(1001, 'come back in 5000 ms'), 0)).toBe(0);
});
