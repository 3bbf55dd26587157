// What a process keeps after garbage collection, over time, and whether that is flat.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const MiB = 1024 * 1024;

// How much the median of the last third may be above that of the second third: a share of it, and some bytes. What is
// in flight differs from sample to sample; resident memory also has what the allocators keep for later.
const tolerances = {
  heapUsed: { share: 0.03, bytes: 1 * MiB },
  external: { share: 0.03, bytes: 1 * MiB },
  arrayBuffers: { share: 0.03, bytes: 1 * MiB },
  rss: { share: 0.05, bytes: 6 * MiB },
};
// V8 and malloc take resident memory in steps of 10 MiB or so, once and for all, while nothing else grows. A leak goes on:
// resident memory has to grow within the last third too, from its first half to its second.
const stepTolerance = { share: 0.01, bytes: 1 * MiB };

export const kinds = Object.keys(tolerances);

/** Takes one sample. Memory that was referred to by what was collected is given back a turn later. */
export async function sampleMemory() {
  for (let round = 0; round < 2; round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const usage = process.memoryUsage();
  return Object.fromEntries(kinds.map((kind) => [kind, usage[kind]]));
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const isAbove = (after, before, { share, bytes }) => after > before * (1 + share) + bytes;

/**
 * Compares the last third of the samples with the second; the first is the time to warm up.
 * Gives for each kind both medians and whether that is flat.
 */
export function judge(samples) {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new Error(`${samples.length} samples, expected 3 at least`);
  return kinds.map((kind) => {
    const values = samples.map((sample) => sample[kind]);
    const last = values.slice(2 * third);
    const half = Math.ceil(last.length / 2);
    const before = median(values.slice(third, 2 * third));
    const after = median(last);
    const isStep =
      kind === 'rss' && !isAbove(median(last.slice(half)), median(last.slice(0, half)), stepTolerance);
    return { kind, before, after, isFlat: isStep || !isAbove(after, before, tolerances[kind]) };
  });
}
