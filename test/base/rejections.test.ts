import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { isThenable, onRejection } from '../../src/base/rejections.ts';

test('promises of any realm and library are thenables, other values are not', () => {
  const foreign: unknown = runInNewContext('Promise.resolve(1)');
  expect(foreign instanceof Promise).toBe(false);
  for (const value of [Promise.resolve(1), foreign]) expect(isThenable(value)).toBe(true);
  for (const value of [undefined, null, true, 5, 'then', {}]) expect(isThenable(value)).toBe(false);
});

test('a rejection is told, also that of a foreign promise; nothing else is', async () => {
  const told: unknown[] = [];
  onRejection(Promise.reject(new Error('own')), (error) => told.push(error));
  onRejection(runInNewContext("Promise.reject('foreign')"), (error) => told.push(error));
  onRejection(Promise.resolve(1), (error) => told.push(error));
  onRejection(false, (error) => told.push(error));
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual([new Error('own'), 'foreign']);
});
