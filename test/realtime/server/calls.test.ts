import { describe, expect, test } from 'vitest';
import { RealtimeError } from '../../../src/realtime/wire/error-codes.ts';
import { settle } from '../../../src/testing.ts';
import { connect, fields, stage, type Stage } from './hub-stage.ts';

/** A hub whose `add` waits until it is told to answer. */
function slowStage(): Stage & { readonly runs: { readonly signal: AbortSignal; finish(): void }[] } {
  const scene = stage();
  const runs: { readonly signal: AbortSignal; finish(): void }[] = [];
  scene.hub.call(
    'add',
    ({ a, b }, { signal }) =>
      new Promise((resolve) => {
        runs.push({ signal, finish: () => resolve(a + b) });
      }),
  );
  return { ...scene, runs };
}

function byId(a: readonly unknown[], b: readonly unknown[]): number {
  return Number(a[1]) - Number(b[1]);
}

describe('a call', () => {
  test('is answered with what its handler returns', async () => {
    const scene = stage();
    scene.hub.call('add', ({ a, b }, { user, session }) => {
      expect([user, session.user, session.data]).toEqual(['ann', 'ann', { level: 3 }]);
      return a + b;
    });
    scene.hub.call('nothing', () => undefined);
    const { link } = await connect(scene, { token: 'ann' });
    link.say([
      [4, 1, 0, 'add', { a: 1, b: 2 }],
      [4, 2, 0, 'nothing', null],
    ]);
    await settle();
    expect(link.take(5).toSorted(byId)).toEqual([
      [5, 1, 3],
      [5, 2, null],
    ]);
    expect(scene.errors).toEqual([]);
  });

  test('that fails tells the caller no more than that, unless the handler means it', async () => {
    const scene = stage();
    const secret = new Error('password of the database');
    scene.hub.call('add', () => {
      throw secret;
    });
    scene.hub.call('read', async () => {
      throw new RealtimeError('FORBIDDEN', 'not you', { data: { why: 1 } });
    });
    const { link } = await connect(scene);
    link.say([4, 1, 0, 'add', { a: 1, b: 2 }]);
    link.say([4, 2, 0, 'read', 'x']);
    link.say([4, 3, 0, 'unheard of', 'x']);
    link.say([4, 4, 0, 'nothing', 'x']);
    await settle();
    const errors = link.take(5).map((frame) => [frame[1], fields(frame[3]).code]);
    expect(errors.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      [1, 'HANDLER_FAILED'],
      [2, 'FORBIDDEN'],
      [3, 'UNKNOWN_CALL'],
      [4, 'UNKNOWN_CALL'],
    ]);
    expect(scene.errors).toEqual([secret]);
    expect(JSON.stringify(link.messages)).not.toContain('password');
  });

  test('sent again while it runs, or later, runs once', async () => {
    const scene = slowStage();
    const ann = await connect(scene, { token: 'ann' });
    ann.link.say([4, 'x-1', 0, 'add', { a: 1, b: 2 }]);
    await settle();
    ann.link.cut();
    const again = await connect(scene, { token: 'ann', session: ann.session });
    again.link.say([4, 'x-1', 0, 'add', { a: 1, b: 2 }, { again: true }]);
    await settle();
    expect(scene.runs).toHaveLength(1);
    scene.runs[0].finish();
    await settle();
    expect(again.link.take(5)).toEqual([[5, 'x-1', 3]]);
    again.link.say([4, 'x-1', 0, 'add', { a: 1, b: 2 }, { again: true }]);
    await settle();
    expect(again.link.take(5)).toEqual([[5, 'x-1', 3]]);
    expect(scene.runs).toHaveLength(1);
    expect(scene.hub.snapshot().calls).toMatchObject({ running: 0, repeated: 1 });
  });

  test('sent again to another node waits there for the one that runs it', async () => {
    const first = slowStage();
    const second = stage({}, { clock: first.clock, engine: first.engine });
    second.hub.call('add', () => 0);
    const ann = await connect(first, { token: 'ann' });
    ann.link.say([4, 1, 0, 'add', { a: 1, b: 2 }]);
    await settle();
    const moved = await connect(second, { token: 'ann', session: ann.session });
    moved.link.say([4, 1, 0, 'add', { a: 1, b: 2 }, { again: true }]);
    await settle();
    expect(moved.link.take(5)).toEqual([]);
    first.runs[0].finish();
    await first.clock.advanceAsync(1_000);
    expect(moved.link.take(5)).toEqual([[5, 1, 3]]);
  });

  test('sent again to another node is given up there at its deadline', async () => {
    const first = slowStage();
    const second = stage({}, { clock: first.clock, engine: first.engine });
    second.hub.call('add', () => 0);
    const ann = await connect(first, { token: 'ann' });
    ann.link.say([4, 1, 0, 'add', { a: 1, b: 2 }]);
    await settle();
    const moved = await connect(second, { token: 'ann', session: ann.session });
    moved.link.say([4, 1, 0, 'add', { a: 1, b: 2 }, { again: true, deadlineMs: 1_000 }]);
    await first.clock.advanceAsync(2_000);
    expect(moved.link.take(5)).toMatchObject([[5, 1, null, { code: 'DEADLINE_EXCEEDED' }]]);
    expect(second.hub.snapshot().calls.running).toBe(0);
  });

  test('whose node is gone has an outcome that nobody knows', async () => {
    const first = slowStage();
    const second = stage({}, { clock: first.clock, engine: first.engine });
    second.hub.call('add', () => 0);
    const ann = await connect(first, { token: 'ann' });
    ann.link.say([4, 1, 0, 'add', { a: 1, b: 2 }]);
    await settle();
    await first.hub.close();
    const moved = await connect(second, { token: 'ann', session: ann.session });
    moved.link.say([4, 1, 0, 'add', { a: 1, b: 2 }, { again: true }]);
    await first.clock.advanceAsync(9_900);
    expect(moved.link.take(5)).toEqual([]);
    await first.clock.advanceAsync(300);
    expect(moved.link.take(5)).toEqual([
      [5, 1, null, { code: 'OUTCOME_UNKNOWN', message: expect.any(String) }],
    ]);
  });

  test('that is idempotent runs again', async () => {
    const scene = stage();
    let runs = 0;
    scene.hub.call('read', (input, { isRetry }) => `${input} ${++runs} ${isRetry}`);
    const { link } = await connect(scene);
    link.say([4, 1, 0, 'read', 'x']);
    await settle();
    link.say([4, 1, 0, 'read', 'x', { again: true }]);
    await settle();
    expect(link.take(5).map((frame) => frame[2])).toEqual(['x 1 false', 'x 2 true']);
  });

  test('ends at its deadline, and what comes of it later is kept for who asks again', async () => {
    const scene = slowStage();
    const { link } = await connect(scene);
    link.say([4, 1, 0, 'add', { a: 1, b: 2 }, { deadlineMs: 500 }]);
    await scene.clock.advanceAsync(499);
    expect([link.take(5), scene.runs[0].signal.aborted]).toEqual([[], false]);
    await scene.clock.advanceAsync(1);
    expect(link.take(5)).toEqual([
      [5, 1, null, { code: 'DEADLINE_EXCEEDED', message: expect.stringContaining('500 ms') }],
    ]);
    expect(scene.runs[0].signal.aborted).toBe(true);
    scene.runs[0].finish();
    await settle();
    link.say([4, 1, 0, 'add', { a: 1, b: 2 }, { again: true }]);
    await settle();
    expect(link.take(5)).toEqual([[5, 1, 3]]);
  });

  test('waits no longer than the server allows', async () => {
    const scene = slowStage();
    const { link } = await connect(scene);
    link.say([4, 1, 0, 'add', { a: 1, b: 2 }, { deadlineMs: 1e9 }]);
    await scene.clock.advanceAsync(30_000);
    expect(link.take(5)).toHaveLength(1);
  });

  test('that the client takes back aborts the handler', async () => {
    const scene = slowStage();
    const { link } = await connect(scene);
    link.say([4, 1, 0, 'add', { a: 1, b: 2 }]);
    await settle();
    link.say([14, 1]);
    expect(scene.runs[0].signal.aborted).toBe(true);
    expect(link.take(5)).toEqual([[5, 1, null, { code: 'CANCELLED', message: expect.any(String) }]]);
  });

  test('beyond the bounds of those that run and that wait is refused', async () => {
    const scene = stage({ maxPendingRequests: 2, maxQueuedRequests: 0 });
    scene.hub.call('add', () => new Promise<number>(() => undefined));
    const { link } = await connect(scene);
    for (const id of [1, 2, 3]) link.say([4, id, 0, 'add', { a: 1, b: 2 }]);
    await settle();
    expect(link.take(5)).toEqual([
      [5, 3, null, { code: 'TOO_MANY', message: expect.any(String), retryable: true }],
    ]);
  });
});

