import { expect, test } from 'vitest';
import { deliverTurn, nodeScheduler } from '../../src/node/node-scheduler.ts';

function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    const next = (left: number): void => {
      if (left === 0) resolve();
      else setImmediate(next, left - 1);
    };
    next(count);
  });
}

test('what the tasks of one turn have to flush is flushed once, behind the last of them and its promise jobs', async () => {
  const order: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    nodeScheduler.queueTask(() => {
      order.push(name);
      nodeScheduler.queueFlush(() => order.push(`flush ${name}`));
      queueMicrotask(() => {
        order.push(`job ${name}`);
        nodeScheduler.queueFlush(() => order.push(`flush of job ${name}`));
      });
    });
  }
  await turns(2);
  expect(order.slice(0, 6)).toEqual(['a', 'job a', 'b', 'job b', 'c', 'job c']);
  expect(order.slice(6).toSorted()).toEqual([
    'flush a',
    'flush b',
    'flush c',
    'flush of job a',
    'flush of job b',
    'flush of job c',
  ]);
});

test('a task that throws does not keep the others and their flushes from running', async () => {
  const order: string[] = [];
  const thrown: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => thrown.push(error));
  try {
    nodeScheduler.queueTask(() => {
      throw new Error('a task');
    });
    nodeScheduler.queueTask(() => {
      order.push('next');
      nodeScheduler.queueFlush(() => order.push('flush'));
    });
    await turns(4);
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  expect(order).toEqual(['next', 'flush']);
  expect(thrown).toEqual([new Error('a task')]);
});

test('a flush that is queued outside of tasks comes behind the promise jobs of the turn', async () => {
  const order: string[] = [];
  nodeScheduler.queueFlush(() => order.push('flush'));
  void Promise.resolve()
    .then(() => order.push('job'))
    .then(() => order.push('job of job'));
  await turns(1);
  expect(order).toEqual(['job', 'job of job', 'flush']);
});

test('each delivery of what was read is a turn with a number of its own; outside of one there is none', () => {
  const turnsSeen: (number | undefined)[] = [nodeScheduler.turn];
  const bytes = new Uint8Array(1);
  const received = (): void => void turnsSeen.push(nodeScheduler.turn);
  deliverTurn({ received }, bytes, 1);
  deliverTurn({ received }, bytes, 1);
  const failing = (): void => {
    received();
    throw new Error('a handler');
  };
  expect(() => deliverTurn({ received: failing }, bytes, 1)).toThrow('a handler');
  deliverTurn(undefined, bytes, 1);
  turnsSeen.push(nodeScheduler.turn);
  const [before, first, second, third, after] = turnsSeen;
  expect([before, after]).toEqual([0, 0]);
  expect(new Set([0, first, second, third]).size).toBe(4);
});
