// Builds dist/ from src/: compiled by tsc, the pages and styles beside it copied.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
const compiler = join(dirname(manifest), 'bin', 'tsc');

rmSync(dist, { recursive: true, force: true });
try {
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
} catch {
  // The compiler has said what is wrong.
  process.exit(1);
}
const copied = new Set(['.html', '.css', '.svg']);
cpSync(join(root, 'src'), dist, {
  recursive: true,
  filter: (path) => extname(path) === '' || copied.has(extname(path)),
});
const command = join(dist, 'cli', 'main.js');
if (existsSync(command)) chmodSync(command, 0o755);
