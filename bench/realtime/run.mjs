// `npm run bench:realtime`: what a delivery, a call and an idle connection cost our realtime server beside Socket.IO, in turns on the same
// machine. Prints a table and, if asked, writes everything as JSON.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  commandLine,
  describeMachine,
  positive,
  runCommand,
  today,
  workloadsNamed,
  writeReport,
} from '../command-line.mjs';
import { compileProgram } from '../process/compiler.mjs';
import { chooseCores } from '../process/line-process.mjs';
import { RealtimeContestant } from './contestant.mjs';
import { DATA, dialects } from './dialects.mjs';
import { formatRealtime } from './table.mjs';
import { realtimeWorkloads, SUBSCRIBERS } from './workloads.mjs';

const MEMORY = 'memory';

const HELP = `npm run bench:realtime -- [options]

  --only TEXT      only workloads with TEXT in their name, whole words; several by comma ("w16", "calls d1", "${MEMORY}")
  --seconds N      length of one turn (default 0.5)
  --rounds N       turns per server, interleaved (default 7)
  --warm-up N      seconds of warm-up per server and workload (default 1)
  --connections N  idle connections that memory is measured with (default 10000)
  --json FILE      write everything that was measured to FILE
  --profile DIR    write CPU profiles of the servers to DIR (figures suffer)
  --list           print the names of the workloads
`;

/** Opened before the first sample, so that what only the first connections cost stays out of the difference. */
const SETTLED_CONNECTIONS = 200;

const idempotentCall = dialects.fullduplex.call.replace('"echo"', '"echoIdempotent"');
/** The servers, and what is said to them where calls may run twice. */
const SERVERS = {
  fullduplex: {
    file: new URL('servers/fullduplex.mjs', import.meta.url),
    dialect: dialects.fullduplex,
    idempotent: { call: idempotentCall },
  },
  'socket.io': {
    file: new URL('servers/socket-io.mjs', import.meta.url),
    dialect: dialects.socketIo,
    idempotent: {},
  },
};

/** @typedef {keyof typeof SERVERS} ServerName */

const names = /** @type {ServerName[]} */ (Object.keys(SERVERS));

/**
 * @typedef {object} RealtimeReport
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {string} generator
 * @property {string[]} warnings
 * @property {number} dataBytes
 * @property {number} connections
 * @property {Record<string, string>} versions
 * @property {{ name: string, unit: string, servers: Record<string, import('./contestant.mjs').RealtimeRound[]> }[]} workloads
 * @property {Record<string, { residentBytes: number, heapUsedBytes: number, arrayBufferBytes: number }[]>} memory for one idle connection
 */

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seconds: { type: 'string', default: '0.5' },
      rounds: { type: 'string', default: '7' },
      'warm-up': { type: 'string', default: '1' },
      connections: { type: 'string', default: '10000' },
      json: { type: 'string' },
      profile: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const chosen = workloadsNamed([...realtimeWorkloads, { name: MEMORY }], values.only);
  return {
    ...values,
    workloads: realtimeWorkloads.filter(({ name }) => chosen.some((one) => one.name === name)),
    hasMemory: chosen.some(({ name }) => name === MEMORY),
    seconds: positive('--seconds', values.seconds),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
    connections: Math.ceil(positive('--connections', values.connections)),
  };
}

/**
 * Starts each server, hands them all to `use`, and ends them.
 * @template Result
 * @param {{ server?: number, generator?: number }} cores
 * @param {RealtimeReport} report
 * @param {(contestants: Map<ServerName, RealtimeContestant>) => Promise<Result>} use
 */
async function withServers(cores, report, use) {
  const contestants = new Map(
    names.map((name) => [name, new RealtimeContestant(name, SERVERS[name], cores)]),
  );
  try {
    for (const [name, contestant] of contestants) {
      await contestant.start();
      const { name: product, version, runtime, note } = contestant.identity;
      report.versions[name] ??= `${product} ${version} (${[runtime, note].filter(Boolean).join(', ')})`;
    }
    return await use(contestants);
  } finally {
    await Promise.all(Array.from(contestants.values(), (contestant) => contestant.stop()));
  }
}

async function main() {
  const options = readOptions();
  if (options.help || options.list) {
    const list = [...realtimeWorkloads.map(({ name }) => name), MEMORY].join('\n');
    process.stdout.write(options.help ? HELP : `${list}\n`);
    return;
  }
  const load = compileProgram('realtime-load', new URL('load/', import.meta.url));
  if ('problem' in load) throw new Error(`the load generator in C cannot be built: ${load.problem}`);
  const { warning, ...cores } = chooseCores();
  if (warning) process.stderr.write(`note: ${warning}\n`);
  const { seconds, rounds, warmUpSeconds, connections, profile } = options;
  /** @type {RealtimeReport} */
  const report = {
    command: commandLine('bench:realtime'),
    date: today(),
    machine: describeMachine(),
    generator: `C, ${load.compiler}`,
    warnings: warning ? [warning] : [],
    dataBytes: DATA.length,
    connections,
    versions: {},
    workloads: [],
    memory: {},
  };
  for (const { name, command, unit, isIdempotent } of options.workloads) {
    process.stderr.write(`${name}\n`);
    /** @type {Record<string, import('./contestant.mjs').RealtimeRound[]>} */
    const measured = Object.fromEntries(names.map((server) => [server, []]));
    await withServers(cores, report, async (contestants) => {
      for (const [server, contestant] of contestants) {
        await contestant.connect(load.program, SUBSCRIBERS, isIdempotent ? SERVERS[server].idempotent : {});
        await contestant.measure(command(warmUpSeconds), warmUpSeconds);
        if (profile) await contestant.startProfile();
      }
      for (let round = 0; round < rounds; round++) {
        for (const [server, contestant] of contestants) {
          measured[server].push(await contestant.measure(command(seconds), seconds));
        }
      }
      if (!profile) return;
      for (const [server, contestant] of contestants) {
        await contestant.writeProfile(join(profile, `${name} ${server}.cpuprofile`.replaceAll(' ', '-')));
      }
    });
    report.workloads.push({ name, unit, servers: measured });
  }
  if (options.hasMemory) {
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      process.stderr.write(`${MEMORY} ${round + 1}\n`);
      await withServers(cores, report, async (contestants) => {
        for (const [server, contestant] of contestants) {
          await contestant.connect(load.program, SETTLED_CONNECTIONS);
          const before = await contestant.memory();
          await contestant.open(SETTLED_CONNECTIONS + connections);
          const after = await contestant.memory();
          report.memory[server] ??= [];
          report.memory[server].push({
            residentBytes: (after.residentBytes - before.residentBytes) / connections,
            heapUsedBytes: (after.heapUsedBytes - before.heapUsedBytes) / connections,
            arrayBufferBytes: (after.arrayBufferBytes - before.arrayBufferBytes) / connections,
          });
        }
      });
    }
  }
  process.stdout.write(`\n${formatRealtime(report)}\n`);
  if (options.json) writeReport(options.json, report);
}

await runCommand(HELP, main);
