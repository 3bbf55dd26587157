// Things that take a while to make (compiled programs, downloads), made on first use in node_modules/.cache and again
// only when what they are made of changes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CACHE = new URL('../../node_modules/.cache/fullduplex-bench/', import.meta.url);

/**
 * @typedef {object} Step
 * @property {string} command
 * @property {string[]} args
 * @property {string} [cwd]
 * @property {Record<string, string>} [environment] beside what this process has
 */

/**
 * @param {string} name
 * @param {readonly (string | Buffer)[]} ingredients everything that the result depends on
 * @param {(folder: string) => readonly Step[]} steps run one after the other to fill the folder
 * @returns {{ folder: string } | { problem: string }}
 */
export function cachedBuild(name, ingredients, steps) {
  const hash = createHash('sha256');
  for (const ingredient of ingredients) hash.update(ingredient).update('\n');
  const folder = fileURLToPath(new URL(`${name}-${hash.digest('hex').slice(0, 16)}`, CACHE));
  if (existsSync(folder)) return { folder };
  // Renamed when complete, so that two benches starting together never run half a program.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  for (const { command, args, cwd, environment } of steps(unfinished)) {
    const env = { ...process.env, ...environment };
    const run = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
    if (run.status === 0) continue;
    rmSync(unfinished, { recursive: true });
    const said = (run.error?.message ?? (run.stderr || run.stdout)).trim().slice(0, 400);
    return { problem: `${command} failed: ${said}` };
  }
  // Another bench may have been faster; what it made is the same.
  if (existsSync(folder)) rmSync(unfinished, { recursive: true });
  else renameSync(unfinished, folder);
  return { folder };
}

/**
 * The first line that a program says to `args`; nothing if it is not installed.
 * @param {string} command
 * @param {...string} args
 */
export function firstLineOf(command, ...args) {
  const run = spawnSync(command, args, { encoding: 'utf8' });
  return run.status === 0 ? run.stdout.split('\n')[0] : undefined;
}
