import { describe, expect, test } from 'vitest';
import type { CallClaim, Engine, StreamEntry, StreamListener } from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import { FakeClock, settle } from '../../../src/testing.ts';
import { connect, fields, list, stage, type Stage, subscribed, TestLink } from './hub-stage.ts';

/** An engine that a test can take away, and that loses what it is told to. */
class TroubledEngine extends MemoryEngine {
  isAway = false;
  /** Whether appends are made and nobody says so. */
  losesAnswers = false;
  /** Which entries are not told, though they are kept. */
  losesTold: (entry: StreamEntry) => boolean = () => false;
  reads = 0;
  readonly listeners = new Map<StreamListener, StreamListener>();
  /** What a read waits for. */
  gate: Promise<void> | undefined;

  #check(): void {
    if (this.isAway) throw new RealtimeError('UNAVAILABLE', 'the engine is away', { retryable: true });
  }

  override async append(...given: Parameters<Engine['append']>): ReturnType<Engine['append']> {
    this.#check();
    const appended = await super.append(...given);
    if (this.losesAnswers) throw new RealtimeError('UNAVAILABLE', 'no answer', { retryable: true });
    return appended;
  }

  override async read(...given: Parameters<Engine['read']>): ReturnType<Engine['read']> {
    this.#check();
    this.reads++;
    const read = await super.read(...given);
    await this.gate;
    return read;
  }

  override async keepSession(...given: Parameters<Engine['keepSession']>): Promise<void> {
    this.#check();
    await super.keepSession(...given);
  }

  override async change(...given: Parameters<Engine['change']>): ReturnType<Engine['change']> {
    this.#check();
    return await super.change(...given);
  }

  override claimCall(...given: Parameters<Engine['claimCall']>): CallClaim {
    this.#check();
    return super.claimCall(...given);
  }

  override async subscribe(channel: string, listener: StreamListener): Promise<void> {
    this.#check();
    const troubled: StreamListener = {
      appended: (name, entry, epoch) => {
        if (!this.losesTold(entry)) listener.appended(name, entry, epoch);
      },
      heard: (name, event) => listener.heard(name, event),
      interrupted: (name) => listener.interrupted(name),
    };
    this.listeners.set(listener, troubled);
    await super.subscribe(channel, troubled);
  }

  /** The engine is back, and says so. */
  interrupt(channel: string): void {
    for (const listener of this.listeners.values()) listener.interrupted(channel);
  }
}

function troubledStage(): Stage & { readonly engine: TroubledEngine } {
  const clock = new FakeClock();
  const engine = new TroubledEngine({ clock, timeOfDay: () => clock.now() });
  return { ...stage({}, { clock, engine }), engine };
}

const textsOf = (link: TestLink): unknown[] => link.take(2).map((frame) => fields(frame[4]).text);

