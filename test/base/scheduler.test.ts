import { describe, expect, it } from 'vitest';
import { portableScheduler } from '../../src/base/scheduler.ts';

describe('portableScheduler', () => {
  it('runs a flush after the current callback and before any task', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      portableScheduler.queueTask(() => {
        order.push('task');
        resolve();
      });
      portableScheduler.queueFlush(() => order.push('flush'));
      order.push('now');
    });
    expect(order).toEqual(['now', 'flush', 'task']);
  });

  it('runs tasks and flushes in the order in which they were queued', async () => {
    const order: number[] = [];
    await new Promise<void>((resolve) => {
      for (const n of [1, 2]) portableScheduler.queueFlush(() => order.push(n));
      for (const n of [3, 4]) portableScheduler.queueTask(() => order.push(n));
      portableScheduler.queueTask(resolve);
    });
    expect(order).toEqual([1, 2, 3, 4]);
  });
});
