// `npm run bench`: our server against ws, against bare node:net and, with --full, against others, in one go, with one
// load generator. Runs each workload as a contest, prints the report and, if asked, writes it as JSON.
import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { commandLine, describeMachine, runCommand, today, writeReport } from './command-line.mjs';
import { runContest } from './contest.mjs';
import { prepareGenerator } from './load/generator.mjs';
import { HELP, readOptions } from './options.mjs';
import { chooseCores } from './process/line-process.mjs';
import { topFunctions } from './report/profile.mjs';
import { figuresOf, REFERENCE } from './report/summary.mjs';
import { formatReport } from './report/table.mjs';
import { prepareServer } from './servers/catalogue.mjs';

/**
 * @typedef {object} Report
 * @property {string} command
 * @property {string} date
 * @property {ReturnType<typeof describeMachine>} machine
 * @property {Record<string, string>} versions
 * @property {string} generator
 * @property {{ cores: { server?: number, generator?: number }, seconds: number, warmUpSeconds: number, rounds: number }} conditions
 * @property {string[]} warnings
 * @property {Record<string, string>} missing servers and workloads that could not be had here, and why
 * @property {{ workload: import('./workloads/workload.mjs').Workload,
 *   entries: (import('./contest.mjs').Entry & { figures?: import('./report/summary.mjs').Figures })[] }[]} workloads
 */

/**
 * The servers of a workload that can be had here; what cannot goes into `missing`.
 * @param {readonly string[]} names
 * @param {Record<string, string>} missing
 */
function launchesOf(names, missing) {
  /** @type {Map<string, import('./servers/catalogue.mjs').Launch>} */
  const launches = new Map();
  for (const name of names) {
    const prepared = prepareServer(name);
    if ('launch' in prepared) launches.set(basename(name, '.mjs'), prepared.launch);
    else missing[name] = prepared.missing;
  }
  return launches;
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
    command: commandLine('bench'),
    date: today(),
    machine: describeMachine(),
    versions: {},
    generator: generator.description,
    conditions: { cores, seconds, warmUpSeconds, rounds },
    warnings,
    missing: {},
    workloads: [],
  };
  for (const [index, workload] of options.workloads.entries()) {
    process.stderr.write(`${index + 1}/${options.workloads.length} ${workload.name}`);
    const lacks = generator.lacks(workload);
    if (lacks) {
      report.missing[workload.name] = lacks;
      process.stderr.write(`  skipped: ${lacks}\n`);
      continue;
    }
    const launches = launchesOf(options.serversOf(workload), report.missing);
    const conditions = { generator, cores, seconds, warmUpSeconds, rounds, profileDirectory };
    const measured = await runContest(workload, launches, conditions);
    const reference = measured.find(({ server }) => server === REFERENCE);
    const entries = measured.map((entry) => ({ ...entry, figures: figuresOf(entry, reference) }));
    report.workloads.push({ workload, entries });
    for (const { server, identity, figures, profile, failure } of entries) {
      if (failure) process.stderr.write(`\n  ${server} failed: ${failure}`);
      else process.stderr.write(`  ${server} ${figures?.cpuRatio?.median.toFixed(2) ?? '-'}`);
      const { name, version, runtime, note } = identity;
      const details = [runtime, note].filter(Boolean).join(', ');
      if (name) report.versions[server] ??= `${name} ${version}${details && ` (${details})`}`;
      if (profile) {
        const lines = topFunctions(profile).join('\n');
        process.stdout.write(`\n${workload.name}, ${server}, share of the time not idle:\n${lines}\n`);
      }
    }
    process.stderr.write('\n');
  }
  process.stdout.write(`\n${formatReport(report)}\n`);
  if (options.json) writeReport(options.json, report);
  if (report.workloads.some(({ entries }) => entries.some(({ failure }) => failure))) process.exitCode = 1;
}

await runCommand(HELP, main);
