// Those that carry a copy of ws inside of them, beside the drop-in on one HTTP server: Vite with its hot module replacement, and
// Playwright, which drives a Chromium through a relay made of our server and client.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { chromium } from 'playwright-core';
import { createServer as createVite } from 'vite';
import { afterEach, expect, test, type TestContext } from 'vitest';
import { WebSocket, WebSocketServer } from '../../src/ws.ts';
import { chromiumPath } from '../chromium.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Site {
  readonly url: string;
  readonly webSocketUrl: string;
  /** Paths of ours; all others are Vite's. */
  readonly paths: Map<string, WebSocketServer>;
}

/** A page served by Vite, whose HTTP server we share. */
async function startSite(): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), 'fullduplex-vite-'));
  cleanups.push(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(
    join(root, 'index.html'),
    '<title>page</title><script type="module" src="/main.js"></script>',
  );
  writeFileSync(join(root, 'main.js'), 'document.title = "loaded";\n');
  const http = createServer();
  const vite = await createVite({
    root,
    configFile: false,
    logLevel: 'silent',
    appType: 'spa',
    server: { middlewareMode: true, hmr: { server: http } },
  });
  cleanups.push(() => vite.close());
  http.on('request', vite.middlewares);
  const echo = new WebSocketServer({ noServer: true });
  echo.on('connection', (socket) => socket.on('message', (data) => socket.send(data, { binary: false })));
  const paths = new Map([['/app', echo]]);
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const server = paths.get(request.url ?? '');
    server?.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanups.push(() => {
    http.close();
    http.closeAllConnections();
  });
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, webSocketUrl: `ws://127.0.0.1:${port}`, paths };
}

function connect(url: string, protocols: string[] = []): WebSocket {
  const socket = new WebSocket(url, protocols);
  cleanups.push(() => socket.terminate());
  return socket;
}

test('Vite keeps its hot module replacement on the HTTP server that both use', async () => {
  const { url, webSocketUrl } = await startSite();
  const client = await (await fetch(`${url}/@vite/client`)).text();
  const [, token = ''] = /wsToken = "([^"]+)"/.exec(client) ?? [];
  const hmr = connect(`${webSocketUrl}/?token=${token}`, ['vite-hmr']);
  const [connected] = await once(hmr, 'message');
  expect([hmr.protocol, JSON.parse(String(connected))]).toEqual(['vite-hmr', { type: 'connected' }]);
  const app = connect(`${webSocketUrl}/app`);
  await once(app, 'open');
  app.send('hello');
  expect(String((await once(app, 'message'))[0])).toBe('hello');
  hmr.send('{"type":"ping"}');
  expect(hmr.readyState).toBe(WebSocket.OPEN);
});

/** Starts Chromium; gives where its debugger listens. */
async function startChromium(): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'fullduplex-chromium-'));
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
  ];
  const browser = spawn(
    chromiumPath,
    [...flags, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  // Not its exit: what it started holds its stderr, and writes into the profile until it is gone too.
  const gone = once(browser, 'close');
  cleanups.push(async () => {
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    await gone;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  });
  let said = '';
  return new Promise((resolve, reject) => {
    browser.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      const [, endpoint] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (endpoint !== undefined) resolve(endpoint);
    });
    browser.once('close', () => reject(new Error(`Chromium did not start: ${said}`)));
  });
}

test('Playwright drives a browser over the drop-in, on a page of Vite that uses it too', async (context: TestContext) => {
  if (!existsSync(chromiumPath)) {
    const hint = `${chromiumPath} is missing: apt-get install chromium`;
    if (process.env['CI'] !== undefined) expect.fail(hint);
    context.skip(hint);
  }
  const { url, webSocketUrl, paths } = await startSite();
  const endpoint = await startChromium();
  const relay = new WebSocketServer({ noServer: true, maxPayload: 0 });
  let relayed = 0;
  relay.on('connection', (playwright) => {
    const target = new WebSocket(endpoint, { perMessageDeflate: false, maxPayload: 0 });
    const early: string[] = [];
    playwright.on('message', (data) => {
      relayed++;
      if (target.readyState === WebSocket.OPEN) target.send(String(data));
      else early.push(String(data));
    });
    target.on('open', () => {
      for (const message of early) target.send(message);
    });
    target.on('message', (data) => playwright.send(String(data)));
    target.on('close', () => playwright.close());
    playwright.on('close', () => target.close());
  });
  paths.set('/devtools', relay);
  const browser = await chromium.connectOverCDP(`${webSocketUrl}/devtools`);
  cleanups.push(() => browser.close());
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.waitForFunction('document.title === "loaded"');
  const echoed = await page.evaluate(
    (target) =>
      new Promise((resolve) => {
        const socket = new globalThis.WebSocket(target);
        socket.onopen = () => socket.send('from the page');
        socket.onmessage = ({ data }) => resolve(data);
      }),
    `${webSocketUrl}/app`,
  );
  expect(echoed).toBe('from the page');
  expect(relayed).toBeGreaterThan(10);
}, 90_000);