describe('an entry that was not told', () => {
  test('is read as soon as the next one is told, once for all who follow', async () => {
    const scene = troubledStage();
    const links = await Promise.all(
      [1, 2, 3].map(async () => (await connect(scene, { subs: [[1, 'chat:1']] })).link),
    );
    const room = scene.hub.channel('chat:1');
    await room.publish('message', { text: '1' });
    scene.engine.losesTold = ({ data }) => data.includes('lost');
    await room.publish('message', { text: 'lost 2' });
    await room.publish('message', { text: 'lost 3' });
    scene.engine.reads = 0;
    await room.publish('message', { text: '4' });
    await room.publish('message', { text: '5' });
    await settle();
    for (const link of links) expect(textsOf(link)).toEqual(['1', 'lost 2', 'lost 3', '4', '5']);
    expect(scene.engine.reads).toBe(1);
    expect(scene.hub.snapshot().repairs).toBe(1);
  });

  test('is read when the engine comes back', async () => {
    const scene = troubledStage();
    const { link } = await connect(scene, { subs: [[1, 'chat:1']] });
    scene.engine.losesTold = () => true;
    await scene.hub.channel('chat:1').publish('message', { text: 'lost' });
    await settle();
    expect(textsOf(link)).toEqual([]);
    scene.engine.interrupt('chat:1');
    await settle();
    expect(textsOf(link)).toEqual(['lost']);
  });

  test('is read again until the engine answers', async () => {
    const scene = troubledStage();
    const { link } = await connect(scene, { subs: [[1, 'chat:1']] });
    scene.engine.losesTold = () => true;
    await scene.hub.channel('chat:1').publish('message', { text: 'lost' });
    scene.engine.isAway = true;
    scene.engine.interrupt('chat:1');
    await scene.clock.advanceAsync(5_000);
    expect(textsOf(link)).toEqual([]);
    scene.engine.isAway = false;
    await scene.clock.advanceAsync(1_000);
    expect(textsOf(link)).toEqual(['lost']);
  });

  test('and that the history no longer has is a gap for all who follow', async () => {
    const scene = troubledStage();
    const { link, welcome } = await connect(scene, { subs: [[1, 'chat:1']] });
    const room = scene.hub.channel('chat:1');
    await room.publish('message', { text: '1' });
    scene.engine.losesTold = () => true;
    for (let count = 2; count <= 2_000; count++) await room.publish('message', { text: 'x' });
    scene.engine.losesTold = () => false;
    await room.publish('message', { text: 'y' });
    await room.publish('message', { text: 'z' });
    await settle();
    const { alias } = subscribed(welcome);
    const frames = link.takeAll().filter((frame) => frame[1] === alias);
    expect(frames.map((frame) => frame[0])).toEqual([2, 12, 2]);
    expect(frames[1]).toMatchObject([12, alias, expect.any(Number), { gap: 'expired' }]);
    await room.publish('message', { text: 'live' });
    await settle();
    expect(textsOf(link)).toContain('live');
  });
});

describe('a latest channel whose history was lost', () => {
  test('goes on with the newest of each key, for those who follow and for those who are too slow', async () => {
    const scene = troubledStage();
    const healthy = await connect(scene, { subs: [[1, 'tick:x']] });
    const slow = await connect(scene, { subs: [[1, 'tick:x']] });
    const tick = scene.hub.channel('tick:x');
    await tick.publish('price', { key: 'a', value: 0 });
    await settle();
    healthy.link.take(2);
    slow.link.take(2);
    slow.link.isFull = true;
    await tick.publish('price', { key: 'a', value: 1 });
    await settle();
    healthy.link.take(2);
    scene.engine.losesTold = () => true;
    for (let value = 1; value <= 1_500; value++)
      await tick.publish('price', { key: value % 2 === 0 ? 'b' : 'c', value });
    scene.engine.losesTold = () => false;
    await tick.publish('price', { key: 'd', value: 7 });
    await settle();
    slow.link.drain();
    await settle();
    const { alias } = subscribed(healthy.welcome);
    for (const [{ link }, gap] of [
      [healthy, 'expired'],
      [slow, 'overrun'],
    ] as const) {
      const frames = link.takeAll().filter((frame) => frame[1] === alias);
      expect(frames[0]).toMatchObject([12, alias, expect.any(Number), { gap }]);
      expect(frames.slice(1).map((frame) => frame[4])).toEqual([
        { key: 'c', value: 1_499 },
        { key: 'b', value: 1_500 },
        { key: 'd', value: 7 },
      ]);
    }
    await tick.publish('price', { key: 'a', value: 8 });
    await settle();
    for (const { link } of [healthy, slow]) expect(link.take(2)).toHaveLength(1);
  });
});

