import { describe, expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import { connect, fields, list, stage, subscribed } from './hub-stage.ts';

describe('a hello', () => {
  test('is answered by a welcome with a session, its secret and all subscriptions', async () => {
    const { welcome } = await connect(stage(), {
      token: 'ann',
      contract: '1.0',
      subs: [
        [7, 'chat:1'],
        [8, 'chat:closed'],
        [9, 'nothing:1'],
      ],
    });
    expect(welcome).toMatchObject({
      v: 1,
      resumed: false,
      user: 'ann',
      pingMs: 25_000,
      maxBytes: 1024 * 1024,
      againMs: 135_000,
      contract: '1.2',
    });
    expect(list(welcome.session).map((text) => String(text).length)).toEqual([16, 22]);
    const subs = list(welcome.subs);
    expect(list(subs[0])[0]).toBe(7);
    expect(subscribed(welcome)).toMatchObject({
      delivery: 'log',
      events: ['message', 'typing'],
      position: [expect.any(String), 0, ''],
      state: { position: [expect.any(String), 0, ''] },
    });
    expect(subs[1]).toEqual([
      8,
      null,
      { code: 'FORBIDDEN', message: expect.stringContaining('chat:closed') },
    ]);
    expect(subs[2]).toEqual([
      9,
      null,
      { code: 'UNKNOWN_CHANNEL', message: expect.stringContaining('nothing:1') },
    ]);
  });
});

describe('a publication', () => {
  test('is known by its id when it is sent again, where 1 and "1" are two', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann' });
    const ids = [1, '1', 1, '1'];
    for (const [index, id] of ids.entries()) {
      ann.link.say([4, id, 'chat:1', 'message', { text: typeof id }, index < 2 ? {} : { again: true }]);
      await settle();
    }
    expect(ann.link.take(5)).toEqual([
      [5, 1, { offset: 1 }],
      [5, '1', { offset: 2 }],
      [5, 1, { offset: 1 }],
      [5, '1', { offset: 2 }],
    ]);
  });

  test('reaches all who follow the channel, in order, and its publisher gets its place', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    const bob = await connect(scene, { token: 'bob', subs: [[1, 'chat:1']] });
    const other = await connect(scene, { token: 'eve', subs: [[1, 'chat:2']] });
    const { alias } = subscribed(ann.welcome);
    ann.link.say([4, 1, alias, 'message', { text: 'hi' }]);
    ann.link.say([4, 'b-2', 'chat:1', 'typing', { on: true }]);
    await settle();
    expect(ann.link.take(5)).toEqual([
      [5, 1, { offset: 1 }],
      [5, 'b-2', { offset: 2 }],
    ]);
    const told = [
      [2, alias, 1, 0, { text: 'hi' }, expect.any(String), { user: 'ann' }],
      [2, alias, 1, 1, { on: true }, expect.any(String), { user: 'ann' }],
    ];
    expect(ann.link.take(2)).toEqual(told);
    expect(bob.link.take(2)).toEqual(told);
    expect(other.link.take(2)).toEqual([]);
  });

  test('of one turn goes in one message', async () => {
    const scene = stage();
    const bob = await connect(scene, { subs: [[1, 'chat:1']] });
    const room = scene.hub.channel('chat:1');
    bob.link.messages.length = 0;
    void room.publish('message', { text: 'a' });
    void room.publish('message', { text: 'b' });
    await settle();
    expect(bob.link.messages).toHaveLength(1);
    expect(bob.link.take(2).map((frame) => frame[4])).toEqual([{ text: 'a' }, { text: 'b' }]);
  });

  test('of the server can leave its session out, whose position moves all the same', async () => {
    const scene = stage();
    const ann = await connect(scene, { subs: [[1, 'chat:1']] });
    const bob = await connect(scene, { subs: [[1, 'chat:1']] });
    const room = scene.hub.channel('chat:1');
    await room.publish('message', { text: 'not for ann' }, { exceptSession: ann.session[0] });
    await room.publish('message', { text: 'for all' });
    await settle();
    const { alias } = subscribed(ann.welcome);
    expect(bob.link.take(2)).toHaveLength(2);
    expect(ann.link.takeAll()).toEqual([
      [11, expect.any(Number), {}],
      [12, alias, 0, { position: [expect.any(String), 1, expect.any(String)] }],
      [2, alias, 1, 0, { text: 'for all' }, expect.any(String)],
    ]);
  });

  test('sent again counts once and gets the same place', async () => {
    const scene = stage();
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    ann.link.say([4, 1, 'chat:1', 'message', { text: 'once' }]);
    await settle();
    ann.link.say([4, 1, 'chat:1', 'message', { text: 'once' }, { again: true }]);
    await settle();
    expect(ann.link.take(5)).toEqual([
      [5, 1, { offset: 1 }],
      [5, 1, { offset: 1 }],
    ]);
    expect(ann.link.take(2)).toHaveLength(1);
  });

  test('that the rule or the contract refuses is an error for its publisher only', async () => {
    const scene = stage();
    const nobody = await connect(scene, { subs: [[1, 'chat:1']] });
    const ann = await connect(scene, { token: 'ann' });
    nobody.link.say([4, 1, 'chat:1', 'message', { text: 'x' }]);
    nobody.link.say([4, 2, 'tick:a', 'price', { key: 'a', value: 1 }]);
    ann.link.say([4, 1, 'chat:1', 'shout', { text: 'x' }]);
    ann.link.say([4, 2, 99, 'message', { text: 'x' }]);
    ann.link.say([4, 3, '$session:x', 'message', { text: 'x' }]);
    ann.link.say([4, 4, 'chat:1\n', 'message', { text: 'x' }]);
    await settle();
    const codes = (frames: readonly unknown[][]): unknown[] => frames.map((frame) => fields(frame[3]).code);
    expect(codes(nobody.link.take(5))).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect(codes(ann.link.take(5))).toEqual([
      'UNKNOWN_EVENT',
      'NOT_SUBSCRIBED',
      'FORBIDDEN',
      'UNKNOWN_CHANNEL',
    ]);
    expect(nobody.link.take(2)).toEqual([]);
  });
});

