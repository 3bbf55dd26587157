import { expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import { connect, stage } from './hub-stage.ts';

test('an inspection names channels and sessions, and who does not keep up', async () => {
  const scene = stage();
  const quick = await connect(scene, {
    token: 'ann',
    subs: [
      [1, 'chat:1'],
      [2, 'cursor:x'],
    ],
  });
  const slow = await connect(scene, { token: 'bob', subs: [[1, 'chat:1']] });
  slow.link.highWaterMarkBytes = 10;
  slow.link.isStalled = true;
  for (let count = 0; count < 3; count++) {
    await scene.hub.channel('chat:1').publish('message', { text: 'hello' });
    await settle();
  }
  await scene.hub.channel('cursor:x').publish('moved', { x: 1 });
  await settle();
  const { channels, sessions, snapshot } = scene.hub.inspect();
  const find = (name: string) => channels.find((channel) => channel.name === name);
  expect(find('chat:1')).toEqual({
    name: 'chat:1',
    kind: 'log',
    subscribers: 2,
    behind: 1,
    told: 3,
    offset: 3,
  });
  expect(find('$state:chat:1')).toMatchObject({ kind: 'map', subscribers: 2 });
  expect(find('cursor:x')).toEqual({
    name: 'cursor:x',
    kind: 'volatile',
    subscribers: 1,
    behind: 0,
    told: 1,
    offset: 0,
  });
  expect(channels[0]?.name).toBe('chat:1');
  expect(sessions).toMatchObject([
    { id: slow.session[0], user: 'bob', link: 'websocket', subscriptions: 1, behind: 1 },
    { id: quick.session[0], user: 'ann', link: 'websocket', subscriptions: 2, bufferedBytes: 0, behind: 0 },
  ]);
  expect(sessions[0]?.bufferedBytes).toBeGreaterThan(10);
  expect(snapshot.sessions.connected).toBe(2);
  expect(scene.hub.inspect(1)).toMatchObject({ channels: [{ name: 'chat:1' }], sessions: [{ user: 'bob' }] });
  slow.link.drain();
  await settle();
  expect(scene.hub.inspect().sessions.map(({ behind }) => behind)).toEqual([0, 0]);
  quick.link.cut();
  expect(scene.hub.inspect().sessions).toHaveLength(1);
});