describe('joining while others publish', () => {
  test('neither misses nor repeats what is told while the history is read', async () => {
    const scene = troubledStage();
    const room = scene.hub.channel('chat:1');
    const first = await connect(scene, { subs: [[1, 'chat:1']] });
    const { position } = subscribed(first.welcome);
    await room.publish('message', { text: '1' });
    let open: () => void = () => undefined;
    scene.engine.gate = new Promise((resolve) => {
      open = resolve;
    });
    first.link.say([6, 2, 'chat:2']);
    const second = new TestLink(scene.hub);
    second.say([1, { v: 1, subs: [[1, 'chat:1', { position }]] }]);
    for (let turn = 0; turn < 2_000 && scene.engine.reads === 0; turn++) await settle();
    await room.publish('message', { text: '2' });
    await room.publish('message', { text: '3' });
    await settle();
    expect(second.takeAll()).toEqual([]);
    open();
    await settle();
    await room.publish('message', { text: '4' });
    await settle();
    expect(textsOf(second)).toEqual(['1', '2', '3', '4']);
    expect(scene.engine.reads).toBe(1);
  });

  test('neither misses nor repeats what is read before it is told', async () => {
    const scene = troubledStage();
    const room = scene.hub.channel('chat:1');
    const first = await connect(scene, { subs: [[1, 'chat:1']] });
    const { position } = subscribed(first.welcome);
    const late: (() => void)[] = [];
    const [listener] = [...scene.engine.listeners.keys()].filter(
      (one) => 'name' in one && one.name === 'chat:1',
    );
    scene.engine.losesTold = (entry) => {
      late.push(() => listener.appended('chat:1', entry, String(list(position)[0])));
      return true;
    };
    await room.publish('message', { text: '1' });
    await room.publish('message', { text: '2' });
    const second = await connect(scene, { subs: [[1, 'chat:1', { position }]] });
    for (const tell of late) tell();
    scene.engine.losesTold = () => false;
    await room.publish('message', { text: '3' });
    await settle();
    expect(textsOf(second.link)).toEqual(['1', '2', '3']);
    expect(textsOf(first.link)).toEqual(['1', '2', '3']);
    // Nothing of that is a trouble.
    expect(scene.hub.snapshot().repairs).toBe(0);
  });
});

test('a hub that closes while a stream begins leaves no listener behind', async () => {
  const scene = troubledStage();
  const ann = await connect(scene, { token: 'ann' });
  let open: () => void = () => undefined;
  const { engine } = scene;
  const subscribe = engine.subscribe.bind(engine);
  const ended: string[] = [];
  engine.subscribe = async (channel, listener) => {
    await new Promise<void>((resolve) => {
      open = resolve;
    });
    await subscribe(channel, listener);
    ended.length = 0;
  };
  engine.unsubscribe = (channel) => {
    ended.push(channel);
  };
  ann.link.say([6, 1, 'tick:x']);
  await settle();
  await scene.hub.close();
  open();
  await settle();
  expect(ended).toEqual(['tick:x']);
});

