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

describe('requests that are sent again', () => {
  test('take no other place while they run, and are answered where they were sent last', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 2, maxQueuedRequests: 0 });
    let last = await connect(scene, { token: 'ann' });
    const { session } = last;
    last.link.say(call(1));
    await settle();
    for (let time = 0; time < 5; time++) {
      last.link.cut();
      last = await connect(scene, { token: 'ann', session });
      last.link.say([4, 1, 0, 'add', { a: 1, b: 0 }, { again: true }]);
      last.link.say([4, 1, 0, 'add', { a: 1, b: 0 }, { again: true }]);
    }
    last.link.say(call(2));
    last.link.say(call(3));
    await settle();
    expect(begun).toEqual([1, 2]);
    expect(last.link.take(5)).toMatchObject([[5, 3, null, { code: 'TOO_MANY' }]]);
    await finish();
    expect(last.link.take(5)).toEqual([[5, 1, 1]]);
    last.link.say(call(4));
    await settle();
    expect(begun).toEqual([1, 2, 4]);
  });

  test('wait where they waited before, each once', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1, maxQueuedRequests: 3 });
    const first = await connect(scene, { token: 'ann' });
    for (let id = 1; id <= 4; id++) first.link.say(call(id));
    await settle();
    first.link.cut();
    const second = await connect(scene, { token: 'ann', session: first.session });
    for (let id = 1; id <= 4; id++) second.link.say([4, id, 0, 'add', { a: id, b: 0 }, { again: true }]);
    await settle();
    expect(second.link.take(5)).toEqual([]);
    for (let turn = 0; turn < 4; turn++) await finish();
    expect(second.link.take(5)).toEqual([1, 2, 3, 4].map((id) => [5, id, id]));
    expect(begun).toEqual([1, 2, 3, 4]);
  });

  test('beside a link are let go where they were sent before', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1 });
    const { link, session } = await connect(scene, {}, 'stream');
    const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const { signal } = new AbortController();
    const frames = [1, 2].map((id) => [4, id, 0, 'add', { a: id, b: 0 }] as const);
    const before = scene.hub.upstream(session, frames, peer, signal);
    for (let turn = 0; turn < 2_000 && begun.length === 0; turn++) await settle();
    link.cut();
    const again = await connect(scene, { session });
    again.link.say([4, 2, 0, 'add', { a: 2, b: 0 }, { again: true }]);
    await finish();
    await finish();
    expect(await before).toMatchObject([
      [5, 1, 1],
      [5, 2, null, { code: 'CANCELLED' }],
    ]);
    expect(again.link.take(5)).toEqual([[5, 2, 2]]);
    expect(begun).toEqual([1, 2]);
  });

  test('are not counted again while they run or wait', async () => {
    const { scene, finish } = heldCalls({ maxPendingRequests: 1, sessionRate: { perSecond: 1, burst: 2 } });
    const { link } = await connect(scene);
    for (const options of [{}, { again: true }, { again: true }]) {
      for (const id of [1, 2]) link.say([4, id, 0, 'add', { a: id, b: 0 }, options]);
      await settle();
    }
    expect(link.take(5)).toEqual([]);
    link.say(call(3));
    expect(link.take(5)).toMatchObject([[5, 3, null, { code: 'RATE_LIMITED' }]]);
    expect(scene.hub.snapshot().requestsRefused).toBe(1);
    await finish();
    await finish();
    expect(link.take(5)).toEqual([
      [5, 1, 1],
      [5, 2, 2],
    ]);
  });
});

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

  test('are as long as they are, whatever else is in the message that brings them', async () => {
    const { scene, begun, finish } = heldCalls({ maxPendingRequests: 1, maxFrameBytes: 2_048 });
    const { link } = await connect(scene);
    link.say(call(1));
    const heartbeats = Array.from({ length: 100 }, () => []);
    for (let id = 2; id <= 6; id++) link.say([call(id, { text: 'x'.repeat(1_500) }), ...heartbeats]);
    await settle();
    const refused = link.take(5).map(([, id]) => id);
    expect(refused).toEqual([4, 5, 6]);
    for (let turn = 0; turn < 3; turn++) await finish();
    expect(begun).toEqual([1, 2, 3]);
  });

  test('are as long as they are, also those of requests whose client has gone', async () => {
    const { scene } = heldCalls({ maxPendingRequests: 1, maxFrameBytes: 1_024 });
    const { session } = await connect(scene, {}, 'stream');
    const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const codes: unknown[] = [];
    for (let id = 1; id <= 5; id++) {
      const gone = new AbortController();
      const frame = [4, id, 0, 'add', { a: id, b: 0, text: 'x'.repeat(900) }] as const;
      const answered = scene.hub.upstream(session, [frame], peer, gone.signal);
      for (let turn = 0; turn < 20; turn++) await settle();
      gone.abort();
      for (const answer of await answered) codes.push(answer[1], fields(answer[3]).code);
    }
    expect(codes).toEqual([4, 'TOO_MANY', 5, 'TOO_MANY']);
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
