// What an attacker tries on a hub through the fallbacks: sessions that are forged, stolen or replayed, and more of everything than
// is anybody's due.

import { afterEach, expect, test } from 'vitest';
import { defineContract } from '../../../../src/realtime/contract/contract.ts';
import { typed } from '../../../../src/realtime/contract/standard-schema.ts';
import {
  FallbackEndpoint,
  type RequestSender,
} from '../../../../src/realtime/server/fallback/fallback-endpoint.ts';
import { Hub } from '../../../../src/realtime/server/hub.ts';
import type { HubOptions } from '../../../../src/realtime/server/hub-options.ts';
import { FakeClock } from '../../../../src/testing/fake-clock.ts';
import { jsonPost } from './scripted-acceptor.ts';

const contract = defineContract({
  version: '1.0',
  channels: { news: { events: { item: typed<string>() } } },
  calls: { whoAmI: { output: typed<string>() } },
});

type NewsHub = Hub<typeof contract>;

const open: NewsHub[] = [];

afterEach(async () => {
  for (const hub of open.splice(0)) await hub.close();
});

interface Frames {
  readonly frames: readonly (readonly unknown[])[];
}

// The hub lives in virtual time; answers come when they come, for secrets are hashed in another thread.
function stage(options: HubOptions = {}) {
  const clock = new FakeClock();
  const hub: NewsHub = new Hub(contract, {
    clock,
    authenticate: ({ token }) => (token === undefined ? {} : { user: token }),
    ...options,
  });
  open.push(hub);
  hub.channel('news', {});
  hub.call('whoAmI', (_, { user }) => user ?? 'nobody');
  const endpoint = new FallbackEndpoint(hub);
  const sender: RequestSender = { remoteAddress: '192.0.2.7', isOnLoopback: false };
  const ask = async (body: unknown, signal = new AbortController().signal): Promise<Frames> => {
    const response = await endpoint.handle(jsonPost(body), { ...sender, signal });
    return await response.json();
  };
  const begin = async (token: string): Promise<readonly [string, string]> => {
    const { frames } = await ask({ link: 'poll', hello: { v: 1, token } });
    return sessionIn(frames);
  };
  return { clock, hub, endpoint, sender, ask, begin };
}

function sessionIn(frames: Frames['frames']): readonly [string, string] {
  const [, welcome] = frames[0];
  if (typeof welcome !== 'object' || welcome === null || !('session' in welcome))
    throw new Error('no welcome');
  const { session } = welcome;
  if (!Array.isArray(session)) throw new Error('no session');
  return [String(session[0]), String(session[1])];
}

const call = [[4, 'c1', 0, 'whoAmI', null]];

test('a session that was begun by a poll answers calls beside it', async () => {
  const { ask, begin } = stage();
  const session = await begin('ann');
  expect(await ask({ link: 'send', session, frames: call })).toEqual({ frames: [[5, 'c1', 'ann']] });
});

test.each<[string, (session: readonly [string, string]) => unknown]>([
  ['an id that was guessed', ([, secret]) => ['AAAAAAAAAAAAAAAA', secret]],
  ['the public id and a secret that was guessed', ([id]) => [id, 'AAAAAAAAAAAAAAAAAAAAAA']],
  ['the id as the secret', ([id]) => [id, id]],
  ['the secret with something behind it', ([id, secret]) => [id, `${secret}A`]],
  ['the start of the secret', ([id, secret]) => [id, secret.slice(0, -1)]],
])('%s is UNAUTHENTICATED, and nothing is run', async (_, forge) => {
  const { ask, begin, hub } = stage();
  const session = await begin('ann');
  const { frames } = await ask({ link: 'send', session: forge(session), frames: call });
  expect(frames).toEqual([[13, expect.objectContaining({ code: 'UNAUTHENTICATED' })]]);
  expect(hub.snapshot().calls.total).toBe(0);
});

test('a forged secret in a hello resumes nothing: a new session begins, and the old one goes on', async () => {
  const { ask, begin } = stage();
  const [id, secret] = await begin('ann');
  const { frames } = await ask({ link: 'poll', hello: { v: 1, token: 'eve', session: [id, `${secret}A`] } });
  expect(frames[0][1]).toMatchObject({ resumed: false });
  expect(sessionIn(frames)[0]).not.toBe(id);
  expect(await ask({ link: 'send', session: [id, secret], frames: call })).toEqual({
    frames: [[5, 'c1', 'ann']],
  });
});

