import { describe, expect, test } from 'vitest';
import { PullQueue } from '../../src/connection/pull-queue.ts';

function makeQueue(): { queue: PullQueue<string>; departures: () => number } {
  let departures = 0;
  const queue = new PullQueue<string>({ taken: () => undefined, left: () => departures++ });
  return { queue, departures: () => departures };
}

describe('a queue that is pulled from', () => {
  test('gives items in order, those that waited first, and then the end', async () => {
    const { queue } = makeQueue();
    queue.push('one', 3);
    queue.push('two', 3);
    expect(queue.byteLength).toBe(6);
    const iterator = queue.iterate();
    expect(await iterator.next()).toEqual({ done: false, value: 'one' });
    queue.end();
    expect(await iterator.next()).toEqual({ done: false, value: 'two' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(queue.byteLength).toBe(0);
  });

  test('loses nothing to a read that waited when its iterator was left', async () => {
    const { queue } = makeQueue();
    const abandoned = queue.iterate();
    const read = abandoned.next();
    await abandoned.return?.();
    expect(await read).toEqual({ done: true, value: undefined });
    queue.push('for the next one', 16);
    expect(await queue.iterate().next()).toEqual({ done: false, value: 'for the next one' });
  });

  test('gives nothing to an iterator that was left, and hears of each departure once', async () => {
    const { queue, departures } = makeQueue();
    const left = queue.iterate();
    await left.return?.();
    await left.return?.();
    expect(departures()).toBe(1);
    queue.push('one', 3);
    expect(await left.next()).toEqual({ done: true, value: undefined });
    expect(queue.byteLength).toBe(3);
  });
});
