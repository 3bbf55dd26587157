import { describe, expect, test } from 'vitest';
import type { BroadcastEvent } from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import { FakeClock, settle } from '../../../src/testing.ts';
import { chat, connect, fields, list, stage, subscribed, TestLink } from './hub-stage.ts';

describe('a session', () => {
  test('is resumed by its id, its secret and its user together, and by nothing less', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    const [id, secret] = ann.session;
    const eve = await connect(scene, { token: 'eve' });
    const forged: readonly { readonly token?: string; readonly session: readonly [string, string] }[] = [
      { token: 'ann', session: [id, 'A'.repeat(22)] },
      { token: 'ann', session: [id, ''] },
      { token: 'ann', session: ['A'.repeat(16), secret] },
      { token: 'ann', session: [id, eve.session[1]] },
      { token: 'eve', session: [id, secret] },
      { session: [id, secret] },
    ];
    for (const hello of forged) {
      const { welcome, session } = await connect(scene, hello);
      expect(welcome.resumed).toBe(false);
      expect(session[0]).not.toBe(id);
      expect(session[1]).not.toBe(secret);
    }
    expect(ann.link.closed).toBeUndefined();
    const again = await connect(scene, { token: 'ann', session: [id, secret] });
    expect([again.welcome.resumed, again.session]).toEqual([true, [id, secret]]);
  });

  test('stands in the engine without its secret', async () => {
    const scene = stage();
    const { session } = await connect(scene, { token: 'ann' });
    const record = await scene.engine.session(session[0]);
    expect(record).toMatchObject({ user: 'ann', secretHash: expect.stringMatching(/^[\w-]{43}$/) });
    expect(JSON.stringify(record)).not.toContain(session[1]);
  });

  test('goes on at another node, and the link to the older one ends', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    const moved = await connect(other, { token: 'ann', session: ann.session });
    await settle();
    expect(moved.welcome.resumed).toBe(true);
    expect(fields(ann.link.take(10)[0][1])).toMatchObject({ code: 'SESSION_REPLACED' });
    expect(ann.link.closed).toEqual({ code: 4003, reason: 'SESSION_REPLACED' });
  });

  test('with a newer link on the same node ends the older', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    const again = await connect(scene, { token: 'ann', session: ann.session, subs: [[1, 'chat:1']] });
    expect(ann.link.closed?.reason).toBe('SESSION_REPLACED');
    await scene.hub.channel('chat:1').publish('message', { text: 'once' });
    await settle();
    expect([ann.link.take(2), again.link.take(2)]).toEqual([[], [expect.any(Array)]]);
    expect(scene.hub.snapshot().sessions).toMatchObject({ connected: 1, away: 0 });
  });

  test('is forgotten when its time is up', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    await scene.clock.advanceAsync(600_000);
    expect(await scene.engine.session(ann.session[0])).toBeDefined();
    ann.link.cut();
    await scene.clock.advanceAsync(119_000);
    const again = await connect(scene, { token: 'ann', session: ann.session });
    expect(again.welcome.resumed).toBe(true);
    again.link.cut();
    await scene.clock.advanceAsync(120_001);
    expect((await connect(scene, { token: 'ann', session: ann.session })).welcome.resumed).toBe(false);
  });

  test('that was disconnected is ended on all nodes, and nobody comes back to it', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const first = await connect(scene, { token: 'ann' });
    const second = await connect(other, { token: 'ann' });
    const bob = await connect(other, { token: 'bob' });
    await scene.hub.user('ann').disconnect('out');
    await settle();
    for (const { link } of [first, second]) {
      expect(link.take(10)).toEqual([[10, { code: 'DISCONNECTED', message: 'out' }]]);
      expect(link.closed?.code).toBe(4006);
    }
    expect(bob.link.closed).toBeUndefined();
    const again = await connect(other, { token: 'ann', session: first.session });
    expect(again.welcome.resumed).toBe(false);
    await scene.hub.session(bob.session[0]).disconnect();
    await settle();
    expect(bob.link.closed?.reason).toBe('DISCONNECTED');
    expect((await connect(scene, { token: 'bob', session: bob.session })).welcome.resumed).toBe(false);
  });
});

