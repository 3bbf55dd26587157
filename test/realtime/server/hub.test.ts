import { describe, expect, test } from 'vitest';
import { Hub } from '../../../src/realtime/server/hub.ts';
import type { ServerFrame } from '../../../src/realtime/wire/frames.ts';
import { settle } from '../../../src/testing.ts';
import { chat, connect, fields, list, stage, TestLink } from './hub-stage.ts';

describe('a heartbeat', () => {
  test('comes a second after the welcome, and then at its interval', async () => {
    const { clock, ...scene } = stage();
    const { link } = await connect(scene);
    link.messages.length = 0;
    const beats = (): number => link.messages.splice(0).filter((text) => text === '[]').length;
    await clock.advanceAsync(999);
    expect(beats()).toBe(0);
    await clock.advanceAsync(1);
    expect(beats()).toBe(1);
    await clock.advanceAsync(24_999);
    expect(beats()).toBe(0);
    await clock.advanceAsync(1);
    expect(beats()).toBe(1);
    await clock.advanceAsync(250_000);
    expect(beats()).toBe(10);
    expect(link.closed).toBeUndefined();
  });

  test('that is not answered in time ends the link', async () => {
    const { clock, ...scene } = stage();
    const { link } = await connect(scene);
    link.isAlive = false;
    await clock.advanceAsync(20_999);
    expect(link.closed).toBeUndefined();
    await clock.advanceAsync(1);
    expect(link.closed).toEqual({ code: 1001, reason: 'no heartbeat' });
  });

  test('is answered by whatever arrives, also where the deadline is longer than the interval', async () => {
    const { clock, ...scene } = stage({ heartbeatMs: 5_000, heartbeatTimeoutMs: 12_000 });
    const { link } = await connect(scene);
    link.isAlive = false;
    for (let turn = 0; turn < 10; turn++) {
      await clock.advanceAsync(9_000);
      link.say([14, 'nothing']);
    }
    expect(link.closed).toBeUndefined();
    await clock.advanceAsync(22_000);
    expect(link.closed?.code).toBe(1001);
  });

  test('is timed also where its answer comes beside the link, to this node or another', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const { link, session } = await connect(scene, {}, 'stream');
    link.isAlive = false;
    const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const { signal } = new AbortController();
    await scene.clock.advanceAsync(1_000);
    await scene.clock.advanceAsync(70);
    await scene.hub.upstream(session, [[]], peer, signal);
    // Nothing was asked since.
    await scene.hub.upstream(session, [[]], peer, signal);
    const timed = (): unknown => {
      const { count, sumMs } = scene.hub.snapshot().durations.heartbeatMs;
      return { count, sumMs };
    };
    expect(timed()).toEqual({ count: 1, sumMs: 70 });
    await scene.clock.advanceAsync(24_930);
    await scene.clock.advanceAsync(300);
    await other.hub.upstream(session, [[]], peer, signal);
    await settle();
    expect(timed()).toEqual({ count: 2, sumMs: 370 });
  });

  test('is not sent on polls, which are answered by what comes first', async () => {
    const { clock, ...scene } = stage();
    const { link } = await connect(scene, {}, 'poll');
    link.messages.length = 0;
    await clock.advanceAsync(60_000);
    expect(link.messages).toEqual([]);
  });
});

