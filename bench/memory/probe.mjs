// What a measured process answers about its memory, after garbage collection. Loaded by the side channel when the
// first such question comes, so that a server that is asked none carries none of it. Needs --expose-gc, or Bun.
import { writeHeapSnapshot } from 'node:v8';
import { settled } from './settled.mjs';

/**
 * Collects garbage until resident memory holds still.
 * @returns {Promise<import('./measure.mjs').MemorySample>}
 */
export async function measureMemory() {
  const collect = collector();
  await settled(() => {
    collect();
    return process.memoryUsage.rss();
  });
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  return {
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    arrayBufferBytes: arrayBuffers,
  };
}

/**
 * Writes a heap snapshot, which itself collects garbage first.
 * @param {string} file
 */
export function writeSnapshot(file) {
  return { file: writeHeapSnapshot(file) };
}

/** @returns {() => void} */
function collector() {
  const { gc } = globalThis;
  if (gc) return () => gc();
  const bun = Reflect.get(globalThis, 'Bun');
  if (bun) return () => bun.gc(true);
  throw new Error('start this process with --expose-gc');
}
