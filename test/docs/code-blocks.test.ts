// Runs every code block of the documentation. `ts server` blocks are started and stay up for the blocks behind them in
// the same file, `ts alone` blocks are started and ended once they have printed a line; `ts` blocks have to end by
// themselves with exit code 0; `html` blocks are loaded in Chromium; `sh` lines have to name commands that exist. All `ts`
// blocks are also compiled under strict settings. Settings of proxies and services: test/interop and test/docs/deploy.test.ts.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
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
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as connectSocket, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, launchChromium } from '../chromium.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Block {
  readonly language: string;
  readonly role: string;
  readonly line: number;
  readonly text: string;
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const pattern = /^```(\S*)[ \t]*(.*)\n([\s\S]*?)^```[ \t]*$/gm;
  for (const match of markdown.matchAll(pattern)) {
    const line = markdown.slice(0, match.index).split('\n').length;
    blocks.push({ language: match[1], role: match[2].trim(), line, text: match[3] });
  }
  return blocks;
}

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: blocksOf(readFileSync(join(root, name), 'utf8')) }))
  .filter(({ blocks }) => blocks.length > 0);

// What the blocks import beside the library.
const frameworks = [
  '@hono/node-server',
  '@types',
  'express',
  'fastify',
  'hono',
  'react',
  'tough-cookie',
  'vite',
];
const settings = ['nginx', 'haproxy', 'caddy', 'apache', 'ini'];

let folder: string;
let port: number;
const children: ChildProcess[] = [];
const pages: Server[] = [];

async function freePort(): Promise<number> {
  const probe = createTcpServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-docs-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'fullduplex'));
  for (const name of frameworks) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const page of pages.splice(0)) page.closeAllConnections();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;

function fileOf(text: string, extension: string): string {
  const file = join(folder, `block-${count++}.${extension}`);
  writeFileSync(file, text.replaceAll('8080', String(port)));
  return file;
}

async function startServer(text: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileOf(text, 'mjs')], { cwd: folder });
  children.push(child);
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      if (output.includes('\n')) resolve();
    });
    child.stderr.on('data', (chunk) => {
      output += String(chunk);
    });
    child.on('exit', () => reject(new Error(`the server ended: ${output}`)));
  });
  return child;
}

async function runAlone({ text }: Block): Promise<void> {
  const used = port;
  port = await freePort();
  (await startServer(text)).kill('SIGKILL');
  port = used;
}

async function runToEnd({ text, line }: Block): Promise<void> {
  const child = spawn(process.execPath, [fileOf(text, 'mjs')], { cwd: folder });
  const deadline = setTimeout(() => child.kill(), 15_000);
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  clearTimeout(deadline);
  expect(code, `the block at line ${line} did not end with 0 within 15 s: ${output}`).toBe(0);
}

// Serves the page with the library below /lib/ and joins WebSocket requests through to the example's server, so that
// `location.host` in the example is the host of both.
async function loadPage(html: string): Promise<string> {
  const importMap =
    '<script type="importmap">{ "imports": { "fullduplex": "/lib/index.browser.js" } }</script>';
  const page = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = join(root, 'dist', path.slice('/lib/'.length));
    if (path.startsWith('/lib/') && existsSync(file)) {
      response.setHeader('Content-Type', extname(file) === '.js' ? 'text/javascript' : 'text/plain');
      response.end(readFileSync(file));
    } else {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><html><head>${importMap}</head><body>${html}</body></html>`);
    }
  });
  page.on('upgrade', (request, socket, head) => {
    const upstream = connectSocket(port, '127.0.0.1');
    const lines = request.rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [`${name}: ${request.rawHeaders[index + 1]}`] : [],
    );
    upstream.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) end.on('error', () => socket.destroy());
  });
  pages.push(page);
  page.listen(0, '127.0.0.1');
  await new Promise((resolve) => page.once('listening', resolve));
  const { port: pagePort }: AddressInfo = page.address() as AddressInfo;
  const browser = await launchChromium();
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${pagePort}/`);
    await tab.waitForFunction(() => document.body.innerText.includes('hello'));
    return await tab.innerText('body');
  } finally {
    await browser.close();
  }
}

test('there are blocks to run', () => {
  const languages = documents.flatMap(({ blocks }) => blocks.map(({ language }) => language));
  expect(languages.filter((language) => language === 'ts').length).toBeGreaterThan(8);
  for (const language of languages)
    expect(['ts', 'html', 'sh', 'console', 'text', 'json', 'http', ...settings]).toContain(language);
});

describe.each(documents)('$name', ({ blocks }) => {
  const code = blocks.filter(({ language }) => language === 'ts');

  test.runIf(code.length > 0)(
    'every block runs',
    async () => {
      port = await freePort();
      for (const block of blocks) {
        if (block.language === 'ts' && block.role === 'server') await startServer(block.text);
        else if (block.language === 'ts' && block.role === 'alone') await runAlone(block);
        else if (block.language === 'ts') await runToEnd(block);
      }
    },
    120_000,
  );

  test.runIf(code.length > 0)(
    'every block compiles under strict settings',
    () => {
      const files = code.map(({ text }) => fileOf(text, 'ts'));
      const run = spawnSync(
        process.execPath,
        [
          join(root, 'node_modules/typescript/bin/tsc'),
          '--noEmit',
          '--strict',
          '--module',
          'nodenext',
          '--target',
          'es2022',
          '--lib',
          'es2023,esnext.disposable,dom,dom.iterable,dom.asynciterable',
          '--typeRoots',
          join(root, 'node_modules/@types'),
          '--types',
          'node',
          ...files,
        ],
        { cwd: folder, encoding: 'utf8' },
      );
      expect(run.stdout).toBe('');
    },
    60_000,
  );

  const html = blocks.filter(({ language }) => language === 'html');
  const hasChromium = existsSync(chromiumPath);
  if (html.length > 0 && !hasChromium && process.env['CI'] === undefined) {
    test.skip('a page in Chromium: apt-get install chromium', () => undefined);
  }
  test.runIf(html.length > 0 && (hasChromium || process.env['CI'] !== undefined))(
    'every page works in Chromium (apt-get install chromium)',
    async () => {
      port = await freePort();
      const [server] = blocks.filter(({ role }) => role === 'server');
      await startServer(server.text);
      for (const { text } of html) expect(await loadPage(text)).toContain('hello from');
    },
    60_000,
  );

  const shell = blocks.flatMap(({ language, text }) => {
    if (language === 'sh') return [text];
    return language === 'console'
      ? [[...text.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line).join('\n')]
      : [];
  });
  test.runIf(shell.length > 0)('every command exists', () => {
    const manifest: { scripts: Record<string, string>; bin: Record<string, string> } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    );
    const known = [
      /^npm ci$/,
      /^npm start$/,
      /^npm test$/,
      /^npm install fullduplex$/,
      /^curl /,
      /^node examples\//,
    ];
    for (const text of shell) {
      for (const command of text.split(/\n|&&|\|/).map((part) => part.trim())) {
        if (command === '' || command.startsWith('#')) continue;
        const script = /^npm run (\S+)/.exec(command)?.[1];
        const bin = /^(?:npx )?(fullduplex)\b/.exec(command)?.[1];
        const isKnown =
          (script !== undefined && script in manifest.scripts) ||
          (bin !== undefined && bin in manifest.bin) ||
          /^(echo|printf|cat|seq|head|tail|wc|grep) /.test(command) ||
          known.some((pattern) => pattern.test(command));
        expect(isKnown, command).toBe(true);
      }
    }
  });
});
