// `npm run bench:client`: what a message costs our client beside the clients of ws, of Node itself and of Bun, against an
// echo server in C. Runs each workload as a contest, prints the report and, if asked, writes it as JSON.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import {
  commandLine,
  describeMachine,
  positive,
  runCommand,
  today,
  UsageError,
  workloadsNamed,
  writeReport,
} from '../command-line.mjs';
import { compileProgram } from '../process/compiler.mjs';
import { chooseCores } from '../process/line-process.mjs';
import { costRatio, ratioWithinRounds, REFERENCE, spreadOf } from '../report/summary.mjs';
import { clientNames, isClientFile, prepareClient } from './catalogue.mjs';
import { runClientContest } from './contest.mjs';
import { formatClients } from './table.mjs';
import { clientWorkloads } from './workloads.mjs';

const HELP = `npm run bench:client -- [options]

  --only TEXT      only workloads with TEXT in their name, whole words; several by comma ("20 B", "binary d16")
  --clients LIST   of ${clientNames.join(', ')};
                   a path to an .mjs file is a client too (default all that can be had)
  --seconds N      length of one turn (default 0.4)
  --rounds N       turns per client, interleaved (default 5)
  --warm-up N      seconds of warm-up per client (default 1)
  --json FILE      write everything that was measured to FILE
  --list           print the names of the workloads
`;

/**
 * @typedef {object} ClientFigures
 * @property {import('../report/summary.mjs').Spread} clientMicrosPerMessage
 * @property {import('../report/summary.mjs').Spread} messagesPerSecond
 * @property {import('../report/summary.mjs').Spread} clientBusy
 * @property {import('../report/summary.mjs').Spread} echoBusy
 * @property {import('../report/summary.mjs').Spread} [cpuRatio] ws / this: above 1 is cheaper than ws
 */

/**
 * @typedef {object} ClientReport
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {Record<string, string>} versions
 * @property {string} echo
 * @property {{ cores: { server?: number, generator?: number }, seconds: number, warmUpSeconds: number, rounds: number }} conditions
 * @property {string[]} warnings
 * @property {Record<string, string>} missing
 * @property {{ workload: import('./workloads.mjs').ClientWorkload,
 *   entries: (import('./contest.mjs').ClientEntry & { figures?: ClientFigures })[] }[]} workloads
 */

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      clients: { type: 'string' },
      seconds: { type: 'string', default: '0.4' },
      rounds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '1' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const clients = values.clients?.split(',') ?? clientNames;
  const unknown = clients.find((name) => !isClientFile(name) && !clientNames.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--clients knows ${clientNames.join(', ')} and paths to .mjs files, not ${unknown}`);
  }
  return {
    ...values,
    clients,
    workloads: workloadsNamed(clientWorkloads, values.only),
    seconds: positive('--seconds', values.seconds),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
  };
}

async function main() {
  const options = readOptions();
  if (options.help || options.list) {
    const names = options.workloads.map(({ name }) => `${name}\n`).join('');
    process.stdout.write(options.help ? HELP : names);
    return;
  }
  const echo = compileProgram('echo', new URL('echo/', import.meta.url));
  if ('problem' in echo) throw new Error(`the echo server in C cannot be built: ${echo.problem}`);
  const { warning, ...cores } = chooseCores();
  const warnings = warning ? [warning] : [];
  for (const text of warnings) process.stderr.write(`note: ${text}\n`);
  const { seconds, warmUpSeconds, rounds } = options;
  /** @type {ClientReport} */
  const report = {
    command: commandLine('bench:client'),
    date: today(),
    machine: describeMachine(),
    versions: {},
    echo: `C, ${echo.compiler}`,
    conditions: { cores, seconds, warmUpSeconds, rounds },
    warnings,
    missing: {},
    workloads: [],
  };
  /** @type {Map<string, import('../servers/catalogue.mjs').Launch>} */
  const launches = new Map();
  for (const name of options.clients) {
    const prepared = prepareClient(name);
    if ('launch' in prepared) launches.set(basename(name, '.mjs'), prepared.launch);
    else report.missing[name] = prepared.missing;
  }
  for (const [index, workload] of options.workloads.entries()) {
    process.stderr.write(`${index + 1}/${options.workloads.length} ${workload.name}`);
    const conditions = { echo: echo.program, cores, seconds, warmUpSeconds, rounds };
    const measured = await runClientContest(workload, launches, conditions);
    const reference = measured.find(({ client }) => client === REFERENCE);
    const entries = measured.map((entry) => ({ ...entry, figures: figuresOf(entry, reference) }));
    report.workloads.push({ workload, entries });
    for (const { client, identity, figures, failure } of entries) {
      if (failure) process.stderr.write(`\n  ${client} failed: ${failure}`);
      else process.stderr.write(`  ${client} ${figures?.cpuRatio?.median.toFixed(2) ?? '-'}`);
      const { name, version, runtime, note } = identity;
      if (name)
        report.versions[client] ??= `${name} ${version} (${[runtime, note].filter(Boolean).join(', ')})`;
    }
    process.stderr.write('\n');
  }
  process.stdout.write(`\n${formatClients(report)}\n`);
  if (options.json) writeReport(options.json, report);
  if (report.workloads.some(({ entries }) => entries.some(({ failure }) => failure))) process.exitCode = 1;
}

/**
 * @param {import('./contest.mjs').ClientEntry} entry
 * @param {import('./contest.mjs').ClientEntry | undefined} reference
 * @returns {ClientFigures | undefined} nothing for an entry that failed
 */
function figuresOf({ rounds, failure }, reference) {
  if (failure || rounds.length === 0) return undefined;
  /** @param {keyof import('./contest.mjs').ClientRound} name */
  const spread = (name) => spreadOf(rounds.map((round) => round[name]));
  const figures = {
    clientMicrosPerMessage: spread('clientMicrosPerMessage'),
    messagesPerSecond: spread('messagesPerSecond'),
    clientBusy: spread('clientBusy'),
    echoBusy: spread('echoBusy'),
  };
  if (!reference || reference.failure) return figures;
  const cpuRatio = ratioWithinRounds(rounds, reference.rounds, costRatio('clientMicrosPerMessage'));
  return { ...figures, cpuRatio };
}

await runCommand(HELP, main);
