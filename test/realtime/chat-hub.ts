// A hub with an engine in memory under a fake clock, for the tests of those who speak to it: clients, and tabs that share one.

import { afterEach } from 'vitest';
import { defineContract } from '../../src/realtime/contract/contract.ts';
import { typed } from '../../src/realtime/contract/standard-schema.ts';
import { MemoryEngine } from '../../src/realtime/engine/memory-engine.ts';
import { Hub } from '../../src/realtime/server/hub.ts';
import { FakeClock } from '../../src/testing.ts';
import { useReplayableDigest } from './replayable-digest.ts';

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
  clientCalls: { greet: { input: typed<string>(), output: typed<string>() } },
  direct: { note: typed<string>() },
});

const closing: (() => void)[] = [];

/** Ends something with the test that it was made in. */
export function endsWithTest(end: () => void): void {
  closing.push(end);
}

/** To be called once in a test file: what was made in a test ends with it, and digests take no time. */
export function useChatHubs(): void {
  useReplayableDigest();
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });
}

export interface ChatHub {
  readonly hub: Hub<typeof chat>;
  readonly clock: FakeClock;
  /** The calls that were begun. */
  readonly calls: unknown[];
  /** Answers the calls of `order`. */
  readonly answer: () => void;
  readonly pass: (ms?: number) => Promise<void>;
}

/** A hub where a token is the name of a user; `bad` is nobody's, and only ann may follow `secret`. */
export function chatHub(): ChatHub {
  const clock = new FakeClock();
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
  endsWithTest(() => void hub.close());
  return {
    hub,
    clock,
    calls,
    answer: () => {
      for (const resolve of waiting.splice(0)) resolve();
    },
    pass: (ms = 1_000) => clock.advanceAsync(ms),
  };
}
