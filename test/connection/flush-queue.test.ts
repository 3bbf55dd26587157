import { expect, test } from 'vitest';
import type { Scheduler } from '../../src/base/scheduler.ts';
import { FlushQueue } from '../../src/connection/flush-queue.ts';
import { stagingBuffersKept } from '../../src/protocol/staging-pool.ts';

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

test('who holds a staging buffer is flushed at once when many do; what is shared waits however many it is for', () => {
  const { queue, turn } = stage();
  let flushes = 0;
  const target = { flush: (): void => void flushes++ };
  for (let count = 0; count < 1000; count++) queue.add(target);
  for (let count = 1; count < stagingBuffersKept; count++) queue.add(target, true);
  expect(flushes).toBe(0);
  queue.add(target, true);
  expect(flushes).toBe(1000 + stagingBuffersKept);
  queue.add(target, true);
  // Still one callback: the one that was asked for before.
  expect(turn()).toBe(1);
  expect(flushes).toBe(1001 + stagingBuffersKept);
  expect(turn()).toBe(0);
});

test('what comes after the turn has a callback of its own, for everybody with that scheduler', () => {
  const tasks: (() => void)[] = [];
  const scheduler: Scheduler = {
    queueTask: (callback) => void tasks.push(callback),
    queueFlush: () => expect.unreachable(),
  };
  const flushed: string[] = [];
  for (const name of ['a', 'b'])
    FlushQueue.afterTurn(scheduler).add({ flush: () => flushed.push(name) }, true);
  expect(tasks.length).toBe(1);
  tasks[0]();
  expect(flushed).toEqual(['a', 'b']);
});
