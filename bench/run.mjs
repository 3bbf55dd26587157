// `npm run bench`: our echo server against ws and against bare node:net, in one go, with one load generator.
// Reads the options, runs each workload as a contest, prints the report and, if asked, writes it as JSON.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runContest } from './contest.mjs';
import { prepareGenerator } from './load/generator.mjs';
import { chooseCores } from './process/line-process.mjs';
import { topFunctions } from './report/profile.mjs';
import { figuresOf, REFERENCE } from './report/summary.mjs';
import { formatReport } from './report/table.mjs';
import { echoWorkloads } from './workloads/echo.mjs';

const HELP = `npm run bench -- [options]

  --only TEXT         only workloads with TEXT in their name, whole words; several by comma ("20 B", "binary d16")
  --servers LIST      default fullduplex,ws,net; a path to an .mjs file is a server too
  --seconds N         length of one turn (default 0.4)
  --rounds N          turns per server, interleaved (default 5)
  --warm-up N         seconds of warm-up per server (default 0.5)
  --json FILE         write everything that was measured to FILE
  --profile DIR       write CPU profiles of the servers to DIR and print their top functions (figures suffer)
  --generator KIND    c, node or auto (default auto: C when there is a compiler)
  --list              print the names of the workloads
`;

/**
 * @typedef {object} Report
 * @property {string} command
 * @property {string} date
 * @property {{ cpu: string, cores: number, memoryGib: number, system: string }} machine
 * @property {Record<string, string>} versions
 * @property {string} generator
 * @property {{ cores: { server?: number, generator?: number }, seconds: number, warmUpSeconds: number, rounds: number }} conditions
 * @property {string[]} warnings
 * @property {{ workload: import('./workloads/echo.mjs').EchoWorkload,
 *   entries: (import('./contest.mjs').Entry & { figures?: import('./report/summary.mjs').Figures })[] }[]} workloads
 */

const GENERATORS = /** @type {const} */ (['auto', 'c', 'node']);

class UsageError extends Error {}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      servers: { type: 'string', default: 'fullduplex,ws,net' },
      seconds: { type: 'string', default: '0.4' },
      rounds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '0.5' },
      json: { type: 'string' },
      profile: { type: 'string' },
      generator: { type: 'string', default: 'auto' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const generator = GENERATORS.find((kind) => kind === values.generator);
  if (!generator) throw new UsageError(`--generator is c, node or auto, not ${values.generator}`);
  // Whole words, so that "d1" does not mean "d16" too.
  const wanted = values.only?.split(',').map((part) => ` ${part.trim().toLowerCase()} `);
  const workloads = echoWorkloads.filter(
    ({ name }) => wanted?.some((words) => ` ${name.toLowerCase()} `.includes(words)) ?? true,
  );
  if (workloads.length === 0) throw new UsageError(`no workload contains "${values.only}"; see --list`);
  return {
    ...values,
    generator,
    workloads,
    servers: new Map(
      values.servers.split(',').map((server) => [basename(server, '.mjs'), serverFile(server)]),
    ),
    seconds: positive('--seconds', values.seconds),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
  };
}

/** @param {string} server */
function serverFile(server) {
  if (server.endsWith('.mjs')) return pathToFileURL(resolve(server));
  if (!['fullduplex', 'ws', 'net'].includes(server)) {
    throw new UsageError(`--servers knows fullduplex, ws, net and paths to .mjs files, not ${server}`);
  }
  return new URL(`servers/${server}.mjs`, import.meta.url);
}

/**
 * @param {string} name
 * @param {string} text
 */
function positive(name, text) {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new UsageError(`${name} is a number above 0, not ${text}`);
  return value;
}

function describeMachine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    // Without the suffix that a distribution or a host adds.
    system: `${type()} ${release().split('-')[0]}`,
  };
}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  if (options.list) {
    process.stdout.write(`${options.workloads.map(({ name }) => name).join('\n')}\n`);
    return;
  }
  const generator = prepareGenerator(options.generator);
  const { warning: coresWarning, ...cores } = chooseCores();
  const warnings = [generator.warning, coresWarning].filter((warning) => warning !== undefined);
  for (const warning of warnings) process.stderr.write(`note: ${warning}\n`);
  if (options.profile) {
    warnings.push('the servers ran under the profiler');
    mkdirSync(options.profile, { recursive: true });
  }
  const { seconds, warmUpSeconds, rounds, profile: profileDirectory } = options;

  /** @type {Report} */
  const report = {
    command: ['npm run bench', ...process.argv.slice(2).map(quote)].join(' ').replace('bench ', 'bench -- '),
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    versions: {},
    generator: generator.description,
    conditions: { cores, seconds, warmUpSeconds, rounds },
    warnings,
    workloads: [],
  };
  for (const [index, workload] of options.workloads.entries()) {
    process.stderr.write(`${index + 1}/${options.workloads.length} ${workload.name}`);
    const conditions = { generator, cores, seconds, warmUpSeconds, rounds, profileDirectory };
    const measured = await runContest(workload, options.servers, conditions);
    const reference = measured.find(({ server }) => server === REFERENCE);
    const entries = measured.map((entry) => ({ ...entry, figures: figuresOf(entry, reference) }));
    report.workloads.push({ workload, entries });
    for (const { server, identity, figures, profile, failure } of entries) {
      if (failure) process.stderr.write(`\n  ${server} failed: ${failure}`);
      else process.stderr.write(`  ${server} ${figures?.cpuRatio?.median.toFixed(2) ?? '-'}`);
      const { name, version, runtime, note } = identity;
      if (name)
        report.versions[server] = `${name} ${version} (${[runtime, note].filter(Boolean).join(', ')})`;
      if (profile) {
        const lines = topFunctions(profile).join('\n');
        process.stdout.write(`\n${workload.name}, ${server}, share of the time not idle:\n${lines}\n`);
      }
    }
    process.stderr.write('\n');
  }
  process.stdout.write(`\n${formatReport(report)}\n`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (report.workloads.some(({ entries }) => entries.some(({ failure }) => failure))) process.exitCode = 1;
}

/** @param {string} argument */
function quote(argument) {
  return /^[\w./=,-]+$/.test(argument) ? argument : `"${argument}"`;
}

try {
  await main();
} catch (error) {
  const isUsage =
    error instanceof UsageError ||
    (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
