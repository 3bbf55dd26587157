// From what the contestants showed to the figure of a cell: a ratio within rounds, or a size. It comes from a
// measurement of one's own, or from the reports that the benches write as JSON.
import { ratioWithinRounds, spreadOf } from '../report/summary.mjs';
import { referenceOf } from './cells.mjs';

/** @typedef {import('./cells.mjs').Cell} Cell */

/**
 * @typedef {object} Turns
 * @property {string} [failure]
 * @property {number[]} rounds microseconds of CPU for each message, or KiB of memory for each connection
 */

/** @typedef {{ measured?: import('../report/summary.mjs').Spread, failure?: string }} Outcome one of the two */

/**
 * @param {Cell} cell
 * @param {ReadonlyMap<string, Turns>} turns by contestant
 * @returns {Outcome}
 */
export function outcomeOf(cell, turns) {
  const names = [cell.contestant, ...referenceOf(cell)];
  for (const name of names) {
    const own = turns.get(name);
    if (!own) return { failure: `${name} was not measured` };
    if (own.failure || own.rounds.length === 0) return { failure: `${name}: ${own.failure ?? 'no rounds'}` };
  }
  const [own, reference] = names.map((name) => turns.get(name)?.rounds ?? []);
  if (!reference) return { measured: spreadOf(own) };
  return { measured: ratioWithinRounds(own, reference, (mine, other) => other / mine) };
}

/**
 * @typedef {object} Reports what the benches wrote, as far as it is there
 * @property {import('../run.mjs').Report} [server]
 * @property {import('../client/run.mjs').ClientReport} [client]
 * @property {import('../memory/run.mjs').MemoryReport} [memory]
 */

/**
 * @param {Cell} cell
 * @param {Reports} reports
 * @returns {Outcome}
 */
export function outcomeInReports(cell, reports) {
  return outcomeOf(cell, turnsInReports(cell, reports));
}

/**
 * @param {Cell} cell
 * @param {Reports} reports
 * @returns {Map<string, Turns>}
 */
function turnsInReports({ bench, workload: name }, { server, client, memory }) {
  if (bench === 'server') {
    const entries = server?.workloads.find(({ workload }) => workload.name === name)?.entries ?? [];
    return new Map(
      entries.map(({ server: contestant, failure, rounds }) => [
        contestant,
        { failure, rounds: rounds.map((round) => round.serverMicrosPerMessage) },
      ]),
    );
  }
  if (bench === 'client') {
    const entries = client?.workloads.find(({ workload }) => workload.name === name)?.entries ?? [];
    return new Map(
      entries.map(({ client: contestant, failure, rounds }) => [
        contestant,
        { failure, rounds: rounds.map((round) => round.clientMicrosPerMessage) },
      ]),
    );
  }
  const entries = memory?.entries.filter(({ state }) => state === name) ?? [];
  return new Map(
    entries.map(({ server: contestant, failure, rounds }) => [
      contestant,
      { failure, rounds: rounds.map((round) => round.perConnection.residentBytes / 1024) },
    ]),
  );
}
