// How figures and surroundings are written, alike in every report of the bench.

/**
 * The median with the lowest and highest round.
 * @param {import('./summary.mjs').Spread | undefined} spread
 * @param {(value: number) => string} format
 */
export function formatSpread(spread, format) {
  return spread ? `${format(spread.median)} (${format(spread.min)}-${format(spread.max)})` : '-';
}

/** @param {number} value */
export const formatMicros = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
/** @param {number} value */
export const formatRatio = (value) => value.toFixed(2);
/** @param {number} value */
export const formatCount = (value) => Math.round(value).toLocaleString('en-US');
/** @param {number} value */
export const formatShare = (value) => `${Math.round(value * 100)} %`;

/**
 * Where and how a report came about.
 * @param {{ command: string, date: string, machine: ReturnType<typeof import('../command-line.mjs').describeMachine> }} report
 */
export function environmentLines({ command, date, machine }) {
  return [
    `- command: \`${command}\``,
    `- date: ${date}`,
    `- machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}`,
  ];
}
