// `npm run bench:slow`: what one subscriber that stops reading costs the 999 others and the server, for each policy. Two servers run, one
// with it and one without; turns alternate between them, and ratios are formed within a round.
import { parseArgs } from 'node:util';
import {
  commandLine,
  describeMachine,
  positive,
  runCommand,
  today,
  workloadsNamed,
  writeReport,
} from '../../command-line.mjs';
import { compileProgram } from '../../process/compiler.mjs';
import { chooseCores } from '../../process/line-process.mjs';
import { RealtimeContestant } from '../contestant.mjs';
import { dialects, MARK } from '../dialects.mjs';
import { slowPolicies } from './policies.mjs';
import { formatSlow } from './table.mjs';

const HELP = `npm run bench:slow -- [options]

  --only TEXT      only policies with TEXT in their name, whole words; several by comma ("drop", "log rate")
  --subscribers N  subscribers that keep up (default 999)
  --seconds N      length of one turn (default 2)
  --rounds N       turns for each of the two servers, in alternation (default 3)
  --pairs N        how often two servers are started for a policy (default 3)
  --json FILE      write everything that was measured to FILE
  --list           print the names of the policies
`;

/** Publications a second where latency is measured: some way below what the server can do. */
const PACE = 20;
/** Outstanding publications where CPU time is measured, and where the one is filled up. */
const WINDOW = 16;
const DATA = dataOf(1_000);
/** What the one is filled up with, until the kernel takes no more for it. */
const FILLING = dataOf(16_000);
const FILLING_SECONDS = 1;
const MOST_FILLINGS = 120;
// From so many bytes on it is full: the default of `highWaterMarkBytes`.
const FULL_BYTES = 64 * 1024;

/**
 * @typedef {object} SlowTurn one turn of one server
 * @property {number} serverMicros for one delivery, with 16 publications outstanding
 * @property {number} p50Micros
 * @property {number} p99Micros
 */

/**
 * @typedef {object} SlowGrowth what the memory of a server has grown by since everybody was connected, after garbage collection
 * @property {number} residentBytes
 * @property {number} heapUsedBytes
 * @property {number} arrayBufferBytes
 */

/**
 * @typedef {object} SlowPair
 * @property {SlowTurn[]} with
 * @property {SlowTurn[]} without
 * @property {{ with: SlowGrowth, without: SlowGrowth }} growth
 * @property {number} waitingBytes for the one that stopped, at the end
 */

/**
 * @typedef {object} SlowReport
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {string} version
 * @property {string} generator
 * @property {string[]} warnings
 * @property {number} dataBytes
 * @property {number} subscribers
 * @property {{ name: string, pairs: SlowPair[] }[]} policies
 */

/** @param {number} length */
function dataOf(length) {
  return JSON.stringify({ text: `${MARK} ${'x'.repeat(length)}` });
}

/**
 * @param {string} channel
 * @param {string} data
 */
function publicationOf(channel, data) {
  return `[4,"k3v0x2-%u",${JSON.stringify(channel)},"message",${data}]`;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      subscribers: { type: 'string', default: '999' },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      pairs: { type: 'string', default: '3' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    policies: workloadsNamed(slowPolicies, values.only),
    subscribers: Math.ceil(positive('--subscribers', values.subscribers)),
    seconds: positive('--seconds', values.seconds),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    pairs: Math.ceil(positive('--pairs', values.pairs)),
  };
}

/**
 * @param {RealtimeContestant} contestant
 * @param {number} seconds
 * @returns {Promise<SlowTurn>}
 */
async function takeTurn(contestant, seconds) {
  const paced = await contestant.measure(`pace ${seconds} ${PACE}`, seconds);
  const { serverMicros } = await contestant.measure(`fan ${seconds} ${WINDOW}`, seconds);
  return { serverMicros, p50Micros: paced.p50Micros, p99Micros: paced.p99Micros };
}

/**
 * Publishes until the one can take no more, and as long to the others.
 * @param {RealtimeContestant} stalled
 * @param {RealtimeContestant} healthy
 */
async function fill(stalled, healthy) {
  for (let filling = 0; filling < MOST_FILLINGS; filling++) {
    for (const contestant of [stalled, healthy])
      await contestant.measure(`fill ${FILLING_SECONDS} ${WINDOW}`, FILLING_SECONDS);
    const { slowConsumers, bufferedBytes } = await stalled.ask('slow');
    if (slowConsumers > 0 || bufferedBytes > FULL_BYTES) return;
  }
  throw new Error(`after ${MOST_FILLINGS} s the subscriber that does not read is not full`);
}

