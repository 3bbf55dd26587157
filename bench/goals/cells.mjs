// The goals as data: which figure of which contestant is to reach what, and whether a measured one does. A cell has two
// limits: its goal, and the floor, which is what has been reached and must not be lost on the way to the goal.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { REFERENCE } from '../report/summary.mjs';
import { clientWorkloads } from '../client/workloads.mjs';
import { workloads } from '../workloads/all.mjs';

/** @typedef {import('../report/summary.mjs').Spread} Spread */

/**
 * @typedef {object} Cell
 * @property {'server' | 'client' | 'memory'} bench where the figure comes from
 * @property {string} workload its name there; for memory the state
 * @property {string} contestant a name of the catalogue there, or a path to an .mjs file
 * @property {string} [reference] what a ratio of CPU time refers to (default ws)
 * @property {number} [atLeast] the goal of a ratio: how many times cheaper than the reference
 * @property {number} [atMost] the goal of a size: KiB of resident memory for each connection
 * @property {number} floor what must hold meanwhile
 * @property {number} noise the share by which a median may miss a limit on a quiet machine
 * @property {boolean} isShort whether it belongs to the short form
 */

/**
 * @typedef {object} Goals
 * @property {number} shortNoise the same share for the short form on a machine that may be anything
 * @property {{ atLeast: number, noise: number }} every the goal of all workloads that have none of their own
 * @property {Cell[]} cells
 */

/**
 * @typedef {object} Verdict
 * @property {Cell} cell
 * @property {Spread} [measured]
 * @property {string} [failure] why there is no figure
 * @property {boolean} isReached the goal, give or take the noise
 * @property {boolean} holdsFloor the floor, give or take the noise of the form
 */

// Each way to receive beside the same way with ws, where it has one.
const CLIENTS = [
  { contestant: 'fullduplex' },
  { contestant: 'fullduplex-iteration' },
  { contestant: 'fullduplex-events', reference: 'ws-events' },
];

export const GOALS_FILE = new URL('../goals.json', import.meta.url);

/**
 * @param {URL | string} file
 * @returns {Goals}
 * @throws Error naming the cell that says something impossible
 */
export function readGoals(file = GOALS_FILE) {
  /** @type {Goals} */
  const goals = JSON.parse(readFileSync(file, 'utf8'));
  for (const cell of goals.cells) {
    const problem = problemOf(cell);
    if (problem) throw new Error(`${file}: ${nameOf(cell)}: ${problem}`);
  }
  return goals;
}

/** @param {Cell} cell */
function problemOf({ bench, atLeast, atMost, floor, noise }) {
  if ((atLeast === undefined) === (atMost === undefined)) return 'expected either atLeast or atMost';
  if ((bench === 'memory') !== (atMost !== undefined)) return 'memory has atMost, everything else atLeast';
  if (!(noise >= 0 && noise < 1)) return `noise is ${noise}, expected a share from 0 to 1`;
  const isStricter = atLeast === undefined ? floor < /** @type {number} */ (atMost) : floor > atLeast;
  if (isStricter) return `the floor ${floor} asks for more than the goal`;
  return undefined;
}

/** @param {Cell} cell */
export function nameOf(cell) {
  const against = referenceOf(cell).map((reference) => ` against ${reference}`);
  return [`${cell.workload}, ${basename(cell.contestant, '.mjs')}`, ...against].join('');
}

/**
 * What a ratio refers to; a size refers to nothing.
 * @param {Cell} cell
 * @returns {string[]} one or none
 */
export function referenceOf({ bench, reference = REFERENCE }) {
  return bench === 'memory' ? [] : [reference];
}

/** @param {Cell} cell */
export function formatGoal({ atLeast, atMost }) {
  return atLeast === undefined ? `<= ${atMost} KiB` : `>= ${atLeast}`;
}

/**
 * What is asked of every workload that has no goal of its own: none of ours is anywhere more expensive than ws.
 * @param {Goals} goals
 * @returns {Cell[]}
 */
export function everyOtherCell({ every, cells }) {
  const named = new Set(cells.map(nameOf));
  const implied = /** @type {const} */ ({ ...every, floor: every.atLeast, isShort: false });
  /** @type {Cell[]} */
  const others = [
    ...workloads
      .filter(({ servers }) => servers.includes('fullduplex') && servers.includes('ws'))
      .map(({ name }) => ({
        ...implied,
        bench: /** @type {const} */ ('server'),
        workload: name,
        contestant: 'fullduplex',
      })),
    ...clientWorkloads.flatMap(({ name }) =>
      CLIENTS.map((client) => ({
        ...implied,
        bench: /** @type {const} */ ('client'),
        workload: name,
        ...client,
      })),
    ),
  ];
  return others.filter((cell) => !named.has(nameOf(cell)));
}

/**
 * @param {Cell} cell
 * @param {{ measured?: Spread, failure?: string }} outcome
 * @param {number} floorNoise
 * @returns {Verdict}
 */
export function judge(cell, outcome, floorNoise) {
  const { atLeast, atMost, floor, noise } = cell;
  const { measured } = outcome;
  /**
   * @param {number} limit
   * @param {number} slack
   */
  const meets = (limit, slack) => {
    if (!measured) return false;
    return atMost === undefined
      ? measured.median >= limit * (1 - slack)
      : measured.median <= limit * (1 + slack);
  };
  const goal = /** @type {number} */ (atLeast ?? atMost);
  return { cell, ...outcome, isReached: meets(goal, noise), holdsFloor: meets(floor, floorNoise) };
}
