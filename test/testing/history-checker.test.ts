// A checker is worth something only when it finds what is broken, and nothing where nothing is.

import { describe, expect, it } from 'vitest';
import { HistoryChecker } from '../../src/testing/history-checker.ts';

const promise = { maxEntries: 5, maxAgeMs: 1_000 };

/** A log of numbers, one each millisecond, and a subscriber who has followed from the beginning. */
function history(count: number): HistoryChecker {
  const checker = new HistoryChecker(promise);
  checker.asking('ann', 'c');
  checker.following('ann', 'c');
  for (let offset = 1; offset <= count; offset++) log(checker, offset);
  return checker;
}

function log(checker: HistoryChecker, offset: number, atMs = offset, epoch = 'e'): void {
  checker.logged('c', { epoch, offset, what: `${epoch}${offset}`, atMs });
}

function see(checker: HistoryChecker, ...offsets: readonly number[]): void {
  for (const offset of offsets) checker.delivered('ann', 'c', `e${offset}`, offset);
}

function kinds(checker: HistoryChecker): readonly string[] {
  return checker.violations().map(({ kind }) => kind);
}

describe('the checker of histories', () => {
  it('finds nothing where everything was seen once and in order', () => {
    const checker = history(4);
    see(checker, 1, 2);
    checker.reconnected('ann', 'c');
    see(checker, 3, 4);
    expect(checker.violations()).toEqual([]);
    expect(checker.rates()).toMatchObject({ recovered: 1, lost: 0, delivered: 4 });
  });

  it('finds what was lost in the middle, at the beginning and at the end', () => {
    for (const seen of [[1, 3], [2, 3], [1, 2], []]) {
      const checker = history(3);
      see(checker, ...seen);
      expect(kinds(checker)).toEqual(['lost']);
    }
    const checker = history(3);
    see(checker, 1, 3);
    expect(checker.violations()[0].found).toBe('ann of c saw e3 without e2, and was told of no gap');
  });

  it('finds what was seen twice', () => {
    const checker = history(3);
    see(checker, 1, 2, 2, 3);
    expect(kinds(checker)).toEqual(['duplicated']);
  });

  it('finds what was seen in another order', () => {
    const checker = history(3);
    see(checker, 1, 3, 2);
    expect(kinds(checker)).toContain('reordered');
  });

  it('finds what was lost across a connection that was said to recover', () => {
    const checker = history(4);
    see(checker, 1);
    checker.reconnected('ann', 'c');
    see(checker, 3, 4);
    expect(kinds(checker)).toEqual(['falsely-recovered']);
    const atTheEnd = history(4);
    see(atTheEnd, 1);
    atTheEnd.reconnected('ann', 'c');
    expect(kinds(atTheEnd)).toEqual(['falsely-recovered']);
  });

  it('finds what the log does not have, or has elsewhere', () => {
    const checker = history(2);
    see(checker, 1);
    checker.delivered('ann', 'c', 'e2', 7);
    checker.delivered('ann', 'c', 'never published', 2);
    see(checker, 2);
    expect(kinds(checker)).toEqual(['invented', 'invented']);
  });

  it('accepts a gap only where history was destroyed: by number, by age, by a new beginning', () => {
    const byNumber = history(8);
    see(byNumber, 1, 2);
    byNumber.gap('ann', 'c', 'expired', 10);
    see(byNumber, 8);
    expect(byNumber.violations()).toEqual([]);
    expect(byNumber.rates()).toMatchObject({ recovered: 0, lost: 1 });

    const byAge = history(4);
    see(byAge, 1, 2);
    byAge.gap('ann', 'c', 'expired', 1_100);
    expect(byAge.violations()).toEqual([]);

    const anew = history(2);
    see(anew, 1, 2);
    log(anew, 1, 5, 'f');
    anew.gap('ann', 'c', 'epoch', 6);
    expect(anew.violations()).toEqual([]);

    const withoutCause = history(4);
    see(withoutCause, 1, 2);
    withoutCause.gap('ann', 'c', 'expired', 10);
    expect(withoutCause.violations()).toEqual([
      {
        kind: 'gap-without-cause',
        found: 'ann of c was told of a gap (expired) at 10 ms, though all 2 entries were still there',
      },
    ]);
    const nothingMissed = history(2);
    see(nothingMissed, 1, 2);
    nothingMissed.gap('ann', 'c', 'expired', 10_000);
    expect(kinds(nothingMissed)).toEqual(['gap-without-cause']);
  });

  it('goes on behind a gap, and finds what is lost there', () => {
    const checker = history(8);
    see(checker, 1, 2);
    checker.gap('ann', 'c', 'expired', 10);
    see(checker, 7);
    log(checker, 9);
    see(checker, 9);
    expect(kinds(checker)).toEqual(['lost']);
  });

  it('asks nothing of what came before a subscription stood, but order', () => {
    const checker = new HistoryChecker(promise);
    log(checker, 1);
    checker.asking('ann', 'c');
    for (const offset of [2, 3, 4]) log(checker, offset);
    checker.following('ann', 'c');
    see(checker, 3, 4);
    log(checker, 5);
    see(checker, 5);
    expect(checker.violations()).toEqual([]);
    const late = new HistoryChecker(promise);
    late.asking('ann', 'c');
    for (const offset of [1, 2]) log(late, offset);
    late.following('ann', 'c');
    expect(late.violations()).toEqual([]);
  });

  it('finds what was published twice, and what was acknowledged in vain', () => {
    const checker = history(0);
    checker.logged('c', { epoch: 'e', offset: 1, what: 'x', atMs: 1 });
    checker.logged('c', { epoch: 'e', offset: 2, what: 'x', atMs: 1 });
    checker.acknowledged('c', 'x', 1);
    checker.acknowledged('c', 'x', 3);
    checker.acknowledged('c', 'y', 1);
    expect(kinds(checker)).toEqual([
      'published-twice',
      'acknowledged-in-vain',
      'acknowledged-in-vain',
      'lost',
    ]);
  });

  it('finds calls that were applied twice, answered in vain, not once, or with a doubt that nobody had', () => {
    const checker = new HistoryChecker(promise);
    const call = (name: string, applied: number, ...answers: readonly string[]): void => {
      checker.called(name, 10);
      for (let time = 0; time < applied; time++) checker.applied(name);
      for (const answer of answers) checker.answered(name, answer, 20);
    };
    call('good', 1, 'ok');
    call('refused', 0, 'FORBIDDEN');
    call('late', 1, 'DEADLINE_EXCEEDED');
    expect(checker.violations()).toEqual([]);
    call('twice', 2, 'ok');
    call('vain', 0, 'ok');
    call('silent', 1);
    call('chatty', 1, 'ok', 'ok');
    checker.doubt(21);
    call('doubt', 1, 'OUTCOME_UNKNOWN');
    expect(kinds(checker)).toEqual([
      'applied-twice',
      'answered-in-vain',
      'answered-not-once',
      'answered-not-once',
      'unknown-without-cause',
    ]);
    checker.doubt(15);
    expect(kinds(checker)).not.toContain('unknown-without-cause');
  });

  it('finds presence that has not converged', () => {
    const checker = new HistoryChecker(promise);
    checker.presence('ann', 'c', ['ann', 'bob'], new Set(['bob', 'ann']));
    expect(checker.violations()).toEqual([]);
    checker.presence('ann', 'c', ['ann'], ['ann', 'bob']);
    expect(checker.violations()).toEqual([
      { kind: 'presence-diverged', found: 'ann sees [ann, bob] in c, expected [ann]' },
    ]);
  });
});
