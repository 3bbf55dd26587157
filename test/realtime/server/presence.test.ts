import { describe, expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import { connect, fields, type Greeted, list, stage, subscribed, TestLink } from './hub-stage.ts';

const there = [[1, 'chat:1', { presence: true, info: { name: 'x' } }]];

/** What a client knows of who is there, from all frames so far. */
function members({ link, welcome }: Greeted): Record<string, unknown> {
  const { alias } = fields(subscribed(welcome).presence);
  let known: Record<string, unknown> = {};
  for (const frame of link.frames) {
    if (frame[1] !== alias) continue;
    if (frame[0] === 11) known = { ...fields(frame[2]) };
    if (frame[0] !== 3) continue;
    const key = String(frame[3]);
    if (frame[4] === null) delete known[key];
    else known[key] = frame[4];
  }
  return known;
}

describe('presence', () => {
  test('tells who is there, with what they want others to know', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: there });
    const bob = await connect(scene, {
      token: 'bob',
      subs: [[1, 'chat:1', { presence: true, info: { name: 'Bob' } }]],
    });
    const quiet = await connect(scene, { token: 'eve', subs: [[1, 'chat:1']] });
    await scene.clock.advanceAsync(200);
    const all = {
      [`ann/${ann.session[0]}`]: { user: 'ann', info: { name: 'x' } },
      [`bob/${bob.session[0]}`]: { user: 'bob', info: { name: 'Bob' } },
    };
    expect(members(ann)).toEqual(all);
    expect(members(bob)).toEqual(all);
    expect(subscribed(quiet.welcome).presence).toBeUndefined();
    const { count, members: found } = await scene.hub.channel('chat:1').presence();
    expect(count).toBe(2);
    expect(found).toContainEqual({ user: 'bob', session: bob.session[0], info: { name: 'Bob' } });
    quiet.link.say([4, 1, 'chat:1', '$presence', null]);
    await settle();
    expect(quiet.link.take(5)).toEqual([[5, 1, all]]);
  });

  test('of who has come to another node is not taken back by the first when its lease begins anew', async () => {
    const first = stage();
    const second = stage({}, first);
    const ann = await connect(first, { token: 'ann', subs: there });
    await first.clock.advanceAsync(8_000);
    ann.link.cut();
    await connect(second, { token: 'ann', session: ann.session, subs: there });
    await first.clock.advanceAsync(200);
    await first.engine.releaseLease(first.hub.snapshot().node);
    await first.clock.advanceAsync(60_000);
    expect((await second.hub.channel('chat:1').presence()).count).toBe(1);
  });

  test('of who says goodbye to the channel ends at once', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: there });
    const bob = await connect(scene, { token: 'bob', subs: there });
    await scene.clock.advanceAsync(200);
    bob.link.say([7, subscribed(bob.welcome).alias]);
    await scene.clock.advanceAsync(200);
    expect(Object.keys(members(ann))).toEqual([`ann/${ann.session[0]}`]);
  });

  test('of who loses the connection lasts for the grace, and coming back in it is no news', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: there });
    const bob = await connect(scene, { token: 'bob', subs: there });
    await scene.clock.advanceAsync(200);
    ann.link.take(3);
    bob.link.cut();
    await scene.clock.advanceAsync(9_000);
    const again = await connect(scene, { token: 'bob', session: bob.session, subs: there });
    await scene.clock.advanceAsync(60_000);
    expect(ann.link.take(3)).toEqual([]);
    again.link.cut();
    await scene.clock.advanceAsync(9_900);
    expect(ann.link.take(3)).toEqual([]);
    await scene.clock.advanceAsync(200);
    expect(ann.link.take(3)).toMatchObject([
      [3, expect.any(Number), 1, `bob/${bob.session[0]}`, null, expect.any(String)],
    ]);
  });

  test('of who is there does not end with a second link that dies before its welcome', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: there });
    await scene.clock.advanceAsync(200);
    const dying = new TestLink(scene.hub);
    dying.say([1, { v: 1, token: 'ann', session: ann.session, subs: there }]);
    scene.engine.keepSession = () => new Promise(() => undefined);
    for (let turn = 0; turn < 20; turn++) await settle();
    dying.cut();
    await scene.clock.advanceAsync(60_000);
    expect(Object.keys(members(ann))).toEqual([`ann/${ann.session[0]}`]);
    expect(scene.hub.snapshot().sessions).toMatchObject({ connected: 1, away: 0 });
  });

  test('of who comes back to another node is not removed by the first', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann', subs: there });
    const bob = await connect(scene, { token: 'bob', subs: there });
    await scene.clock.advanceAsync(200);
    ann.link.take(3);
    bob.link.cut();
    const moved = await connect(other, { token: 'bob', session: bob.session, subs: there });
    await scene.clock.advanceAsync(60_000);
    expect(ann.link.take(3)).toEqual([]);
    expect(Object.keys(members(moved))).toHaveLength(2);
  });

  test('of a node that is gone ends with its lease', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann', subs: there });
    await connect(other, { token: 'bob', subs: there });
    await scene.clock.advanceAsync(200);
    ann.link.take(3);
    await other.hub.close();
    await scene.clock.advanceAsync(9_900);
    expect(ann.link.take(3)).toEqual([]);
    await scene.clock.advanceAsync(200);
    expect(ann.link.take(3)).toMatchObject([
      [3, expect.any(Number), 1, expect.stringContaining('bob/'), null, expect.any(String)],
    ]);
  });

  test('of many in one turn is one change', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: there });
    await scene.clock.advanceAsync(200);
    ann.link.messages.length = 0;
    const others = await Promise.all(
      ['b', 'c', 'd', 'e'].map((name) => connect(scene, { token: name, subs: there })),
    );
    await scene.clock.advanceAsync(200);
    expect(Object.keys(members(ann))).toHaveLength(5);
    expect(ann.link.messages.length).toBeLessThanOrEqual(2);
    ann.link.messages.length = 0;
    for (const { link, welcome } of others) link.say([7, subscribed(welcome).alias]);
    await scene.clock.advanceAsync(200);
    expect(Object.keys(members(ann))).toHaveLength(1);
    expect(ann.link.messages).toHaveLength(1);
  });

  test('is refused where the contract has none, or the rule says no', async () => {
    const scene = stage();
    const ann = await connect(scene, { subs: [[1, 'tick:a', { presence: true }]] });
    expect(list(ann.welcome.subs)).toMatchObject([[1, null, { code: 'FORBIDDEN' }]]);
  });

  test('comes as what has changed since a place', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: there });
    await scene.clock.advanceAsync(200);
    const { position } = fields(subscribed(ann.welcome).presence);
    const again = await connect(scene, {
      token: 'ann',
      session: ann.session,
      subs: [[1, 'chat:1', { presence: true, info: { name: 'x' }, presencePosition: position }]],
    });
    expect(fields(subscribed(again.welcome).presence)).toMatchObject({ recovered: true });
    expect(again.link.frames.filter((frame) => frame[0] === 11)).toHaveLength(1);
    expect(Object.keys(members(again))).toEqual([`ann/${ann.session[0]}`]);
  });
});

