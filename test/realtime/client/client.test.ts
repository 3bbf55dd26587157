import { expect, test } from 'vitest';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import type { Hello } from '../../../src/realtime/wire/frames.ts';
import type { WirePosition } from '../../../src/realtime/wire/stream-position.ts';
import { settle } from '../../../src/testing.ts';
import { scripted, subscribedTo } from './scripted-links.ts';

function refIn(frame: unknown): number {
  return Array.isArray(frame) ? Number(frame[1]) : 0;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: RealtimeError) => error.code,
  );
}

test('the hello names the version, the contract, the token and what is subscribed', () => {
  const { client, link } = scripted({ token: 'T' }, { version: '1.2' });
  client.channel('chat:42', { history: 20, presence: { name: 'Ann' } });
  expect(link.hello()).toEqual({
    v: 1,
    contract: '1.2',
    token: 'T',
    subs: [[expect.any(Number), 'chat:42', { history: 20, presence: true, info: { name: 'Ann' } }]],
    own: {},
  });
});

test('a client is open with the welcome, and knows who it is', () => {
  const { client, link, states } = scripted();
  link.welcomes(undefined, { user: 'ann' });
  expect([client.state, client.transport, client.sessionId, client.user]).toEqual([
    'open',
    'websocket',
    's1',
    'ann',
  ]);
  expect(states).toEqual(['connecting', 'open']);
});

test('publications reach the listeners of their event, with their place and what is known of them', () => {
  const { client, link } = scripted();
  const room = client.channel('chat:42');
  const heard: unknown[] = [];
  room.on('message', (data, publication) => heard.push([data, publication]));
  link.opens();
  expect(room.status).toBe('subscribed');
  link.says([2, 42, 1, 0, { text: 'hi' }, 'abcd', { user: 'ann', at: 5 }], [2, 42, 1, 1, null, 'abce']);
  expect(heard).toEqual([
    [
      { text: 'hi' },
      { channel: 'chat:42', event: 'message', data: { text: 'hi' }, offset: 1, user: 'ann', at: 5 },
    ],
  ]);
});

test('after a loss the next hello names session and positions, and what was missed is delivered once', () => {
  const scene = scripted();
  const room = scene.client.channel('chat:42');
  const heard: unknown[] = [];
  room.on('message', (data) => heard.push(data));
  scene.link.opens();
  scene.link.says([2, 42, 1, 0, 'a', 'aaaa']);
  scene.link.dies();
  expect([scene.client.state, room.status]).toEqual(['waiting', 'subscribing']);
  scene.clock.advance(1_000);
  expect(scene.links).toHaveLength(2);
  const hello = scene.link.opens((channel) => ({
    ...subscribedTo(channel),
    alias: 7,
    position: ['e1', 1, 'aaaa'],
    recovered: true,
  }));
  expect(hello.session).toEqual(['s1', 'secret1']);
  expect(hello.subs?.[0]?.[2]?.position).toEqual(['e1', 1, 'aaaa']);
  scene.link.says([2, 7, 1, 0, 'b', 'bbbb']);
  // A link that is gone has nothing to say any more.
  scene.links[0].says([2, 42, 1, 0, 'ghost', 'gggg']);
  expect(heard).toEqual(['a', 'b']);
});

test('a publication that is not the next one is not delivered: the subscription begins again where it stood', () => {
  const { client, link } = scripted();
  const room = client.channel('chat:42');
  const heard: unknown[] = [];
  room.on('message', (data) => heard.push(data));
  link.opens();
  link.says([2, 42, 1, 0, 'a', 'aaaa']);
  link.says([2, 42, 2, 0, 'c', 'cccc'], [2, 42, 1, 0, 'd', 'dddd']);
  expect(heard).toEqual(['a']);
  const asked = link.taken().slice(1);
  expect(asked).toEqual([
    [7, 42],
    [6, expect.any(Number), 'chat:42', { position: ['e1', 1, 'aaaa'] }],
  ]);
  link.says([
    6,
    refIn(asked[1]),
    { ...subscribedTo('chat:42'), position: ['e1', 1, 'aaaa'], recovered: true },
  ]);
  link.says([2, 42, 1, 0, 'b', 'bbbb'], [2, 42, 1, 0, 'c', 'cccc'], [2, 42, 1, 0, 'd', 'dddd']);
  expect(heard).toEqual(['a', 'b', 'c', 'd']);
});

