// Chooses and prepares the load generator: the C program in c/, compiled once into node_modules/.cache, or the slower
// Node program with a clear word about it. Both take the same arguments and speak the same lines.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCES = new URL('c/', import.meta.url);
const CACHE = new URL('../../node_modules/.cache/fullduplex-bench/', import.meta.url);
const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra'];
const COMPILERS = ['cc', 'gcc', 'clang'];

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

/** @returns {{ program: string, compiler: string } | { problem: string }} */
function compile() {
  if (process.platform !== 'linux') return { problem: 'it needs epoll, which is Linux only' };
  const found = [process.env.CC, ...COMPILERS].flatMap((name) => {
    const version = name ? spawnSync(name, ['--version'], { encoding: 'utf8' }) : undefined;
    return name && version?.status === 0 ? [{ name, version: version.stdout.split('\n')[0] }] : [];
  });
  if (found.length === 0) return { problem: `no C compiler found (tried ${COMPILERS.join(', ')})` };
  const [{ name, version }] = found;
  const hash = createHash('sha256').update([version, ...FLAGS].join('\n'));
  const sources = readdirSync(SOURCES).toSorted();
  for (const source of sources) hash.update(readFileSync(new URL(source, SOURCES)));
  const program = fileURLToPath(new URL(`load-${hash.digest('hex').slice(0, 16)}`, CACHE));
  if (!existsSync(program)) {
    mkdirSync(CACHE, { recursive: true });
    // Renamed when complete, so that two benches starting together never run half a program.
    const unfinished = `${program}.${process.pid}`;
    const units = sources.filter((source) => source.endsWith('.c'));
    const built = spawnSync(name, [...FLAGS, '-o', unfinished, ...units], {
      encoding: 'utf8',
      cwd: fileURLToPath(SOURCES),
    });
    if (built.status !== 0) return { problem: `${name} failed: ${built.stderr.trim().slice(0, 400)}` };
    renameSync(unfinished, program);
  }
  return { program, compiler: version };
}
