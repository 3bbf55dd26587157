import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { defineContract, typed } from '../../src/contract.ts';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { ExampleProcess } from './example-process.ts';

const chat = defineContract({
  version: '1.0',
  channels: {
    'chat:{room}': { events: { message: typed<{ text: string }>() }, presence: typed<{ name: string }>() },
  },
});

test('examples/realtime-chat: who comes later sees what was said and who is there', async () => {
  await using example = await ExampleProcess.start('realtime-chat');
  const url = `${example.webSocketUrl}/realtime`;
  const ada = createClient(chat, url, { token: 'ada' });
  const first = ada.channel('chat:lobby', { presence: { name: 'Ada' } });
  await expect(first.publish('message', { text: 'hello' })).resolves.toEqual({ offset: 1 });
  await expect(first.publish('message', { text: 'x'.repeat(501) })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });

  const bob = createClient(chat, url, { token: 'bob' });
  const room = bob.channel('chat:lobby', { history: 20, presence: { name: 'Bob' } });
  const here = new Promise<string[]>((resolve) => {
    room.presence.on('change', () => {
      const names = [...room.presence.members.values()].map(({ info }) => info?.name ?? '');
      if (names.length === 2) resolve(names.toSorted());
    });
  });
  for await (const { event, data, user, at } of room) {
    expect([event, data, user]).toEqual(['message', { text: 'hello' }, 'ada']);
    expect(at).toBeGreaterThan(0);
    break;
  }
  expect(await here).toEqual(['Ada', 'Bob']);
  for (const client of [ada, bob]) client.close();
});

test.runIf(existsSync(chromiumPath) || process.env['CI'] !== undefined)(
  'examples/realtime-chat: the page works in Chromium (apt-get install chromium)',
  async () => {
    await using example = await ExampleProcess.start('realtime-chat');
    const browser = await launchChromium();
    try {
      const [ada, bob] = await Promise.all([browser.newPage(), browser.newPage()]);
      await ada.goto(`${example.url}/?name=ada`);
      await ada.fill('input', 'hello bob');
      await ada.press('input', 'Enter');
      await ada.waitForSelector('text=ada: hello bob');
      await bob.goto(`${example.url}/?name=bob`);
      await bob.waitForSelector('text=ada: hello bob');
      await ada.waitForSelector('text=/ada, bob|bob, ada/');
    } finally {
      await browser.close();
    }
  },
  60_000,
);
