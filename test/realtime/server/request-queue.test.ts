// More requests of one session than may run at once: they wait for their turn, in order and within bounds.

import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../../src/client.ts';
import { Hub, serveRealtime } from '../../../src/realtime.ts';
import { settle } from '../../../src/testing.ts';
import { chat, connect, fields, stage } from './hub-stage.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

// A call that is answered when a test says so, in the order in which they began.
function heldCalls(limits: Parameters<typeof stage>[0]): {
  readonly scene: ReturnType<typeof stage>;
  readonly begun: number[];
  readonly finish: () => Promise<void>;
} {
  const scene = stage(limits);
  const begun: number[] = [];
  const finishing: (() => void)[] = [];
  scene.hub.call('add', ({ a }) => {
    begun.push(a);
    return new Promise((resolve) => {
      finishing.push(() => resolve(a));
    });
  });
  return {
    scene,
    begun,
    finish: async () => {
      finishing.shift()?.();
      await settle();
    },
  };
}

function call(id: number, more: Readonly<Record<string, unknown>> = {}): unknown {
  return [4, id, 0, 'add', { a: id, b: 0, ...more }];
}

describe('requests beyond those that may run at once', () => {
  test('run one after the other when there is room, and each is answered', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 2 });
    const { link } = await connect(scene);
    for (let id = 1; id <= 5; id++) link.say(call(id));
    await settle();
    expect(begun).toEqual([1, 2]);
    await finish();
    expect(begun).toEqual([1, 2, 3]);
    for (let turn = 0; turn < 4; turn++) await finish();
    expect(begun).toEqual([1, 2, 3, 4, 5]);
    expect(link.take(5)).toEqual([1, 2, 3, 4, 5].map((id) => [5, id, id]));
    // Nothing waits any more: the next runs at once.
    link.say(call(6));
    await settle();
    expect(begun).toContain(6);
  });

  test('keep the order of publications, however many come in one turn', async () => {
    const scene = stage({ maxPendingRequests: 10 });
    const { link } = await connect(scene, { token: 'ann' });
    const texts = Array.from({ length: 900 }, (_, index) => `${index}`);
    link.say(texts.map((text, index) => [4, index + 1, 'chat:1', 'message', { text }]));
    await settle();
    const history = await scene.hub.channel('chat:1').history({ count: 1_000 });
    expect(history.map(({ data }) => fields(data).text)).toEqual(texts);
    expect(link.take(5)).toEqual(texts.map((_, index) => [5, index + 1, { offset: index + 1 }]));
  });

  test('are refused beyond their number', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1, maxQueuedRequests: 2 });
    const { link } = await connect(scene);
    for (let id = 1; id <= 5; id++) link.say(call(id));
    await settle();
    const tooMany = expect.objectContaining({ code: 'TOO_MANY', retryable: true });
    expect(link.take(5)).toEqual([
      [5, 4, null, tooMany],
      [5, 5, null, tooMany],
    ]);
    for (let turn = 0; turn < 3; turn++) await finish();
    expect(begun).toEqual([1, 2, 3]);
  });

  test('are refused beyond the length of two messages together', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1, maxFrameBytes: 1_024 });
    const { link } = await connect(scene);
    for (let id = 1; id <= 4; id++) link.say(call(id, { text: 'x'.repeat(900) }));
    await settle();
    expect(link.take(5)).toMatchObject([[5, 4, null, { code: 'TOO_MANY' }]]);
    for (let turn = 0; turn < 3; turn++) await finish();
    expect(begun).toEqual([1, 2, 3]);
    // What has left makes room.
    for (let id = 5; id <= 7; id++) link.say(call(id, { text: 'x'.repeat(900) }));
    for (let turn = 0; turn < 4; turn++) await finish();
    expect(begun).toEqual([1, 2, 3, 5, 6, 7]);
  });

  test('never run when their caller gives up before their turn', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1 });
    const { link } = await connect(scene);
    for (let id = 1; id <= 3; id++) link.say(call(id));
    link.say([14, 2]);
    expect(link.take(5)).toMatchObject([[5, 2, null, { code: 'CANCELLED' }]]);
    await settle();
    for (let turn = 0; turn < 3; turn++) await finish();
    expect(begun).toEqual([1, 3]);
  });

  for (const kind of ['websocket', 'stream', 'poll'] as const) {
    test('are taken back beside a link that goes one way too', async () => {
      const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1 });
      const { session } = await connect(scene, {}, 'stream');
      const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
      const answers = scene.hub.upstream(
        session,
        [
          [4, 1, 0, 'add', { a: 1, b: 0 }],
          [4, 2, 0, 'add', { a: 2, b: 0 }],
          [14, 2],
        ],
        peer,
        new AbortController().signal,
      );
      // Digests take real time.
      for (let turn = 0; turn < 2_000 && begun.length === 0; turn++) await settle();
      await finish();
      await finish();
      expect(await answers).toMatchObject([
        [5, 1, 1],
        [5, 2, null, { code: 'CANCELLED' }],
      ]);
      expect(begun).toEqual([1]);
    });

    test(`are all answered when a client has a thousand of them as it comes: ${kind}`, async () => {
      const hub = new Hub(chat);
      hub.channel('chat:{room}', { publish: () => true, retention: { maxEntries: 1_000 } });
      hub.call('add', async ({ a, b }) => {
        await settle();
        return a + b;
      });
      const server = await serveRealtime(hub, { port: 0, host: '127.0.0.1' });
      open.push(async () => {
        await server.close({ timeoutMs: 0 });
        await hub.close();
      });
      const client = createClient(chat, server.url, { transports: [kind] });
      open.push(async () => client.close());
      const room = client.channel('chat:1');
      const results = await Promise.allSettled(
        Array.from({ length: 1_000 }, (_, index) =>
          index % 2 === 0
            ? room.publish('message', { text: `${index}` })
            : client.call('add', { a: index, b: 1 }),
        ),
      );
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      const history = await hub.channel('chat:1').history({ count: 1_000 });
      expect(history.map(({ data }) => Number(fields(data).text))).toEqual(
        Array.from({ length: 500 }, (_, index) => 2 * index),
      );
    });
  }
});
