// A hub that is closed lets go of everything: whoever waits is told, and no timer keeps the process alive.

import { expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import { connect, stage } from './hub-stage.ts';

test('no timer is left of calls, rates, tokens, presence and streams when a hub is closed', async () => {
  const scene = stage();
  const signals: AbortSignal[] = [];
  scene.hub.call('add', (_input, { signal }) => {
    signals.push(signal);
    return new Promise<number>(() => undefined);
  });
  const ann = await connect(scene, {
    token: '!ann',
    subs: [
      [1, 'chat:1', { presence: true, rate: 1 }],
      [2, 'cursor:1', { rate: 1 }],
      [3, 'crowd:1', { presence: true }],
    ],
  });
  const room = scene.hub.channel('chat:1');
  for (const text of ['1', '2', '3']) await room.publish('message', { text });
  for (const x of [1, 2, 3]) await scene.hub.channel('cursor:1').publish('moved', { x });
  for (const id of [1, 2]) ann.link.say([4, id, 0, 'add', { a: 1, b: 2 }]);
  ann.link.say([4, 0, 0, 'add', { a: 1, b: 2 }]);
  const asked = scene.hub.session(ann.session[0]).call('confirm', 'sure?');
  const bob = await connect(scene, { token: 'bob' });
  bob.link.cut();
  const away = scene.hub.session(bob.session[0]).call('confirm', 'there?');
  const codes = Promise.all(
    [asked, away].map((call) => call.catch((error: { code?: unknown }) => error.code)),
  );
  await settle();
  expect(signals).toHaveLength(3);
  await scene.hub.close();
  await settle();
  // The client has it, and nobody will hear what it does; the other one was never sent.
  expect(await codes).toEqual(['OUTCOME_UNKNOWN', 'CLOSED']);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  await scene.engine.close();
  expect(scene.clock.pendingTimers).toBe(0);
});

test('a call that is made of a client when the hub is closed fails at once', async () => {
  const scene = stage();
  await scene.hub.close();
  const call = scene.hub.session('somebody').call('confirm', 'there?');
  await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
  await scene.engine.close();
  expect(scene.clock.pendingTimers).toBe(0);
});
