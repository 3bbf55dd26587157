// The same networks with a page in real Chromium, served through the proxy from the server itself, as pages are.

import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, expect, test, type TestContext } from 'vitest';
import type { RealtimeServer } from '../../../src/node/realtime/realtime-server.ts';
import { serveRealtime } from '../../../src/node/realtime/serve-realtime.ts';
import type { HubOptions } from '../../../src/realtime.ts';
import { launchChromium } from '../../chromium.ts';
import { requireChromium, servePage } from '../page-server.ts';
import { type NewsHub, newsHub, type ServerSettings } from './meeting.ts';
import {
  BufferingProxy,
  type HostileProxy,
  IdleCuttingProxy,
  KillingProxy,
  StrippingProxy,
} from './proxies.ts';

const own = fileURLToPath(new URL('page', import.meta.url));
const html = '<!doctype html><title>news</title><script type="module" src="/follow.mjs"></script>';

let browser: Promise<Browser> | undefined;

afterAll(async () => {
  await (await browser)?.close();
});

/** What the page notes (page/follow.mjs). */
interface Notes {
  readonly items: number[];
  readonly gaps: unknown[];
  readonly states: string[];
  status(): string;
  transport(): string | undefined;
  add(first: number, second: number): Promise<unknown>;
}

declare global {
  var news: Notes;
  var follow: (options: object) => void;
}

interface PageScene {
  readonly page: Page;
  readonly hub: NewsHub;
  readonly proxy: HostileProxy;
  readonly server: RealtimeServer;
}

function testInChromium(
  name: string,
  makeProxy: (port: number) => Promise<HostileProxy>,
  options: {
    readonly hub?: HubOptions;
    readonly server?: ServerSettings;
    readonly client: object;
  },
  run: (scene: PageScene) => Promise<void>,
): void {
  test(name, { timeout: 60_000 }, async (context: TestContext) => {
    requireChromium(context);
    browser ??= launchChromium();
    const files = await servePage(html, own);
    const hub = newsHub({ allowedOrigins: 'same-origin', ...options.hub });
    const server = await serveRealtime(hub, { ...options.server, server: files.http });
    const proxy = await makeProxy(server.port);
    const page = await (await browser).newPage();
    try {
      await page.goto(`http://127.0.0.1:${proxy.port}/`);
      await page.evaluate((client) => follow(client), options.client);
      await run({ page, hub, proxy, server });
    } finally {
      await page.close();
      await proxy[Symbol.asyncDispose]();
      await server.close({ timeoutMs: 0 });
      await hub.close();
      files.close();
    }
  });
}

async function opened(page: Page, transport: string): Promise<void> {
  await expect
    .poll(() => page.evaluate(() => `${news.transport()} ${news.status()}`), { timeout: 20_000 })
    .toBe(`${transport} subscribed`);
}

async function hears({ page, hub }: PageScene, from: number, upTo: number): Promise<void> {
  for (let item = from; item <= upTo; item++) await hub.channel('news').publish('item', item);
  await expect.poll(() => page.evaluate(() => news.items.at(-1)), { timeout: 20_000 }).toBe(upTo);
  expect(await page.evaluate(() => news.items)).toEqual(
    Array.from({ length: upTo }, (_, index) => index + 1),
  );
  expect(await page.evaluate(() => news.gaps)).toEqual([]);
}

const opens = (page: Page): Promise<number> =>
  page.evaluate(() => news.states.filter((state) => state.startsWith('open')).length);

testInChromium(
  'in Chromium, where proxies strip Upgrade, the client streams, and stays there',
  (port) => new StrippingProxy(port).listen(),
  { client: { upgradeIntervalMs: 100 } },
  async (scene) => {
    const { page, proxy } = scene;
    await opened(page, 'stream');
    await hears(scene, 1, 20);
    expect(await page.evaluate(() => news.add(1, 2))).toBe(3);
    await expect.poll(() => proxy.upgrades, { timeout: 20_000 }).toBeGreaterThan(4);
    await hears(scene, 21, 25);
    expect(await opens(page)).toBe(1);
    expect(await page.evaluate(() => news.transport())).toBe('stream');
  },
);

testInChromium(
  'in Chromium, where connections are killed 300 ms after the 101, the client streams, and stays there',
  (port) => new KillingProxy(port, 300).listen(),
  { client: { upgradeIntervalMs: 200 } },
  async (scene) => {
    const { page, proxy } = scene;
    await opened(page, 'stream');
    await hears(scene, 1, 20);
    const before = await opens(page);
    await expect.poll(() => proxy.upgrades, { timeout: 20_000 }).toBeGreaterThan(4);
    await hears(scene, 21, 25);
    expect(await opens(page)).toBe(before);
    expect(await page.evaluate(() => news.transport())).toBe('stream');
  },
);

testInChromium(
  'in Chromium, where responses are held back until they are complete, the client polls, and stays there',
  (port) => new BufferingProxy(port).listen(),
  { client: { streamTimeoutMs: 500, upgradeIntervalMs: 100 }, server: { pollHoldMs: 200 } },
  async (scene) => {
    const { page, proxy } = scene;
    await opened(page, 'poll');
    for (let round = 0; round < 5; round++) await hears(scene, round * 4 + 1, round * 4 + 4);
    expect(await page.evaluate(() => news.add(1, 2))).toBe(3);
    await expect.poll(() => proxy.upgrades, { timeout: 20_000 }).toBeGreaterThan(3);
    await hears(scene, 21, 25);
    expect(await opens(page)).toBe(1);
  },
);

testInChromium(
  'in Chromium, where silent connections are cut, the heartbeat keeps them alive',
  (port) => new IdleCuttingProxy(port, 2_000).listen(),
  { client: {}, hub: { heartbeatMs: 500 } },
  async (scene) => {
    const { page, hub } = scene;
    await opened(page, 'websocket');
    await hears(scene, 1, 1);
    await expect
      .poll(() => hub.snapshot().durations.heartbeatMs.count, { timeout: 20_000 })
      .toBeGreaterThan(5);
    await hears(scene, 2, 2);
    expect(await opens(page)).toBe(1);
  },
);

test('in Chromium, while the server is down the client waits, and then comes over WebSocket', {
  timeout: 60_000,
}, async (context) => {
  requireChromium(context);
  browser ??= launchChromium();
  const hub = newsHub({ allowedOrigins: 'same-origin' });
  let files = await servePage(html, own);
  let server = await serveRealtime(hub, { server: files.http });
  const { port } = server;
  const page = await (await browser).newPage();
  try {
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.evaluate(() => follow({ maxDelayMs: 100 }));
    await opened(page, 'websocket');
    await hub.channel('news').publish('item', 1);
    await server.close({ timeoutMs: 0 });
    files.close();
    await expect
      .poll(() => page.evaluate(() => news.states.filter((state) => state === 'connecting').length), {
        timeout: 20_000,
      })
      .toBeGreaterThan(10);
    await hub.channel('news').publish('item', 2);
    files = await servePage(html, own, port);
    server = await serveRealtime(hub, { server: files.http });
    await opened(page, 'websocket');
    await expect.poll(() => page.evaluate(() => news.items)).toEqual([1, 2]);
    expect(await page.evaluate(() => news.states.filter((state) => state.startsWith('open')))).toEqual(
      Array.from({ length: await opens(page) }, () => 'open websocket'),
    );
  } finally {
    await page.close();
    await server.close({ timeoutMs: 0 });
    await hub.close();
    files.close();
  }
});