describe('a direct event', () => {
  test('reaches one session, or all of a user on any node, and waits for who is away', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann' });
    const anne = await connect(other, { token: 'ann' });
    const bob = await connect(other, { token: 'bob' });
    const own = fields(ann.welcome.own);
    expect(own.session).toMatchObject({ delivery: 'log', events: ['notice'] });
    await other.hub.session(ann.session[0]).publish('notice', 'to one');
    await scene.hub.user('ann').publish('notice', 'to all of ann');
    await settle();
    expect(ann.link.take(2).map((frame) => [frame[1], frame[4]])).toEqual([
      [fields(own.session).alias, 'to one'],
      [fields(own.user).alias, 'to all of ann'],
    ]);
    expect(anne.link.take(2).map((frame) => frame[4])).toEqual(['to all of ann']);
    expect(bob.link.take(2)).toEqual([]);
    ann.link.cut();
    await scene.hub.session(ann.session[0]).publish('notice', 'while away');
    const again = await connect(scene, {
      token: 'ann',
      session: ann.session,
      own: { session: fields(own.session).position, user: fields(own.user).position },
    });
    expect(again.link.take(2).map((frame) => frame[4])).toEqual(['to one', 'while away', 'to all of ann']);
    await expect(scene.hub.user('ann').publish('shout' as 'notice', 'x')).rejects.toMatchObject({
      code: 'UNKNOWN_EVENT',
    });
  });

  test('is followed by nobody else', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    const names = [`$session:${ann.session[0]}`, '$user:ann', '$state:chat:1', '$nodes'];
    const eve = await connect(scene, { token: 'eve', subs: names.map((name, ref) => [ref, name]) });
    for (const sub of list(eve.welcome.subs)) expect(fields(list(sub)[2]).code).toBe('FORBIDDEN');
  });
});

describe('a frame that is wrong', () => {
  test('is answered with an error and harms nothing', async () => {
    const scene = stage();
    const { link } = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    const wrong: readonly string[] = [
      'not json',
      '{"a":1}',
      '"x"',
      '17',
      'null',
      '[99]',
      '[null]',
      '["1"]',
      '[4]',
      '[4,-1,0,"add",1]',
      '[4,1.5,0,"add",1]',
      '[4,"","x","y",1]',
      `[4,"${'x'.repeat(65)}",0,"add",1]`,
      '[4,1,{},"add",1]',
      '[4,1,0,5,1]',
      '[4,1,0,"add",1,"soon"]',
      '[4,1,0,"add",1,{"deadlineMs":-5}]',
      '[5]',
      '[5,{}]',
      '[6]',
      '[6,1]',
      '[6,1,5]',
      '[6,"1","chat:2"]',
      '[6,1,"chat:2",{"rate":0}]',
      '[6,1,"chat:2",{"rate":"fast"}]',
      '[6,1,"chat:2",{"history":-1}]',
      '[6,1,"chat:2",{"position":["a",-1,"b"]}]',
      '[6,1,"chat:2",{"position":"here"}]',
      '[6,1,"chat:2",7]',
      '[7]',
      '[7,"x"]',
      '[8]',
      '[8,5]',
      '[14]',
      '[14,null]',
      `[6,1,"chat:2",${'['.repeat(1000)}${']'.repeat(1000)}]`,
      '[4,1,0,"add",{"__proto__":{"a":1}}]',
    ];
    for (const text of wrong) {
      link.frames.length = 0;
      link.events.received(text);
      const [frame] = link.takeAll();
      // A request that has an id is answered by it.
      const isRequest = text.startsWith('[4,1,') && !text.includes('__proto__');
      expect([text, frame?.[0], fields(frame?.[isRequest ? 3 : 1]).code]).toEqual([
        text,
        isRequest ? 5 : 13,
        expect.stringMatching(/^(BAD|UNKNOWN)_FRAME$/),
      ]);
    }
    expect(link.closed).toBeUndefined();
    expect(scene.hub.snapshot().badFrames).toBe(wrong.length);
    link.say([4, 1, 'chat:1', 'message', { text: 'still here' }]);
    await settle();
    expect(link.take(5)).toEqual([[5, 1, { offset: 1 }]]);
    expect(scene.errors).toEqual([]);
  });

  test('that is too large ends the link of its sender', async () => {
    const scene = stage({ maxFrameBytes: 2_000 });
    const { link } = await connect(scene);
    link.say([4, 1, 0, 'read', 'x'.repeat(2_000)]);
    expect(link.take(10)).toMatchObject([[10, { code: 'TOO_LARGE' }]]);
    expect(link.closed?.code).toBe(1009);
  });

  test('with unsubscriptions and cancels of what is not there is nothing', async () => {
    const { link } = await connect(stage());
    link.takeAll();
    link.say([
      [7, 12345],
      [14, 'x'],
      [5, 'nobody', 1],
      [5, 'a.b', null, { code: 'x' }],
    ]);
    await settle();
    expect(link.takeAll()).toEqual([]);
    expect(link.closed).toBeUndefined();
  });
});

