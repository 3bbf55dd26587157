// What every command of the bench has in common: its options checked before anything starts, a wrong one answered with
// the help and exit code 2, and the words about machine and command that stand beside the figures.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';

/** A wrong option: its message is for the person at the keyboard. */
export class UsageError extends Error {}

/**
 * @param {string} option
 * @param {string} text
 */
export function positive(option, text) {
  const value = Number(text);
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new UsageError(`${option} is a number above 0, not ${text}`);
}

/**
 * Splits a list and checks each part.
 * @param {string} option
 * @param {string} text
 * @param {readonly string[]} allowed
 */
export function listOf(option, text, allowed) {
  const parts = text.split(',').map((part) => part.trim());
  const unknown = parts.find((part) => !allowed.includes(part));
  if (unknown === undefined) return parts;
  throw new UsageError(`${option} knows ${allowed.join(', ')}, not ${unknown}`);
}

/**
 * The workloads whose names contain one of several texts.
 * @template {{ name: string }} Workload
 * @param {readonly Workload[]} workloads
 * @param {string | undefined} only texts by comma; all workloads without them
 */
export function workloadsNamed(workloads, only) {
  if (only === undefined) return workloads;
  // Whole words, so that "d1" does not mean "d16" too.
  const wanted = only.split(',').map((part) => ` ${part.trim().toLowerCase()} `);
  const chosen = workloads.filter(({ name }) =>
    wanted.some((words) => ` ${name.toLowerCase()} `.includes(words)),
  );
  if (chosen.length === 0) throw new UsageError(`no workload contains "${only}"; see --list`);
  return chosen;
}

/**
 * Runs a command; a wrong option prints what is wrong and the help.
 * @param {string} help
 * @param {() => Promise<void> | void} main
 */
export async function runCommand(help, main) {
  try {
    await main();
  } catch (error) {
    const isUsage =
      error instanceof UsageError ||
      (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
    if (!isUsage) throw error;
    process.stderr.write(`${error.message}\n\n${help}`);
    process.exitCode = 2;
  }
}

/** Options that say only where something is written. */
const DESTINATIONS = ['--json', '--svg'];

/**
 * The command as one would type it to measure the same.
 * @param {string} script of package.json
 */
export function commandLine(script) {
  const all = process.argv.slice(2);
  const given = all.filter(
    (argument, index) => ![argument, all[index - 1]].some((one) => DESTINATIONS.includes(one)),
  );
  const quoted = given.map((argument) => (/^[\w./=,-]+$/.test(argument) ? argument : `"${argument}"`));
  return ['npm run', script, ...(given.length > 0 ? ['--'] : []), ...quoted].join(' ');
}

export function describeMachine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    // Without the suffix that a distribution or a host adds.
    system: `${type()} ${release().split('-')[0]}`,
  };
}

/**
 * Writes a report: figures with five digits, of which none means more.
 * @param {string} file
 * @param {object} report
 */
export function writeReport(file, report) {
  mkdirSync(dirname(file), { recursive: true });
  const rounded = (/** @type {string} */ _, /** @type {unknown} */ value) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  writeFileSync(file, `${JSON.stringify(report, rounded, 1)}\n`);
}

/** The date of today in UTC, as YYYY-MM-DD. */
export const today = () => new Date().toISOString().slice(0, 10);
