// Chooses and prepares the load generator: the C program in c/, compiled once into node_modules/.cache, or the slower
// Node program with a clear word about it. Both take the same arguments and speak the same lines.
import { fileURLToPath } from 'node:url';
import { compileProgram } from '../process/compiler.mjs';

const SOURCES = new URL('c/', import.meta.url);

/** What the program can do when a library is there, and what a workload is told that needs it and has it not. */
const ABILITIES = {
  deflate: {
    flags: ['-DWITH_ZLIB', '-lz'],
    missing: 'the generator was built without zlib (Debian: zlib1g-dev)',
  },
  tls: {
    flags: ['-DWITH_OPENSSL', '-lssl', '-lcrypto'],
    missing: 'the generator was built without OpenSSL (Debian: libssl-dev)',
  },
};

/** @typedef {keyof ABILITIES} Ability */

/** @type {readonly Ability[]} */
const EVERY_ABILITY = ['deflate', 'tls'];

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
  const compiled = kind === 'node' ? { problem: 'as asked by --generator node' } : compile();
  if ('program' in compiled) {
    const { program, compiler, abilities } = compiled;
    return {
      description: `C, ${compiler}`,
      command: program,
      args: [],
      lacks(workload) {
        const lacking = abilitiesFor(workload).find((ability) => !abilities.includes(ability));
        return lacking && ABILITIES[lacking].missing;
      },
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
      workload.kind === 'echo' && abilitiesFor(workload).length === 0
        ? undefined
        : 'the generator in Node does plain echoes only',
  };
}

/**
 * @param {import('../workloads/workload.mjs').Workload} workload
 * @returns {Ability[]}
 */
function abilitiesFor({ deflate, isEncrypted }) {
  return EVERY_ABILITY.filter((ability) => (ability === 'deflate' ? deflate : isEncrypted));
}

/** @returns {{ program: string, compiler: string, abilities: Ability[] } | { problem: string }} */
function compile() {
  let problem = '';
  // With every library that is there: first all, at last none.
  for (const abilities of subsets(EVERY_ABILITY)) {
    const libraries = abilities.flatMap((ability) => ABILITIES[ability].flags);
    const compiled = compileProgram('load', SOURCES, libraries);
    if ('program' in compiled) return { ...compiled, abilities };
    problem = compiled.problem;
  }
  return { problem };
}

/**
 * @param {readonly Ability[]} abilities
 * @returns {Ability[][]} the largest first
 */
function subsets([first, ...rest]) {
  if (first === undefined) return [[]];
  const without = subsets(rest);
  return [...without.map((some) => [first, ...some]), ...without].toSorted((a, b) => b.length - a.length);
}