describe('frames beside a link that goes one way', () => {
  const signal = new AbortController().signal;

  test('are answered for who has the secret, on any node', async () => {
    const scene = stage();
    const other = stage({}, scene);
    other.hub.call('read', (text, { user, session }) => `${text} ${user} ${JSON.stringify(session.data)}`);
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] }, 'stream');
    const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
    const say = (
      session: readonly [string, string],
      frames: Parameters<typeof other.hub.upstream>[1],
    ): Promise<readonly ServerFrame[]> => other.hub.upstream(session, frames, peer, signal);
    expect(
      await say(ann.session, [
        [4, 1, 'chat:1', 'message', { text: 'x' }],
        [4, 0, 'chat:1', 'message', { text: 'y' }],
      ]),
    ).toEqual([[5, 1, { offset: 1 }]]);
    expect(await say(ann.session, [[4, 2, 0, 'read', 'hi']])).toEqual([[5, 2, 'hi ann {"level":3}']]);
    await settle();
    expect(ann.link.take(2)).toHaveLength(2);
    const refused = [[13, { code: 'UNAUTHENTICATED', message: expect.any(String) }]];
    expect(await say([ann.session[0], 'A'.repeat(22)], [[4, 3, 'chat:1', 'message', { text: 'z' }]])).toEqual(
      refused,
    );
    expect(await say(['A'.repeat(16), ann.session[1]], [[4, 3, 'chat:1', 'message', { text: 'z' }]])).toEqual(
      refused,
    );
    expect(await say(ann.session, [[6, 1, 'chat:2'], [99] as never])).toMatchObject([
      [13, { code: 'BAD_FRAME' }],
      [13, { code: 'UNKNOWN_FRAME' }],
    ]);
    await settle();
    expect(ann.link.take(2)).toEqual([]);
  });

  test.each(['this node', 'another node'])(
    'that wait for their answer on %s are a sign of life: nothing else can be said meanwhile',
    async (place) => {
      const options = { requestTimeoutMs: 90_000, heartbeatTimeoutMs: 20_000 };
      const scene = stage(options);
      const asked = place === 'this node' ? scene : stage(options, scene);
      let finish = (): void => undefined;
      asked.hub.call(
        'read',
        () =>
          new Promise((resolve) => {
            finish = () => resolve('done');
          }),
      );
      const ann = await connect(scene, { token: 'ann' }, 'stream');
      if (asked !== scene) await connect(asked);
      ann.link.isAlive = false;
      const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
      const answers = asked.hub.upstream(ann.session, [[4, 1, 0, 'read', 'x']], peer, signal);
      for (let turn = 0; turn < 20; turn++) await settle();
      await scene.clock.advanceAsync(80_000);
      expect(ann.link.closed).toBeUndefined();
      finish();
      expect(await answers).toEqual([[5, 1, 'done']]);
      await scene.clock.advanceAsync(80_000);
      expect(ann.link.closed?.reason).toBe('no heartbeat');
    },
  );

  test('keep the session alive, also on another node', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann' }, 'stream');
    await connect(other);
    ann.link.isAlive = false;
    const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;
    for (const { hub } of [scene, other, scene, other]) {
      await scene.clock.advanceAsync(20_000);
      await hub.upstream(ann.session, [[]], peer, signal);
    }
    expect(ann.link.closed).toBeUndefined();
    await scene.clock.advanceAsync(50_000);
    expect(ann.link.closed).toBeDefined();
  });

  test('of a token that has run out are refused', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: '!ann' }, 'poll');
    ann.link.cut();
    await scene.clock.advanceAsync(60_000);
    const peer = { kind: 'poll', remoteAddress: undefined, url: '', header: () => undefined } as const;
    for (const { hub } of [scene, other]) {
      const answers = await hub.upstream(
        ann.session,
        [[4, 1, 'chat:1', 'message', { text: 'x' }]],
        peer,
        signal,
      );
      expect(answers).toMatchObject([[13, { code: 'TOKEN_EXPIRED', retryable: true }]]);
    }
  });

  test('end with the request when the client is gone', async () => {
    const scene = stage();
    scene.hub.call('add', () => new Promise<number>(() => undefined));
    const ann = await connect(scene, {}, 'poll');
    const peer = { kind: 'poll', remoteAddress: undefined, url: '', header: () => undefined } as const;
    for (const id of [1, 2]) {
      const abort = new AbortController();
      const answers = scene.hub.upstream(
        ann.session,
        [[4, id, 0, 'add', { a: 1, b: 1 }]],
        peer,
        abort.signal,
      );
      // While its session is looked up, and while the call runs.
      if (id === 1) abort.abort();
      for (let turn = 0; turn < 2_000 && scene.hub.snapshot().calls.running < id; turn++) await settle();
      abort.abort();
      expect(await answers).toEqual([]);
    }
  });
});

