// The realtime side of the start page: the chat with who is there, and the ticker. Bounded in every direction, because anybody who
// reaches the server may join.

import { createHash } from 'node:crypto';
import { TokenBucket } from '../base/token-bucket.ts';
import { Hub, RealtimeError } from '../realtime.ts';
import { contract, type Contract, chatHistory, pricesKept } from './contract.ts';
import { Ticker } from './ticker.ts';

/** What the server knows of somebody. */
interface Visitor {
  readonly bucket: TokenBucket;
}

/** The hub of the start page. */
export type LiveHub = Hub<Contract, Visitor>;

/** How many people fit into the chat. */
const maxPeople = 100;
// A person can say this much at once, and this much a second for long.
const rate = { perSecond: 4, burst: 20 };
// More often than a service would, so that a newcomer sees it.
const heartbeatMs = 10_000;

const animals = (
  'Otter Heron Lynx Tern Badger Finch Marten Wren Hare Swift Beaver Plover Stoat Curlew Dormouse Kestrel ' +
  'Hedgehog Avocet Squirrel Puffin'
).split(' ');

/** Makes the hub: its channels, their rules, and a ticker that has run for a minute. */
export async function makeLiveHub(): Promise<{ readonly hub: LiveHub; readonly ticker: Ticker }> {
  const hub: LiveHub = new Hub(contract, {
    heartbeatMs,
    // The token is a number that each tab draws: others see who it is by what the number makes, and cannot be it.
    authenticate: ({ token = '' }) => {
      if (!/^[0-9a-f]{32}$/.test(token)) return undefined;
      const user = createHash('sha256').update(token).digest('base64url').slice(0, 8);
      return { user, data: { bucket: new TokenBucket(rate, performance.now()) } };
    },
  });
  const mayPublish = ({ session }: { readonly session: { readonly data: Visitor | undefined } }): boolean => {
    if (session.data?.bucket.take(1, performance.now()) === true) return true;
    throw new RealtimeError('RATE_LIMITED', 'that was too much at once: wait a moment', { retryable: true });
  };
  hub.channel('chat', {
    retention: { maxEntries: chatHistory, maxAgeMs: 24 * 60 * 60_000 },
    presence: async () => (await hub.channel('chat').presence()).count < maxPeople,
    publish: mayPublish,
    meta: { user: true, at: true },
  });
  hub.channel('chat-typing', { publish: mayPublish, meta: { user: true } });
  hub.channel('ticker', { retention: { maxEntries: pricesKept, maxAgeMs: 5 * 60_000 }, meta: { at: true } });
  hub.call('freeName', async () => {
    const { members } = await hub.channel('chat').presence();
    const taken = new Set(members.map(({ info }) => info.name));
    return animals.find((name) => !taken.has(name)) ?? `Guest ${members.length + 1}`;
  });
  const ticker = new Ticker();
  // Newcomers should see a line and not a dot.
  for (let step = 0; step < pricesKept; step++) await hub.channel('ticker').publish('prices', ticker.step());
  return { hub, ticker };
}
