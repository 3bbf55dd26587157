// The runtimes: which there are, and their programs, installed when they are first asked for. They are plain packages with a
// lock file of their own, because nobody wants 780 MB for `npm ci`.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../tools/runtimes', import.meta.url));
const marker = join(folder, 'node_modules', '.package-lock.json');

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {'node' | 'bun' | 'deno'} kind
 * @property {readonly string[]} command what a script's path follows
 */

/** @param {string} name */
function program(name) {
  return join(folder, 'node_modules', name);
}

/** @type {readonly Runtime[]} */
const others = [
  { name: 'Node 22', kind: 'node', command: [program('node22/bin/node')] },
  { name: 'Node 24', kind: 'node', command: [program('node24/bin/node')] },
  { name: 'Node 26', kind: 'node', command: [program('node26/bin/node')] },
  { name: 'Bun', kind: 'bun', command: [program('@oven/bun-linux-x64/bin/bun')] },
  { name: 'Deno', kind: 'deno', command: [program('@deno/linux-x64-glibc/deno'), 'run', '-A', '--quiet'] },
];

// What npm wrote down about an installation has to be what the lock file asks for.
function isInstalled() {
  if (!existsSync(marker)) return false;
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(readFileSync(marker, 'utf8')).packages;
  return Object.keys(wanted).every((path) => path === '' || found[path]?.version === wanted[path].version);
}

/** Gives the runtimes, this Node among them; installs what is missing. @returns {readonly Runtime[]} */
export function installedRuntimes() {
  if (!isInstalled()) {
    console.log('installing the runtimes: some 780 MB, once');
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      stdio: 'inherit',
    });
  }
  const [major] = process.versions.node.split('.');
  return [{ name: `Node ${major}`, kind: 'node', command: [process.execPath] }, ...others];
}
