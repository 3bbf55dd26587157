// Networks that do to connections what real ones do, and the client on Node in them: it gets through, loses nothing, and stays
// where it is. Times that are half a minute in life are a second here, by the options.

import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Reader, newsHub, Scene, serveNews } from './meeting.ts';
import { BufferingProxy, IdleCuttingProxy, KillingProxy, StrippingProxy } from './proxies.ts';

test('where proxies strip Upgrade, the client streams, and stays there', async () => {
  await using scene = await Scene.set((port) => new StrippingProxy(port).listen(), {
    client: { upgradeIntervalMs: 100 },
  });
  const { reader, proxy } = scene;
  await reader.opened();
  expect(reader.client.transport).toBe('stream');
  console.log(`streams where Upgrade is stripped after ${reader.openMs.toFixed()} ms`);
  await reader.hears(20);
  expect(await reader.client.call('add', [1, 2])).toBe(3);
  // WebSocket is tried again and again, and never disturbs what is open.
  await expect.poll(() => proxy.upgrades, { timeout: 15_000 }).toBeGreaterThan(4);
  await reader.hears(5);
  expect(reader.client.transport).toBe('stream');
  expect(reader.opens).toBe(1);
});

test('where connections are killed 300 ms after the 101, the client streams, and stays there', async () => {
  await using scene = await Scene.set((port) => new KillingProxy(port, 300).listen(), {
    client: { upgradeIntervalMs: 200 },
  });
  const { reader, proxy } = scene;
  await expect.poll(() => reader.client.transport, { timeout: 15_000 }).toBe('stream');
  console.log(`streams where connections are killed after ${reader.openMs.toFixed()} ms`);
  await reader.hears(20);
  expect(await reader.client.call('add', [1, 2])).toBe(3);
  const { opens } = reader;
  // A welcome that is followed by nothing proves nothing.
  await expect.poll(() => proxy.upgrades, { timeout: 15_000 }).toBeGreaterThan(4);
  await reader.hears(5);
  expect(reader.client.transport).toBe('stream');
  expect(reader.opens).toBe(opens);
});

test('where responses are held back until they are complete, the client polls, and stays there', async () => {
  await using scene = await Scene.set((port) => new BufferingProxy(port).listen(), {
    client: { streamTimeoutMs: 300, upgradeIntervalMs: 100 },
    server: { pollHoldMs: 100 },
  });
  const { reader, proxy } = scene;
  await reader.opened();
  expect(reader.client.transport).toBe('poll');
  console.log(`polls where responses are held back after ${reader.openMs.toFixed()} ms`);
  for (let round = 0; round < 5; round++) await reader.hears(4);
  expect(await reader.client.call('add', [1, 2])).toBe(3);
  await expect.poll(() => proxy.upgrades, { timeout: 15_000 }).toBeGreaterThan(3);
  await reader.hears(5);
  expect(reader.client.transport).toBe('poll');
  expect(reader.opens).toBe(1);
});

test('a poll that has nothing to tell waits: the client does not ask in vain', async () => {
  await using scene = await Scene.set((port) => new BufferingProxy(port).listen(), {
    client: { transports: ['poll'] },
  });
  const { reader, proxy, hub } = scene;
  await reader.opened();
  await reader.hears(1);
  await expect.poll(() => hub.snapshot().sessions.byLink.poll).toBe(1);
  const before = proxy.count;
  await reader.hears(1);
  // One answer to the poll that waited, and the poll that waits now.
  await expect.poll(() => hub.snapshot().sessions.byLink.poll).toBe(1);
  expect(proxy.count - before).toBeLessThanOrEqual(1);
});