describe('coming back', () => {
  test('brings exactly what was missed', async () => {
    const scene = stage();
    const room = scene.hub.channel('chat:1');
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    await room.publish('message', { text: 'seen' });
    await settle();
    const [seen] = ann.link.take(2);
    const [epoch] = list(subscribed(ann.welcome).position);
    ann.link.cut();
    await room.publish('message', { text: 'missed 1' });
    await room.publish('message', { text: 'missed 2' });
    const again = await connect(scene, {
      token: 'ann',
      session: ann.session,
      subs: [[1, 'chat:1', { position: [epoch, 1, seen[5]] }]],
    });
    await room.publish('message', { text: 'live' });
    await settle();
    expect(again.welcome).toMatchObject({ resumed: true, session: ann.session });
    expect(subscribed(again.welcome)).toMatchObject({ recovered: true, position: [epoch, 1, seen[5]] });
    expect(again.link.take(2).map((frame) => [frame[2], fields(frame[4]).text])).toEqual([
      [1, 'missed 1'],
      [1, 'missed 2'],
      [1, 'live'],
    ]);
  });

  test('with a place that is gone says so, and gives the history that was asked for', async () => {
    const scene = stage();
    const room = scene.hub.channel('chat:1');
    for (let count = 1; count <= 5; count++) await room.publish('message', { text: `${count}` });
    const ann = await connect(scene, {
      subs: [[1, 'chat:1', { position: ['anothertime', 3, 'abcd'], history: 2 }]],
    });
    await settle();
    expect(subscribed(ann.welcome)).toMatchObject({
      recovered: false,
      gap: 'epoch',
      position: [expect.any(String), 3, expect.any(String)],
    });
    expect(ann.link.take(2).map((frame) => fields(frame[4]).text)).toEqual(['4', '5']);
  });

  test('after more than a page brings all of it, page by page', async () => {
    const scene = stage();
    const { position } = subscribed((await connect(scene, { subs: [[1, 'chat:long']] })).welcome);
    const room = scene.hub.channel('chat:long');
    for (let count = 1; count <= 700; count++) await room.publish('message', { text: `${count}` });
    const ann = await connect(scene, { subs: [[1, 'chat:long', { position }]] });
    await room.publish('message', { text: '701' });
    await settle();
    expect(subscribed(ann.welcome).recovered).toBe(true);
    expect(ann.link.take(2).map((frame) => fields(frame[4]).text)).toEqual(
      Array.from({ length: 701 }, (_, index) => `${index + 1}`),
    );
  });
});

describe('keyed state', () => {
  test('comes as a snapshot, then as changes', async () => {
    const scene = stage();
    const room = scene.hub.channel('chat:1');
    await room.set('a', 1);
    await room.set('b', 2);
    const ann = await connect(scene, { subs: [[1, 'chat:1']] });
    const { alias } = fields(subscribed(ann.welcome).state);
    expect(ann.link.take(11)).toEqual([[11, alias, { a: 1, b: 2 }]]);
    await room.set('a', 3);
    await room.delete('b');
    await settle();
    expect(ann.link.take(3)).toEqual([
      [3, alias, 1, 'a', 3, expect.any(String)],
      [3, alias, 1, 'b', null, expect.any(String)],
    ]);
    expect(await room.state()).toEqual(new Map([['a', 3]]));
  });

  test('comes as the changes since the place of who comes back', async () => {
    const scene = stage();
    const room = scene.hub.channel('chat:1');
    await room.set('a', 1);
    const ann = await connect(scene, { subs: [[1, 'chat:1']] });
    const { position } = fields(subscribed(ann.welcome).state);
    await room.delete('a');
    const again = await connect(scene, { subs: [[1, 'chat:1', { statePosition: position }]] });
    expect(again.link.take(11)).toEqual([]);
    expect(again.link.take(3)).toEqual([[3, expect.any(Number), 1, 'a', null, expect.any(String)]]);
  });
});
