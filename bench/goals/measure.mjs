// Measures exactly what a set of goals needs: each workload once, between the contestants that have a goal in it and
// their references, in turns.
import { runClientContest } from '../client/contest.mjs';
import { prepareClient } from '../client/catalogue.mjs';
import { clientWorkloads } from '../client/workloads.mjs';
import { runContest } from '../contest.mjs';
import { measureState } from '../memory/measure.mjs';
import { memoryStates } from '../memory/states.mjs';
import { compileProgram } from '../process/compiler.mjs';
import { prepareServer } from '../servers/catalogue.mjs';
import { workloads } from '../workloads/all.mjs';
import { referenceOf } from './cells.mjs';
import { outcomeOf } from './outcome.mjs';

/** Opened before the first sample of memory; see ../memory/run.mjs. */
const SETTLED_CONNECTIONS = 200;

/** @typedef {import('./cells.mjs').Cell} Cell */
/** @typedef {import('./outcome.mjs').Outcome} Outcome */
/** @typedef {import('./outcome.mjs').Turns} Turns */
/** @typedef {import('../contest.mjs').Conditions & { connections: number }} CheckConditions `connections` is for memory */

/** @type {Readonly<Record<Cell['bench'], (workload: string, contestants: readonly string[], conditions: CheckConditions) => Promise<Map<string, Turns>>>>} */
const benches = { server: serverTurns, client: clientTurns, memory: memoryTurns };

/**
 * @param {readonly Cell[]} cells
 * @param {CheckConditions} conditions
 * @param {(line: string) => void} progress
 * @returns {Promise<Map<Cell, Outcome>>}
 */
export async function measureCells(cells, conditions, progress) {
  /** @type {Map<string, Cell[]>} */
  const groups = new Map();
  for (const cell of cells) {
    const key = `${cell.bench}: ${cell.workload}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  /** @type {Map<Cell, Outcome>} */
  const outcomes = new Map();
  for (const [key, group] of groups) {
    progress(key);
    const [{ bench, workload }] = group;
    const contestants = [...new Set(group.flatMap((cell) => [cell.contestant, ...referenceOf(cell)]))];
    const turns = await benches[bench](workload, contestants, conditions).catch(
      (/** @type {Error} */ error) =>
        new Map(contestants.map((name) => [name, { failure: error.message, rounds: [] }])),
    );
    for (const cell of group) outcomes.set(cell, outcomeOf(cell, turns));
  }
  return outcomes;
}

/**
 * @template {{ name: string }} Named
 * @param {readonly Named[]} candidates
 * @param {string} name
 */
function find(candidates, name) {
  const found = candidates.find((candidate) => candidate.name === name);
  if (found) return found;
  throw new Error(`there is no workload "${name}"`);
}

/**
 * @param {readonly string[]} contestants
 * @param {(name: string) => import('../servers/catalogue.mjs').Prepared} prepare
 */
function launchesOf(contestants, prepare) {
  return new Map(
    contestants.map((name) => {
      const prepared = prepare(name);
      if ('missing' in prepared) throw new Error(`${name}: ${prepared.missing}`);
      return [name, prepared.launch];
    }),
  );
}

/**
 * @param {string} name
 * @param {readonly string[]} contestants
 * @param {CheckConditions} conditions
 * @returns {Promise<Map<string, Turns>>}
 */
async function serverTurns(name, contestants, conditions) {
  const workload = find(workloads, name);
  const lacks = conditions.generator.lacks(workload);
  if (lacks) throw new Error(lacks);
  const entries = await runContest(workload, launchesOf(contestants, prepareServer), conditions);
  return new Map(
    entries.map(({ server, failure, rounds }) => [
      server,
      { failure, rounds: rounds.map(({ serverMicrosPerMessage }) => serverMicrosPerMessage) },
    ]),
  );
}

/**
 * @param {string} name
 * @param {readonly string[]} contestants
 * @param {CheckConditions} conditions
 * @returns {Promise<Map<string, Turns>>}
 */
async function clientTurns(name, contestants, conditions) {
  const workload = find(clientWorkloads, name);
  const echo = compileProgram('echo', new URL('../client/echo/', import.meta.url));
  if ('problem' in echo) throw new Error(`the echo server in C cannot be built: ${echo.problem}`);
  const launches = launchesOf(contestants, prepareClient);
  const entries = await runClientContest(workload, launches, { ...conditions, echo: echo.program });
  return new Map(
    entries.map(({ client, failure, rounds }) => [
      client,
      { failure, rounds: rounds.map(({ clientMicrosPerMessage }) => clientMicrosPerMessage) },
    ]),
  );
}

/**
 * @param {string} name
 * @param {readonly string[]} contestants
 * @param {CheckConditions} conditions
 * @returns {Promise<Map<string, Turns>>} one process each: KiB for each connection
 */
async function memoryTurns(name, contestants, { connections, cores }) {
  const state = find(memoryStates, name);
  const settings = { connections, settledConnections: SETTLED_CONNECTIONS, cores };
  /** @type {Map<string, Turns>} */
  const turns = new Map();
  for (const [server, launch] of launchesOf(contestants, prepareServer)) {
    const { perConnection } = await measureState(server, launch, state, settings);
    turns.set(server, { rounds: [perConnection.residentBytes / 1024] });
  }
  return turns;
}