test.each(['websocket', 'stream', 'poll'] as const)(
  'where silent connections are cut, the heartbeat keeps %s alive',
  async (kind) => {
    let posts = 0;
    await using scene = await Scene.set((port) => new IdleCuttingProxy(port, 4_000).listen(), {
      // Ten signs of life in the time after which silence is cut: a machine that is held up for a moment is not silent.
      hub: { heartbeatMs: 400 },
      server: { pollHoldMs: 400 },
      client: {
        transports: [kind],
        fetch: (input, init) => {
          posts++;
          return fetch(input, init);
        },
      },
    });
    const { reader, proxy, hub } = scene;
    await reader.opened();
    await reader.hears(1);
    // Answers to heartbeats, which come as requests of their own over a stream; and polls.
    const signs = (): number => (kind === 'websocket' ? hub.snapshot().durations.heartbeatMs.count : posts);
    await expect.poll(signs, { timeout: 15_000 }).toBeGreaterThan(13);
    await reader.hears(1);
    expect(reader.opens, reader.states.join(', ')).toBe(1);
    expect(reader.client.transport).toBe(kind);
    if (proxy instanceof IdleCuttingProxy && kind === 'websocket') expect(proxy.cuts).toBe(0);
  },
);

test('where connections are cut more often than anybody speaks, nothing is lost', async () => {
  await using scene = await Scene.set((port) => new IdleCuttingProxy(port, 150).listen());
  const { reader, proxy } = scene;
  await reader.opened();
  for (let round = 0; round < 8; round++) {
    const before = proxy.count;
    await expect.poll(() => proxy.count, { timeout: 15_000 }).toBeGreaterThan(before);
    await reader.hears(3);
  }
  expect(proxy.count).toBeGreaterThan(8);
});

test('while the server is down the client waits, and then comes over WebSocket: it never steps down', async () => {
  const hub = newsHub();
  const first = await serveNews(hub);
  const { port } = first;
  const reader = new Reader(hub, port, { maxDelayMs: 100 });
  try {
    await reader.opened();
    await reader.hears(3);
    await first.close();
    // Many attempts, of every kind that the client thinks of.
    const attempts = (): number => reader.states.filter((state) => state === 'connecting').length;
    await expect.poll(attempts, { timeout: 15_000 }).toBeGreaterThan(12);
    // Nothing was taken for a way through.
    expect(reader.states.filter((state) => state.startsWith('open'))).toEqual(['open websocket']);
    await hub.channel('news').publish('item', 4);
    const second = await serveNews(hub, {}, port);
    try {
      await reader.opened();
      await expect.poll(() => reader.items).toEqual([1, 2, 3, 4]);
      // Also when the server comes back just while the client asks over others whether it is there.
      expect(reader.states.filter((state) => state.startsWith('open'))).toEqual([
        'open websocket',
        'open websocket',
      ]);
    } finally {
      await second.close({ timeoutMs: 0 });
    }
  } finally {
    reader.client.close();
    await hub.close();
  }
});

test.each<[string, number, string, string]>([
  ['a proxy that answers 502', 502, 'text/html', '<h1>Bad Gateway</h1>'],
  ['a portal that answers everything with its page', 200, 'text/html', '<h1>Please log in</h1>'],
  ['a portal whose page looks like a stream', 200, 'text/event-stream', 'data: {"please":"log in"}\n\n'],
])('%s proves nothing: the client comes over WebSocket when it is gone', async (_, status, type, body) => {
  const portal: Server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'Content-Type': type }).end(body);
  });
  portal.listen(0, '127.0.0.1');
  await once(portal, 'listening');
  const address = portal.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const hub = newsHub();
  const reader = new Reader(hub, port, { maxDelayMs: 50 });
  try {
    const attempts = (): number => reader.states.filter((state) => state === 'connecting').length;
    await expect.poll(attempts, { timeout: 15_000 }).toBeGreaterThan(9);
    expect(reader.opens).toBe(0);
    const closed = once(portal, 'close');
    portal.close();
    portal.closeAllConnections();
    await closed;
    const server = await serveNews(hub, {}, port);
    try {
      await reader.opened();
      await reader.hears(3);
      expect(reader.states.filter((state) => state.startsWith('open'))).toEqual(['open websocket']);
    } finally {
      await server.close({ timeoutMs: 0 });
    }
  } finally {
    reader.client.close();
    await hub.close();
  }
});