describe('a session that no node has at hand', () => {
  // Its nodes have forgotten it, and only the engine knows it.
  async function away(): Promise<{
    readonly scene: ReturnType<typeof stage>;
    readonly session: readonly [id: string, secret: string];
  }> {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    ann.link.cut();
    await scene.clock.advanceAsync(40_000);
    expect(scene.hub.snapshot().sessions.away).toBe(0);
    return { scene, session: ann.session };
  }

  test('is resumed', async () => {
    const { scene, session } = await away();
    expect((await connect(scene, { token: 'ann', session })).welcome.resumed).toBe(true);
  });

  test('is resumed no more when its user was disconnected meanwhile', async () => {
    const { scene, session } = await away();
    const other = stage({}, scene);
    await other.hub.user('ann').disconnect();
    expect(await scene.engine.session(session[0])).toBeUndefined();
    expect((await connect(scene, { token: 'ann', session })).welcome.resumed).toBe(false);
  });
});

describe('news of a session that come late', () => {
  // An engine that holds back what nodes tell each other.
  class LateEngine extends MemoryEngine {
    readonly held: (() => Promise<void>)[] = [];
    isHeldBack = false;

    override broadcast(channel: string, event: Omit<BroadcastEvent, 'atMs'>): Promise<void> {
      if (!this.isHeldBack) return super.broadcast(channel, event);
      this.held.push(() => super.broadcast(channel, event));
      return Promise.resolve();
    }
  }

  test('do not end a link that came about after them', async () => {
    const clock = new FakeClock();
    const engine = new LateEngine({ clock });
    const [first, second] = [stage({}, { clock, engine }), stage({}, { clock, engine })];
    const ann = await connect(first, { token: 'ann' });
    engine.isHeldBack = true;
    const there = await connect(second, { token: 'ann', session: ann.session });
    there.link.cut();
    const back = await connect(first, { token: 'ann', session: ann.session });
    expect(back.welcome.resumed).toBe(true);
    for (const tell of engine.held.splice(0)) await tell();
    await settle();
    expect(back.link.closed).toBeUndefined();
    expect(back.link.take(10)).toEqual([]);
    // What is new is believed as before.
    engine.isHeldBack = false;
    await connect(second, { token: 'ann', session: ann.session });
    await settle();
    expect(back.link.closed?.reason).toBe('SESSION_REPLACED');
  });

  test('leave one of two links that came about at once', async () => {
    const clock = new FakeClock();
    const engine = new LateEngine({ clock });
    const [first, second, third] = [0, 1, 2].map(() => stage({}, { clock, engine }));
    const { session } = await connect(first, { token: 'ann' });
    engine.isHeldBack = true;
    const hello = { token: 'ann', session };
    const links = await Promise.all([connect(second, hello), connect(third, hello)]);
    for (const tell of engine.held.splice(0)) await tell();
    await settle();
    expect(links.filter(({ link }) => link.closed === undefined)).toHaveLength(1);
  });
});

