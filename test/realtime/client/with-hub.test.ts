// The client and the hub, each as it is, in one process.

import { describe, expect, test } from 'vitest';
import type { RealtimeClient } from '../../../src/realtime/client/client.ts';
import type { ClientOptions } from '../../../src/realtime/client/client-options.ts';
import { chat, type ChatHub, chatHub, endsWithTest, useChatHubs } from '../chat-hub.ts';
import { MemoryNetwork } from './memory-links.ts';

useChatHubs();

interface Scene extends ChatHub {
  readonly network: MemoryNetwork;
  readonly client: (options?: ClientOptions) => RealtimeClient;
}

function scene(): Scene {
  const served = chatHub();
  const { hub, clock } = served;
  const network = new MemoryNetwork(hub);
  return {
    ...served,
    network,
    client: (options = {}) => {
      const client = network.client({ clock, ...options }, chat);
      endsWithTest(() => client.close());
      return client;
    },
    pass: (ms = 100) => clock.advanceAsync(ms),
  };
}

const kinds = [['websocket'], ['stream']] as const;

describe.each(kinds)('over %s', (kind) => {
  test('what is published arrives once and in order, also across cuts', async () => {
    const { hub, network, client, pass } = scene();
    const reader = client({ transports: [kind] });
    const room = reader.channel('chat:42');
    const heard: unknown[] = [];
    room.on('message', (data) => heard.push(data));
    room.on('gap', (gap) => heard.push(gap));
    await pass();
    expect([reader.state, room.status]).toEqual(['open', 'subscribed']);
    const sent: number[] = [];
    for (let number = 0; number < 60; number++) {
      sent.push(number);
      await hub.channel('chat:42').publish('message', number);
      if (number % 10 === 4) network.cut();
      if (number % 3 === 0) await pass(300);
    }
    await pass(60_000);
    expect(heard).toEqual(sent);
  });

  test('publications of a client happen once, although the link is cut before their answers come', async () => {
    const { hub, network, client, pass } = scene();
    const writer = client({ transports: [kind] });
    await pass();
    const room = writer.channel('chat:42');
    const results: Promise<unknown>[] = [];
    for (let number = 0; number < 20; number++) {
      results.push(room.publish('message', number));
      if (number % 5 === 2) {
        await pass(0);
        network.cut();
        await pass(1_000);
      }
    }
    await pass(60_000);
    expect(await Promise.all(results)).toHaveLength(20);
    const history = await hub.channel('chat:42').history({ count: 100 });
    expect(history.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, number) => number));
  });

  test('all that waited for the connection happens, however much it is', async () => {
    const { hub, network, client, pass } = scene();
    network.isDown = true;
    const writer = client({ transports: [kind] });
    const room = writer.channel('chat:42');
    const numbers = Array.from({ length: 500 }, (_, number) => number);
    const results = Promise.all(numbers.map((number) => room.publish('message', number)));
    network.isDown = false;
    await pass(60_000);
    expect(await results).toHaveLength(500);
    const history = await hub.channel('chat:42').history({ count: 1_000 });
    expect(history.map(({ data }) => data)).toEqual(numbers);
  });

  test('what is asked while the loss of the link is told was not sent over it', async () => {
    const { hub, network, answer, client, pass } = scene();
    const caller = client({ transports: [kind] });
    const room = caller.channel('chat:42');
    await pass(2_000);
    const outcomes: Promise<unknown>[] = [];
    room.on('status', () => {
      if (outcomes.length === 0) outcomes.push(caller.call('order', 7));
    });
    network.isDown = true;
    network.cut();
    await pass(10);
    expect(outcomes).toHaveLength(1);
    // Another session knows nothing of what was sent in this one.
    await hub.session(caller.sessionId ?? '').disconnect();
    network.isDown = false;
    await pass(20_000);
    answer();
    await pass();
    expect(await Promise.all(outcomes)).toEqual([7]);
  });

  test('calls go both ways, with their errors', async () => {
    const { hub, client, pass } = scene();
    const caller = client({ transports: [kind] });
    caller.handle('greet', (name) => `hello ${String(name)}`);
    const sum = caller.call('add', [1, 2, 3]);
    const unknown = caller.call('unknown').catch((error: { code: string }) => error.code);
    await pass();
    expect([await sum, await unknown]).toEqual([6, 'UNKNOWN_CALL']);
    const greeting = hub.session(caller.sessionId ?? '').call('greet', 'hub');
    await pass();
    expect(await greeting).toBe('hello hub');
  });

  test('direct events, state, bytes and who is there arrive', async () => {
    const { hub, network, client, pass } = scene();
    const ann = client({ transports: [kind], token: 'ann' });
    const bob = client({ transports: [kind], token: 'bob' });
    const notes: unknown[] = [];
    ann.direct.on('note', (text) => notes.push(text));
    const room = ann.channel('chat:42', { presence: { name: 'Ann' } });
    const bytes: unknown[] = [];
    room.on('bytes', (data) => bytes.push(data));
    const other = bob.channel('chat:42', { presence: { name: 'Bob' } });
    await pass();
    await hub.user('ann').publish('note', 'for ann');
    await hub.channel('chat:42').set('topic', 'tea');
    void other.publish('bytes', new Uint8Array([1, 2, 255]));
    await pass(1_000);
    expect(notes).toEqual(['for ann']);
    expect([...room.state]).toEqual([['topic', 'tea']]);
    expect(bytes).toEqual([new Uint8Array([1, 2, 255])]);
    expect([...room.presence.members.values()].map((member) => member)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ user: 'ann', info: { name: 'Ann' } }),
        expect.objectContaining({ user: 'bob', info: { name: 'Bob' } }),
      ]),
    );
    expect([room.presence.count, ann.user]).toEqual([2, 'ann']);
    network.cut();
    await hub.user('ann').publish('note', 'while away');
    await hub.channel('chat:42').set('topic', 'coffee');
    bob.close();
    await pass(30_000);
    expect(notes).toEqual(['for ann', 'while away']);
    expect([room.state.get('topic'), room.presence.count]).toEqual(['coffee', 1]);
  });

  test('history is given at the beginning and by page', async () => {
    const { hub, client, pass } = scene();
    for (let number = 1; number <= 10; number++) await hub.channel('chat:42').publish('message', number);
    const reader = client({ transports: [kind] });
    const room = reader.channel('chat:42', { history: 3 });
    const heard: unknown[] = [];
    room.on('message', (data, publication) => heard.push([data, publication]));
    await pass();
    expect(heard).toEqual([8, 9, 10].map((number) => [number, expect.objectContaining({ offset: number })]));
    const page = room.history({ before: 8, count: 2 });
    await pass();
    expect((await page).map(({ data, offset, at }) => [data, offset, typeof at])).toEqual([
      [6, 6, 'number'],
      [7, 7, 'number'],
    ]);
  });

  test('a channel that is refused says so, and is open after a refresh with other rights', async () => {
    const { client, pass } = scene();
    const user = client({ transports: [kind], token: 'bob' });
    const secret = user.channel('secret');
    const statuses: unknown[] = [];
    secret.on('status', (status, error) => statuses.push([status, error]));
    await pass();
    expect(statuses).toEqual([['refused', expect.objectContaining({ code: 'FORBIDDEN' })]]);
    const refreshed = user.refresh('ann');
    await pass(5_000);
    await refreshed;
    expect([user.user, secret.status]).toEqual(['ann', 'subscribed']);
  });
});