test('a gap is told with its reason, and what was delivered before is not delivered again out of the history', () => {
  const scene = scripted();
  const room = scene.client.channel('chat:42', { history: 2 });
  const heard: unknown[] = [];
  room.on('message', (data) => heard.push(data));
  room.on('gap', (gap) => heard.push(gap));
  scene.link.opens();
  scene.link.says([2, 42, 1, 0, 'a', 'aaaa'], [2, 42, 1, 0, 'b', 'bbbb']);
  scene.link.dies();
  scene.clock.advance(1_000);
  scene.link.opens((channel) => ({
    ...subscribedTo(channel),
    alias: 7,
    position: ['e1', 1, 'aaaa'],
    recovered: false,
    gap: 'limit',
  }));
  scene.link.says([2, 7, 1, 0, 'b', 'bbbb'], [2, 7, 1, 0, 'c', 'cccc']);
  expect(heard).toEqual(['a', 'b', { reason: 'limit' }, 'c']);
});

test('requests wait for the welcome, and are sent again with their id over the next link', async () => {
  const scene = scripted();
  const room = scene.client.channel('chat:42');
  const published = room.publish('message', { text: 'hi' });
  const called = scene.client.call('add', [1, 2]);
  expect(scene.link.sent).toEqual([]);
  scene.link.opens();
  const [publish, call] = scene.link.taken();
  expect(publish).toEqual([4, expect.any(String), 'chat:42', 'message', { text: 'hi' }, {}]);
  expect(call).toEqual([4, expect.any(String), 0, 'add', [1, 2], { deadlineMs: 30_000 }]);
  const [publishId, callId] = [publish, call].map((frame) => (Array.isArray(frame) ? frame[1] : ''));
  expect(publishId).not.toBe(callId);
  scene.link.says([5, publishId, { offset: 1 }]);
  expect(await published).toEqual({ offset: 1 });
  scene.link.dies();
  scene.clock.advance(1_000);
  scene.link.opens();
  expect(scene.link.taken()).toContainEqual([
    4,
    callId,
    0,
    'add',
    [1, 2],
    { deadlineMs: 29_000, again: true },
  ]);
  scene.link.says([5, callId, 3], [5, callId, 4]);
  expect(await called).toBe(3);
});

test('a session that is lost makes what was sent in it OUTCOME_UNKNOWN, except what may happen twice and what was not sent', async () => {
  const scene = scripted({}, { version: '1.0', calls: { twice: { idempotent: true } } });
  scene.link.opens();
  const once = scene.client.call('once');
  const twice = scene.client.call('twice');
  const told = scene.client.call('told', 1, { idempotent: true });
  const published = scene.client.channel('chat:42').publish('message', 1);
  scene.link.dies();
  const later = scene.client.call('later');
  scene.clock.advance(1_000);
  scene.link.opens(undefined, { session: ['s2', 'secret2'], resumed: false });
  expect(await codeOf(once)).toBe('OUTCOME_UNKNOWN');
  expect(await codeOf(published)).toBe('OUTCOME_UNKNOWN');
  const names = scene.link.sent.map((frame) => (Array.isArray(frame) ? frame[3] : undefined));
  expect(names.filter((name) => name !== undefined)).toEqual(['twice', 'told', 'later']);
  for (const frame of scene.link.sent)
    if (Array.isArray(frame) && frame[0] === 4) scene.link.says([5, frame[1], 0]);
  expect(await Promise.all([twice, told, later])).toEqual([0, 0, 0]);
});

test('a frame of the server that cannot be read ends the link and not the client', () => {
  const scene = scripted();
  scene.link.opens();
  scene.link.saysText('{{');
  expect(scene.client.state).toBe('waiting');
  scene.clock.advance(1_000);
  expect(scene.links).toHaveLength(2);
});

test('a heartbeat is answered', () => {
  const { link } = scripted();
  link.welcomes();
  link.says([]);
  expect(link.sent).toEqual([[]]);
});

