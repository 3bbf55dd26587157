import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { HubStatistics } from '../../../src/realtime/server/hub-statistics.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { NodeStreams } from '../../../src/realtime/server/node-streams.ts';
import { mapFormat } from '../../../src/realtime/server/stream-frames.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';
import { type Chat, chat, connect, type Greeted, list, stage, TestLink } from './hub-stage.ts';

// A hub whose rules for `chat:` are asked and do not answer until a test lets them.
async function waitingRules(limits: {
  maxSubscriptions?: number;
  maxPendingRequests?: number;
  maxQueuedRequests?: number;
}): Promise<
  Greeted & { readonly asked: string[]; readonly hub: Hub<Chat, unknown>; readonly answer: () => void }
> {
  const clock = new FakeClock();
  const hub = new Hub<Chat, unknown>(chat, { clock, ...limits }, { scheduler: immediateScheduler });
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const wait = (channel: string): Promise<boolean> => {
    asked.push(channel);
    return new Promise((resolve) => {
      waiting.push(() => resolve(true));
    });
  };
  hub.channel('chat:{room}', {
    subscribe: ({ channel }) => wait(channel),
    publish: ({ channel }) => wait(channel),
  });
  return { ...(await connect({ hub })), asked, hub, answer: () => waiting.splice(0).forEach((one) => one()) };
}

const tooMany = expect.objectContaining({ code: 'TOO_MANY' });

describe('a request that is wrong', () => {
  test('is answered by its id where it has one, on a link and beside it', async () => {
    const scene = stage();
    const { link, session } = await connect(scene, { token: 'ann' });
    const bad = expect.objectContaining({ code: 'BAD_FRAME' });
    link.say([4, 'a', 'chat:1', 5]);
    link.say([4, 0, 'chat:1', 5]);
    link.say([4, -1, 'chat:1', 5]);
    const answers = [
      [5, 'a', null, bad],
      [13, bad],
      [13, bad],
    ];
    expect(link.takeAll()).toEqual(answers);
    const peer = { kind: 'poll', remoteAddress: undefined, url: '', header: () => undefined } as const;
    // As the fallbacks hand them on: unread.
    const frames = JSON.parse('[[4,"a","chat:1",5],[4,0,"chat:1",5],[4,-1,"chat:1",5]]');
    const { signal } = new AbortController();
    expect(await scene.hub.upstream(session, frames, peer, signal)).toEqual(answers);
  });
});

