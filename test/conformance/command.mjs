// What `npm run conformance` does with its arguments: plays the cases of the Autobahn list, and of a section of our own, against a
// server and a client, each in its fast form and in the form that does without everything that Node or the processor may not have.
// The exit code is 0 when every case passed, 1 when one failed, 2 when the arguments make no sense.

import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseCases } from './cases/list.mjs';
import { reportOf } from './report.mjs';
import { playAll } from './runner.mjs';
import { ClientTestee, ServerTestee } from './testee-process.mjs';

/** @typedef {import('./wire-peer.mjs').Role} Role */
/** @typedef {{ name: string, variables: Readonly<Record<string, string>> }} Form of a testee: variables of its environment */

const usage = `usage: node test/conformance/run.mjs [options]
  --short             section 9 with smaller messages, 12 and 13 with fewer (all cases, some seconds)
  --listed            sections 12 and 13 with as many messages as the list has (minutes)
  --section <6|6.4>   only this section, may be repeated
  --case <6.4.1>      only this case, may be repeated
  --role <server|client>  only the testee in this role
  --fast              only the testee's fast form
  --fallback          only its fallbacks: no shared read buffer, no WebAssembly, no undocumented part of node:zlib
  --testee <name>     fullduplex (default), ws, or the path of a module like those in testees/
  --deadline-ms <ms>  how long the testee may take for one reaction (default 3000; 5 times that in section 9)
  --wire              show the bytes of every failed case, in hex
  --list              print the ids and play nothing`;

const namedTestees = new Map([
  ['fullduplex', new URL('./testees/fullduplex.mjs', import.meta.url).href],
  ['ws', new URL('./testees/ws.mjs', import.meta.url).href],
]);

/** @type {Form} */
const fastForm = { name: '', variables: {} };
/** @type {Form} */
const fallbackForm = { name: ' fallback', variables: { FULLDUPLEX_PORTABLE: '1' } };

/** What the arguments or the testee make impossible; ends the run with exit code 2. */
class Refusal extends Error {}

/** @param {string} testee a name, or a path with an optional query, which the module reads from its import.meta.url */
function moduleOf(testee) {
  const named = namedTestees.get(testee);
  if (named !== undefined) return named;
  const [path, query] = testee.split('?');
  return `${pathToFileURL(path).href}${query === undefined ? '' : `?${query}`}`;
}

/** @param {readonly string[]} args */
function readArguments(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: 'boolean', default: false },
      listed: { type: 'boolean', default: false },
      fast: { type: 'boolean', default: false },
      fallback: { type: 'boolean', default: false },
      section: { type: 'string', multiple: true, default: [] },
      case: { type: 'string', multiple: true, default: [] },
      role: { type: 'string' },
      testee: { type: 'string', default: 'fullduplex' },
      'deadline-ms': { type: 'string', default: '3000' },
      wire: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const deadlineMs = Number(values['deadline-ms']);
  if (!Number.isInteger(deadlineMs) || deadlineMs < 1) {
    throw new Refusal(`--deadline-ms must be a whole number of milliseconds, not "${values['deadline-ms']}"`);
  }
  const { role } = values;
  if (role !== undefined && role !== 'server' && role !== 'client') {
    throw new Refusal(`--role must be server or client, not "${role}"`);
  }
  /** @type {readonly Role[]} */
  const roles = role === undefined ? ['server', 'client'] : [role];
  if (values.short && values.listed) throw new Refusal('--short and --listed exclude each other');
  /** @type {import('./cases/compression.mjs').Extent} */
  const extent = values.short ? 'short' : values.listed ? 'listed' : 'bounded';
  return { ...values, deadlineMs, roles, forms: formsOf(values), extent };
}

/** Foreign testees have no fallbacks to choose. @param {{ testee: string, fast: boolean, fallback: boolean }} given */
function formsOf({ testee, fast, fallback }) {
  if (testee !== 'fullduplex') {
    if (fallback) throw new Refusal('--fallback is for the testee fullduplex');
    return [fastForm];
  }
  return [...(fallback && !fast ? [] : [fastForm]), ...(fast && !fallback ? [] : [fallbackForm])];
}

/** @param {string} name @param {Role} role @param {Form} form */
async function startTestee(name, role, { variables }) {
  const Testee = role === 'server' ? ServerTestee : ClientTestee;
  const testee = new Testee(moduleOf(name), variables);
  try {
    await testee.start();
    return testee;
  } catch (error) {
    throw new Refusal(`the testee "${name}" does not start as a ${role}: ${String(error)}`);
  }
}

/** @typedef {{ exitCode: number, output: string, errors: string }} Run */

/** @param {readonly string[]} args @returns {Promise<Run>} */
export async function runConformance(args) {
  try {
    return { errors: '', ...(await play(args)) };
  } catch (error) {
    const isUsageError =
      error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    if (!(error instanceof Refusal) && !isUsageError) throw error;
    return { exitCode: 2, output: '', errors: `${error.message}\n${usage}` };
  }
}

/** @param {readonly string[]} args @returns {Promise<Omit<Run, 'errors'>>} */
async function play(args) {
  const given = readArguments(args);
  if (given.help) return { exitCode: 0, output: usage };
  const cases = chooseCases({ extent: given.extent, sections: given.section, ids: given.case });
  if (cases.length === 0) throw new Refusal('no case has this section or id');
  if (given.list) {
    return { exitCode: 0, output: cases.map(({ id }) => id).join('\n') };
  }
  const startedMs = performance.now();
  /** @type {import('./report.mjs').Outcomes} */
  const outcomes = new Map();
  for (const form of given.forms) {
    for (const role of given.roles) {
      const testee = await startTestee(given.testee, role, form);
      outcomes.set(`${role}${form.name}`, await playAll(cases, testee, role, given.deadlineMs));
      await testee.stop();
    }
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const { lines, failed } = reportOf(cases, outcomes, given.wire);
  lines.splice(
    -1,
    0,
    `${given.testee}: ${cases.length} cases as ${[...outcomes.keys()].join(', ')} in ${seconds} s`,
  );
  return { exitCode: failed === 0 ? 0 : 1, output: lines.join('\n') };
}