test('a slow loop over a log loses nothing: it reads on from the history', async () => {
  const { hub, client, pass } = scene();
  const reader = client({ maxQueuedPublications: 8 });
  const room = reader.channel('chat:42');
  const loop = room[Symbol.asyncIterator]();
  await pass();
  for (let number = 0; number < 50; number++) await hub.channel('chat:42').publish('message', number);
  await pass();
  const heard: unknown[] = [];
  for (let number = 0; number < 50; number++) {
    const next = loop.next();
    await pass(10);
    heard.push((await next).value?.data);
  }
  expect(heard).toEqual(Array.from({ length: 50 }, (_, number) => number));
});

test.each([
  ['its state', 'connecting'],
  ['a channel', 'subscribing'],
])(
  'a client that is closed by who hears from %s that it is "%s" opens nothing any more',
  async (_, heard) => {
    const { hub, network, client, pass } = scene();
    const reader = client({ transports: ['stream'] });
    const room = reader.channel('chat:42');
    await pass(2_000);
    const close = (status: unknown): void => {
      if (status === heard) reader.close();
    };
    reader.on('state', close);
    room.on('status', close);
    if (heard === 'connecting') network.cut();
    // What is followed changes: the stream is opened anew.
    else reader.channel('chat:43');
    await pass(20_000);
    expect(reader.state).toBe('closed');
    expect([...hub.inspect().sessions]).toEqual([]);
  },
);

test('a token that is refused closes the client with the reason', async () => {
  const { client, pass } = scene();
  const stranger = client({ token: 'bad' });
  await pass();
  expect([stranger.state, stranger.closeError?.code]).toEqual(['closed', 'UNAUTHENTICATED']);
});

test('what is published on a volatile channel arrives without a place, and a cut is told as a gap', async () => {
  const { hub, network, client, pass } = scene();
  const room = client().channel('typing:42');
  const heard: unknown[] = [];
  room.on('typing', (data, publication) => heard.push([data, publication]));
  room.on('gap', (gap) => heard.push(gap));
  await pass();
  await hub.channel('typing:42').publish('typing', 'ann');
  await pass();
  network.cut();
  await pass(5_000);
  await hub.channel('typing:42').publish('typing', 'bob');
  await pass();
  const unplaced = expect.objectContaining({ channel: 'typing:42', offset: undefined });
  expect(heard).toEqual([['ann', unplaced], { reason: 'volatile' }, ['bob', unplaced]]);
});