describe('a page of the history', () => {
  test('is for those who may follow the channel, and ends where it is asked to', async () => {
    const scene = stage();
    const room = scene.hub.channel('chat:1');
    for (const text of ['a', 'b', 'c']) await room.publish('message', { text }, { user: 'ann' });
    const { link } = await connect(scene, { token: 'bob' });
    link.say([4, 1, 'chat:1', '$history', { before: 3, count: 10 }]);
    link.say([4, 2, 'chat:1', '$history', { count: 1 }]);
    link.say([4, 3, 'chat:closed', '$history', { count: 1 }]);
    link.say([4, 4, 'chat:1', '$history', { count: -1 }]);
    link.say([4, 5, 'cursor:1', '$history', { count: 1 }]);
    await settle();
    const answers = link.take(5).toSorted((a, b) => Number(a[1]) - Number(b[1]));
    expect(answers).toMatchObject([
      [
        5,
        1,
        {
          entries: [
            [1, 'message', { text: 'a' }, expect.any(String), { user: 'ann' }],
            [2, 'message', { text: 'b' }, expect.any(String), { user: 'ann' }],
          ],
        },
      ],
      [5, 2, { entries: [[3, 'message', { text: 'c' }, expect.any(String), { user: 'ann' }]] }],
      [5, 3, null, { code: 'FORBIDDEN' }],
      [5, 4, null, { code: 'BAD_DATA' }],
      [5, 5, { entries: [] }],
    ]);
    expect(await room.history({ count: 1 })).toMatchObject([
      { offset: 3, event: 'message', data: { text: 'c' }, user: 'ann' },
    ]);
  });
});

