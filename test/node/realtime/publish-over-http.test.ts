// Publishing from other programs to a hub, over a real port, with clients that hear it.

import { expect, test } from 'vitest';
import { createClient } from '../../../src/client.ts';
import { defineContract, Hub, makePublishKey, serveRealtime, typed } from '../../../src/realtime.ts';

const contract = defineContract({
  version: '1.0',
  channels: {
    'scores:{game}': { events: { goal: typed<{ by: string }>() }, presence: typed<{ name: string }>() },
    'dots:{board}': { delivery: 'volatile', events: { moved: typed<number>() } },
  },
});

async function stage() {
  const hub = new Hub(contract, {
    allowedOrigins: 'any',
    authenticate: ({ token = 'nobody' }) => ({ user: token }),
  });
  hub.channel('scores:{game}', {});
  hub.channel('dots:{board}', {});
  const { key, record } = await makePublishKey({
    id: 'backend',
    channels: ['scores:{game}', 'dots:{board}', 'nothing:{x}'],
    may: ['publish', 'publish-as', 'history', 'presence', 'disconnect'],
  });
  const server = await serveRealtime(hub, { port: 0, host: '127.0.0.1', publishKeys: [record] });
  const client = createClient(contract, server.url, { token: 'ann' });
  const ask = async (operation: string, body: unknown): Promise<[status: number, answer: unknown]> => {
    const response = await fetch(`${server.url.replace(/^ws/, 'http')}/${operation}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
    return [response.status, await response.json()];
  };
  return {
    hub,
    client,
    ask,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await server.close({ timeoutMs: 0 });
      await hub.close();
    },
  };
}

test('what is published over HTTP arrives, once for each idempotency key, and stands in the history', async () => {
  await using scene = await stage();
  const { client, ask } = scene;
  const heard: unknown[] = [];
  const channel = client.channel('scores:7', { presence: { name: 'Ann' } });
  channel.on('goal', (data, { offset }) => heard.push([data, offset]));
  await expect.poll(() => channel.status).toBe('subscribed');
  const goal = { channel: 'scores:7', event: 'goal', data: { by: 'Ada' }, idempotencyKey: 'g1' };
  expect(await ask('publish', goal)).toEqual([200, { offset: 1 }]);
  expect(await ask('publish', goal)).toEqual([200, { offset: 1 }]);
  expect(
    await ask('publish', [{ ...goal, idempotencyKey: 'g2', data: { by: 'Bob' }, user: 'referee' }]),
  ).toEqual([200, { results: [{ offset: 2 }] }]);
  await expect
    .poll(() => heard)
    .toEqual([
      [{ by: 'Ada' }, 1],
      [{ by: 'Bob' }, 2],
    ]);
  const [status, history] = await ask('history', { channel: 'scores:7', count: 10 });
  expect(status).toBe(200);
  expect(history).toMatchObject([
    { offset: 1, event: 'goal', data: { by: 'Ada' } },
    { offset: 2, event: 'goal', data: { by: 'Bob' }, user: 'referee' },
  ]);
  await expect
    .poll(() => ask('presence', { channel: 'scores:7' }))
    .toMatchObject([200, { count: 1, members: [{ user: 'ann', info: { name: 'Ann' } }] }]);
});

test('a volatile channel gives no offset, a channel or an event that is none is said to be', async () => {
  await using scene = await stage();
  const { ask } = scene;
  expect(await ask('publish', { channel: 'dots:1', event: 'moved', data: 1 })).toEqual([200, {}]);
  expect(await ask('publish', { channel: 'nothing:1', event: 'moved', data: 1 })).toMatchObject([
    404,
    { error: { code: 'UNKNOWN_CHANNEL' } },
  ]);
  expect(await ask('publish', { channel: 'dots:1', event: 'gone', data: 1 })).toMatchObject([
    404,
    { error: { code: 'UNKNOWN_EVENT' } },
  ]);
});

test('a user is disconnected over HTTP, for good', async () => {
  await using scene = await stage();
  const { client, ask } = scene;
  await expect.poll(() => client.state).toBe('open');
  expect(await ask('disconnect', { user: 'ann' })).toEqual([200, {}]);
  await expect.poll(() => client.state).toBe('closed');
});