describe('one client', () => {
  test('cannot make the server hold more than a message has while its hello is answered', async () => {
    const { hub } = stage({ authenticate: () => new Promise(() => undefined), maxFrameBytes: 10_000 });
    const link = new TestLink(hub);
    link.say([1, { v: 1 }]);
    link.say([4, 1, 'chat:1', 'message', { text: 'x'.repeat(4_000) }]);
    link.say([4, 2, 'chat:1', 'message', { text: 'x'.repeat(4_000) }]);
    expect(link.closed).toBeUndefined();
    link.say([4, 3, 'chat:1', 'message', { text: 'x'.repeat(4_000) }]);
    expect(link.take(10)).toEqual([[10, tooMany]]);
  });

  test('cannot have more rules asked at once than it may have subscriptions', async () => {
    const { link, asked, answer } = await waitingRules({ maxSubscriptions: 3 });
    link.say(Array.from({ length: 50 }, (_, index) => [6, index, `chat:${index}`]));
    link.say([6, 50, 'chat:0']);
    await settle();
    expect(asked).toEqual(['chat:0', 'chat:1', 'chat:2']);
    const refused = link.take(6);
    expect(refused).toHaveLength(48);
    expect(refused.slice(0, 47)).toEqual(
      Array.from({ length: 47 }, (_, index) => [6, index + 3, null, tooMany]),
    );
    expect(refused[47]).toEqual([6, 50, null, expect.objectContaining({ code: 'BAD_FRAME' })]);
    answer();
    await settle();
    expect(link.take(6).map(([, ref, answered]) => [ref, answered === null])).toEqual([
      [0, false],
      [1, false],
      [2, false],
    ]);
  });

  test('gets its place back when a rule has refused', async () => {
    const { hub } = stage({ maxSubscriptions: 1 });
    const { link } = await connect({ hub }, { token: 'ann' });
    link.say([6, 1, 'chat:closed']);
    await settle();
    link.say([6, 2, 'chat:1']);
    await settle();
    expect(link.take(6).map(([, ref, answered]) => [ref, answered === null])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  test('cannot pile up requests that want no answer', async () => {
    const { link, asked, hub, answer } = await waitingRules({
      maxPendingRequests: 3,
      maxQueuedRequests: 0,
    });
    link.say(Array.from({ length: 10 }, () => [4, 0, 'chat:1', 'message', { text: 'again' }]));
    await settle();
    expect(link.take(13)).toEqual(Array.from({ length: 7 }, () => [13, tooMany]));
    // They keep their order, so that each is asked about when the one before has gone.
    for (let turn = 0; turn < 4; turn++) {
      answer();
      await settle();
    }
    expect(asked).toHaveLength(3);
    expect(await hub.channel('chat:1').history({ count: 10 })).toHaveLength(3);
    link.say([4, 0, 'chat:1', 'message', { text: 'once more' }]);
    await settle();
    expect(asked).toHaveLength(4);
    expect(link.take(5)).toEqual([]);
  });

  test('gets no more by one request of many questions than may wait on a link', async () => {
    const scene = stage({ maxBufferedBytes: 10_000 });
    const ann = await connect(scene, { token: 'ann' });
    await scene.hub.channel('chat:1').publish('message', { text: 'x'.repeat(4_000) });
    const peer = { kind: 'poll', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const answers = await scene.hub.upstream(
      ann.session,
      [1, 2, 3].map((id) => [4, id, 'chat:1', '$history', { count: 1 }] as const),
      peer,
      new AbortController().signal,
    );
    expect(answers.map((answer) => list(answer).slice(2))).toEqual([
      [{ entries: [expect.anything()] }],
      [{ entries: [expect.anything()] }],
      [null, tooMany],
    ]);
  });

  test('never hears of what was done that it can be tried again, because too much was asked beside it', async () => {
    const scene = stage({ maxBufferedBytes: 10_000 });
    scene.hub.call('add', ({ a, b }) => a + b);
    scene.hub.call('read', (text) => text);
    const ann = await connect(scene, { token: 'ann' });
    const peer = { kind: 'poll', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const answers = await scene.hub.upstream(
      ann.session,
      [
        [4, 1, 0, 'read', 'x'.repeat(9_900)],
        [4, 2, 0, 'read', 'y'.repeat(2_000)],
        [4, 3, 'chat:1', 'message', { text: 'one' }],
        [4, 4, 0, 'add', { a: 1, b: 2 }],
      ],
      peer,
      new AbortController().signal,
    );
    expect(answers.map((answer) => list(answer).slice(2))).toEqual([
      [expect.any(String)],
      [null, { code: 'OUTCOME_UNKNOWN', message: 'the answers of one request are too large together' }],
      [{ offset: 1 }],
      [3],
    ]);
  });

  test('cannot make the node keep ever more channels that it has left', () => {
    const engine = new MemoryEngine();
    const streams = new NodeStreams({
      engine,
      clock: systemClock,
      scheduler: immediateScheduler,
      statistics: new HubStatistics(),
      maxSnapshotBytes: 1_000,
    });
    const kept = streams.take('kept', 'map', mapFormat);
    for (let channel = 0; channel < 10_050; channel++)
      streams.leave(streams.take(`c${channel}`, 'map', mapFormat));
    expect(streams.size).toBe(10_001);
    const names = new Set([...streams].map(({ name }) => name));
    expect([names.has('kept'), names.has('c49'), names.has('c50')]).toEqual([true, false, true]);
    expect(streams.nameOf(kept.alias)).toBe('kept');
    streams.close();
  });
});
