// Tabs that share a client: one connection, and for each tab what a client of its own would give it.

import { expect, test } from 'vitest';
import { shareClient } from '../../../src/realtime/tabs/share-client.ts';
import { TabClient } from '../../../src/realtime/tabs/tab-client.ts';
import { resolveShareOptions } from '../../../src/realtime/tabs/tab-options.ts';
import { chat } from '../chat-hub.ts';
import { scene } from './scene.ts';

const code = (error: { readonly code: string }): string => error.code;

test('several tabs have one connection, and all hear what is published', async () => {
  const { hub, tab, pass } = scene();
  const tabs = [tab(), tab(), tab()];
  const heard: unknown[][] = tabs.map(() => []);
  for (const [index, { client }] of tabs.entries()) {
    client.channel('chat:42').on('message', (data, publication) => heard[index].push([data, publication]));
  }
  await pass();
  expect(tabs.map(({ client }) => [client.state, client.isLeader, client.user])).toEqual([
    ['open', true, 'nobody'],
    ['open', false, 'nobody'],
    ['open', false, 'nobody'],
  ]);
  expect(new Set(tabs.map(({ client }) => client.sessionId)).size).toBe(1);
  expect(hub.snapshot().sessions.connected).toBe(1);
  await hub.channel('chat:42').publish('message', { text: 'hello' });
  await pass();
  for (const of of heard) {
    expect(of).toEqual([
      [
        { text: 'hello' },
        {
          channel: 'chat:42',
          event: 'message',
          data: { text: 'hello' },
          offset: 1,
          user: undefined,
          at: expect.any(Number),
        },
      ],
    ]);
  }
});

test('each tab publishes, calls and reads the history over the one that leads', async () => {
  const { tab, pass } = scene();
  const [, second] = [tab(), tab()];
  const room = second.client.channel('chat:42');
  await pass();
  const published = room.publish('message', 'one');
  const sum = second.client.call('add', [1, 2, 3]);
  const wrong = second.client.call('nothing').catch(code);
  await pass();
  expect([await published, await sum, await wrong]).toEqual([{ offset: 1 }, 6, 'UNKNOWN_CALL']);
  const page = room.history({ count: 10 });
  await pass();
  expect((await page).map(({ data, user }) => [data, user])).toEqual([['one', 'nobody']]);
});

test('bytes arrive as bytes, and data that JSON does not know fails the request alone', async () => {
  const { tab, pass } = scene();
  const [first, second] = [tab(), tab()];
  const heard: unknown[] = [];
  first.client.channel('chat:42').on('bytes', (data) => heard.push(data));
  const room = second.client.channel('chat:42');
  await pass();
  void room.publish('bytes', new Uint8Array([1, 2, 255]));
  const circle: unknown[] = [];
  circle.push(circle);
  const refused = room.publish('message', circle);
  await pass();
  await expect(refused).rejects.toThrow(/circular|call stack/i);
  expect(heard).toEqual([new Uint8Array([1, 2, 255])]);
});

test('a tab that comes later gets the history that it wants, and then goes on', async () => {
  const { hub, tab, pass } = scene();
  tab().client.channel('chat:42');
  await pass();
  for (let number = 1; number <= 10; number++) await hub.channel('chat:42').publish('message', number);
  await pass();
  const heard: unknown[] = [];
  tab()
    .client.channel('chat:42', { history: 3 })
    .on('message', (data) => heard.push(data));
  await pass(10);
  for (let number = 11; number <= 14; number++) {
    await hub.channel('chat:42').publish('message', number);
    await pass(1);
  }
  await pass();
  const [begin] = heard;
  expect(Number(begin)).toBeLessThanOrEqual(12);
  expect(heard).toEqual(Array.from({ length: 15 - Number(begin) }, (_, index) => Number(begin) + index));
  expect(heard.length).toBeGreaterThanOrEqual(3);
});

test('state and presence are the same in all tabs, also for one that comes later, and after a takeover', async () => {
  const { hub, tab, pass } = scene();
  const first = tab();
  const second = tab();
  first.client.channel('chat:42');
  const room = second.client.channel('chat:42', { presence: { name: 'Ann' } });
  await pass();
  await hub.channel('chat:42').set('topic', 'tea');
  await pass();
  const third = tab();
  const later = third.client.channel('chat:42');
  await pass();
  for (const { state, presence } of [room, later]) {
    expect([...state]).toEqual([['topic', 'tea']]);
    expect([...presence.members.values()]).toEqual([{ user: 'nobody', info: { name: 'Ann' } }]);
  }
  first.die();
  await hub.channel('chat:42').set('topic', 'coffee');
  await hub.channel('chat:42').set('mood', 'good');
  await pass(30_000);
  await hub.channel('chat:42').delete('mood');
  await pass();
  for (const { state, presence } of [room, later]) {
    expect([...state]).toEqual([['topic', 'coffee']]);
    expect(presence.count).toBe(1);
  }
});

