// Chooses and prepares the load generator: the C program in c/, compiled once into node_modules/.cache, or the slower
// Node program with a clear word about it. Both take the same arguments and speak the same lines.
import { fileURLToPath } from 'node:url';
import { compileProgram } from '../process/compiler.mjs';

const SOURCES = new URL('c/', import.meta.url);

/**
 * @typedef {object} Generator
 * @property {string} description
 * @property {string} command
 * @property {string[]} args
 * @property {string} [warning] why figures are less good than they could be
 * @property {(workload: import('../workloads/workload.mjs').Workload) => string | undefined} lacks
 *   what is missing for a workload; nothing if it can be run
 */

/**
 * @param {'auto' | 'c' | 'node'} kind
 * @returns {Generator}
 */
export function prepareGenerator(kind) {
  const compiled =
    kind === 'node' ? { problem: 'as asked by --generator node' } : compileProgram('load', SOURCES);
  if ('program' in compiled) {
    return {
      description: `C, ${compiled.compiler}`,
      command: compiled.program,
      args: [],
      lacks: () => undefined,
    };
  }
  if (kind === 'c') throw new Error(`the C load generator cannot be built: ${compiled.problem}`);
  return {
    description: `Node ${process.version}`,
    command: process.execPath,
    args: [fileURLToPath(new URL('load.mjs', import.meta.url))],
    warning:
      `the load generator runs in Node (${compiled.problem}): it costs about as much as the servers, ` +
      'so throughput is bounded by it; CPU per message still compares. Debian: apt install gcc libc6-dev',
    lacks: (workload) =>
      workload.kind === 'echo' ? undefined : `the generator in Node knows no ${workload.kind}`,
  };
}
