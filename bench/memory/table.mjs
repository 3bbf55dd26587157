// The memory report as Markdown: one row per state and server, KiB for each connection; and the constructors of a heap.
import { environmentLines } from '../report/cells.mjs';
import { spreadOf } from '../report/summary.mjs';
import { formatTable } from '../report/markdown.mjs';

const TOP_CONSTRUCTORS = 45;
const WIDEST_NAME = 60;

/**
 * @typedef {object} MemoryFigures for each connection, in KiB
 * @property {import('../report/summary.mjs').Spread} resident
 * @property {import('../report/summary.mjs').Spread} heapUsed
 * @property {import('../report/summary.mjs').Spread} external
 * @property {import('../report/summary.mjs').Spread} arrayBuffers
 * @property {import('../report/summary.mjs').Spread} heapUsedLeft after all connections are gone
 * @property {import('../report/summary.mjs').Spread} residentLeft after all connections are gone
 */

/**
 * @param {readonly import('./measure.mjs').MemoryRound[]} rounds
 * @returns {MemoryFigures | undefined}
 */
export function summarize(rounds) {
  if (rounds.length === 0) return undefined;
  /** @param {(round: import('./measure.mjs').MemoryRound) => number} bytes */
  const spread = (bytes) => spreadOf(rounds.map((round) => bytes(round) / 1024));
  return {
    resident: spread(({ perConnection }) => perConnection.residentBytes),
    heapUsed: spread(({ perConnection }) => perConnection.heapUsedBytes),
    external: spread(({ perConnection }) => perConnection.externalBytes),
    arrayBuffers: spread(({ perConnection }) => perConnection.arrayBufferBytes),
    heapUsedLeft: spread(({ leftPerConnection }) => leftPerConnection.heapUsedBytes),
    residentLeft: spread(({ leftPerConnection }) => leftPerConnection.residentBytes),
  };
}

const COLUMNS = [
  'state',
  'server',
  'resident',
  'heap used',
  'external',
  'array buffers',
  'resident left',
  'heap left',
];

/** @param {import('./run.mjs').MemoryReport} report */
export function formatMemory(report) {
  const { connections, versions, missing, entries } = report;
  const rows = entries.map(({ state, server, figures, failure }) =>
    figures
      ? [
          state,
          server,
          formatKib(figures.resident),
          formatKib(figures.heapUsed),
          formatKib(figures.external),
          formatKib(figures.arrayBuffers),
          formatKib(figures.residentLeft),
          formatKib(figures.heapUsedLeft),
        ]
      : [state, server, `failed: ${failure}`, '', '', '', '', ''],
  );
  const states = [...new Map(entries.map(({ state, meaning }) => [state, meaning]))];
  return [
    ...environmentLines(report),
    ...Object.entries(versions).map(([server, version]) => `- ${server}: ${version}`),
    `- KiB for each of ${connections.toLocaleString('en-US')} connections, median (lowest-highest) of fresh processes, after garbage collection`,
    ...states.map(([state, meaning]) => `- ${state}: ${meaning}`),
    ...Object.entries(missing).map(([name, reason]) => `- left out: ${name}: ${reason}`),
    '- left: what remains when all connections are gone, per connection that was',
    '',
    ...formatTable(COLUMNS, rows),
  ].join('\n');
}

/** @param {import('../report/summary.mjs').Spread} spread */
function formatKib({ median, min, max }) {
  // Not every runtime tells.
  if (Number.isNaN(median)) return '-';
  const range = max - min < 0.005 ? '' : ` (${min.toFixed(2)}-${max.toFixed(2)})`;
  // Minus zero and hair above it are the same to a reader.
  return `${(Math.abs(median) < 0.005 ? 0 : median).toFixed(2)}${range}`;
}

/**
 * @param {readonly import('./heap-snapshot.mjs').ConstructorShare[]} shares
 * @param {number} connections
 */
export function formatConstructors(shares, connections) {
  const rows = shares
    .slice(0, TOP_CONSTRUCTORS)
    .map(({ name, count, ownBytes, dominatedBytes, heldBy }) => [
      name.slice(0, WIDEST_NAME),
      heldBy.slice(0, WIDEST_NAME),
      (count / connections).toFixed(2),
      (ownBytes / connections).toFixed(0),
      (dominatedBytes / connections).toFixed(0),
    ]);
  const total = shares.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
  rows.push(['all', '', '', (total / connections).toFixed(0), '']);
  return formatTable(['constructor', 'mostly held by', 'count', 'own bytes', 'dominated bytes'], rows).join(
    '\n',
  );
}