test('when a tab wants who is there, nothing that is published meanwhile is missed by the others', async () => {
  const { hub, tab, pass } = scene();
  const [first, second] = [tab(), tab()];
  const heard: unknown[] = [];
  const room = first.client.channel('chat:42');
  room.on('message', (data) => heard.push(data));
  room.on('gap', (gap) => heard.push(gap));
  await pass();
  second.client.channel('chat:42', { presence: true });
  for (let number = 0; number < 10; number++) {
    await hub.channel('chat:42').publish('message', number);
    await pass(1);
  }
  await pass();
  expect(heard).toEqual(Array.from({ length: 10 }, (_, number) => number));
  expect(room.presence.count).toBe(1);
});

test('a call at a leader that dies is of unknown outcome; one that is idempotent is made again', async () => {
  const { calls, tab, pass, answer } = scene();
  const leader = tab();
  const { client } = tab({ contract: chat });
  await pass();
  const order = client.call('order', 7).catch(code);
  const again = client.call('order', 8, { idempotent: true });
  await pass(100);
  expect(calls).toEqual([7, 8]);
  leader.die();
  const sum = client.call('add', [1, 2]);
  await pass(5_000);
  answer();
  await pass();
  expect([await order, await again, await sum]).toEqual(['OUTCOME_UNKNOWN', 8, 3]);
  expect(calls).toEqual([7, 8, 8, [1, 2]]);
});

test('what a leader that closes had not begun is asked of the next one', async () => {
  const { calls, tab, pass, answer } = scene();
  const leader = tab();
  const { client } = tab();
  await pass();
  const begun = client.call('order', 1).catch(code);
  await pass(100);
  leader.client.close();
  const next = client.call('order', 2);
  await pass(5_000);
  answer();
  await pass();
  expect([await begun, await next]).toEqual(['OUTCOME_UNKNOWN', 2]);
  expect(calls).toEqual([1, 2]);
});

test('requests wait in their tab while there is no connection, and then go in order', async () => {
  const { hub, tab, pass } = scene();
  const leader = tab();
  const { client } = tab({ maxQueuedRequests: 3 });
  const room = client.channel('chat:42');
  leader.network.isDown = true;
  leader.network.cut();
  await pass(100);
  const results = [1, 2, 3].map((number) => room.publish('message', number));
  const full = room.publish('message', 4).catch(code);
  await pass(1_000);
  leader.network.isDown = false;
  await pass(60_000);
  expect([await full, await Promise.all(results)]).toEqual([
    'QUEUE_FULL',
    [{ offset: 1 }, { offset: 2 }, { offset: 3 }],
  ]);
  const history = await hub.channel('chat:42').history({ count: 10 });
  expect(history.map(({ data }) => data)).toEqual([1, 2, 3]);
});

test('a request ends by its deadline, by its signal, or with its tab', async () => {
  const { tab, pass } = scene();
  tab();
  const { client } = tab();
  await pass();
  const stop = new AbortController();
  const late = client.call('order', 1, { timeoutMs: 500 }).catch(code);
  const stopped = client.call('order', 2, { signal: stop.signal }).catch(code);
  const closed = client.call('order', 3).catch(code);
  await pass(400);
  stop.abort();
  await pass(400);
  client.close();
  expect([await late, await stopped, await closed]).toEqual(['DEADLINE_EXCEEDED', 'CANCELLED', 'CLOSED']);
  expect(await client.call('add', [1]).catch(code)).toBe('CLOSED');
});

test('direct events reach all tabs that listen, and a takeover is told as a gap', async () => {
  const { hub, tab, pass } = scene();
  const leader = tab();
  const { client } = tab();
  const heard: unknown[] = [];
  client.direct.on('note', (data) => heard.push(data));
  client.direct.on('gap', (gap) => heard.push(gap));
  await pass();
  await hub.user('nobody').publish('note', 'one');
  await pass();
  leader.die();
  await pass();
  await hub.user('nobody').publish('note', 'two');
  await pass();
  expect(heard).toEqual(['one', { reason: 'epoch' }, 'two']);
});

test('direct events that the one connection may have missed are told as a gap in all tabs', async () => {
  const { tab, pass } = scene();
  const leader = tab();
  const { client } = tab();
  const heard: unknown[][] = [[], []];
  for (const [index, { direct }] of [leader.client, client].entries())
    direct.on('gap', (gap) => heard[index].push(gap));
  await pass();
  leader.network.isDown = true;
  leader.network.cut();
  // Longer than its session waits.
  await pass(300_000);
  leader.network.isDown = false;
  await pass(60_000);
  expect(leader.client.state).toBe('open');
  expect(heard).toEqual([[{ reason: 'epoch' }], [{ reason: 'epoch' }]]);
});

test('options that cannot be written are refused at once, and harm nothing', async () => {
  const { hub, tab, pass } = scene();
  const one = tab();
  const two = tab();
  await pass();
  const round: Record<string, unknown> = {};
  round['self'] = round;
  for (const { client } of [one, two]) {
    expect(() => client.channel('chat:1', { presence: round })).toThrow(RangeError);
    expect(() => client.channel('chat:2', { presence: 1n })).toThrow(TypeError);
  }
  const heard: unknown[] = [];
  two.client.channel('chat:1').on('message', (data) => heard.push(data));
  one.die();
  await pass();
  await hub.channel('chat:1').publish('message', 'hello');
  await pass();
  expect([two.client.isLeader, heard]).toEqual([true, ['hello']]);
});