/** Who sends requests beside a link that goes one way. */
const peer = { kind: 'stream', remoteAddress: undefined, url: '', header: () => undefined } as const;

describe('the record of a call', () => {
  const sum = { a: 1, b: 2 };
  // So many answers make the server ask whether they were heard.
  const asked = 16;
  const isKept = async (
    { engine }: Stage,
    session: readonly [string, string],
    id: number,
  ): Promise<boolean> => (await engine.claimCall(session[0], id, 'looker', 1)).kind !== 'claimed';

  test('is kept until the answer to a heartbeat shows that the answer to the call was heard', async () => {
    const scene = slowStage();
    const { link, session } = await connect(scene);
    for (const id of [1, 2, 3]) link.say([4, id, 0, 'add', sum]);
    await settle();
    scene.runs[0].finish();
    await settle();
    link.isAlive = false;
    await scene.clock.advanceAsync(1_000);
    expect(link.messages.filter((message) => message === '[]')).toHaveLength(1);
    // Behind the heartbeat: its answer says nothing of this one.
    scene.runs[1].finish();
    await settle();
    expect(await isKept(scene, session, 1)).toBe(true);
    link.say([]);
    await settle();
    expect([await isKept(scene, session, 1), await isKept(scene, session, 2)]).toEqual([false, true]);
    scene.runs[2].finish();
    await scene.clock.advanceAsync(25_000);
    link.say([]);
    expect([await isKept(scene, session, 2), await isKept(scene, session, 3)]).toEqual([false, false]);
    expect(scene.errors).toEqual([]);
  });

  test('is kept when the call came twice, or when its link ends first', async () => {
    const scene = slowStage();
    const { link, session } = await connect(scene);
    link.say([4, 1, 0, 'add', sum]);
    link.say([4, 1, 0, 'add', sum, { again: true }]);
    link.say([4, 2, 0, 'add', sum, { again: true }]);
    await settle();
    for (const run of scene.runs) run.finish();
    await scene.clock.advanceAsync(1_000);
    expect([await isKept(scene, session, 1), await isKept(scene, session, 2)]).toEqual([true, true]);
    link.say([4, 3, 0, 'add', sum]);
    await settle();
    scene.runs[2].finish();
    await settle();
    link.cut();
    const again = await connect(scene, { session });
    await scene.clock.advanceAsync(1_000);
    expect(await isKept(scene, session, 3)).toBe(true);
    again.link.say([4, 3, 0, 'add', sum, { again: true }]);
    await settle();
    expect(again.link.take(5)).toEqual([[5, 3, 3]]);
    expect(scene.runs).toHaveLength(3);
  });

  test('is asked for with a heartbeat of its own when there are many', async () => {
    const scene = stage();
    scene.hub.call('add', ({ a, b }) => a + b);
    const { link, session } = await connect(scene);
    link.say([4, 1, 0, 'add', sum]);
    // The first waits for the lease of the node.
    await settle();
    for (let id = 2; id < asked; id++) link.say([4, id, 0, 'add', sum]);
    await settle();
    expect(link.messages).not.toContain('[]');
    link.say([4, asked, 0, 'add', sum]);
    await settle();
    expect(link.messages.at(-1)).toBe('[]');
    expect([await isKept(scene, session, 1), await isKept(scene, session, asked)]).toEqual([false, false]);
    link.say([4, asked + 1, 0, 'add', sum]);
    expect(await isKept(scene, session, asked + 1)).toBe(true);
  });

  test('is kept when an earlier heartbeat is answered, which was sent before the answer to the call', async () => {
    const scene = stage();
    scene.hub.call('add', ({ a, b }) => a + b);
    const { link, session } = await connect(scene);
    link.isAlive = false;
    await scene.clock.advanceAsync(1_000);
    for (let id = 1; id <= asked; id++) {
      link.say([4, id, 0, 'add', sum]);
      // The first waits for the lease of the node.
      if (id === 1) await settle();
    }
    await settle();
    expect(link.messages.filter((message) => message === '[]')).toHaveLength(2);
    link.say([]);
    expect([await isKept(scene, session, 1), await isKept(scene, session, asked)]).toEqual([true, true]);
    link.say([]);
    expect([await isKept(scene, session, 1), await isKept(scene, session, asked)]).toEqual([false, false]);
  });

  test('ends by itself for a client that does not answer heartbeats, and asks no more than it can bear', async () => {
    const scene = stage({ sessionRate: false });
    scene.hub.call('add', ({ a, b }) => a + b);
    const { link, session } = await connect(scene);
    link.isAlive = false;
    for (let id = 1; id <= asked + 1_024 + 1; id++) {
      link.say([4, id, 0, 'add', sum]);
      // The first waits for the lease of the node.
      if (id === 1) await settle();
    }
    link.say([]);
    await scene.clock.advanceAsync(1_000);
    link.say([]);
    expect(link.messages.filter((message) => message === '[]')).toHaveLength(2);
    // The oldest of those that were not asked for are forgotten here, not in the engine.
    const kept = [asked, asked + 1, asked + 1_024, asked + 1_025].map((id) => isKept(scene, session, id));
    expect(await Promise.all(kept)).toEqual([false, true, true, false]);
  });

  test('is kept on links that go one way', async () => {
    const scene = stage();
    scene.hub.call('add', ({ a, b }) => a + b);
    const { session } = await connect(scene, {}, 'stream');
    const { signal } = new AbortController();
    const frames = await scene.hub.upstream(session, [[4, 1, 0, 'add', sum]], peer, signal);
    expect(frames).toEqual([[5, 1, 3]]);
    await scene.clock.advanceAsync(1_000);
    expect(await isKept(scene, session, 1)).toBe(true);
  });
});

