import { type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Inspector, type InspectorOptions, serveInspector } from 'fullduplex/inspector';
import { createClient } from 'fullduplex/client';
import { defineContract, Hub, type RealtimeServer, serveRealtime, typed } from 'fullduplex/realtime';
import { launchChromium } from '../chromium.ts';
import { withChromium } from './chromium.ts';

const key = 'a key that nobody guesses';
const contract = defineContract({
  version: '1.0',
  channels: { 'chat:{room}': { events: { said: typed<string>() } } },
});

withChromium(() => {
  let browser: Browser;
  const endings: (() => unknown)[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  }, 60_000);
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    for (const end of endings.splice(0).toReversed()) await end();
    expect(complaints.splice(0)).toEqual([]);
  });

  async function scene(options: Partial<InspectorOptions> = {}) {
    const hub = new Hub(contract);
    hub.channel('chat:{room}', { publish: () => true });
    const server: RealtimeServer = await serveRealtime(hub, { port: 0, host: '127.0.0.1' });
    const inspector: Inspector = await serveInspector({ server: server.webSockets, hub, ...options });
    const client = createClient(contract, server.url);
    const room = client.channel('chat:42');
    room.on('said', () => undefined);
    await room.publish('said', 'first');
    endings.push(
      () => server.close({ timeoutMs: 500 }),
      () => inspector.close(),
      () => client.close(),
    );
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(inspector.url);
    return { page, room, client, server, inspector };
  }

  const cell = (page: Page, table: string, text: string) =>
    page.locator(`#${table} tbody tr`, { hasText: text });

  test('a person sees connections, channels and sessions, and watches frames', {
    timeout: 60_000,
  }, async () => {
    const { page, room, client } = await scene();
    await cell(page, 'connections', 'fullduplex.v1.json').waitFor();
    await cell(page, 'channels', 'chat:42').waitFor();
    await cell(page, 'sessions', client.sessionId ?? '').waitFor();
    await page.locator('#figures', { hasText: 'Slow consumers' }).waitFor();
    await page.getByRole('button', { name: /Watch the frames of connection/ }).click();
    await room.publish('said', 'look at me');
    const frame = page.locator('#frames tbody tr', { hasText: 'look at me' });
    await frame.first().waitFor();
    const shown = await frame.allInnerTexts();
    expect(shown.some((text) => text.includes('→ server'))).toBe(true);
    // What is written by others stays text.
    await room.publish('said', '<img src=x onerror=alert(1)>');
    await page.locator('#frames tbody tr', { hasText: '<img src=x' }).first().waitFor();
    expect(await page.locator('#frames img').count()).toBe(0);
    await page.getByRole('button', { name: 'Stop watching' }).click();
    await page.locator('#frames-section').waitFor({ state: 'hidden' });
    client.close();
    await cell(page, 'sessions', client.sessionId ?? '').waitFor({ state: 'detached' });
    await page.getByText('No client has a session.').waitFor();
    await page.getByText('Nobody is connected.').waitFor();
  });

  test('a pause keeps what is shown and counts the frames that pass meanwhile', {
    timeout: 60_000,
  }, async () => {
    const { page, room } = await scene();
    await page.getByRole('button', { name: /Watch the frames of connection/ }).click();
    await page.getByText('No frame yet').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await room.publish('said', 'unseen');
    await page.getByText('passed while this page paused').waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await room.publish('said', 'seen again');
    const shown = page.locator('#frames tbody tr');
    await shown.filter({ hasText: 'seen again' }).first().waitFor();
    expect(await shown.filter({ hasText: 'unseen' }).count()).toBe(0);
  });

  test('on a phone the button that watches a connection is at hand without scrolling', {
    timeout: 60_000,
  }, async () => {
    const { page } = await scene();
    await page.setViewportSize({ width: 390, height: 844 });
    const button = page.getByRole('button', { name: /Watch the frames of connection/ });
    await button.waitFor();
    const box = await button.boundingBox();
    expect(box === null ? Infinity : box.x + box.width).toBeLessThan(390);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  test('numbers of an inspector that does not answer are marked as old, with their time', {
    timeout: 60_000,
  }, async () => {
    const { page, inspector } = await scene();
    await cell(page, 'channels', 'chat:42').waitFor();
    await inspector.close();
    await page.getByText(/No answer, trying again… What is shown is from \d\d:\d\d:\d\d\./).waitFor();
    expect(await page.locator('#content.is-stale').count()).toBe(1);
    // The browser complains of each try.
    await page.close();
    expect(complaints.splice(0).every((text) => text.includes('ERR_CONNECTION_REFUSED'))).toBe(true);
  });

  test('where there is a key it has to be typed, and a wrong one is told', { timeout: 60_000 }, async () => {
    const { page } = await scene({ key });
    await page.getByLabel('This inspector asks for a key.').fill('another key of some length');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('That is not the key.').waitFor();
    expect(await page.locator('#content').isVisible()).toBe(false);
    // It is no failure of the connection.
    expect(await page.locator('#connection').innerText()).toBe('Locked');
    await page.getByLabel('This inspector asks for a key.').fill(key);
    await page.getByRole('button', { name: 'Show' }).click();
    await cell(page, 'channels', 'chat:42').waitFor();
    expect(await page.locator('#lock').isVisible()).toBe(false);
  });
});
