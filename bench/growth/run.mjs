// `npm run bench:growth`: how cost grows with connections, sizes of messages, topics and subscribers. Measures each curve
// point by point, fits a power law, names the bends and, if asked, writes JSON and plots.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  commandLine,
  describeMachine,
  listOf,
  positive,
  runCommand,
  today,
  writeReport,
} from '../command-line.mjs';
import { prepareGenerator } from '../load/generator.mjs';
import { chooseCores } from '../process/line-process.mjs';
import { spreadOf } from '../report/summary.mjs';
import { curves } from './curves.mjs';
import { assessCurve } from './assessment.mjs';
import { measurements } from './measure.mjs';
import { plotOf } from './plot.mjs';
import { formatGrowth } from './table.mjs';

const NAMES = curves.map(({ name }) => name);

const HELP = `npm run bench:growth -- [options]

  --curves LIST   of ${NAMES.join(', ')}
  --most N        only points up to N
  --seconds N     length of one turn (default 0.3)
  --rounds N      turns per server and point, interleaved; for memory and topics, processes (default 3)
  --warm-up N     seconds of warm-up (default 0.3)
  --json FILE     write everything that was measured to FILE
  --svg DIR       write a plot of each curve to DIR
`;

/**
 * @typedef {object} MeasuredCurve
 * @property {import('./curves.mjs').Curve} curve
 * @property {{ x: number, rounds: Record<string, number>[], median: Record<string, number> }[]} points by series
 * @property {import('./assessment.mjs').SeriesAssessment[]} series
 * @property {string} explanation of the bends, by hand, from explanations.json
 * @property {string} [failure] why it ends where it does
 */

/**
 * @typedef {object} GrowthReport
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {string} runtime
 * @property {{ seconds: number, warmUpSeconds: number, rounds: number }} conditions
 * @property {MeasuredCurve[]} curves
 */

/** @type {Record<string, string>} */
const explanations = JSON.parse(readFileSync(new URL('explanations.json', import.meta.url), 'utf8'));

function readOptions() {
  const { values } = parseArgs({
    options: {
      curves: { type: 'string', default: NAMES.join(',') },
      most: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
      seconds: { type: 'string', default: '0.3' },
      rounds: { type: 'string', default: '3' },
      'warm-up': { type: 'string', default: '0.3' },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const wanted = listOf('--curves', values.curves, NAMES);
  return {
    ...values,
    curves: curves.filter(({ name }) => wanted.includes(name)),
    most: positive('--most', values.most),
    seconds: positive('--seconds', values.seconds),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
  };
}

/**
 * @param {import('./curves.mjs').Curve} curve
 * @param {number} most
 * @param {import('../contest.mjs').Conditions} conditions
 * @returns {Promise<MeasuredCurve>}
 */
async function measureCurve(curve, most, conditions) {
  const measure = measurements[curve.name];
  /** @type {MeasuredCurve['points']} */
  const points = [];
  /** @type {string | undefined} */
  let failure;
  for (const x of curve.points.filter((point) => point <= most)) {
    process.stderr.write(`${curve.name} ${x}`);
    try {
      const start = performance.now();
      const rounds = await measure(x, conditions);
      process.stderr.write(`  ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
      const median = Object.fromEntries(
        curve.series.map(({ name }) => [name, spreadOf(rounds.map((round) => round[name])).median]),
      );
      points.push({ x, rounds, median });
    } catch (error) {
      failure = `${curve.x} ${x}: ${error instanceof Error ? error.message : String(error)}`;
      process.stderr.write(`\n  failed: ${failure}\n`);
      break;
    }
  }
  const explanation = explanations[curve.name] ?? '';
  return { curve, points, series: assessCurve(curve, points), explanation, ...(failure && { failure }) };
}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const generator = prepareGenerator('c');
  const { warning, ...cores } = chooseCores();
  if (warning) process.stderr.write(`note: ${warning}\n`);
  const { seconds, warmUpSeconds, rounds } = options;
  const conditions = { generator, cores, seconds, warmUpSeconds, rounds };
  /** @type {GrowthReport} */
  const report = {
    command: commandLine('bench:growth'),
    date: today(),
    machine: describeMachine(),
    runtime: `Node ${process.version}`,
    conditions: { seconds, warmUpSeconds, rounds },
    curves: [],
  };
  for (const curve of options.curves) report.curves.push(await measureCurve(curve, options.most, conditions));
  process.stdout.write(`\n${formatGrowth(report)}\n`);
  if (options.svg) mkdirSync(options.svg, { recursive: true });
  if (options.json) writeReport(options.json, report);
  if (options.svg) {
    for (const measured of report.curves) {
      if (measured.points.length > 0)
        writeFileSync(join(options.svg, `growth-${measured.curve.name}.svg`), plotOf(measured));
    }
  }
  if (report.curves.some(({ failure }) => failure)) process.exitCode = 1;
}

await runCommand(HELP, main);