test('a volatile channel tells a gap when the leader goes, a latest one goes on with the newest', async () => {
  const { hub, tab, pass } = scene();
  const leader = tab();
  const { client } = tab();
  const heard: unknown[] = [];
  const typing = client.channel('typing:42');
  typing.on('typing', (data) => heard.push(data));
  typing.on('gap', (gap) => heard.push(gap));
  const prices: unknown[] = [];
  const price = client.channel('price:x');
  price.on('price', (data) => prices.push(data));
  price.on('gap', (gap) => prices.push(gap));
  await pass();
  await hub.channel('typing:42').publish('typing', 'ann');
  await hub.channel('price:x').publish('price', 1);
  await pass();
  leader.die();
  for (const value of [2, 3, 4]) await hub.channel('price:x').publish('price', value);
  await pass();
  await hub.channel('typing:42').publish('typing', 'bob');
  await hub.channel('price:x').publish('price', 5);
  await pass();
  expect(heard).toEqual(['ann', { reason: 'volatile' }, 'bob']);
  expect(prices).toEqual([1, 4, 5]);
});

test('a slow loop over a log loses nothing, also when the leader goes meanwhile', async () => {
  const { hub, tab, pass } = scene();
  const leader = tab();
  const { client } = tab({ maxQueuedPublications: 8 });
  const loop = client.channel('chat:42')[Symbol.asyncIterator]();
  await pass();
  const heard: unknown[] = [];
  for (let number = 0; number < 60; number++) {
    await hub.channel('chat:42').publish('message', number);
    if (number % 20 === 10) await pass(50);
  }
  await pass();
  for (let number = 0; number < 60; number++) {
    if (number === 20) leader.die();
    const next = loop.next();
    await pass(500);
    heard.push((await next).value?.data);
  }
  expect(heard).toEqual(Array.from({ length: 60 }, (_, number) => number));
});

test('a refusal says why in each tab, and a channel is left when its last tab is gone', async () => {
  const { hub, tab, pass } = scene();
  const [first, second] = [tab(), tab()];
  const told: unknown[] = [];
  for (const { client } of [first, second]) {
    client.channel('secret').on('status', (status, error) => told.push([status, error]));
  }
  const rooms = [first, second].map(({ client }) => client.channel('chat:42'));
  await pass();
  const refused = ['refused', expect.objectContaining({ code: 'FORBIDDEN' })];
  expect(told).toEqual([refused, refused]);
  const subscriptions = (): number => hub.snapshot().channels.subscriptions;
  expect(subscriptions()).toBe(1);
  rooms[0].leave();
  expect(rooms[0].status).toBe('left');
  await pass();
  expect(subscriptions()).toBe(1);
  second.die();
  await pass();
  expect(subscriptions()).toBe(0);
});

test('a server that refuses the client for good ends it in all tabs', async () => {
  const { tab, pass } = scene();
  const tabs = [tab({}, { token: 'bad' }), tab({}, { token: 'bad' })];
  const rooms = tabs.map(({ client }) => client.channel('chat:42'));
  await pass();
  for (const { client } of tabs) {
    expect([client.state, client.closeError?.code, client.isLeader]).toEqual([
      'closed',
      'UNAUTHENTICATED',
      false,
    ]);
  }
  expect(rooms.map(({ status }) => status)).toEqual(['left', 'left']);
});

test('where the platform has no locks, each tab has a connection of its own', async () => {
  const { hub, tab, pass } = scene();
  const tabs = [tab({ BroadcastChannel: undefined }), tab({ locks: undefined })];
  const rooms = tabs.map(({ client }) => client.channel('chat:42'));
  await pass();
  expect(tabs.map(({ client }) => [client.state, client.isLeader])).toEqual([
    ['open', true],
    ['open', true],
  ]);
  expect(rooms.map(({ status }) => status)).toEqual(['subscribed', 'subscribed']);
  expect(hub.snapshot().sessions.connected).toBe(2);
});

test('what is no client, a name that is empty and numbers out of range are refused', async () => {
  for (const options of [
    { name: '' },
    { name: 'x', requestTimeoutMs: 0 },
    { name: 'x', maxQueuedPublications: 1 },
    { name: 'x', maxQueuedRequests: Number.NaN },
    { name: 'x', gatherTimeoutMs: 0 },
    { name: 'x', leaderTimeoutMs: 0 },
  ]) {
    expect(() => shareClient(() => expect.fail('not made'), options)).toThrow(
      expect.objectContaining({ code: 'WS_OPTION_INVALID' }),
    );
  }
  const wrong = new TabClient(() => ({}), { ...resolveShareOptions({ name: 'x' }), locks: undefined });
  const errors: unknown[] = [];
  wrong.on('error', (error) => errors.push(error));
  await expect.poll(() => wrong.state).toBe('closed');
  expect(errors).toContainEqual(expect.objectContaining({ code: 'WS_OPTION_INVALID' }));
  expect(wrong.closeError?.code).toBe('UNAVAILABLE');
});
