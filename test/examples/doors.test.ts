import { existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test, type TestContext } from 'vitest';
import { connect } from '../../src/index.ts';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { ExampleProcess } from './example-process.ts';
import { take } from './take.ts';

/** These start compilers, dev servers and browsers, on a machine that may be busy. */
const timeoutMs = 60_000;

test("examples/hono: the application's own middleware decides who may connect", async () => {
  await using example = await ExampleProcess.start('hono');
  expect(await (await fetch(example.url)).text()).toContain('Notices on Hono');
  const url = `${example.webSocketUrl}/board`;
  await expect(connect(url)).rejects.toMatchObject({ status: 401, body: 'log in first\n' });
  await expect(connect(`${example.webSocketUrl}/other`)).rejects.toMatchObject({ status: 404 });

  const login = await fetch(`${example.url}/login`, { method: 'POST', body: 'ada' });
  const [cookie = ''] = (login.headers.get('set-cookie') ?? '').split(';');
  const ada = await connect(url, { headers: { Cookie: cookie }, origin: example.url });
  expect(await take(ada, 1)).toEqual(['welcome ada']);
  const foreign = connect(url, { headers: { Cookie: cookie }, origin: 'https://evil.example' });
  await expect(foreign).rejects.toMatchObject({ status: 403 });

  const notice = { method: 'POST', body: 'lunch', headers: { Cookie: cookie } };
  expect(await (await fetch(`${example.url}/notices`, notice)).json()).toEqual({ receivers: 1 });
  expect(await take(ada, 1)).toEqual(['ada: lunch']);
  expect(await example.stop()).toBe(0);
  expect(await ada.closed).toMatchObject({ code: 1001, clean: true });
});

test(
  'examples/nestjs: a gateway has events, rooms, exceptions and both ends of a connection',
  async () => {
    await using example = await ExampleProcess.start('nestjs');
    expect(await (await fetch(example.url)).text()).toContain('Chat on NestJS');
    const url = `${example.webSocketUrl}/chat`;
    await expect(connect(url)).rejects.toMatchObject({ status: 401, body: 'who are you?\n' });

    const ada = await connect(`${url}?name=ada`, { origin: example.url });
    expect(await take(ada, 1)).toEqual([event('online', 1)]);
    const bob = await connect(`${url}?name=bob`);
    expect([await take(ada, 1), await take(bob, 1)]).toEqual([[event('online', 2)], [event('online', 2)]]);

    ada.send(event('join', 'tea'));
    expect(await take(ada, 1)).toEqual([event('joined', 'tea')]);
    bob.send(event('say', { room: 'tea', text: 'hello' }));
    expect(await take(ada, 1)).toEqual([event('said', { name: 'bob', text: 'hello' })]);

    // Bob is not in the room: the first that he hears is of his own mistakes.
    bob.send(event('join', 42));
    const [refused = ''] = await take(bob, 1);
    expect(JSON.parse(String(refused))).toMatchObject({
      event: 'exception',
      data: { status: 'error', message: 'a room has a name' },
    });
    for (const mistake of ['no JSON', '[]', event('dance', 1), new Uint8Array(3)]) {
      bob.send(mistake);
      const [answer = ''] = await take(bob, 1);
      expect(JSON.parse(String(answer))).toMatchObject({ event: 'exception', data: { status: 'error' } });
    }

    await bob.close();
    expect(await take(ada, 1)).toEqual([event('online', 1)]);
    // NestJS ends itself by the same signal when all is closed, and with 1 when something went wrong.
    expect(await example.stop()).toBe(null);
    expect(await ada.closed).toMatchObject({ code: 1001, clean: true });
  },
  timeoutMs,
);

function event(name: string, data: unknown): string {
  return JSON.stringify({ event: name, data });
}

const greeting = fileURLToPath(new URL('../../examples/vite/greeting.js', import.meta.url));

/** Lets Vite believe that the file has changed: it goes by the time, and the repository stays as it is. */
async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now);
}

test(
  'examples/vite: the chat and hot module replacement share a port',
  async () => {
    await using example = await ExampleProcess.start('vite');
    expect(await (await fetch(example.url)).text()).toContain('Chat on Vite');
    // Vite hears of changes in files that it has served.
    for (const file of ['chat.js', 'greeting.js']) await (await fetch(`${example.url}/${file}`)).text();
    const client = await (await fetch(`${example.url}/@vite/client`)).text();
    const [, token = ''] = /wsToken = "([^"]+)"/.exec(client) ?? [];

    const ada = await connect(`${example.webSocketUrl}/chat`, { origin: example.url });
    const hmr = await connect(`${example.webSocketUrl}/?token=${token}`, { protocols: ['vite-hmr'] });
    expect(hmr.protocol).toBe('vite-hmr');
    expect(await take(hmr, 1)).toEqual([expect.stringContaining('"type":"connected"')]);

    ada.send('hello');
    expect(await take(ada, 1)).toEqual(['hello']);
    await touch(greeting);
    const [update = ''] = await take(hmr, 1);
    expect(JSON.parse(String(update))).toMatchObject({
      type: 'update',
      updates: [{ path: '/chat.js', acceptedPath: '/greeting.js' }],
    });
    ada.send('still here');
    expect(await take(ada, 1)).toEqual(['still here']);
    await Promise.all([ada.close(), hmr.close()]);
  },
  timeoutMs,
);

test(
  'examples/vite: a page in Chromium keeps its connection while a module is replaced',
  async (context: TestContext) => {
    if (!existsSync(chromiumPath)) {
      const hint = `${chromiumPath} is missing: apt-get install chromium`;
      if (process.env.CI !== undefined) expect.fail(hint);
      context.skip(hint);
    }
    await using example = await ExampleProcess.start('vite');
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(example.url);
      await page.locator('output', { hasText: 'Say something.' }).waitFor();
      const ada = await connect(`${example.webSocketUrl}/chat`);
      await page.fill('input', 'hello from the page');
      await page.click('button');
      expect(await take(ada, 1)).toEqual(['hello from the page']);
      await page.locator('li', { hasText: 'hello from the page' }).waitFor();

      await touch(greeting);
      await page.locator('output', { hasText: 'changed 1 times' }).waitFor();
      // The page was not loaded anew: what was said is still there, and its connection still receives.
      ada.send('seen after the update');
      await page.locator('li', { hasText: 'seen after the update' }).waitFor();
      expect(await page.locator('li').count()).toBe(2);
      await ada.close();
    } finally {
      await browser.close();
    }
  },
  timeoutMs,
);
