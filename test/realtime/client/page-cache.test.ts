// A page in real Chromium that goes into the back/forward cache with an open client, and comes back out of it. Needs dist/ (npm run build).

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { serveRealtime } from '../../../src/node/realtime/serve-realtime.ts';
import { launchChromium } from '../../chromium.ts';
import { newsHub } from '../hostile-networks/meeting.ts';
import { requireChromium, servePage } from '../page-server.ts';

const html = `<!doctype html><title>news</title><script type="module">
  import { createClient } from '/client.browser.js';
  const { kind } = Object.fromEntries(new URLSearchParams(location.search));
  const client = createClient('/realtime', { transports: [kind], minDelayMs: 10 });
  const channel = client.channel('news');
  const notes = { items: [], gaps: [], states: [], shows: [], client, channel };
  channel.on('item', (item) => notes.items.push(item));
  channel.on('gap', (gap) => notes.gaps.push(gap));
  client.on('state', (state) => notes.states.push(state));
  addEventListener('pageshow', ({ persisted }) => notes.shows.push(persisted));
  globalThis.cachedNotes = notes;
</script>`;

/** What the page notes. */
interface CachedNotes {
  readonly items: number[];
  readonly gaps: unknown[];
  readonly states: string[];
  readonly shows: boolean[];
  readonly client: { call(name: string, input: unknown): Promise<unknown> };
  readonly channel: { readonly status: string };
}

declare global {
  var cachedNotes: CachedNotes | undefined;
}

for (const kind of ['websocket', 'stream', 'poll'] as const) {
  test(`in Chromium, a page goes into the cache with its client and goes on where it was when it comes back: ${kind}`, {
    timeout: 60_000,
  }, async (context) => {
    requireChromium(context);
    const files = await servePage(html);
    const hub = newsHub({ allowedOrigins: 'same-origin' });
    const server = await serveRealtime(hub, { server: files.http });
    const browser = await launchChromium({ hasPageCache: true });
    try {
      const origin = `http://127.0.0.1:${server.port}`;
      const page: Page = await browser.newPage();
      const poll = <Value>(read: () => Promise<Value> | Value) => expect.poll(read, { timeout: 20_000 });
      const items = (): Promise<unknown> => page.evaluate(() => globalThis.cachedNotes?.items);
      await page.goto(`${origin}/?kind=${kind}`);
      await poll(() => page.evaluate(() => globalThis.cachedNotes?.channel.status)).toBe('subscribed');
      await hub.channel('news').publish('item', 1);
      await poll(items).toEqual([1]);
      // Any other document of the server.
      await page.goto(`${origin}/client.browser.js`);
      // A connection that is open keeps a page out of the cache.
      await poll(() => hub.snapshot().sessions.connected).toBe(0);
      for (const item of [2, 3]) await hub.channel('news').publish('item', item);
      await page.evaluate(() => history.back());
      await poll(items).toEqual([1, 2, 3]);
      await hub.channel('news').publish('item', 4);
      await poll(items).toEqual([1, 2, 3, 4]);
      const noted = await page.evaluate(async () => {
        const { client, gaps, shows, states } = globalThis.cachedNotes ?? {};
        return { sum: await client?.call('add', [1, 2]), gaps, shows, states };
      });
      expect(noted).toEqual({
        sum: 3,
        gaps: [],
        // It is the same page, that was kept.
        shows: [false, true],
        states: ['open', 'waiting', 'connecting', 'open'],
      });
      expect(hub.snapshot().sessions).toMatchObject({ begun: 1, connected: 1 });
    } finally {
      await browser.close();
      await server.close({ timeoutMs: 0 });
      await hub.close();
      files.close();
    }
  });
}
