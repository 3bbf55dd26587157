// Small C programs of the bench, compiled on first use into node_modules/.cache and again only when their source, the
// compiler or its flags change.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CACHE = new URL('../../node_modules/.cache/fullduplex-bench/', import.meta.url);
const FLAGS = ['-O2', '-std=gnu11', '-Wall', '-Wextra'];
const COMPILERS = ['cc', 'gcc', 'clang'];

/**
 * @param {string} name of the program
 * @param {URL} directory with all of its sources, ending in a slash
 * @param {readonly string[]} [libraries] further flags for the compiler
 * @returns {{ program: string, compiler: string } | { problem: string }}
 */
export function compileProgram(name, directory, libraries = []) {
  if (process.platform !== 'linux') return { problem: 'it needs epoll, which is Linux only' };
  const found = [process.env.CC, ...COMPILERS].flatMap((command) => {
    const version = command ? spawnSync(command, ['--version'], { encoding: 'utf8' }) : undefined;
    return command && version?.status === 0 ? [{ command, version: version.stdout.split('\n')[0] }] : [];
  });
  if (found.length === 0) return { problem: `no C compiler found (tried ${COMPILERS.join(', ')})` };
  const [{ command, version }] = found;
  const hash = createHash('sha256').update([version, ...FLAGS, ...libraries].join('\n'));
  const sources = readdirSync(directory).toSorted();
  for (const source of sources) hash.update(readFileSync(new URL(source, directory)));
  const program = fileURLToPath(new URL(`${name}-${hash.digest('hex').slice(0, 16)}`, CACHE));
  if (!existsSync(program)) {
    mkdirSync(CACHE, { recursive: true });
    // Renamed when complete, so that two benches starting together never run half a program.
    const unfinished = `${program}.${process.pid}`;
    const units = sources.filter((source) => source.endsWith('.c'));
    const cwd = fileURLToPath(directory);
    const args = [...FLAGS, '-o', unfinished, ...units, ...libraries];
    const built = spawnSync(command, args, { encoding: 'utf8', cwd });
    if (built.status !== 0) return { problem: `${command} failed: ${built.stderr.trim().slice(0, 400)}` };
    renameSync(unfinished, program);
  }
  return { program, compiler: version };
}
