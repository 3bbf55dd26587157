// What tabs go through beside leaders that die: pages that go into the back/forward cache, platforms that refuse locks, and others who
// speak on the same channel.

import { afterEach, expect, test, vi } from 'vitest';
import { TabBus, type TabMessage } from '../../../src/realtime/tabs/tab-messages.ts';
import type { MemoryTab } from './memory-tabs.ts';
import { scene } from './scene.ts';

afterEach(() => vi.unstubAllGlobals());

/** A tab, and what its page is told alone. */
function withPage(make: () => MemoryTab): { readonly tab: MemoryTab; readonly tell: (type: string) => void } {
  const page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  const tab = make();
  vi.unstubAllGlobals();
  return { tab, tell: (type) => void page.dispatchEvent(new Event(type)) };
}

test('a page that goes into the cache hands over, and comes back as one of the others, without loss', async () => {
  const { hub, tab, pass } = scene();
  const { tab: first, tell } = withPage(() => tab());
  const second = tab();
  const heard: unknown[][] = [[], []];
  for (const [index, { client }] of [first, second].entries()) {
    const room = client.channel('chat:42');
    room.on('message', (data) => heard[index].push(data));
    room.on('gap', (gap) => heard[index].push(gap));
  }
  await pass();
  await hub.channel('chat:42').publish('message', 1);
  await pass();
  tell('pagehide');
  expect([first.client.state, first.client.isLeader]).toEqual(['waiting', false]);
  await hub.channel('chat:42').publish('message', 2);
  await pass();
  expect(second.client.isLeader).toBe(true);
  const asked = first.client.call('add', [1, 2]);
  tell('pageshow');
  await pass();
  await hub.channel('chat:42').publish('message', 3);
  await pass();
  expect([first.client.state, first.client.isLeader, await asked]).toEqual(['open', false, 3]);
  second.die();
  await hub.channel('chat:42').publish('message', 4);
  await pass(5_000);
  expect(first.client.isLeader).toBe(true);
  expect(heard).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3],
  ]);
});

test('where the platform refuses locks, the tab has a connection of its own', async () => {
  const { hub, tab, pass } = scene();
  const refused = (): Promise<never> => Promise.reject(new DOMException('no origin', 'SecurityError'));
  const { client } = tab({ locks: { request: refused, query: refused } });
  const room = client.channel('chat:42');
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  await pass();
  expect([client.state, client.isLeader, room.status, errors]).toEqual(['open', true, 'subscribed', []]);
  expect(hub.snapshot().sessions.connected).toBe(1);
});

test('a call without an end in time waits for its answer', async () => {
  const { tab, pass, answer } = scene();
  tab();
  const { client } = tab();
  const order = client.call('order', 5, { timeoutMs: Infinity });
  await pass(20_000);
  answer();
  await pass();
  expect(await order).toBe(5);
});

test.each(['no JSON', '5', 'null', '"text"', '[]', '{}', '{"type":5}', new ArrayBuffer(1)])(
  'what is no message of a tab, such as %j, is left alone',
  (data) => {
    let tell: ((event: { readonly data: unknown }) => void) | undefined;
    const received: TabMessage[] = [];
    const bus = new TabBus(
      {
        postMessage: () => undefined,
        addEventListener: (_type, listener) => {
          tell = listener;
        },
        close: () => undefined,
      },
      (message) => received.push(message),
    );
    tell?.({ data });
    expect(received).toEqual([]);
    tell?.({ data: '{"type":"gone","tab":"a"}' });
    expect(received).toEqual([{ type: 'gone', tab: 'a' }]);
    bus.close();
  },
);
