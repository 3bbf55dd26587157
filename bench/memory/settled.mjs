// Waits until a size holds still: sockets, finalizers and allocators hand back what they free in later turns of the loop.
import { setTimeout as sleep } from 'node:timers/promises';

const MOST_SAMPLES = 30;
const BETWEEN_SAMPLES_MS = 60;
/** A size counts as settled when this many samples in a row lie within SETTLED_SHARE of each other. */
const SETTLED_SAMPLES = 4;
const SETTLED_SHARE = 0.002;

/**
 * @param {() => number | Promise<number>} sample
 * @returns {Promise<number>} the last sample, at the latest after two seconds
 */
export async function settled(sample) {
  /** @type {number[]} */
  const samples = [];
  for (;;) {
    samples.push(await sample());
    const last = samples.slice(-SETTLED_SAMPLES);
    const isSettled = Math.max(...last) - Math.min(...last) <= SETTLED_SHARE * Math.max(...last);
    const isEnough = last.length === SETTLED_SAMPLES && isSettled;
    if (isEnough || samples.length === MOST_SAMPLES) return samples[samples.length - 1];
    await sleep(BETWEEN_SAMPLES_MS);
  }
}