/**
 * @param {import('../../memory/measure.mjs').MemorySample} before
 * @param {import('../../memory/measure.mjs').MemorySample} after
 * @returns {SlowGrowth}
 */
function growthOf(before, after) {
  return {
    residentBytes: after.residentBytes - before.residentBytes,
    heapUsedBytes: after.heapUsedBytes - before.heapUsedBytes,
    arrayBufferBytes: after.arrayBufferBytes - before.arrayBufferBytes,
  };
}

/**
 * @param {import('./policies.mjs').SlowPolicy} policy
 * @param {{ program: string, cores: { server?: number, generator?: number }, subscribers: number, seconds: number, rounds: number }} options
 * @param {SlowReport} report
 * @returns {Promise<SlowPair>}
 */
async function measurePair({ channel, rate }, { program, cores, subscribers, seconds, rounds }, report) {
  const hello = (/** @type {object} */ wish) => JSON.stringify([1, { v: 1, subs: [[1, channel, wish]] }]);
  const texts = {
    hello: hello({}),
    stalled: hello(rate === undefined ? {} : { rate }),
    publish: publicationOf(channel, DATA),
    filling: publicationOf(channel, FILLING),
  };
  const launch = { file: new URL('server.mjs', import.meta.url), dialect: dialects.fullduplex };
  const stalled = new RealtimeContestant('with', launch, cores);
  const healthy = new RealtimeContestant('without', launch, cores);
  try {
    for (const contestant of [stalled, healthy]) {
      await contestant.start();
      await contestant.connect(program, subscribers, texts);
    }
    const { name, version, runtime } = stalled.identity;
    report.version = `${name} ${version} (${runtime})`;
    await stalled.stall();
    // What only the first publications cost, code above all, is in neither growth.
    for (const contestant of [stalled, healthy]) await takeTurn(contestant, Math.min(seconds, 1));
    const before = { with: await stalled.memory(), without: await healthy.memory() };
    await fill(stalled, healthy);
    /** @type {SlowTurn[]} */
    const withIt = [];
    /** @type {SlowTurn[]} */
    const without = [];
    for (let round = 0; round < rounds; round++) {
      // Each goes first as often as the other.
      if (round % 2 === 1) without.push(await takeTurn(healthy, seconds));
      withIt.push(await takeTurn(stalled, seconds));
      if (round % 2 === 0) without.push(await takeTurn(healthy, seconds));
    }
    const { bufferedBytes } = await stalled.ask('slow');
    return {
      with: withIt,
      without,
      growth: {
        with: growthOf(before.with, await stalled.memory()),
        without: growthOf(before.without, await healthy.memory()),
      },
      waitingBytes: bufferedBytes,
    };
  } finally {
    await Promise.all([stalled.stop(), healthy.stop()]);
  }
}

async function main() {
  const options = readOptions();
  if (options.help || options.list) {
    const list = slowPolicies.map(({ name }) => name).join('\n');
    process.stdout.write(options.help ? HELP : `${list}\n`);
    return;
  }
  const load = compileProgram('realtime-load', new URL('../load/', import.meta.url));
  if ('problem' in load) throw new Error(`the load generator in C cannot be built: ${load.problem}`);
  const { warning, ...cores } = chooseCores();
  if (warning) process.stderr.write(`note: ${warning}\n`);
  /** @type {SlowReport} */
  const report = {
    command: commandLine('bench:slow'),
    date: today(),
    machine: describeMachine(),
    version: '',
    generator: `C, ${load.compiler}`,
    warnings: warning ? [warning] : [],
    dataBytes: DATA.length,
    subscribers: options.subscribers,
    policies: [],
  };
  for (const policy of options.policies) {
    /** @type {SlowPair[]} */
    const pairs = [];
    for (let pair = 1; pair <= options.pairs; pair++) {
      process.stderr.write(`${policy.name} ${pair}\n`);
      pairs.push(await measurePair(policy, { program: load.program, cores, ...options }, report));
    }
    report.policies.push({ name: policy.name, pairs });
  }
  process.stdout.write(`\n${formatSlow(report)}\n`);
  if (options.json) writeReport(options.json, report);
}

await runCommand(HELP, main);