describe('presence in numbers', () => {
  const crowd = [[1, 'crowd:1', { presence: true }]];
  const counts = ({ link }: Greeted): unknown[] => link.take(11).map((frame) => fields(frame[2]).count);

  test('tells how many are there on all nodes, and nobody by name', async () => {
    const scene = stage();
    const other = stage({}, scene);
    const ann = await connect(scene, { token: 'ann', subs: crowd });
    await scene.clock.advanceAsync(200);
    const bob = await connect(other, { token: 'bob', subs: crowd });
    await scene.clock.advanceAsync(200);
    const eve = await connect(other, { token: 'eve', subs: crowd });
    await scene.clock.advanceAsync(200);
    expect(fields(subscribed(ann.welcome).presence)).toMatchObject({ counts: true, position: ['', 0, ''] });
    expect(counts(ann)).toEqual([0, 1, 2, 3]);
    expect(counts(bob).at(-1)).toBe(3);
    expect(JSON.stringify(ann.link.messages)).not.toContain('bob');
    eve.link.say([7, subscribed(eve.welcome).alias]);
    await scene.clock.advanceAsync(200);
    expect(counts(ann)).toEqual([2]);
    await other.hub.close();
    await scene.clock.advanceAsync(10_100);
    expect(counts(ann)).toEqual([1]);
    expect(await scene.hub.channel('crowd:1').presence()).toEqual({ count: 1, members: [] });
    ann.link.say([4, 1, 'crowd:1', '$presence', null]);
    await settle();
    expect(ann.link.take(5)).toEqual([[5, 1, { count: 1 }]]);
  });

  test('is told to who was too slow when the link has drained, once', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: crowd });
    await scene.clock.advanceAsync(200);
    counts(ann);
    ann.link.isFull = true;
    for (const name of ['b', 'c']) {
      await connect(scene, { token: name, subs: crowd });
      await scene.clock.advanceAsync(200);
    }
    expect(counts(ann)).toEqual([]);
    ann.link.drain();
    expect(counts(ann)).toEqual([3]);
  });
});