describe('a hello that is refused', () => {
  async function refused(
    hello: unknown,
  ): Promise<{ readonly goodbye: unknown; readonly code: number | undefined }> {
    const link = new TestLink(stage().hub);
    link.say(hello);
    for (let turn = 0; turn < 2_000 && link.closed === undefined; turn++) await settle();
    return { goodbye: link.take(10)[0]?.[1], code: link.closed?.code };
  }

  test('says why, and what to do next', async () => {
    expect(await refused([1, { v: 1, token: '?' }])).toEqual({
      goodbye: { code: 'UNAUTHENTICATED', message: expect.any(String) },
      code: 4001,
    });
    expect(await refused([1, { v: 2 }])).toMatchObject({ goodbye: { code: 'PROTOCOL_INCOMPATIBLE' } });
    expect(await refused([1, { v: 1, contract: '2.0' }])).toMatchObject({
      goodbye: { code: 'CONTRACT_INCOMPATIBLE', message: expect.stringContaining('"1.2"') },
    });
    expect(await refused([4, 1, 0, 'add', {}])).toMatchObject({ goodbye: { code: 'BAD_FRAME' }, code: 4000 });
    expect(await refused([1, { v: 1, subs: 5 }])).toMatchObject({ goodbye: { code: 'BAD_FRAME' } });
    expect(await refused([1, { v: 1, session: ['a'] }])).toMatchObject({ goodbye: { code: 'BAD_FRAME' } });
    expect(await refused('x')).toMatchObject({ goodbye: { code: 'BAD_FRAME' } });
  });

  test('that does not come ends the link after ten seconds', async () => {
    const { hub, clock } = stage();
    const link = new TestLink(hub);
    await clock.advanceAsync(9_999);
    expect(link.closed).toBeUndefined();
    await clock.advanceAsync(1);
    expect(link.take(10)).toMatchObject([[10, { code: 'BAD_FRAME' }]]);
    expect(link.closed).toBeDefined();
  });

  test('when authenticate throws lets nobody in, and the client tries again', async () => {
    const problem = new Error('database down');
    const scene = stage({
      authenticate: () => {
        throw problem;
      },
    });
    const link = new TestLink(scene.hub);
    link.say([1, { v: 1, token: 'ann' }]);
    await settle();
    expect(link.take(10)).toEqual([
      [10, { code: 'UNAVAILABLE', message: 'the server failed to answer a hello', retryable: true }],
    ]);
    expect(scene.errors).toEqual([problem]);
  });

  test('for which authenticate takes too long is given up', async () => {
    const scene = stage({ authenticate: () => new Promise(() => undefined) });
    const link = new TestLink(scene.hub);
    link.say([1, { v: 1 }]);
    await scene.clock.advanceAsync(29_999);
    expect(link.closed).toBeUndefined();
    await scene.clock.advanceAsync(1);
    expect(link.take(10)).toMatchObject([[10, { code: 'UNAVAILABLE', retryable: true }]]);
  });

  test('twice on one link ends it', async () => {
    const { link } = await connect(stage());
    link.say([1, { v: 1 }]);
    expect(link.take(10)).toMatchObject([[10, { code: 'BAD_FRAME' }]]);
  });

  test('while it is answered holds what follows, up to a bound', async () => {
    const scene = stage();
    scene.hub.call('read', (text) => text);
    const link = new TestLink(scene.hub);
    link.say([
      [1, { v: 1 }],
      [4, 1, 0, 'read', 'in the same message'],
    ]);
    link.say([4, 2, 0, 'read', 'behind it']);
    for (let turn = 0; turn < 2_000 && link.frames.length < 3; turn++) await settle();
    expect(link.frames.map((frame) => frame[0])).toContain(1);
    expect(link.take(5).map((frame) => frame[2])).toEqual(['in the same message', 'behind it']);
    const flood = new TestLink(scene.hub);
    flood.say([1, { v: 1 }]);
    for (let count = 0; count < 65; count++) flood.say([]);
    expect(flood.take(10)).toMatchObject([[10, { code: 'TOO_MANY' }]]);
  });
});

describe('a token', () => {
  test('that runs out ends the link, and the client comes back to the same session with a new one', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: '!ann' });
    await scene.clock.advanceAsync(59_999);
    expect(ann.link.closed).toBeUndefined();
    await scene.clock.advanceAsync(1);
    expect(ann.link.take(10)).toMatchObject([[10, { code: 'TOKEN_EXPIRED', retryable: true }]]);
    expect(ann.link.closed?.code).toBe(4002);
    expect((await connect(scene, { token: 'ann', session: ann.session })).welcome.resumed).toBe(true);
  });

  test('that has run out resumes nothing', async () => {
    const scene = stage({
      authenticate: ({ token }) => ({ user: token ?? '', expiresAt: scene.clock.now() }),
    });
    const link = new TestLink(scene.hub);
    link.say([1, { v: 1, token: 'ann' }]);
    await settle();
    expect(link.takeAll()).toMatchObject([[10, { code: 'TOKEN_EXPIRED' }]]);
  });

  test('that is refreshed holds longer', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: '!ann' });
    await scene.clock.advanceAsync(50_000);
    ann.link.say([8, '!ann']);
    await settle();
    expect(ann.link.take(8)).toEqual([[8, 'ann']]);
    await scene.clock.advanceAsync(59_999);
    expect(ann.link.closed).toBeUndefined();
    await scene.clock.advanceAsync(1);
    expect(ann.link.closed?.reason).toBe('TOKEN_EXPIRED');
  });

  test('of somebody else, or one that is refused, ends the link', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    ann.link.say([8, 'eve']);
    await settle();
    expect(ann.link.take(10)).toMatchObject([[10, { code: 'TOKEN_EXPIRED', retryable: true, afterMs: 0 }]]);
    const eve = await connect(scene, { token: 'eve', session: ann.session });
    expect(eve.welcome).toMatchObject({ resumed: false, user: 'eve' });
    eve.link.say([8, '?']);
    await settle();
    expect(eve.link.take(10)).toMatchObject([[10, { code: 'UNAUTHENTICATED' }]]);
  });

  test('that cannot be looked at now is answered, holds nothing up, and can be brought again', async () => {
    let isAway = false;
    const scene = stage({
      authenticate: ({ token }) => {
        if (isAway) throw new RealtimeError('UNAVAILABLE', 'the users are away');
        return { user: token ?? '' };
      },
    });
    const ann = await connect(scene, { token: 'ann' });
    isAway = true;
    ann.link.say([8, 'ann']);
    await settle();
    expect(ann.link.take(8)).toEqual([
      [8, null, { code: 'UNAVAILABLE', message: 'the users are away', retryable: true }],
    ]);
    isAway = false;
    ann.link.say([8, 'ann']);
    await settle();
    expect(ann.link.take(8)).toEqual([[8, 'ann']]);
    expect(ann.link.closed).toBeUndefined();
  });

  test('with other rights takes back what the rules now refuse', async () => {
    let rights = 'all';
    const hub = new Hub(chat, {
      authenticate: ({ token }) => ({ user: token ?? '', data: rights }),
      clock: new FakeClock(),
    });
    hub.channel('chat:{room}', {
      subscribe: ({ session, params }) => session.data === 'all' || params.room === 'open',
    });
    const ann = await connect(
      { hub },
      {
        token: 'ann',
        subs: [
          [1, 'chat:open'],
          [2, 'chat:secret'],
        ],
      },
    );
    rights = 'few';
    ann.link.say([8, 'ann']);
    await settle();
    expect(ann.link.take(9)).toEqual([
      [9, subscribed(ann.welcome, 1).alias, { code: 'REVOKED', message: expect.stringContaining('secret') }],
    ]);
    const again = await connect({ hub }, { token: 'ann', session: ann.session, subs: [[1, 'chat:secret']] });
    expect(list(again.welcome.subs)).toMatchObject([[1, null, { code: 'FORBIDDEN' }]]);
  });
});

