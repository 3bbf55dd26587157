// That everyday programs compile against our types as they do against @types/ws: the same sources, with the name of the package
// replaced. Needs dist/ (npm run build).

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const programs = join(here, 'types');
let folder: string;

beforeAll(() => {
  if (!existsSync(join(root, 'dist/ws.d.ts'))) throw new Error('dist/ is missing: npm run build');
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-ws-types-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'fullduplex'));
  symlinkSync(join(root, 'packages/ws'), join(folder, 'node_modules', 'fullduplex-ws'));
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules', '@types'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compile(file: string, source: string): string {
  writeFileSync(join(folder, file), source);
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node'];
  return spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, file], {
    cwd: folder,
    encoding: 'utf8',
  }).stdout;
}

test.each(
  readdirSync(programs).flatMap((name) => [
    [name, 'ws'],
    [name, 'fullduplex/ws'],
  ]),
)(
  '%s compiles against the types of %s',
  (name, packageName) => {
    const source = readFileSync(join(programs, name), 'utf8').replaceAll("'ws'", `'${packageName}'`);
    expect(compile(`${packageName.replace('/', '-')}-${name}`, source)).toBe('');
  },
  90_000,
);

test('a wrong program does not', () => {
  const source =
    "import WebSocket from 'fullduplex/ws';\nnew WebSocket('ws://x').on('close', (code) => code.nonsense);\n";
  expect(compile('wrong.ts', source)).toContain('wrong.ts(2');
}, 90_000);
