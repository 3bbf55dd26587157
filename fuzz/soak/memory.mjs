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
// V8 doubles the memory of its young generation now and then, to 32 MiB at most, while nothing else grows. A leak goes
// on: resident memory counts as growing when it rises between most sixths of the last two thirds.
const sixths = 6;
const leastRises = 3;
const leastRiseBytes = 1 * MiB;

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

function risesOften(values) {
  const size = values.length / sixths;
  const medians = Array.from({ length: sixths }, (_, index) =>
    median(values.slice(Math.floor(index * size), Math.ceil((index + 1) * size))),
  );
  return medians.filter((value, index) => value > medians[index - 1] + leastRiseBytes).length >= leastRises;
}

/**
 * Compares the last third of the samples with the second; the first is the time to warm up.
 * Gives for each kind both medians and whether that is flat.
 */
export function judge(samples) {
  const third = Math.floor(samples.length / 3);
  if (third === 0) throw new Error(`${samples.length} samples, expected 3 at least`);
  return kinds.map((kind) => {
    const values = samples.map((sample) => sample[kind]).slice(third);
    const before = median(values.slice(0, third));
    const after = median(values.slice(third));
    const { share, bytes } = tolerances[kind];
    const isMore = after > before * (1 + share) + bytes;
    return { kind, before, after, isFlat: !isMore || (kind === 'rss' && !risesOften(values)) };
  });
}
