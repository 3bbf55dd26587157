// From rounds to figures: medians with their spread, and ratios that are formed within a round before the median is
// taken, because both sides of a round met the same machine.

/** The server that every ratio refers to. */
export const REFERENCE = 'ws';

/** @typedef {{ median: number, min: number, max: number }} Spread */

/**
 * @typedef {object} Figures
 * @property {Spread} serverMicrosPerMessage
 * @property {Spread} messagesPerSecond
 * @property {Spread} serverBusy
 * @property {Spread} generatorBusy
 * @property {Spread} othersBusy
 * @property {Spread} residentBytes
 * @property {{ p50: Spread, p99: Spread, p999: Spread }} [latencyMicros] of workloads at a fixed rate
 * @property {Spread} [cpuRatio] ws / this: above 1 is cheaper than ws
 * @property {Spread} [throughputRatio] this / ws: above 1 is faster than ws
 */

/**
 * @param {readonly number[]} values
 * @returns {Spread}
 */
export function spreadOf(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/**
 * @param {import('../contest.mjs').Entry} entry
 * @param {import('../contest.mjs').Entry | undefined} reference
 * @returns {Figures | undefined} nothing for an entry that failed
 */
export function figuresOf({ rounds, failure }, reference) {
  if (failure || rounds.length === 0) return undefined;
  /** @param {Exclude<keyof import('../contest.mjs').Measurement, 'latencyMicros'>} name */
  const spread = (name) => spreadOf(rounds.map((round) => round[name]));
  const figures = {
    serverMicrosPerMessage: spread('serverMicrosPerMessage'),
    messagesPerSecond: spread('messagesPerSecond'),
    serverBusy: spread('serverBusy'),
    generatorBusy: spread('generatorBusy'),
    othersBusy: spread('othersBusy'),
    residentBytes: spread('residentBytes'),
    latencyMicros: latencyOf(rounds),
  };
  if (!reference || reference.failure) return figures;
  return {
    ...figures,
    cpuRatio: ratioWithinRounds(rounds, reference.rounds, costRatio('serverMicrosPerMessage')),
    throughputRatio: ratioWithinRounds(
      rounds,
      reference.rounds,
      (own, other) => own.messagesPerSecond / other.messagesPerSecond,
    ),
  };
}

/** @param {readonly import('../contest.mjs').Measurement[]} rounds */
function latencyOf(rounds) {
  const measured = rounds.flatMap(({ latencyMicros }) => latencyMicros ?? []);
  if (measured.length === 0) return undefined;
  /** @param {'p50' | 'p99' | 'p999'} percentile */
  const spread = (percentile) => spreadOf(measured.map((latency) => latency[percentile]));
  return { p50: spread('p50'), p99: spread('p99'), p999: spread('p999') };
}

/**
 * @template Round
 * @param {readonly Round[]} rounds
 * @param {readonly Round[]} referenceRounds measured in turns with them
 * @param {(own: Round, other: Round) => number} ratio
 * @returns {Spread}
 */
export function ratioWithinRounds(rounds, referenceRounds, ratio) {
  return spreadOf(rounds.map((own, index) => ratio(own, referenceRounds[index])));
}

/**
 * Above 1 is cheaper than the reference.
 * @template {string} Name
 * @param {Name} name of a cost
 * @returns {(own: Record<Name, number>, other: Record<Name, number>) => number}
 */
export function costRatio(name) {
  return (own, other) => other[name] / own[name];
}
