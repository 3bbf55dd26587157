// The forms in which the drop-in can be had: by its own name and through the package that stands in for ws, with import and with
// require. Needs dist/ (npm run build).

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let folder: string;

beforeAll(() => {
  if (!existsSync(join(root, 'dist/ws.js'))) throw new Error('dist/ is missing: npm run build');
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-ws-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'fullduplex'));
  mkdirSync(join(folder, 'node_modules', 'ws'));
  for (const name of ['package.json', 'index.cjs', 'index.mjs'])
    symlinkSync(join(root, 'packages/ws', name), join(folder, 'node_modules', 'ws', name));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(type: 'module' | 'commonjs', source: string): unknown {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--preserve-symlinks', `--input-type=${type}`, '-e', source],
    { cwd: folder, encoding: 'utf8' },
  );
  expect(stderr.replace(/.*ExperimentalWarning.*\n.*\n/, '')).toBe('');
  return JSON.parse(stdout);
}

describe.each(['fullduplex/ws', 'ws'])('%s', (name) => {
  test('gives the class to require, with all else as its members', () => {
    const shape = run(
      'commonjs',
      `const WebSocket = require('${name}');
       console.log(JSON.stringify([WebSocket.name, typeof WebSocket, new WebSocket(null) instanceof WebSocket,
         WebSocket.WebSocket === WebSocket, WebSocket.Server === WebSocket.WebSocketServer, WebSocket.OPEN,
         typeof WebSocket.createWebSocketStream, typeof WebSocket.Sender.frame, '__esModule' in WebSocket]));`,
    );
    expect(shape).toEqual(['WebSocket', 'function', true, true, true, 1, 'function', 'function', false]);
  });

  test('gives the class and the names to import', () => {
    const shape = run(
      'module',
      `import WebSocket, * as all from '${name}';
       import { createWebSocketStream, Server, WebSocket as Same, WebSocketServer } from '${name}';
       console.log(JSON.stringify([WebSocket === Same, WebSocketServer === WebSocket.Server, Server === WebSocketServer,
         typeof createWebSocketStream, typeof all.Sender]));`,
    );
    expect(shape).toEqual([true, true, true, 'function', 'function']);
  });

  test('is one class however it is loaded', () => {
    const isSame = run(
      'module',
      `import { createRequire } from 'node:module';
       import WebSocket from '${name}';
       console.log(JSON.stringify(createRequire(process.cwd() + '/x.js')('${name}') === WebSocket));`,
    );
    expect(isSame).toBe(true);
  });
});

test('the package that stands in for ws has the version of ours and nothing of its own', () => {
  const read = (path: string): { version: string; dependencies?: Record<string, string> } =>
    JSON.parse(readFileSync(join(root, path), 'utf8'));
  const [own, small] = [read('package.json'), read('packages/ws/package.json')];
  expect(small.version).toBe(own.version);
  expect(small.dependencies).toEqual({ fullduplex: own.version });
  expect(readFileSync(join(root, 'docs/migrating-from-ws.md'), 'utf8')).toContain(
    `npm:fullduplex-ws@${own.version}`,
  );
});

test('no shipped module waits at its top level, so that all can be required', () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['-e', "require('fullduplex'); require('fullduplex/ws'); console.log('required')"],
    { cwd: folder, encoding: 'utf8' },
  );
  expect(stderr).not.toContain('ERR_REQUIRE_ASYNC_MODULE');
  expect(stdout).toBe('required\n');
});
