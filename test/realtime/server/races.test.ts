import { describe, expect, test } from 'vitest';
import type { StreamPosition } from '../../../src/realtime/wire/stream-position.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import type { HubOptions } from '../../../src/realtime/server/hub-options.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';
import { type Chat, chat, connect, list, stage, subscribed, TestLink } from './hub-stage.ts';

// Something that waits until a test lets it go.
class Gate {
  #open: () => void = () => undefined;
  #isShut = false;
  #waiting: Promise<void> = Promise.resolve();

  shut(): void {
    this.#isShut = true;
    this.#waiting = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  async open(): Promise<void> {
    this.#isShut = false;
    this.#open();
    await turns();
  }

  get passage(): Promise<void> | undefined {
    return this.#isShut ? this.#waiting : undefined;
  }
}

// An engine that can be made to take its time over where a stream ends.
class SlowEngine extends MemoryEngine {
  readonly gate = new Gate();

  override async head(channel: string): Promise<StreamPosition> {
    await this.gate.passage;
    return await super.head(channel);
  }
}

// Digests take real time.
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await settle();
}

function slowStage(): ReturnType<typeof stage> & { readonly gate: Gate } {
  const clock = new FakeClock();
  const engine = new SlowEngine({ clock });
  return { ...stage({}, { clock, engine }), gate: engine.gate };
}

// A hub whose rule for `chat:` answers when the gate is open, by what `isAllowed` says when it is asked.
function hubWithSlowRule(
  gate: Gate,
  isAllowed: (data: unknown) => boolean,
  options: HubOptions<unknown> = {},
) {
  const clock = new FakeClock();
  const hub = new Hub<Chat, unknown>(
    chat,
    { clock, timeOfDay: () => clock.now(), onError: () => undefined, ...options },
    { scheduler: immediateScheduler },
  );
  let asked = 0;
  hub.channel('chat:{room}', {
    subscribe: async ({ session }) => {
      asked++;
      const answer = isAllowed(session.data);
      await gate.passage;
      return answer;
    },
  });
  return { clock, hub, asked: () => asked };
}

describe('a link that ends while its hello is answered', () => {
  test('leaves no stream and no session behind', async () => {
    const clock = new FakeClock();
    const engine = new MemoryEngine({ clock });
    const { hub } = stage({}, { clock, engine });
    // At whatever point of the answer that is.
    for (let jobs = 0; jobs < 30; jobs++) {
      const link = new TestLink(hub);
      link.say([1, { v: 1, token: 'ann', subs: [[1, 'chat:1']] }]);
      for (let job = 0; job < jobs; job++) await Promise.resolve();
      link.cut();
    }
    await turns();
    await clock.advanceAsync(40_000);
    expect(hub.snapshot()).toMatchObject({ channels: { streams: 0 }, sessions: { connected: 0, away: 0 } });
    expect(engine.snapshot().records).toBe(0);
  });

  test('leaves none behind either when its channels are being read', async () => {
    const clock = new FakeClock();
    const engine = new SlowEngine({ clock });
    const { hub } = stage({}, { clock, engine });
    engine.gate.shut();
    const link = new TestLink(hub);
    link.say([1, { v: 1, token: 'ann', subs: [[1, 'chat:1', { presence: true }]] }]);
    await turns();
    link.cut();
    await engine.gate.open();
    await clock.advanceAsync(40_000);
    expect(hub.snapshot()).toMatchObject({ channels: { streams: 0 }, sessions: { connected: 0, away: 0 } });
    expect(engine.snapshot().records).toBe(0);
  });

  // A hello that the network has held back, from a client that is back on the node that it had.
  async function lateHello() {
    const clock = new FakeClock();
    const engine = new SlowEngine({ clock, timeOfDay: () => clock.now() });
    const [first, second] = [stage({}, { clock, engine }), stage({}, { clock, engine })];
    const ann = await connect(first, { token: 'ann' });
    engine.gate.shut();
    const late = new TestLink(second.hub);
    late.say([1, { v: 1, token: 'ann', session: ann.session, subs: [[1, 'chat:1']] }]);
    await turns();
    late.cut();
    await engine.gate.open();
    return { clock, engine, first, second, ann };
  }

  test('does not make the engine forget a session that has its link on another node', async () => {
    const { clock, engine, first, second, ann } = await lateHello();
    const [id] = ann.session;
    expect((await engine.session(id))?.generation).toBe(1);
    const rest = clock.now() + 600_000;
    while (clock.now() < rest) {
      await clock.advanceAsync(5_000);
      expect(await engine.session(id)).toBeDefined();
    }
    // A client that goes away then has all the time that it is promised.
    ann.link.cut();
    await clock.advanceAsync(119_000);
    const back = await connect(second, { token: 'ann', session: ann.session });
    expect(back.welcome.resumed).toBe(true);
    expect(first.errors).toEqual([]);
  });

  test('does not keep calls of that node from a client that has its link on another one', async () => {
    const { second, ann } = await lateHello();
    const asked = second.hub.session(ann.session[0]).call('confirm', 'order 5');
    await turns();
    const [request] = ann.link.take(4);
    ann.link.say([5, request[1], true]);
    expect(await asked).toBe(true);
  });
});

