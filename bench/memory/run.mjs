// `npm run bench:memory`: what one idle connection costs a server, in resident memory and in what V8 counts.
// Reads the options, measures every server in every state in fresh processes, prints a table and, if asked, JSON.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  commandLine,
  describeMachine,
  listOf,
  positive,
  runCommand,
  today,
  UsageError,
} from '../command-line.mjs';
import { chooseCores } from '../process/line-process.mjs';
import { compareSnapshots } from './heap-snapshot.mjs';
import { measureState } from './measure.mjs';
import { memoryStates } from './states.mjs';
import { formatConstructors, formatMemory, summarize } from './table.mjs';

const HELP = `npm run bench:memory -- [options]

  --servers LIST      default fullduplex,ws,net,http; a path to an .mjs file is a server too
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

const SERVERS = new Map([
  ...['fullduplex', 'ws', 'net'].map((name) => /** @type {const} */ ([name, `../servers/${name}.mjs`])),
  /** @type {const} */ (['http', 'servers/http.mjs']),
]);

/**
 * @typedef {object} MemoryReport
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {number} connections
 * @property {Record<string, string>} versions
 * @property {{ state: string, meaning: string, server: string, rounds: import('./measure.mjs').MemoryRound[],
 *   figures?: import('./table.mjs').MemoryFigures, failure?: string }[]} entries
 */

/** @param {string} server */
function serverFile(server) {
  if (server.endsWith('.mjs')) return pathToFileURL(resolve(server));
  const file = SERVERS.get(server);
  if (file) return new URL(file, import.meta.url);
  throw new UsageError(
    `--servers knows ${[...SERVERS.keys()].join(', ')} and paths to .mjs files, not ${server}`,
  );
}

async function main() {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: 'fullduplex,ws,net,http' },
      states: { type: 'string', default: memoryStates.map(({ name }) => name).join(',') },
      connections: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '1' },
      heap: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const wanted = listOf(
    '--states',
    values.states,
    memoryStates.map(({ name }) => name),
  );
  const states = memoryStates.filter(({ name }) => wanted.includes(name));
  const servers = new Map(
    values.servers.split(',').map((server) => [basename(server, '.mjs'), serverFile(server)]),
  );
  const connections = Math.ceil(positive('--connections', values.connections));
  const rounds = Math.ceil(positive('--rounds', values.rounds));
  const snapshotDirectory = values.heap ? mkdtempSync(join(tmpdir(), 'fullduplex-heap-')) : undefined;
  const { warning, ...cores } = chooseCores();
  if (warning) process.stderr.write(`note: ${warning}\n`);

  /** @type {MemoryReport} */
  const report = {
    command: commandLine('bench:memory'),
    date: today(),
    machine: describeMachine(),
    connections,
    versions: {},
    entries: [],
  };
  try {
    for (const state of states) {
      /** @type {MemoryReport['entries']} */
      const entries = Array.from(servers.keys(), (server) => ({
        state: state.name,
        meaning: state.meaning,
        server,
        rounds: [],
      }));
      for (let round = 0; round < rounds; round++) {
        for (const entry of entries) {
          const file = servers.get(entry.server);
          if (!file || entry.failure) continue;
          process.stderr.write(`${state.name} ${entry.server}\n`);
          const settings = { connections, settledConnections: SETTLED_CONNECTIONS, cores, snapshotDirectory };
          try {
            const { identity, snapshots, ...measured } = await measureState(
              entry.server,
              file,
              state,
              settings,
            );
            entry.rounds.push(measured);
            report.versions[entry.server] ??= [identity.name, identity.version, identity.runtime].join(' ');
            const [earlier, later] = snapshots;
            if (!earlier || !later) continue;
            const shares = compareSnapshots(earlier, later);
            process.stdout.write(
              `\n${entry.server}, ${state.name}: heap for each connection\n\n${formatConstructors(shares, connections)}\n\n`,
            );
          } catch (error) {
            entry.failure = error instanceof Error ? error.message : String(error);
            process.stderr.write(`  failed: ${entry.failure}\n`);
          }
        }
      }
      report.entries.push(...entries.map((entry) => ({ ...entry, figures: summarize(entry.rounds) })));
    }
  } finally {
    if (snapshotDirectory) rmSync(snapshotDirectory, { recursive: true });
  }
  process.stdout.write(`\n${formatMemory(report)}\n`);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (report.entries.some(({ failure }) => failure)) process.exitCode = 1;
}

await runCommand(HELP, main);
