// `npm run bench:memory`: what one idle connection costs a server, in resident memory and in what V8 counts.
// Reads the options, measures every server in every state in fresh processes, prints a table and, if asked, JSON.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  commandLine,
  describeMachine,
  listOf,
  positive,
  runCommand,
  today,
  UsageError,
  writeReport,
} from '../command-line.mjs';
import { chooseCores } from '../process/line-process.mjs';
import { compareSnapshots } from './heap-snapshot.mjs';
import { isServerFile, launchOf, prepareServer } from '../servers/catalogue.mjs';
import { measureState } from './measure.mjs';
import { memoryStates } from './states.mjs';
import { formatConstructors, formatMemory, summarize } from './table.mjs';

const OWN_SERVERS = { http: launchOf(new URL('servers/http.mjs', import.meta.url)) };
const NAMES = [...new Set(memoryStates.flatMap(({ servers }) => servers))];

const HELP = `npm run bench:memory -- [options]

  --servers LIST      default ${NAMES.join(',')}; a path to an .mjs file is a server too
  --states LIST       default ${memoryStates.map(({ name }) => name).join(',')}
  --connections N     default 10000; the limit of open files has to allow it twice
  --rounds N          fresh processes for each server and state, interleaved (default 1)
  --heap              name the constructors that hold the memory; snapshots make resident memory meaningless
  --json FILE         write everything that was measured to FILE

States:
${memoryStates.map(({ name, meaning }) => `  ${name.padEnd(18)}  ${meaning}`).join('\n')}
`;

/** Opened before the first sample, so that what only the first connections cost stays out of the difference. */
const SETTLED_CONNECTIONS = 200;

/**
 * @typedef {object} MemoryEntry what one server showed in one state
 * @property {string} state
 * @property {string} meaning
 * @property {string} server
 * @property {Record<string, any>} identity name, version, runtime, note
 * @property {import('./measure.mjs').MemoryRound[]} rounds
 * @property {import('./table.mjs').MemoryFigures} [figures]
 * @property {string} [failure] why there are no figures
 */

/**
 * @typedef {object} MemoryReport
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {number} connections
 * @property {Record<string, string>} versions
 * @property {Record<string, string>} missing servers that could not be had here, and why
 * @property {MemoryEntry[]} entries
 */

/**
 * @param {string} server
 * @returns {import('../servers/catalogue.mjs').Prepared}
 */
function prepare(server) {
  if (server in OWN_SERVERS) return { launch: OWN_SERVERS.http };
  if (isServerFile(server) || NAMES.includes(server)) return prepareServer(server);
  throw new UsageError(`--servers knows ${NAMES.join(', ')} and paths to .mjs files, not ${server}`);
}

function readOptions() {
  const stateNames = memoryStates.map(({ name }) => name);
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: NAMES.join(',') },
      states: { type: 'string', default: stateNames.join(',') },
      connections: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '1' },
      heap: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const wanted = listOf('--states', values.states, stateNames);
  return {
    ...values,
    states: memoryStates.filter(({ name }) => wanted.includes(name)),
    servers: values.servers
      .split(',')
      .map((server) => ({ name: basename(server, '.mjs'), prepared: prepare(server) })),
    connections: Math.ceil(positive('--connections', values.connections)),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
  };
}

/**
 * One state: every server once in each round.
 * @param {import('./states.mjs').MemoryState} state
 * @param {ReadonlyMap<string, import('../servers/catalogue.mjs').Launch>} launches
 * @param {number} rounds
 * @param {import('./measure.mjs').MemorySettings} settings
 * @returns {Promise<Omit<MemoryEntry, 'figures'>[]>}
 */
async function measureServers(state, launches, rounds, settings) {
  const { name, meaning } = state;
  const entries = Array.from(launches, ([server, launch]) => ({
    launch,
    entry: /** @type {Omit<MemoryEntry, 'figures'>} */ ({
      state: name,
      meaning,
      server,
      identity: {},
      rounds: [],
    }),
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { entry, launch } of entries) {
      if (entry.failure) continue;
      process.stderr.write(`${name} ${entry.server}\n`);
      try {
        const { identity, snapshots, ...measured } = await measureState(
          entry.server,
          launch,
          state,
          settings,
        );
        entry.identity = identity;
        entry.rounds.push(measured);
        const [earlier, later] = snapshots;
        if (!earlier || !later) continue;
        const table = formatConstructors(compareSnapshots(earlier, later), settings.connections);
        process.stdout.write(`\n${entry.server}, ${name}: heap for each connection\n\n${table}\n\n`);
      } catch (error) {
        entry.failure = error instanceof Error ? error.message : String(error);
        process.stderr.write(`  failed: ${entry.failure}\n`);
      }
    }
  }
  return entries.map(({ entry }) => entry);
}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { connections, rounds } = options;
  const { warning, ...cores } = chooseCores();
  if (warning) process.stderr.write(`note: ${warning}\n`);
  const snapshotDirectory = options.heap ? mkdtempSync(join(tmpdir(), 'fullduplex-heap-')) : undefined;
  /** @type {MemoryReport} */
  const report = {
    command: commandLine('bench:memory'),
    date: today(),
    machine: describeMachine(),
    connections,
    versions: {},
    missing: {},
    entries: [],
  };
  try {
    for (const state of options.states) {
      /** @type {Map<string, import('../servers/catalogue.mjs').Launch>} */
      const launches = new Map();
      for (const { name, prepared } of options.servers) {
        if ('missing' in prepared) report.missing[name] = prepared.missing;
        else if (state.servers.includes(name) || !NAMES.includes(name)) launches.set(name, prepared.launch);
      }
      const settings = { connections, settledConnections: SETTLED_CONNECTIONS, cores, snapshotDirectory };
      for (const entry of await measureServers(state, launches, rounds, settings)) {
        const { name, version, runtime, note } = entry.identity;
        report.versions[entry.server] ??=
          `${name} ${version} (${[runtime, note].filter(Boolean).join(', ')})`;
        report.entries.push({ ...entry, figures: summarize(entry.rounds) });
      }
    }
  } finally {
    if (snapshotDirectory) rmSync(snapshotDirectory, { recursive: true });
  }
  process.stdout.write(`\n${formatMemory(report)}\n`);
  if (options.json) writeReport(options.json, report);
  if (report.entries.some(({ failure }) => failure)) process.exitCode = 1;
}

await runCommand(HELP, main);
