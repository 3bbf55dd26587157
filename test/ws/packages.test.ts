// Real packages on the drop-in, put in the place of ws as a user does it: a project with `overrides`, installed by npm. What is
// installed is kept in node_modules/.cache; our own two packages are packed and unpacked anew each time. Needs dist/ (npm run
// build), and the npm registry when nothing is kept.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { chromiumPath } from '../chromium.ts';

const here = join(dirname(fileURLToPath(import.meta.url)), 'packages');
const root = dirname(dirname(dirname(here)));
const browserProgram = 'puppeteer-core.mjs';
const programs = readdirSync(here).filter(
  (name) => name.endsWith('.mjs') && name !== 'stage.mjs' && name !== browserProgram,
);

const manifest = readFileSync(join(here, 'package.json'), 'utf8');
const key = createHash('sha256').update(manifest).digest('hex').slice(0, 16);
const folder = join(root, 'node_modules', '.cache', 'fullduplex-ws-packages', key);

function npm(parameters: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync('npm', parameters, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${parameters.join(' ')} failed: ${stderr}`);
  return stdout.trim();
}

// Under a name without the version, which the project there asks for.
function pack(packageFolder: string, tarball: string): void {
  const options = ['--silent', '--ignore-scripts', '--pack-destination', folder];
  renameSync(join(folder, npm(['pack', ...options], packageFolder)), join(folder, tarball));
}

beforeAll(() => {
  if (!existsSync(join(root, 'dist/ws.js'))) throw new Error('dist/ is missing: npm run build');
  mkdirSync(folder, { recursive: true });
  pack(root, 'fullduplex.tgz');
  pack(join(root, 'packages/ws'), 'ws.tgz');
  writeFileSync(join(folder, 'package.json'), manifest);
  const isInstalled = join(folder, 'installed');
  if (!existsSync(isInstalled)) {
    // The checksums of our tarballs change with every build.
    rmSync(join(folder, 'package-lock.json'), { force: true });
    npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], folder);
    writeFileSync(isInstalled, '');
  }
  for (const name of ['fullduplex', 'ws']) {
    const target = join(folder, 'node_modules', name);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    execFileSync('tar', ['-xzf', join(folder, `${name}.tgz`), '-C', target, '--strip-components=1']);
  }
  for (const name of readdirSync(here))
    if (name.endsWith('.mjs')) copyFileSync(join(here, name), join(folder, name));
}, 300_000);

// What types of packages ask of ours.
const typedProgram = `import websocket, { type WebSocket as FastifySocket } from '@fastify/websocket';
import { WsAdapter } from '@nestjs/platform-ws';
import fastify from 'fastify';
import { useServer } from 'graphql-ws/use/ws';
import { Server } from 'socket.io';
import WebSocket, { WebSocketServer } from 'ws';

const app = fastify();
void app.register(websocket, { options: { maxPayload: 1 } });
app.get('/', { websocket: true }, (socket: FastifySocket, request) => {
  socket.on('message', (data, isBinary) => socket.send(data.toString() + request.url, { binary: isBinary }));
});
const server = new WebSocketServer({ noServer: true });
useServer({ schema: undefined as never }, server);
new Server({ wsEngine: WebSocketServer });
const client: WebSocket.WebSocket = new WebSocket('ws://127.0.0.1');
console.log(WsAdapter, client);
`;

describe('on the drop-in, by overrides', () => {
  test('the types of packages go with ours', () => {
    mkdirSync(join(folder, 'program'), { recursive: true });
    writeFileSync(join(folder, 'program/program.ts'), typedProgram);
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck', '--target', 'es2022'];
    const modules = [
      '--module',
      'nodenext',
      '--typeRoots',
      join(root, 'node_modules/@types'),
      '--types',
      'node',
    ];
    const { stdout } = spawnSync(process.execPath, [compiler, ...options, ...modules, 'program/program.ts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  }, 60_000);

  test('ws is nowhere but ours', () => {
    const { name } = JSON.parse(readFileSync(join(folder, 'node_modules/ws/package.json'), 'utf8')) as {
      name: string;
    };
    expect(name).toBe('fullduplex-ws');
    const isBelow = ['-path', 'node_modules/ws', '-o', '-path', '*/node_modules/ws'];
    const { stdout } = spawnSync('find', ['node_modules', ...isBelow], { cwd: folder, encoding: 'utf8' });
    expect(stdout.trim()).toBe('node_modules/ws');
  });

  function run(program: string, parameters: string[] = []): void {
    const options = { cwd: folder, encoding: 'utf8' } as const;
    const { stdout, stderr } = spawnSync(process.execPath, [program, ...parameters], options);
    expect({
      stdout: stdout.trim().split('\n').at(-1),
      stderr: stdout.endsWith('done\n') ? '' : stderr,
    }).toEqual({
      stdout: 'done',
      stderr: '',
    });
  }

  test.each(programs)('%s runs', (program) => run(program), 60_000);

  test(`${browserProgram} runs`, (context: TestContext) => {
    if (!existsSync(chromiumPath)) {
      const hint = `${chromiumPath} is missing: apt-get install chromium`;
      if (process.env['CI'] !== undefined) expect.fail(hint);
      context.skip(hint);
    }
    run(browserProgram, [chromiumPath]);
  }, 60_000);
});
