import { expect, test } from 'vitest';
import type { Scheduler } from '../../src/base/scheduler.ts';
import { FlushQueue } from '../../src/connection/flush-queue.ts';

function stage(): { scheduler: Scheduler; queue: FlushQueue; turn: () => number } {
  let callbacks: (() => void)[] = [];
  const scheduler: Scheduler = {
    queueTask: () => undefined,
    queueFlush: (callback) => void callbacks.push(callback),
  };
  const turn = (): number => {
    const due = callbacks;
    callbacks = [];
    for (const callback of due) callback();
    return due.length;
  };
  return { scheduler, queue: FlushQueue.of(scheduler), turn };
}

test('one callback of the scheduler flushes all that were added, once and in order', () => {
  const { scheduler, queue, turn } = stage();
  const flushed: string[] = [];
  for (const name of ['a', 'b', 'c']) FlushQueue.of(scheduler).add({ flush: () => flushed.push(name) });
  expect(flushed).toEqual([]);
  expect(turn()).toBe(1);
  expect(flushed).toEqual(['a', 'b', 'c']);
  expect(turn()).toBe(0);
  expect(FlushQueue.of(stage().scheduler)).not.toBe(queue);
});

test('what is added by a flush waits for the next turn, also the one that is being flushed', () => {
  const { queue, turn } = stage();
  const flushed: string[] = [];
  const last = { flush: (): void => void flushed.push('last') };
  const again = {
    flush: (): void => {
      flushed.push('again');
      if (flushed.length < 3) {
        queue.add(again);
        queue.add(last);
      }
    },
  };
  queue.add(again);
  expect([turn(), flushed]).toEqual([1, ['again']]);
  expect([turn(), flushed]).toEqual([1, ['again', 'again', 'last']]);
  expect([turn(), turn()]).toEqual([1, 0]);
  expect(flushed).toEqual(['again', 'again', 'last', 'again', 'last']);
});

test('a flush that throws does not keep the others from theirs', () => {
  const { queue, turn } = stage();
  const flushed: string[] = [];
  queue.add({
    flush: (): void => {
      throw new Error('a flush');
    },
  });
  queue.add({ flush: (): void => void flushed.push('behind') });
  expect(turn).toThrow('a flush');
  expect(flushed).toEqual([]);
  turn();
  expect(flushed).toEqual(['behind']);
});
