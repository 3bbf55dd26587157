// `npm run bench:check`: measures what has a goal and fails when a figure falls short of it by more than the stated noise.
// The short form, for every change, holds the ratios of CPU time to their floors instead: what has been reached.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commandLine, positive, runCommand } from './command-line.mjs';
import { everyOtherCell, formatGoal, GOALS_FILE, judge, nameOf, readGoals } from './goals/cells.mjs';
import { measureCells } from './goals/measure.mjs';
import { prepareGenerator } from './load/generator.mjs';
import { chooseCores } from './process/line-process.mjs';
import { formatSpread } from './report/cells.mjs';
import { formatTable } from './report/markdown.mjs';

const HELP = `npm run bench:check -- [options]

  --short          the ratios that matter most against their floors, in less than three minutes
  --only TEXT      only cells with TEXT in their name
  --seconds N      length of one turn (default 0.4; short 0.2)
  --rounds N       turns per contestant, interleaved (default 7; short 5)
  --warm-up N      seconds of warm-up per contestant (default 0.5; short 0.3)
  --connections N  idle connections whose memory is measured (default 10000)
  --goals FILE     other goals than bench/goals.json
  --set-floors     write what was measured as floors, where the goal is not reached

A cell that misses its limit is measured a second time, with twice the rounds; what counts is the second figure.
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      'warm-up': { type: 'string' },
      connections: { type: 'string', default: '10000' },
      goals: { type: 'string', default: fileURLToPath(GOALS_FILE) },
      'set-floors': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const isShort = values.short;
  return {
    ...values,
    seconds: positive('--seconds', values.seconds ?? (isShort ? '0.2' : '0.4')),
    rounds: Math.ceil(positive('--rounds', values.rounds ?? (isShort ? '5' : '7'))),
    warmUpSeconds: positive('--warm-up', values['warm-up'] ?? (isShort ? '0.3' : '0.5')),
    connections: Math.ceil(positive('--connections', values.connections)),
  };
}

/** @param {import('./goals/cells.mjs').Verdict} verdict */
function row({ cell, measured, failure, isReached, holdsFloor }) {
  const format = (/** @type {number} */ value) => value.toFixed(2);
  return [
    nameOf(cell),
    measured ? formatSpread(measured, format) : `none: ${failure}`,
    formatGoal(cell),
    `${Math.round(cell.noise * 100)} %`,
    isReached ? 'yes' : 'no',
    String(cell.floor),
    holdsFloor ? 'yes' : 'no',
  ];
}

/**
 * @param {import('./goals/cells.mjs').Verdict} verdict
 * @param {boolean} isShort
 * @param {number} shortNoise
 */
function complaint({ cell, measured, failure }, isShort, shortNoise) {
  const noise = `noise ${Math.round((isShort ? shortNoise : cell.noise) * 100)} %`;
  const limit = isShort ? `floor ${cell.floor}` : `goal ${formatGoal(cell)}`;
  const found = measured ? `measured ${measured.median.toFixed(2)}` : `not measured (${failure})`;
  return `missed: ${nameOf(cell)}: ${found}, ${limit}, ${noise}\n`;
}

/**
 * @param {string} file
 * @param {readonly import('./goals/cells.mjs').Verdict[]} verdicts
 */
function setFloors(file, verdicts) {
  const goals = JSON.parse(readFileSync(file, 'utf8'));
  for (const { cell, measured } of verdicts) {
    const own = goals.cells.find(
      (/** @type {import('./goals/cells.mjs').Cell} */ other) => nameOf(other) === nameOf(cell),
    );
    if (!own || !measured) continue;
    own.floor =
      cell.atLeast === undefined
        ? Math.max(Number(cell.atMost), ceil(measured.median))
        : Math.min(cell.atLeast, floor(measured.median));
  }
  writeFileSync(file, `${JSON.stringify(goals, null, 2)}\n`);
}

/** @param {number} value */
const floor = (value) => Math.floor(value * 100) / 100;
/** @param {number} value */
const ceil = (value) => Math.ceil(value * 100) / 100;

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const isShort = options.short;
  const goals = readGoals(options.goals);
  const cells = [...goals.cells, ...(isShort ? [] : everyOtherCell(goals))].filter(
    (cell) => (!isShort || cell.isShort) && nameOf(cell).includes(options.only),
  );
  if (cells.length === 0) throw new Error(`no goal has "${options.only}" in its name`);
  const { warning, ...cores } = chooseCores();
  const generator = prepareGenerator('auto');
  for (const text of [warning, generator.warning]) if (text) process.stderr.write(`note: ${text}\n`);
  const { seconds, warmUpSeconds, rounds, connections } = options;
  const conditions = { generator, cores, seconds, warmUpSeconds, rounds, connections };
  const progress = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
  /** @param {import('./goals/cells.mjs').Verdict} verdict */
  const passes = ({ isReached, holdsFloor }) => (isShort ? holdsFloor : isReached);
  const floorNoise = (/** @type {import('./goals/cells.mjs').Cell} */ cell) =>
    isShort ? goals.shortNoise : cell.noise;

  const outcomes = await measureCells(cells, conditions, progress);
  const verdictOf = (/** @type {import('./goals/cells.mjs').Cell} */ cell) =>
    judge(cell, outcomes.get(cell) ?? {}, floorNoise(cell));
  const doubtful = cells.filter((cell) => !passes(verdictOf(cell)));
  if (doubtful.length > 0) {
    progress(`measuring ${doubtful.length} again`);
    const again = await measureCells(doubtful, { ...conditions, rounds: 2 * rounds }, progress);
    for (const [cell, outcome] of again) outcomes.set(cell, outcome);
  }
  const verdicts = cells.map(verdictOf);
  const head = ['cell', 'measured', 'goal', 'noise', 'reached', 'floor', 'floor holds'];
  const table = formatTable(head, verdicts.map(row), 1).join('\n');
  process.stdout.write(`${commandLine('bench:check')}\n\n${table}\n\n`);
  if (options['set-floors']) setFloors(options.goals, verdicts);
  const missed = verdicts.filter((verdict) => !passes(verdict));
  for (const verdict of missed) process.stdout.write(complaint(verdict, isShort, goals.shortNoise));
  if (missed.length > 0) process.exitCode = 1;
  else process.stdout.write(`all ${cells.length} hold\n`);
}

await runCommand(HELP, main);
