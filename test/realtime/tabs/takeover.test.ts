// Leaders that go or freeze at any moment: what a log channel has published reaches each tab that stays, once and in order.

import { expect, test } from 'vitest';
import type { TabChannel } from '../../../src/realtime/tabs/tab-channel.ts';
import type { MemoryTab } from './memory-tabs.ts';
import { scene } from './scene.ts';

/** What one tab has heard of one channel, from when it began to follow it. */
interface Followed {
  readonly name: string;
  readonly channel: TabChannel;
  readonly heard: number[];
  readonly gaps: unknown[];
  /** How many there were when it was subscribed first. */
  headAtStart: number | undefined;
}

const seeds = process.env['FULLDUPLEX_LONG'] === undefined ? 12 : 200;
// One that wants who is there makes the leader open the channel anew.
const wishes = [{}, {}, { history: 5 }, { presence: true }] as const;
const rooms = ['chat:a', 'chat:b'] as const;

test.each(Array.from({ length: seeds }, (_, seed) => seed))(
  'with seed %i, no tab misses a publication or hears one twice, whenever leaders go',
  async (seed) => {
    const { hub, clock, random, tab, pass } = scene(`takeover ${seed}`);
    const tabs = new Map<MemoryTab, Followed[]>();
    const outcomes = new Map<string, Promise<string>>();
    let count = 0;
    // What else becomes of a publication where the tab that led was frozen for as long as a request waits.
    let afterFreezing: readonly string[] = [];
    const follow = (of: MemoryTab, follows: Followed[]): void => {
      const name = rooms[random.below(rooms.length)];
      if (follows.some((followed) => followed.name === name)) return;
      const channel = of.client.channel(name, wishes[random.below(wishes.length)]);
      const followed: Followed = { name, channel, heard: [], gaps: [], headAtStart: undefined };
      channel.on('message', (_data, publication) => {
        followed.heard.push((publication as { offset: number }).offset);
      });
      channel.on('gap', (gap) => followed.gaps.push(gap));
      channel.on('status', (status) => {
        if (status !== 'subscribed' || followed.headAtStart !== undefined) return;
        followed.headAtStart = Infinity;
        void hub
          .channel(name)
          .history({ count: 1 })
          .then(([last]) => {
            followed.headAtStart = last?.offset ?? 0;
          });
      });
      follows.push(followed);
    };
    const open = (): void => {
      const opened = tab({ maxQueuedPublications: 4 });
      const follows: Followed[] = [];
      tabs.set(opened, follows);
      follow(opened, follows);
      follow(opened, follows);
    };
    const publish = async (): Promise<void> => {
      const name = rooms[random.below(rooms.length)];
      await hub.channel(name).publish('message', `hub ${count++}`);
    };
    const some = (): MemoryTab => [...tabs.keys()][random.below(tabs.size)];
    const check = (): void => {
      for (const follows of tabs.values()) {
        for (const { heard, gaps } of follows) {
          expect(gaps).toEqual([]);
          expect(heard).toEqual(heard.map((_, index) => heard[0] + index));
        }
      }
    };
    open();
    open();
    for (let step = 0; step < 60; step++) {
      const leader = [...tabs.keys()].find(({ client }) => client.isLeader);
      const dice = random.next();
      if (dice < 0.35) await publish();
      else if (dice < 0.5) {
        const text = `tab ${count++}`;
        const name = rooms[random.below(rooms.length)];
        const writer = [...tabs].find(([, follows]) => follows.some((followed) => followed.name === name));
        const published = writer?.[0].client.channel(name).publish('message', text);
        if (published !== undefined) {
          const code = (error: { code?: string }): string => String(error.code);
          outcomes.set(
            `${name} ${text}`,
            published.then(() => 'published', code),
          );
        }
      } else if (dice < 0.62 && leader !== undefined) {
        if (random.chance(0.5)) leader.die();
        else leader.client.close();
        tabs.delete(leader);
        if (tabs.size === 0) open();
      } else if (dice < 0.68 && tabs.size > 1) {
        const gone = some();
        gone.die();
        tabs.delete(gone);
      } else if (dice < 0.78 && tabs.size < 5) open();
      else if (dice < 0.82) leader?.network.cut();
      else if (dice < 0.84 && leader !== undefined) {
        leader.freeze();
        afterFreezing = ['DEADLINE_EXCEEDED'];
        clock.setTimer(() => leader.thaw(), random.next() * 60_000);
      } else if (dice < 0.92) {
        const one = some();
        const follows = tabs.get(one) ?? [];
        if (random.chance(0.3)) follows.shift()?.channel.leave();
        else follow(one, follows);
      } else if (dice < 0.95) some().sleep(random.next() * 1_000);
      else await pass(random.next() * 2_000);
      if (random.chance(0.6)) await pass(random.next() * 30);
      check();
    }
    await pass(120_000);
    check();
    for (const name of rooms) {
      const history = await hub.channel(name).history({ count: 1_000 });
      for (const follows of tabs.values()) {
        for (const followed of follows.filter((one) => one.name === name)) {
          expect(followed.channel.status).toBe('subscribed');
          const head = followed.headAtStart ?? 0;
          // Everything from when it was subscribed, up to the end.
          if (history.length > head) {
            expect(followed.heard[0]).toBeLessThanOrEqual(head + 1);
            expect(followed.heard.at(-1)).toBe(history.length);
          }
        }
      }
      const texts = history.map(({ data }) => `${name} ${String(data)}`);
      expect(new Set(texts).size).toBe(texts.length);
      for (const [text, outcome] of outcomes) {
        if (!text.startsWith(name)) continue;
        const found = await outcome;
        if (found === 'published') expect(texts).toContain(text);
        // The channel was left before a leader was there to ask.
        else if (found === 'NOT_SUBSCRIBED') expect(texts).not.toContain(text);
        // CLOSED: the tab that asked is closed itself.
        else expect(['CLOSED', 'OUTCOME_UNKNOWN', ...afterFreezing]).toContain(found);
      }
    }
  },
);