describe('a hub that goes away', () => {
  test('sends its sessions away one after the other, and waits for calls', async () => {
    const scene = stage();
    let finish: (sum: number) => void = () => undefined;
    scene.hub.call(
      'add',
      () =>
        new Promise<number>((resolve) => {
          finish = resolve;
        }),
    );
    const links = await Promise.all(Array.from({ length: 10 }, async () => (await connect(scene)).link));
    links[0].say([4, 1, 0, 'add', { a: 1, b: 2 }]);
    await settle();
    const report = scene.hub.drain({ overMs: 10_000 });
    await settle();
    const closed = (): number => links.filter((link) => link.closed !== undefined).length;
    expect(closed()).toBe(1);
    await scene.clock.advanceAsync(4_500);
    expect(closed()).toBe(5);
    await scene.clock.advanceAsync(5_000);
    expect(closed()).toBe(10);
    const goodbyes = links.map((link) => fields(link.take(10)[0][1]));
    for (const goodbye of goodbyes) {
      expect(goodbye).toMatchObject({ code: 'DRAINING', retryable: true });
      expect(goodbye.afterMs).toBeGreaterThanOrEqual(250);
      expect(goodbye.afterMs).toBeLessThanOrEqual(500);
    }
    const late = new TestLink(scene.hub);
    late.say([1, { v: 1 }]);
    expect(late.take(10)).toMatchObject([[10, { code: 'DRAINING', retryable: true }]]);
    finish(3);
    expect(await report).toEqual({ links: 10, unfinishedCalls: 0, durationMs: expect.any(Number) });
    expect(scene.hub.snapshot().state).toBe('draining');
  });

  test('leaves no timer behind', async () => {
    const scene = stage();
    await connect(scene, {
      token: '!ann',
      subs: [[1, 'chat:1', { presence: true, info: undefined, rate: 1 }]],
    });
    const { link } = await connect(scene, { subs: [[1, 'chat:1']] });
    link.cut();
    const silent = new TestLink(scene.hub);
    await scene.hub.close();
    expect(silent.closed).toBeDefined();
    await scene.hub.close();
    expect(scene.hub.snapshot()).toMatchObject({ state: 'closed', sessions: { connected: 0 } });
    await scene.clock.advanceAsync(60_000);
    expect(scene.clock.pendingTimers).toBeLessThanOrEqual(1);
  });
});

describe('a hub', () => {
  test('refuses what is not in its contract', () => {
    const hub = new Hub(chat, { heartbeatMs: 50_000 });
    expect(() => hub.channel('chat:{room}', { whenSlow: 'wait' as 'drop' })).toThrow(
      'option whenSlow is "wait"',
    );
    expect(() => hub.channel('cursor:{doc}', { whenSlow: 'recover' })).toThrow('expected "drop", "close"');
    expect(() => hub.channel('chat:{room}', { retention: { maxEntries: 0 } })).toThrow(
      'retention.maxEntries is 0',
    );
    expect(() => hub.channel('other:{x}' as 'chat:{room}', {})).toThrow(
      'channel "other:{x}" is not in the contract',
    );
    expect(() => hub.channel('other:1' as 'chat:1')).toThrow(
      'channel "other:1" is of no kind in the contract',
    );
    hub.channel('chat:{room}', {});
    expect(() => hub.channel('chat:{room}', {})).toThrow('is declared twice');
    expect(() => hub.call('sub' as 'add', () => 1)).toThrow('call "sub" is not in the contract');
    hub.call('add', () => 1);
    expect(() => hub.call('add', () => 1)).toThrow('has a handler already');
    expect(() => new Hub(chat, { heartbeatMs: 0 })).toThrow('heartbeatMs');
    expect(() => new Hub(chat, { authenticate: 'x' as never })).toThrow('option authenticate is "x"');
  });

  test('says how it is in plain values', async () => {
    const scene = stage();
    await connect(scene, { subs: [[1, 'chat:1']] });
    await scene.hub.channel('chat:1').publish('message', { text: 'x' });
    await settle();
    expect(JSON.parse(JSON.stringify(scene.hub))).toMatchObject({
      engine: 'memory',
      state: 'open',
      sessions: { connected: 1, byLink: { websocket: 1 }, away: 0, begun: 1, resumed: 0 },
      channels: { streams: 3, subscriptions: 1 },
      publications: 1,
      deliveries: 1,
    });
    expect([...scene.hub.sessions].map(({ link }) => link)).toEqual(['websocket']);
  });

  test('lets nobody follow a channel that is not declared', async () => {
    const hub = new Hub(chat);
    const { welcome } = await connect({ hub }, { subs: [[1, 'chat:1']] });
    expect(list(welcome.subs)).toMatchObject([[1, null, { code: 'UNKNOWN_CHANNEL' }]]);
  });
});
