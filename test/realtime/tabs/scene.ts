// A hub with an engine in memory, and tabs that share a client of it.

import { createHash } from 'node:crypto';
import { afterEach, beforeEach, vi } from 'vitest';
import type { ClientOptions } from '../../../src/realtime/client/client-options.ts';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import type { ShareOptions } from '../../../src/realtime/tabs/tab-options.ts';
import { FakeClock, SeededRandom } from '../../../src/testing.ts';
import { type MemoryTab, MemoryTabs } from './memory-tabs.ts';

export const chat = defineContract({
  version: '1.0',
  channels: {
    'chat:{room}': {
      events: { message: typed<unknown>(), bytes: typed<Uint8Array>() },
      state: typed<unknown>(),
      presence: typed<{ name: string }>(),
    },
    'price:{symbol}': { delivery: 'latest', events: { price: typed<number>() } },
    'typing:{room}': { delivery: 'volatile', events: { typing: typed<string>() } },
    secret: { events: { message: typed<string>() } },
  },
  calls: {
    add: { input: typed<readonly number[]>(), output: typed<number>(), idempotent: true },
    order: { input: typed<number>(), output: typed<number>() },
  },
  direct: { note: typed<string>() },
});

const closing: (() => void)[] = [];

// Web Crypto works in other threads, whose time is not that of the fake clock.
beforeEach(() => {
  vi.spyOn(globalThis.crypto.subtle, 'digest').mockImplementation(async (_algorithm, data) => {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return new Uint8Array(createHash('sha256').update(bytes).digest()).buffer;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

export interface Scene {
  readonly hub: Hub<typeof chat>;
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  /** The calls that were begun. */
  readonly calls: unknown[];
  /** Answers the calls of `order`. */
  answer: () => void;
  readonly tab: (options?: Partial<ShareOptions>, client?: ClientOptions) => MemoryTab;
  readonly pass: (ms?: number) => Promise<void>;
}

export function scene(seed: number | string = 1): Scene {
  const clock = new FakeClock();
  const random = new SeededRandom(seed);
  const hub: Hub<typeof chat> = new Hub(chat, {
    engine: new MemoryEngine({ clock }),
    clock,
    authenticate: ({ token }) => (token === 'bad' ? undefined : { user: token ?? 'nobody' }),
    onError: (error) => {
      throw error;
    },
  });
  hub.channel('chat:{room}', {
    publish: () => true,
    presence: () => true,
    meta: { user: true, at: true },
    retention: { maxEntries: 5_000, maxAgeMs: 3_600_000 },
  });
  hub.channel('price:{symbol}', {});
  hub.channel('typing:{room}', {});
  hub.channel('secret', { subscribe: ({ user }) => user === 'ann' });
  const calls: unknown[] = [];
  const waiting: (() => void)[] = [];
  hub.call('add', (numbers) => {
    calls.push(numbers);
    return numbers.reduce((sum, number) => sum + number, 0);
  });
  hub.call('order', async (number) => {
    calls.push(number);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return number;
  });
  const tabs = new MemoryTabs(clock, random, hub, chat);
  closing.push(() => void hub.close());
  return {
    hub,
    clock,
    random,
    calls,
    answer: () => {
      for (const resolve of waiting.splice(0)) resolve();
    },
    tab: (options, client) => {
      const tab = tabs.tab(options, client);
      closing.push(() => tab.client.close());
      return tab;
    },
    pass: (ms = 1_000) => clock.advanceAsync(ms),
  };
}
