// What a measured process answers about its memory, after garbage collection. Loaded by the side channel when the
// first such question comes, so that a server that is asked none carries none of it. Needs --expose-gc, or Bun.
import { setTimeout as sleep } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';

const MOST_COLLECTIONS = 30;
const BETWEEN_COLLECTIONS_MS = 60;
/** Resident memory counts as settled when this many samples in a row lie within SETTLED_SHARE of each other. */
const SETTLED_SAMPLES = 4;
const SETTLED_SHARE = 0.002;

/**
 * Collects garbage until resident memory holds still.
 * @returns {Promise<import('./measure.mjs').MemorySample>}
 */
export async function measureMemory() {
  const collect = collector();
  /** @type {number[]} */
  const resident = [];
  for (let count = 0; count < MOST_COLLECTIONS; count++) {
    collect();
    // Sockets, finalizers and the allocator hand back what they free in later turns of the loop.
    await sleep(BETWEEN_COLLECTIONS_MS);
    resident.push(process.memoryUsage.rss());
    const last = resident.slice(-SETTLED_SAMPLES);
    const isSettled = Math.max(...last) - Math.min(...last) <= SETTLED_SHARE * Math.max(...last);
    if (last.length === SETTLED_SAMPLES && isSettled) break;
  }
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