test('a session that was stolen whole is of no use to another user', async () => {
  const { ask, begin } = stage();
  const stolen = await begin('ann');
  const { frames } = await ask({ link: 'poll', hello: { v: 1, token: 'eve', session: stolen } });
  expect(frames[0][1]).toMatchObject({ resumed: false, user: 'eve' });
  expect(sessionIn(frames)[0]).not.toBe(stolen[0]);
});

test('a session that has ended cannot be replayed', async () => {
  const { ask, begin, clock } = stage({ sessionTtlMs: 1_000 });
  const session = await begin('ann');
  await clock.advanceAsync(2_000);
  const { frames } = await ask({ link: 'send', session, frames: call });
  expect(frames).toEqual([[13, expect.objectContaining({ code: 'UNAUTHENTICATED' })]]);
});

test('a request that is sent again is run once', async () => {
  const { ask, begin, hub } = stage();
  const session = await begin('ann');
  await ask({ link: 'send', session, frames: call });
  const again = [[4, 'c1', 0, 'whoAmI', null, { again: true }]];
  expect(await ask({ link: 'send', session, frames: again })).toEqual({ frames: [[5, 'c1', 'ann']] });
  expect(hub.snapshot().calls).toMatchObject({ total: 2, repeated: 1 });
});

test('many polls of one session at once leave one open', async () => {
  const { ask, begin, endpoint, hub, sender } = stage();
  const session = await begin('ann');
  const polls = Array.from({ length: 50 }, () =>
    endpoint.handle(jsonPost({ link: 'poll', hello: { v: 1, token: 'ann', session } }), sender),
  );
  await expect.poll(() => endpoint.linkCount).toBe(1);
  expect(hub.snapshot().sessions).toMatchObject({ connected: 1, byLink: { poll: 1 } });
  endpoint.cutAll();
  for (const poll of polls) expect((await poll).status).toBe(200);
  expect(endpoint.linkCount).toBe(0);
  expect(await ask({ link: 'send', session, frames: call })).toEqual({ frames: [[5, 'c1', 'ann']] });
});

test('a session that does not read its stream holds no more than the mark, and gets the rest when it reads', async () => {
  const { clock, endpoint, hub, sender } = stage();
  const subs = [[1, 'news']];
  const response = await endpoint.handle(
    jsonPost({ link: 'stream', hello: { v: 1, token: 'ann', subs } }),
    sender,
  );
  await expect.poll(() => hub.snapshot().channels.subscriptions).toBe(1);
  const text = 'x'.repeat(4_000);
  let most = 0;
  for (let count = 0; count < 90; count++) {
    await hub.channel('news').publish('item', text);
    await clock.advanceAsync(1);
    most = Math.max(most, hub.snapshot().bufferedBytes);
  }
  expect(most).toBeGreaterThan(32 * 1024);
  expect(most).toBeLessThan(160 * 1024);
  if (response.body === null) throw new Error('a stream without a body');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let arrived = 0;
  while (arrived < 90) {
    const read = await reader.read();
    if (read.done) throw new Error(`the stream ended after ${arrived}`);
    arrived += read.value.split(text).length - 1;
    await clock.advanceAsync(1);
  }
  await reader.cancel();
  expect(arrived).toBe(90);
});

test('a stream that answers no heartbeat is cut', async () => {
  const { clock, endpoint, hub, sender } = stage();
  await endpoint.handle(jsonPost({ link: 'stream', hello: { v: 1 } }), sender);
  await expect.poll(() => hub.snapshot().sessions.connected).toBe(1);
  expect(endpoint.linkCount).toBe(1);
  await clock.advanceAsync(60_000);
  expect(endpoint.linkCount).toBe(0);
  expect(hub.snapshot().sessions.connected).toBe(0);
});

test('what the contract does not have is an error to who sent it, and to nobody else', async () => {
  const { ask, begin } = stage();
  const session = await begin('ann');
  const frames = [
    [4, 1, 0, 'rm', null],
    [4, 2, '$user:ann', 'item', 'x'],
    [4, 3, 'news', 'item', 'x'],
    [4, 4, 'news', 'nothing', 'x'],
  ];
  const answer = await ask({ link: 'send', session, frames });
  const codes = new Map(
    answer.frames.map(([, id, , error]) => [
      id,
      typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined,
    ]),
  );
  expect(codes.get(1)).toBe('UNKNOWN_CALL');
  expect(codes.get(2)).toMatch(/FORBIDDEN|UNKNOWN_CHANNEL/);
  expect(codes.get(3)).toBe('FORBIDDEN');
  expect(codes.get(4)).toMatch(/FORBIDDEN|UNKNOWN_EVENT/);
});