describe('a subscription', () => {
  test('can be taken back live, by user and by session, on all nodes', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    const bob = await connect(other, { token: 'bob', subs: [[1, 'chat:1']] });
    const { alias } = subscribed(bob.welcome);
    await scene.hub.channel('chat:1').revoke({ user: 'bob' }, 'banned');
    await settle();
    expect(bob.link.take(9)).toEqual([[9, alias, { code: 'REVOKED', message: 'banned' }]]);
    await scene.hub.channel('chat:1').publish('message', { text: 'x' });
    await settle();
    expect([ann.link.take(2).length, bob.link.take(2).length]).toEqual([1, 0]);
  });

  test('ends when the client says so, and comes again', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    const { alias } = subscribed(ann.welcome);
    ann.link.say([7, alias]);
    await scene.hub.channel('chat:1').publish('message', { text: 'x' });
    await settle();
    expect(ann.link.take(2)).toEqual([]);
    ann.link.say([6, 5, 'chat:1', { history: 1 }]);
    await settle();
    expect(list(ann.link.take(6)[0])).toMatchObject([6, 5, { alias, position: [expect.any(String), 0, ''] }]);
    expect(ann.link.take(2)).toHaveLength(1);
  });

  test('that is taken up again soon lasts, though nobody followed meanwhile', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    ann.link.say([7, subscribed(ann.welcome).alias]);
    await scene.clock.advanceAsync(20_000);
    ann.link.say([6, 2, 'chat:1']);
    await scene.clock.advanceAsync(60_000);
    await scene.hub.channel('chat:1').publish('message', { text: 'x' });
    await settle();
    expect(ann.link.take(2)).toHaveLength(1);
    ann.link.say([7, subscribed(ann.welcome).alias]);
    await scene.clock.advanceAsync(60_000);
    expect(scene.hub.snapshot().channels.streams).toBe(2);
  });

  test('twice to one channel, or beyond the bound, is refused', async () => {
    const scene = stage({ maxSubscriptions: 2 });
    const ann = await connect(scene, {
      subs: [
        [1, 'chat:1'],
        [2, 'chat:1'],
        [3, 'chat:2'],
        [4, 'chat:3'],
      ],
    });
    const outcomes = list(ann.welcome.subs).map((sub) => {
      const [, subscription, error] = list(sub);
      return subscription === null ? fields(error).code : 'ok';
    });
    expect(outcomes).toEqual(['ok', 'BAD_FRAME', 'ok', 'TOO_MANY']);
  });
});
