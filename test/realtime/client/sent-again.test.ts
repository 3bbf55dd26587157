// What a client sends again over the next link, and what it does not any more.

import { expect, test } from 'vitest';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import { type Scripted, scripted } from './scripted-links.ts';

const timeoutMs = 60_000;

function asked({ link }: Scripted): unknown[] {
  return link
    .taken()
    .filter((frame) => Array.isArray(frame) && frame[0] === 4)
    .map((frame) => (Array.isArray(frame) ? [frame[3], frame[5]] : undefined));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof RealtimeError ? error.code : String(error)),
  );
}

test('a request that was first sent longer ago than the server knows it for is OUTCOME_UNKNOWN, and not sent again', async () => {
  const scene = scripted();
  const again = { deadlineMs: expect.any(Number), again: true };
  const opens = (): void => {
    scene.link.dies();
    scene.clock.advance(1_000);
    scene.link.opens(undefined, { againMs: 2_500 });
  };
  scene.link.opens(undefined, { againMs: 2_500 });
  const once = scene.client.call('once', 1, { timeoutMs });
  const twice = scene.client.call('twice', 1, { timeoutMs, idempotent: true });
  const published = scene.client.channel('chat:42').publish('message', 1, { timeoutMs });
  opens();
  scene.link.taken();
  const late = scene.client.call('late', 1, { timeoutMs });
  scene.link.taken();
  opens();
  expect(asked(scene)).toEqual([
    ['once', again],
    ['twice', again],
    ['message', { again: true }],
    ['late', again],
  ]);
  opens();
  // Sent at 0, 0, 0 and 1 s; it is 3 s now.
  expect(asked(scene)).toEqual([
    ['twice', again],
    ['late', again],
  ]);
  expect([await codeOf(once), await codeOf(published)]).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
  scene.client.close();
  expect([await codeOf(twice), await codeOf(late)]).toEqual(['CLOSED', 'CLOSED']);
});

test('what waited for a link is not old when it is sent for the first time', () => {
  const scene = scripted();
  void codeOf(scene.client.call('waited', 1, { timeoutMs }));
  scene.link.dies();
  scene.clock.advance(5_000);
  scene.link.opens(undefined, { againMs: 1_000 });
  expect(asked(scene)).toEqual([['waited', { deadlineMs: expect.any(Number) }]]);
});

test('a token that the server cannot look at now fails to be refreshed, and can be shown again', async () => {
  const scene = scripted({ token: 'old' });
  scene.link.opens(undefined, { user: 'ann' });
  const refreshed = scene.client.refresh('new');
  scene.link.says([8, null, { code: 'UNAVAILABLE', message: 'away', retryable: true }]);
  await expect(refreshed).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  expect([scene.client.state, scene.client.user]).toEqual(['open', 'ann']);
  const again = scene.client.refresh('new');
  expect(scene.link.last).toEqual([8, 'new']);
  scene.link.says([8, 'ann']);
  await again;
  // The next connection shows the new one in any case.
  scene.link.dies();
  scene.clock.advance(1_000);
  expect(scene.link.hello().token).toBe('new');
});
