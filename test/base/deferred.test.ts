import { expect, test } from 'vitest';
import { Deferred } from '../../src/base/deferred.ts';

test('a deferred is kept by its first resolution, and the later ones change nothing', async () => {
  const deferred = new Deferred<number>();
  let found: number | undefined;
  const promised = deferred.promise.then((value) => (found = value));
  await Promise.resolve();
  expect(found).toBeUndefined();
  deferred.resolve(1);
  deferred.resolve(2);
  expect(await promised).toBe(1);
});