describe('a subscription that is taken back before it is answered', () => {
  test('is answered with the reason, and nobody sees the session there', async () => {
    const { hub, gate } = slowStage();
    const ann = await connect({ hub }, { token: 'ann' });
    gate.shut();
    ann.link.say([6, 1, 'chat:1', { presence: true, info: { name: 'Ann' } }]);
    await turns();
    await hub.channel('chat:1').revoke({ user: 'ann' }, 'you have left');
    await gate.open();
    expect(ann.link.take(9)).toEqual([]);
    expect(ann.link.take(6)).toEqual([[6, 1, null, { code: 'REVOKED', message: 'you have left' }]]);
    expect((await hub.channel('chat:1').presence()).count).toBe(0);
    expect(hub.snapshot().channels.subscriptions).toBe(0);
  });

  test('is answered so in a welcome as well', async () => {
    const { hub, gate } = slowStage();
    gate.shut();
    const greeted = connect({ hub }, { token: 'ann', subs: [[1, 'chat:1']] });
    await turns();
    await hub.channel('chat:1').revoke({ user: 'ann' });
    await gate.open();
    const { welcome } = await greeted;
    expect(list(welcome.subs)[0]).toEqual([1, null, expect.objectContaining({ code: 'REVOKED' })]);
  });

  test('is decided anew while its rule is being asked', async () => {
    const gate = new Gate();
    let isMember = true;
    const { hub } = hubWithSlowRule(gate, () => isMember);
    const ann = await connect({ hub });
    gate.shut();
    ann.link.say([6, 1, 'chat:1']);
    await turns();
    isMember = false;
    await hub.channel('chat:1').revoke({ session: ann.session[0] });
    await gate.open();
    expect(ann.link.take(6)).toEqual([[6, 1, null, expect.objectContaining({ code: 'FORBIDDEN' })]]);
  });

  test('cannot be ended by the number of the one before it', async () => {
    const { hub, gate } = slowStage();
    const ann = await connect({ hub }, { token: 'ann', subs: [[1, 'chat:1']] });
    const { alias } = subscribed(ann.welcome);
    ann.link.say([7, alias]);
    gate.shut();
    ann.link.say([6, 2, 'chat:2', { presence: true }]);
    await turns();
    ann.link.say([7, Number(alias) + 5]);
    for (let guess = 1; guess < 20; guess++) ann.link.say([7, guess]);
    await gate.open();
    expect(ann.link.take(6)).toEqual([[6, 2, expect.objectContaining({ delivery: 'log' })]]);
    expect(hub.snapshot().channels.subscriptions).toBe(1);
  });
});

describe('a new token', () => {
  test('counts for a subscription whose rule is being asked', async () => {
    const gate = new Gate();
    const { hub } = hubWithSlowRule(gate, (data) => data === 'member', {
      authenticate: ({ token }) => ({ user: 'ann', data: token }),
    });
    const ann = await connect({ hub }, { token: 'member' });
    gate.shut();
    ann.link.say([6, 1, 'chat:1']);
    await turns();
    ann.link.say([8, 'guest']);
    await turns();
    await gate.open();
    expect(ann.link.take(6)).toEqual([[6, 1, null, expect.objectContaining({ code: 'FORBIDDEN' })]]);
  });

  test('has the last word over the one before, whichever is judged sooner; those between are not judged', async () => {
    const gate = new Gate();
    const judged: (string | undefined)[] = [];
    const { hub } = hubWithSlowRule(new Gate(), () => true, {
      authenticate: async ({ token }) => {
        judged.push(token);
        if (token === 'slow') await gate.passage;
        return { user: 'ann', data: token };
      },
    });
    const ann = await connect({ hub }, { token: 'first' });
    gate.shut();
    for (const token of ['slow', 'between', 'last']) ann.link.say([8, token]);
    await turns();
    await gate.open();
    expect(judged).toEqual(['first', 'slow', 'last']);
    expect([...hub.sessions].map(({ data }) => data)).toEqual(['last']);
    expect(ann.link.take(8)).toEqual([
      [8, 'ann'],
      [8, 'ann'],
    ]);
  });
});

describe('who is sent away', () => {
  test.each(['while it is asked who it is', 'while its channels are read'])(
    'does not come in by a hello that is being answered, %s',
    async (when) => {
      const clock = new FakeClock();
      const engine = new SlowEngine({ clock });
      const identity = new Gate();
      const { hub } = stage(
        {
          authenticate: async ({ token }) => {
            await identity.passage;
            return token === undefined ? undefined : { user: token };
          },
        },
        { clock, engine },
      );
      const gate = when.includes('who') ? identity : engine.gate;
      gate.shut();
      const [ann, bob] = ['ann', 'bob'].map((token) => {
        const link = new TestLink(hub);
        link.say([1, { v: 1, token, subs: [[1, 'chat:1']] }]);
        return link;
      });
      await turns();
      await hub.user('ann').disconnect('banned');
      await gate.open();
      expect(ann.takeAll()).toEqual([[10, { code: 'DISCONNECTED', message: 'banned' }]]);
      expect(bob.take(1)).toHaveLength(1);
      expect([...hub.sessions].map(({ user }) => user)).toEqual(['bob']);
    },
  );
});

describe('a session that another link takes over', () => {
  test.each([1, 2])('stays in the engine as long as it is there, with %i nodes', async (nodes) => {
    const clock = new FakeClock();
    const engine = new MemoryEngine({ clock });
    const [first, second = first] = Array.from({ length: nodes }, () => stage({}, { clock, engine }));
    const ann = await connect(first, { token: '!ann' });
    await clock.advanceAsync(30_000);
    const again = await connect(second, { token: 'ann', session: ann.session });
    expect(again.welcome.resumed).toBe(true);
    await turns();
    // What the engine knows is what the newer link said, all the time.
    for (let waitedMs = 0; waitedMs < 400_000; waitedMs += 4_000) {
      await clock.advanceAsync(4_000);
      const record = await engine.session(ann.session[0]);
      expect(record, `after ${waitedMs} ms`).toBeDefined();
      expect(record?.expiresAtMs).toBeUndefined();
    }
  });
});