describe('while the engine is away', () => {
  test('what is asked is unavailable, what is held is served on, and all is well when it is back', async () => {
    const scene = troubledStage();
    scene.hub.call('read', (text) => text);
    scene.hub.call('add', ({ a, b }) => a + b);
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    await settle();
    scene.engine.isAway = true;
    ann.link.say([4, 1, 'chat:1', 'message', { text: 'x' }]);
    ann.link.say([6, 2, 'chat:2']);
    ann.link.say([4, 2, 0, 'add', { a: 1, b: 1 }]);
    ann.link.say([4, 3, 0, 'read', 'idempotent calls need no engine']);
    await settle();
    expect(ann.link.take(5).toSorted((a, b) => Number(a[1]) - Number(b[1]))).toMatchObject([
      // It may have been appended: only the same id shows that.
      [5, 1, null, { code: 'OUTCOME_UNKNOWN' }],
      [5, 2, null, { code: 'UNAVAILABLE', retryable: true }],
      [5, 3, 'idempotent calls need no engine'],
    ]);
    expect(ann.link.take(6)).toMatchObject([[6, 2, null, { code: 'UNAVAILABLE', retryable: true }]]);
    const late = new TestLink(scene.hub);
    late.say([1, { v: 1 }]);
    for (let turn = 0; turn < 2_000 && late.closed === undefined; turn++) await settle();
    expect(late.take(10)).toMatchObject([[10, { code: 'UNAVAILABLE', retryable: true }]]);
    expect(late.closed?.code).toBe(1013);
    await scene.clock.advanceAsync(300_000);
    expect(ann.link.closed).toBeUndefined();
    scene.engine.isAway = false;
    ann.link.say([4, 1, 'chat:1', 'message', { text: 'x' }, { again: true }]);
    ann.link.say([4, 2, 0, 'add', { a: 1, b: 1 }, { again: true }]);
    ann.link.say([6, 3, 'chat:2']);
    await settle();
    expect(ann.link.take(5).toSorted((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
      [5, 1, { offset: 1 }],
      [5, 2, 2],
    ]);
    expect(ann.link.take(6)).toMatchObject([[6, 3, { delivery: 'log' }]]);
    expect(scene.hub.snapshot().engineFailures).toBeGreaterThan(2);
    expect(scene.errors).toEqual([]);
  });

  test('nobody is told to publish again what may stand there already', async () => {
    const scene = troubledStage();
    const { link } = await connect(scene, { token: 'ann' });
    scene.engine.losesAnswers = true;
    link.say([4, 1, 'chat:1', 'message', { text: 'once' }]);
    await settle();
    const [[, , , error]] = link.take(5);
    expect(error).toEqual({ code: 'OUTCOME_UNKNOWN', message: expect.stringContaining('no answer') });
    const room = scene.hub.channel('chat:1');
    await expect(room.publish('message', { text: 'twice' })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      retryable: false,
    });
    const key = { idempotencyKey: 'k' };
    await expect(room.publish('message', { text: 'keyed' }, key)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    });
    scene.engine.losesAnswers = false;
    link.say([4, 1, 'chat:1', 'message', { text: 'once' }, { again: true }]);
    await room.publish('message', { text: 'keyed' }, key);
    await settle();
    expect(link.take(5)).toEqual([[5, 1, { offset: 1 }]]);
    expect(await room.history({ count: 9 })).toHaveLength(3);
    expect(scene.hub.snapshot().engineFailures).toBe(1);
    scene.engine.append = () => Promise.reject(new Error('the password of the engine'));
    link.say([4, 2, 'chat:1', 'message', { text: 'x' }]);
    await settle();
    expect(link.take(5)).toEqual([
      [5, 2, null, { code: 'OUTCOME_UNKNOWN', message: expect.not.stringContaining('password') }],
    ]);
    expect(scene.errors).toEqual([new Error('the password of the engine')]);
  });

  test('a slow session keeps its cursor, and reads on when it is back', async () => {
    const scene = troubledStage();
    const { link } = await connect(scene, { subs: [[1, 'chat:1']] });
    link.isFull = true;
    await scene.hub.channel('chat:1').publish('message', { text: '1' });
    await settle();
    scene.engine.isAway = true;
    link.drain();
    await scene.clock.advanceAsync(3_000);
    expect(textsOf(link)).toEqual([]);
    scene.engine.isAway = false;
    await scene.clock.advanceAsync(1_000);
    expect(textsOf(link)).toEqual(['1']);
  });

  test('who comes and goes is told when it is back', async () => {
    const scene = troubledStage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1', { presence: true }]] });
    const bob = await connect(scene, { token: 'bob', subs: [[1, 'chat:1', { presence: true }]] });
    await scene.clock.advanceAsync(200);
    ann.link.take(3);
    scene.engine.isAway = true;
    bob.link.say([7, subscribed(bob.welcome).alias]);
    await scene.clock.advanceAsync(5_000);
    scene.engine.isAway = false;
    await scene.clock.advanceAsync(1_000);
    expect(ann.link.take(3).map((frame) => frame[4])).toEqual([null]);
  });

  test('a lease that has run out begins again, with everybody who is there', async () => {
    const scene = troubledStage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1', { presence: true }]] });
    await scene.clock.advanceAsync(200);
    await scene.engine.releaseLease(scene.hub.snapshot().node);
    await settle();
    expect((await scene.hub.channel('chat:1').presence()).count).toBe(0);
    await scene.clock.advanceAsync(12_000);
    expect((await scene.hub.channel('chat:1').presence()).count).toBe(1);
    expect(ann.link.closed).toBeUndefined();
  });
});
