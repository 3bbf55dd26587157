// How much memory is held after garbage has been collected: what an attack has really made the process keep. Both sides
// live in the process, so the bound of an attack has to leave room for the attackers' own sockets.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** The bytes that the process holds on its heap and outside of it. */
export async function heldBytes(): Promise<number> {
  if (typeof collect !== 'function') throw new Error('gc is not there, expected it by --expose-gc');
  let least = Infinity;
  for (let round = 0; round < 4; round++) {
    collect();
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
