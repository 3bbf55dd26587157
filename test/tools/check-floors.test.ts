import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function check(files: Record<string, string>): { status: number | null; output: string } {
  const source = mkdtempSync(join(tmpdir(), 'floors-'));
  folders.push(source);
  for (const [place, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, place)), { recursive: true });
    writeFileSync(join(source, place), text);
  }
  const run = spawnSync(process.execPath, [join(root, 'tools/check-floors.mjs'), source], {
    encoding: 'utf8',
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

test('a tree whose imports all point downwards passes', () => {
  const result = check({
    'base/bytes.ts': 'export const one = 1;',
    'protocol/frame.ts': "import { one } from '../base/bytes.ts';\nexport const two = one + 1;",
    'node/socket.ts':
      "import net from 'node:net';\nexport { two } from '../protocol/frame.ts';\nexport { net };",
  });
  expect(result.output).toContain('3 modules, 0 wrong imports');
  expect(result.status).toBe(0);
});

test.each([
  ['an import of a floor above', 'base/a.ts', "import { x } from '../protocol/b.ts';"],
  ['a type import of a floor above', 'connection/a.ts', "import type { X } from '../server/b.ts';"],
  ['an import over several lines', 'protocol/a.ts', "import {\n  x,\n  y,\n} from '../connection/b.ts';"],
  ['a re-export of a floor above', 'protocol/handshake/a.ts', "export { x } from '../../server/b.ts';"],
  ['a dynamic import of a floor above', 'server/a.ts', "const x = await import('../node/b.ts');"],
  ['an import for its effects', 'whatwg/a.ts', "import '../node/b.ts';"],
  ['a node module on a portable floor', 'server/a.ts', "import net from 'node:net';"],
  ['a node module without its prefix', 'protocol/a.ts', "import net from 'net';"],
  ['a node module on the floor of another platform', 'bun/a.ts', "import net from 'node:net';"],
  ['an import of another platform', 'deno/a.ts', "import { x } from '../bun/b.ts';"],
  ['an import of Node on the floor of Workers', 'workers/a.ts', "import { x } from '../node/b.ts';"],
  ['a package in the library', 'node/a.ts', "import ws from 'ws';"],
  ['an import from outside the sources', 'node/a.ts', "import x from '../../outside.ts';"],
  ['a file on no floor', 'somewhere/a.ts', 'export {};'],
])('%s fails', (_, place, text) => {
  const result = check({ [place]: text });
  expect(result.output).toContain('1 wrong imports');
  expect(result.status).toBe(1);
});

test('finding no modules fails', () => {
  const result = check({});
  expect(result.output).toContain('no modules found');
  expect(result.status).toBe(1);
});

test('the library keeps its floors', () => {
  const run = spawnSync(process.execPath, [join(root, 'tools/check-floors.mjs')], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
});
