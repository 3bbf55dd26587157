// The measured parts of docs/performance.md: which report each comes from, and what it says. A part whose report is not
// there stays as it is.
import { formatCurve } from '../growth/table.mjs';
import { everyOtherCell, formatGoal, judge, nameOf } from '../goals/cells.mjs';
import { outcomeInReports } from '../goals/outcome.mjs';
import { formatMemory } from '../memory/table.mjs';
import { clientDetails, clientNotes, clientPreamble, clientRatios } from '../client/table.mjs';
import { environmentLines, formatRatio, formatSpread } from './cells.mjs';
import { formatTable } from './markdown.mjs';
import { REFERENCE } from './summary.mjs';
import { details, latencies, notes, preamble, ratios } from './table.mjs';

/** @typedef {import('../goals/outcome.mjs').Reports & { growth?: import('../growth/run.mjs').GrowthReport }} Reports */
/** @typedef {import('../goals/cells.mjs').Verdict} Verdict */

/** How the ways to use ours are named beside the plain one. */
const WAYS = /** @type {Readonly<Record<string, string>>} */ ({
  'fullduplex-borrowed': 'borrowed',
  'fullduplex-iterator': 'for await',
  'fullduplex-ws': 'in the place of ws',
  'fullduplex-iteration': 'for await',
  'fullduplex-events': 'WHATWG events',
});

/** The peers of the plot; the rest is in the tables. */
const PLOTTED_PEERS = ['net', 'bun', 'uwebsockets', 'gorilla', 'node'];

/**
 * @param {Reports} reports
 * @param {import('../goals/cells.mjs').Goals} goals
 * @returns {Map<string, string>} by the name of the mark
 */
export function sectionsOf(reports, goals) {
  const { server, client, memory, growth } = reports;
  /** @type {Map<string, string>} */
  const sections = new Map();
  /**
   * @param {string} name
   * @param {readonly (readonly string[])[]} parts
   */
  const set = (name, ...parts) => {
    const filled = parts.filter((lines) => lines.length > 0);
    if (filled.length > 0) sections.set(name, filled.map((lines) => lines.join('\n')).join('\n\n'));
  };
  const verdicts = verdictsOf(goals.cells, reports);
  if (server && client && memory) {
    set(
      'goals',
      environmentLines(server),
      ['![CPU for each message beside ws, with the goals](images/performance-goals.svg)'],
      goalTable(verdicts),
      [sentenceOnOthers(verdictsOf(everyOtherCell(goals), reports))],
    );
  }
  if (server) {
    set('servers', preamble(server), ratios(server), notes(server));
    set('latency', latencies(server));
    set('server figures', details(server));
  }
  if (client) {
    set('clients', clientPreamble(client), clientRatios(client), clientNotes(client));
    set('client figures', clientDetails(client));
  }
  if (memory) set('memory', [formatMemory(memory)]);
  if (growth) {
    const { rounds, seconds, warmUpSeconds } = growth.conditions;
    const how = `- ${growth.runtime}; ${rounds} interleaved rounds of ${seconds} s after ${warmUpSeconds} s of warm-up; medians`;
    set(
      'growth',
      [...environmentLines(growth), how],
      ...growth.curves.map((measured) => {
        const [title, ...rest] = formatCurve(measured);
        return [title, '', `![${measured.curve.title}](images/growth-${measured.curve.name}.svg)`, ...rest];
      }),
    );
  }
  return sections;
}

/**
 * @param {readonly import('../goals/cells.mjs').Cell[]} cells
 * @param {Reports} reports
 */
function verdictsOf(cells, reports) {
  return cells.map((cell) => judge(cell, outcomeInReports(cell, reports), cell.noise));
}

/** @param {readonly Verdict[]} verdicts */
function goalTable(verdicts) {
  const rows = verdicts.map(({ cell, measured, failure, isReached }) => [
    labelOf(cell),
    cell.bench === 'memory'
      ? 'KiB'
      : `CPU ratio, ${WAYS[cell.reference ?? ''] ?? cell.reference ?? REFERENCE} = 1.00`,
    measured ? formatSpread(measured, formatRatio) : `none (${failure})`,
    formatGoal(cell),
    `${Math.round(cell.noise * 100)} %`,
    isReached ? 'yes' : '**no**',
  ]);
  return formatTable(['workload', 'figure', 'measured', 'goal', 'noise', 'reached'], rows);
}

/** @param {import('../goals/cells.mjs').Cell} cell */
function labelOf({ bench, workload, contestant }) {
  const name = bench === 'memory' ? `resident for an idle connection, ${workload}` : workload;
  const way = WAYS[contestant];
  return way ? `${name} (${way})` : name;
}

/** @param {readonly Verdict[]} verdicts */
function sentenceOnOthers(verdicts) {
  const measured = verdicts.filter((verdict) => verdict.measured);
  const missed = measured.filter(({ isReached }) => !isReached);
  const noise = `${Math.round((verdicts[0]?.cell.noise ?? 0) * 100)} %`;
  const scope = `the ${measured.length} other comparisons with ws`;
  if (missed.length === 0)
    return `In ${scope} ours is nowhere more expensive (by more than the noise of ${noise}).`;
  const list = missed.map((verdict) => `${nameOf(verdict.cell)}: ${verdict.measured?.median.toFixed(2)}`);
  return `Of ${scope} ours is more expensive (by more than the noise of ${noise}) in: ${list.join('; ')}.`;
}

/**
 * The rows of the plot of goals.
 * @param {Reports} reports
 * @param {import('../goals/cells.mjs').Goals} goals
 * @returns {import('./ratio-plot.mjs').RatioRow[]}
 */
export function plottedGoals(reports, goals) {
  const ratiosToWs = goals.cells.filter(
    ({ bench, reference = REFERENCE }) => bench !== 'memory' && reference === REFERENCE,
  );
  return verdictsOf(ratiosToWs, reports).map(({ cell, measured, isReached }) => ({
    label: labelOf(cell),
    measured,
    goal: Number(cell.atLeast),
    isReached,
    peers: PLOTTED_PEERS.flatMap((contestant) => {
      const { measured: peer } = outcomeInReports({ ...cell, contestant }, reports);
      return peer ? [{ name: contestant, ratio: peer.median }] : [];
    }),
  }));
}
