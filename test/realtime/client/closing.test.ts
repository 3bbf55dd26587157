// A client that is closed from within one of its own listeners ends as any other: nothing of it goes on.

import { expect, test } from 'vitest';
import { scripted } from './scripted-links.ts';

const refused = { code: 'UNAVAILABLE', message: 'not now', retryable: true } as const;

test('no timer is left when a listener of a channel closes the client because its link was lost', () => {
  const scene = scripted({ transports: ['websocket'] });
  const room = scene.client.channel('chat:42');
  scene.link.opens();
  room.on('status', () => scene.client.close());
  scene.link.dies();
  expect([scene.client.state, scene.clock.pendingTimers]).toEqual(['closed', 0]);
});

test('no timer is left when a listener closes the client because the server has said goodbye', () => {
  const scene = scripted({ transports: ['websocket'] });
  const room = scene.client.channel('chat:42');
  scene.link.opens();
  room.on('status', () => scene.client.close());
  scene.link.says([10, { code: 'DRAINING', message: 'm', retryable: true, afterMs: 30_000 }]);
  expect([scene.client.state, scene.clock.pendingTimers]).toEqual(['closed', 0]);
});

for (const event of ['waiting', 'connecting', 'open'] as const) {
  test(`no timer is left when a listener closes the client as it is ${event}`, () => {
    const scene = scripted({ transports: ['websocket'] });
    scene.client.channel('chat:42');
    scene.client.on('state', (state) => {
      if (state === event) scene.client.close();
    });
    scene.link.welcomes();
    scene.link.dies();
    scene.clock.advance(1_000);
    expect([scene.client.state, scene.clock.pendingTimers]).toEqual(['closed', 0]);
  });
}

test('no timer is left of a channel that is refused for now when the client is closed, or the channel is left', () => {
  const scene = scripted({ transports: ['websocket'] });
  const room = scene.client.channel('chat:42');
  const hall = scene.client.channel('chat:43');
  scene.link.opens();
  const before = scene.clock.pendingTimers;
  scene.link.says([9, 42, refused], [9, 43, refused]);
  expect([room.status, hall.status]).toEqual(['refused', 'refused']);
  expect(scene.clock.pendingTimers).toBe(before + 2);
  hall.leave();
  expect(scene.clock.pendingTimers).toBe(before + 1);
  scene.client.close();
  expect(scene.clock.pendingTimers).toBe(0);
});

test('a channel that is refused for now again and again waits for one moment at a time', async () => {
  const scene = scripted({ transports: ['websocket'] });
  const room = scene.client.channel('chat:42');
  scene.link.opens();
  const before = scene.clock.pendingTimers;
  scene.link.says([9, 42, refused]);
  const refreshed = scene.client.refresh('T2');
  scene.link.says([8, 'ann']);
  await refreshed;
  const { last } = scene.link;
  scene.link.says([6, Array.isArray(last) ? Number(last[1]) : 0, null, refused]);
  expect([room.status, scene.clock.pendingTimers]).toEqual(['refused', before + 1]);
  scene.client.close();
  expect(scene.clock.pendingTimers).toBe(0);
});

test('no timer is left when a request fails because the client is closed', async () => {
  const scene = scripted({ transports: ['websocket'] });
  scene.link.opens();
  const call = scene.client.call('add', 1);
  const ended = call.catch(() => scene.client.call('add', 2)).catch((error: unknown) => error);
  scene.client.close();
  expect(await ended).toMatchObject({ code: 'CLOSED' });
  expect(scene.clock.pendingTimers).toBe(0);
});