describe('a call of the server', () => {
  test('is answered by the client, also from another node', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann' });
    await connect(other, { token: 'bob' });
    for (const { hub } of [scene, other]) {
      const answer = hub.session(ann.session[0]).call('confirm', 'sure?');
      await settle();
      const [request] = ann.link.take(4);
      expect(request).toEqual([4, expect.any(String), 0, 'confirm', 'sure?', { deadlineMs: 30_000 }]);
      ann.link.say([5, request[1], true]);
      expect(await answer).toBe(true);
    }
  });

  test('finds the link of a client that has only sent requests to the node that calls', async () => {
    const scene = stage();
    const other = stage({}, scene);
    await connect(other);
    const ann = await connect(scene, { token: 'ann' }, 'stream');
    const { signal } = new AbortController();
    await other.hub.upstream(ann.session, [[]], peer, signal);
    const answer = other.hub.session(ann.session[0]).call('confirm', 'sure?');
    await settle();
    const [request] = ann.link.take(4);
    expect(request).toEqual([4, expect.any(String), 0, 'confirm', 'sure?', { deadlineMs: 30_000 }]);
    await other.hub.upstream(ann.session, [[5, String(request[1]), true]], peer, signal);
    expect(await answer).toBe(true);
    const abort = new AbortController();
    const cancelled = other.hub.session(ann.session[0]).call('confirm', 'or not?', { signal: abort.signal });
    const failure = cancelled.catch((error: unknown) => error);
    await settle();
    const [dropped] = ann.link.take(4);
    abort.abort();
    expect(await failure).toMatchObject({ code: 'CANCELLED' });
    await settle();
    expect(ann.link.take(14)).toEqual([[14, dropped[1]]]);
  });

  test('is held where the client comes to from requests alone', async () => {
    const scene = stage();
    const other = stage({}, scene);
    await connect(other);
    const ann = await connect(scene, { token: 'ann' }, 'stream');
    await other.hub.upstream(ann.session, [[]], peer, new AbortController().signal);
    const moved = await connect(other, { token: 'ann', session: ann.session });
    moved.link.cut();
    const answer = other.hub.session(ann.session[0]).call('confirm', 'there?');
    const again = await connect(other, { token: 'ann', session: ann.session });
    const [request] = again.link.take(4);
    again.link.say([5, request[1], true]);
    expect(await answer).toBe(true);
  });

  test('goes with a session that comes to another node', async () => {
    const scene = stage();
    const other = stage({}, scene);
    await connect(other);
    const ann = await connect(scene, { token: 'ann' });
    ann.link.cut();
    const answer = scene.hub.session(ann.session[0]).call('confirm', 'sure?');
    const moved = await connect(other, { token: 'ann', session: ann.session });
    await settle();
    const [request] = moved.link.take(4);
    moved.link.say([5, request[1], true]);
    expect(await answer).toBe(true);
  });

  test('is answered by nobody else', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    const eve = await connect(scene, { token: 'eve' });
    const answer = scene.hub.session(ann.session[0]).call('confirm', 'sure?', { timeoutMs: 1000 });
    const failure = answer.catch((error: unknown) => error);
    await settle();
    const [request] = ann.link.take(4);
    eve.link.say([5, request[1], true]);
    await scene.clock.advanceAsync(1000);
    expect(await failure).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(ann.link.take(14)).toEqual([[14, request[1]]]);
  });

  test('waits for a client that is away, and is unknown when it was lost with it', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    ann.link.cut();
    const waiting = scene.hub.session(ann.session[0]).call('confirm', 'there?');
    const again = await connect(scene, { token: 'ann', session: ann.session });
    const [request] = again.link.take(4);
    again.link.say([5, request[1], false]);
    expect(await waiting).toBe(false);
    const lost = scene.hub.session(ann.session[0]).call('confirm', 'lost?', { timeoutMs: 1000 });
    const failure = lost.catch((error: unknown) => error);
    await settle();
    again.link.cut();
    await scene.clock.advanceAsync(1000);
    expect(await failure).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });
});