test('for await gives what is published until the channel is left', async () => {
  const { client, link } = scripted();
  const room = client.channel('chat:42');
  const heard: unknown[] = [];
  const reading = (async () => {
    for await (const { event, data, offset } of room) heard.push([event, data, offset]);
  })();
  link.opens();
  link.says([2, 42, 1, 0, 'a', 'aaaa'], [2, 42, 1, 1, 'b', 'bbbb']);
  await settle();
  room.leave();
  await reading;
  expect(heard).toEqual([
    ['message', 'a', 1],
    ['typing', 'b', 2],
  ]);
  expect(link.last).toEqual([7, 42]);
});

test('a map whose snapshot was lost with the link is asked for as a whole again', () => {
  const scene = scripted();
  const room = scene.client.channel('chat:42', { presence: true });
  const withPresence = (position: WirePosition, recovered?: boolean) => (channel: string) => ({
    ...subscribedTo(channel),
    presence: { alias: 7, position, recovered },
  });
  const positionOf = (hello: Hello): unknown => hello.subs?.[0][2]?.presencePosition;
  scene.link.opens(withPresence(['p', 3, 'idid']));
  scene.link.dies();
  scene.clock.advance(1_000);
  expect(positionOf(scene.link.opens(withPresence(['p', 4, 'idie'])))).toBeUndefined();
  scene.link.says([11, 7, { a: {}, b: {} }]);
  expect([...room.presence.members.keys()]).toEqual(['a', 'b']);
  scene.link.dies();
  scene.clock.advance(1_000);
  expect(positionOf(scene.link.opens(withPresence(['p', 4, 'idie'], true)))).toEqual(['p', 4, 'idie']);
  scene.link.says([3, 7, 1, 'a', null, 'idif']);
  expect([...room.presence.members.keys()]).toEqual(['b']);
  // The same where a stream goes on behind what was left out.
  scene.link.says([12, 7, -1, { position: ['p', 9, 'idig'], gap: 'expired' }]);
  scene.link.dies();
  scene.clock.advance(1_000);
  expect(positionOf(scene.link.hello())).toBeUndefined();
});

test('a call without an end in time goes to the server without a deadline', () => {
  const { client, link } = scripted();
  link.opens();
  void client.call('add', 1, { timeoutMs: Infinity });
  expect(link.last).toEqual([4, expect.any(String), 0, 'add', 1, {}]);
});

test('what a handler answers after its session is gone is not sent: its id may be that of another call by now', async () => {
  const scene = scripted();
  const answers: ((value: unknown) => void)[] = [];
  scene.client.handle('greet', () => new Promise((resolve) => answers.push(resolve)));
  scene.link.opens();
  scene.link.says([4, 1, 0, 'greet', 'first']);
  scene.link.dies();
  scene.clock.advance(1_000);
  scene.link.opens(undefined, { session: ['s2', 'secret2'], resumed: false });
  scene.link.says([4, 1, 0, 'greet', 'second']);
  scene.link.taken();
  answers[0]('to the first');
  await settle();
  expect(scene.link.taken()).toEqual([]);
  answers[1]('to the second');
  await settle();
  expect(scene.link.taken()).toEqual([[5, 1, 'to the second']]);
});

test('an error of a handler that cannot be written is told, and is no unhandled rejection', async () => {
  const { client, link } = scripted();
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  const circle: unknown[] = [];
  circle.push(circle);
  client.handle('greet', () => {
    throw new RealtimeError('FORBIDDEN', 'no', { data: circle });
  });
  link.opens();
  link.says([4, 1, 0, 'greet', null]);
  await settle();
  expect(errors).toEqual([expect.any(TypeError)]);
});

test('a channel that is left by a listener of its gap stays left', () => {
  const scene = scripted();
  const room = scene.client.channel('chat:42');
  scene.link.opens();
  scene.link.dies();
  scene.clock.advance(1_000);
  room.on('gap', () => room.leave());
  scene.link.opens((channel) => ({ ...subscribedTo(channel), recovered: false, gap: 'expired' }));
  expect(room.status).toBe('left');
  expect(scene.link.sent).toContainEqual([7, 42]);
});

test('options that cannot be written are refused before anything changes: other channels go on', () => {
  const scene = scripted();
  const room = scene.client.channel('chat:1');
  scene.link.opens();
  expect(() => scene.client.channel('chat:2', { presence: { since: 5n } })).toThrow(TypeError);
  scene.link.dies();
  scene.clock.advance(1_000);
  expect(scene.link.opens().subs?.map(([, name]) => name)).toEqual(['chat:1']);
  expect(room.status).toBe('subscribed');
});
