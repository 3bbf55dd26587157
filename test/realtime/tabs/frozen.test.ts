// Leaders that do nothing any more and keep their lock, as pages that the browser has frozen, and what becomes of them when they go on.

import { expect, test } from 'vitest';
import { LeaderWatch } from '../../../src/realtime/tabs/leader-watch.ts';
import type { TabChannel } from '../../../src/realtime/tabs/tab-channel.ts';
import { FakeClock, SeededRandom } from '../../../src/testing.ts';
import type { MemoryTab } from './memory-tabs.ts';
import { scene } from './scene.ts';

// Silence for one such time is asked about, and for another one it is the end; each is up to half as long again.
const leaderTimeoutMs = 10_000;
const noticedMs = 3 * leaderTimeoutMs + 1_000;

function heardIn(tab: MemoryTab): { readonly room: TabChannel; readonly heard: unknown[] } {
  const heard: unknown[] = [];
  const room = tab.client.channel('chat:42');
  room.on('message', (data) => heard.push(data));
  room.on('gap', (gap) => heard.push(gap));
  return { room, heard };
}

const leadersOf = (tabs: readonly MemoryTab[]): boolean[] => tabs.map(({ client }) => client.isLeader);

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a frozen leader is followed by one of the others, and is one of them when it goes on, without loss (seed %i)',
  async (seed) => {
    const { hub, tab, pass } = scene(seed);
    const tabs = [tab(), tab(), tab()];
    const [first, ...others] = tabs;
    const followed = tabs.map(heardIn);
    const errors: unknown[] = [];
    for (const { client } of tabs) client.on('error', (error) => errors.push(error));
    await pass();
    await hub.channel('chat:42').publish('message', 1);
    await pass();
    expect(leadersOf(tabs)).toEqual([true, false, false]);
    first.freeze();
    await hub.channel('chat:42').publish('message', 2);
    await pass(noticedMs);
    expect(leadersOf(others).filter((isLeader) => isLeader)).toHaveLength(1);
    expect(others.map(({ client }) => client.state)).toEqual(['open', 'open']);
    await hub.channel('chat:42').publish('message', 3);
    await pass();
    for (const { heard } of followed.slice(1)) expect(heard).toEqual([1, 2, 3]);
    const leaders = leadersOf(others);
    first.thaw();
    await hub.channel('chat:42').publish('message', 4);
    await pass();
    expect([first.client.state, ...leadersOf(tabs)]).toEqual(['open', false, ...leaders]);
    expect(first.client.sessionId).toBe(others[0].client.sessionId);
    expect(hub.snapshot().sessions.connected).toBe(1);
    // It takes part again: what it asks is answered, and its turn to lead comes.
    expect(await Promise.all([first.client.call('add', [1, 2]), pass()])).toEqual([3, undefined]);
    others.find(({ client }) => client.isLeader)?.die();
    await pass(5_000);
    others.find(({ client, isDead }) => client.isLeader && !isDead)?.die();
    await pass(5_000);
    expect(first.client.isLeader).toBe(true);
    await hub.channel('chat:42').publish('message', 5);
    await pass();
    expect([followed[0].heard, errors]).toEqual([[1, 2, 3, 4, 5], []]);
  },
);

test('of what waits for an answer of a frozen leader the next one is asked again, if it may happen twice', async () => {
  const { tab, pass } = scene();
  const [first, second] = [tab(), tab()];
  const { room } = heardIn(second);
  await pass();
  first.freeze();
  const sum = second.client.call('add', [1, 2], { idempotent: true, timeoutMs: 60_000 });
  const published = room.publish('message', 'once', { timeoutMs: 60_000 }).catch((error: unknown) => error);
  await pass(noticedMs);
  expect(second.client.isLeader).toBe(true);
  expect(await sum).toBe(3);
  expect(await published).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
});

test('a tab that comes while the leader is frozen takes over', async () => {
  const { hub, tab, pass } = scene();
  const first = tab();
  await pass();
  first.freeze();
  const second = tab();
  const { heard } = heardIn(second);
  await pass(noticedMs);
  expect([second.client.isLeader, second.client.state]).toEqual([true, 'open']);
  await hub.channel('chat:42').publish('message', 1);
  await pass();
  expect(heard).toEqual([1]);
});

test('a leader that is alive leads on, however long there is nothing to say', async () => {
  const { tab, pass } = scene();
  const tabs = [tab(), tab(), tab()];
  await pass();
  const { sessionId } = tabs[0].client;
  await pass(600_000);
  expect(leadersOf(tabs)).toEqual([true, false, false]);
  expect(tabs.map(({ client }) => client.sessionId)).toEqual([sessionId, sessionId, sessionId]);
});

test('a tab that was held up itself asks once more, and does not take over', () => {
  const clock = new FakeClock();
  let heldUpMs = 0;
  const said: string[] = [];
  const watch = new LeaderWatch(
    {
      clock: { now: () => clock.now() + heldUpMs, setTimer: (callback, ms) => clock.setTimer(callback, ms) },
      random: new SeededRandom(1),
      leaderTimeoutMs,
    },
    { ask: () => said.push('ask'), silent: () => said.push('silent') },
  );
  watch.start();
  clock.advance(1.5 * leaderTimeoutMs);
  expect(said).toEqual(['ask']);
  heldUpMs = 60_000;
  clock.advance(1.5 * leaderTimeoutMs);
  expect(said).toEqual(['ask', 'ask']);
  clock.advance(1.5 * leaderTimeoutMs);
  expect(said).toEqual(['ask', 'ask', 'silent']);
  watch.stop();
  clock.advance(10 * leaderTimeoutMs);
  expect(said).toHaveLength(3);
});
