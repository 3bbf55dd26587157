// Two pages of one origin in real Chromium, with its own BroadcastChannel and locks. Needs dist/ (npm run build).

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { serveRealtime } from '../../../src/node/realtime/serve-realtime.ts';
import { launchChromium } from '../../chromium.ts';
import { newsHub } from '../hostile-networks/meeting.ts';
import { requireChromium, servePage } from '../page-server.ts';

const html = `<!doctype html><title>tabs</title><script type="module">
  import { createClient } from '/client.browser.js';
  import { shareClient } from '/tabs.js';
  const shared = shareClient(() => createClient('/realtime'), { name: 'news', leaderTimeoutMs: 2_000 });
  const channel = shared.channel('news');
  globalThis.tabNotes = { items: [], gaps: [], shared, channel };
  channel.on('item', (item) => tabNotes.items.push(item));
  channel.on('gap', (gap) => tabNotes.gaps.push(gap));
</script>`;

/** What a page notes. */
interface TabNotes {
  readonly items: number[];
  readonly gaps: unknown[];
  readonly shared: {
    readonly isLeader: boolean;
    call(name: string, input: unknown): Promise<unknown>;
  };
  readonly channel: { readonly status: string };
}

declare global {
  var tabNotes: TabNotes;
}

/** A server, and pages of one origin. */
interface Scene {
  readonly hub: ReturnType<typeof newsHub>;
  readonly open: () => Promise<Page>;
}

const isLeader = (page: Page): Promise<boolean> => page.evaluate(() => tabNotes.shared.isLeader);
const notes = (page: Page): Promise<unknown> => page.evaluate(() => [tabNotes.items, tabNotes.gaps] as const);
const hears = (page: Page, items: readonly number[]): Promise<void> =>
  expect.poll(() => notes(page), { timeout: 20_000 }).toEqual([items, []]);

async function withPages(play: (scene: Scene) => Promise<void>): Promise<void> {
  const files = await servePage(html);
  const hub = newsHub({ allowedOrigins: 'same-origin' });
  const server = await serveRealtime(hub, { server: files.http });
  const browser = await launchChromium();
  try {
    const origin = await browser.newContext();
    const open = async (): Promise<Page> => {
      const page = await origin.newPage();
      await page.goto(`http://127.0.0.1:${server.port}/`);
      await expect
        .poll(() => page.evaluate(() => globalThis.tabNotes?.channel.status), { timeout: 20_000 })
        .toBe('subscribed');
      return page;
    };
    await play({ hub, open });
  } finally {
    await browser.close();
    await server.close({ timeoutMs: 0 });
    await hub.close();
    files.close();
  }
}

test('in Chromium, pages share one connection, and when the leading page is closed the next one takes over', {
  timeout: 60_000,
}, async (context) => {
  requireChromium(context);
  await withPages(async ({ hub, open }) => {
    const first = await open();
    const [second, third] = [await open(), await open()];
    expect([await isLeader(first), await isLeader(second), await isLeader(third)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(hub.snapshot().sessions.connected).toBe(1);
    await hub.channel('news').publish('item', 1);
    for (const page of [first, second, third]) await hears(page, [1]);
    expect(await second.evaluate(() => tabNotes.shared.call('add', [1, 2]))).toBe(3);
    const closed = first.close();
    for (let item = 2; item <= 20; item++) await hub.channel('news').publish('item', item);
    await closed;
    const all = Array.from({ length: 20 }, (_, index) => index + 1);
    for (const page of [second, third]) await hears(page, all);
    expect([await isLeader(second), await isLeader(third)]).toEqual([true, false]);
    // A page that is loaded anew is another tab.
    await second.reload();
    await hub.channel('news').publish('item', 21);
    await hears(third, [...all, 21]);
    expect(await third.evaluate(() => tabNotes.shared.call('add', [3, 4]))).toBe(7);
    await expect.poll(() => hub.snapshot().sessions.connected).toBe(1);
  });
});

test('in Chromium, another page takes over from a leading one that does nothing, which is one of the others when it goes on', {
  timeout: 60_000,
}, async (context) => {
  requireChromium(context);
  await withPages(async ({ hub, open }) => {
    const first = await open();
    const second = await open();
    await hub.channel('news').publish('item', 1);
    for (const page of [first, second]) await hears(page, [1]);
    expect(await isLeader(first)).toBe(true);
    const life = await first.context().newCDPSession(first);
    // Pages that are shown cannot be frozen; in a debugger they do as little.
    await life.send('Debugger.enable');
    await life.send('Debugger.pause');
    const stopped = first.evaluate(() => tabNotes.items.length);
    await expect.poll(() => isLeader(second), { timeout: 20_000 }).toBe(true);
    await hub.channel('news').publish('item', 2);
    await hears(second, [1, 2]);
    await life.send('Debugger.resume');
    await stopped;
    await expect.poll(() => isLeader(first), { timeout: 20_000 }).toBe(false);
    await hub.channel('news').publish('item', 3);
    for (const page of [first, second]) await hears(page, [1, 2, 3]);
    expect(await first.evaluate(() => tabNotes.shared.call('add', [1, 2]))).toBe(3);
    expect(await isLeader(second)).toBe(true);
    await expect.poll(() => hub.snapshot().sessions.connected).toBe(1);
  });
});
