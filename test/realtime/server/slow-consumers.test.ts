import { describe, expect, test } from 'vitest';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';
import { chat, type Chat, connect, fields, type Greeted, list, stage, subscribed } from './hub-stage.ts';
import type { WhenSlow } from '../../../src/realtime/server/follower.ts';

function texts({ link }: Greeted): unknown[] {
  return link.take(2).map((frame) => fields(frame[4]).text);
}

function hubWith(whenSlow: WhenSlow, maxEntries = 100): Hub<Chat> {
  const clock = new FakeClock();
  const hub = new Hub<Chat>(chat, { clock }, { scheduler: immediateScheduler });
  hub.channel('chat:{room}', { whenSlow, retention: { maxEntries } });
  return hub;
}

describe('a session that is too slow', () => {
  test('reads on from the history when it has drained, and misses nothing', async () => {
    const scene = stage();
    const slow = await connect(scene, { subs: [[1, 'chat:1']] });
    const healthy = await connect(scene, { subs: [[1, 'chat:1']] });
    const room = scene.hub.channel('chat:1');
    await room.publish('message', { text: '1' });
    await settle();
    slow.link.isFull = true;
    for (const text of ['2', '3', '4']) await room.publish('message', { text });
    await settle();
    expect(texts(healthy)).toEqual(['1', '2', '3', '4']);
    expect(texts(slow)).toEqual(['1']);
    expect(scene.hub.snapshot().slowConsumers).toBe(1);
    slow.link.drain();
    await room.publish('message', { text: '5' });
    await settle();
    expect(texts(slow)).toEqual(['2', '3', '4', '5']);
    await room.publish('message', { text: '6' });
    await settle();
    expect(texts(slow)).toEqual(['6']);
  });

  test('that stops again while it reads on goes on where it was', async () => {
    const scene = stage();
    const slow = await connect(scene, { subs: [[1, 'chat:1']] });
    const room = scene.hub.channel('chat:1');
    slow.link.isFull = true;
    const long = 'x'.repeat(40_000);
    for (let count = 1; count <= 9; count++) await room.publish('message', { text: `${count}${long}` });
    await settle();
    const seen: unknown[] = [];
    for (let turn = 0; turn < 20 && seen.length < 9; turn++) {
      slow.link.drain();
      slow.link.isStalled = true;
      await settle();
      const got = texts(slow).map((text) => Number(String(text)[0]));
      expect(got.length).toBeLessThanOrEqual(2);
      seen.push(...got);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('is told of a gap when the history has passed it', async () => {
    const hub = hubWith('recover', 3);
    const slow = await connect({ hub }, { subs: [[1, 'chat:1']] });
    const room = hub.channel('chat:1');
    slow.link.isFull = true;
    for (let count = 1; count <= 9; count++) await room.publish('message', { text: `${count}` });
    await settle();
    slow.link.drain();
    await settle();
    await room.publish('message', { text: '10' });
    await settle();
    const { alias } = subscribed(slow.welcome);
    expect(slow.link.take(12)).toEqual([
      [12, alias, 9, { position: [expect.any(String), 9, expect.any(String)], gap: 'overrun' }],
    ]);
    expect(texts(slow)).toEqual(['10']);
  });

  test('gets the newest of each event where its channel conflates, with what was left out between', async () => {
    const hub = hubWith('conflate');
    const slow = await connect({ hub }, { subs: [[1, 'chat:1']] });
    const room = hub.channel('chat:1');
    slow.link.isFull = true;
    await room.publish('message', { text: 'old' });
    await room.publish('typing', { on: true });
    await room.publish('message', { text: 'new' });
    await settle();
    slow.link.drain();
    await settle();
    const { alias } = subscribed(slow.welcome);
    expect(slow.link.takeAll().filter((frame) => frame[1] === alias)).toMatchObject([
      [12, alias, 1, { position: [expect.any(String), 1, expect.any(String)] }],
      [2, alias, 1, 1, { on: true }, expect.any(String)],
      [2, alias, 1, 0, { text: 'new' }, expect.any(String)],
    ]);
  });

  test('is told how many it misses where its channel drops', async () => {
    const hub = hubWith('drop');
    const slow = await connect({ hub }, { subs: [[1, 'chat:1']] });
    const room = hub.channel('chat:1');
    slow.link.isFull = true;
    for (const text of ['1', '2', '3']) await room.publish('message', { text });
    await settle();
    slow.link.drain();
    await settle();
    await room.publish('message', { text: '4' });
    await settle();
    const { alias } = subscribed(slow.welcome);
    expect(slow.link.take(12)).toEqual([
      [12, alias, 3, { position: [expect.any(String), 3, expect.any(String)] }],
    ]);
    expect(texts(slow)).toEqual(['4']);
  });

  test('is ended where its channel closes', async () => {
    const hub = hubWith('close');
    const slow = await connect({ hub }, { subs: [[1, 'chat:1']] });
    slow.link.isFull = true;
    await hub.channel('chat:1').publish('message', { text: '1' });
    await settle();
    expect(slow.link.take(10)).toMatchObject([[10, { code: 'SLOW_CONSUMER', retryable: true }]]);
    expect(slow.link.closed?.code).toBe(4007);
  });

  test('gets the newest state of each key', async () => {
    const scene = stage();
    const slow = await connect(scene, { subs: [[1, 'chat:1']] });
    const room = scene.hub.channel('chat:1');
    slow.link.take(11);
    slow.link.isFull = true;
    for (let value = 1; value <= 5; value++) await room.set('a', value);
    await room.set('b', 1);
    await room.delete('b');
    await settle();
    slow.link.drain();
    await settle();
    const { alias } = fields(subscribed(slow.welcome).state);
    expect(slow.link.take(3)).toMatchObject([
      [3, alias, 5, 'a', 5, expect.any(String)],
      [3, alias, 2, 'b', null, expect.any(String)],
    ]);
    slow.link.isFull = true;
    for (let value = 0; value < 300; value++) await room.set('a', value);
    await settle();
    slow.link.drain();
    await settle();
    expect(slow.link.take(11)).toEqual([[11, alias, { a: 299 }]]);
    await room.set('a', 777);
    await settle();
    expect(slow.link.take(3)).toMatchObject([[3, alias, 1, 'a', 777, expect.any(String)]]);
  });

  test('that asks more than it reads is ended, and its bytes stay below the bound', async () => {
    const scene = stage({ maxBufferedBytes: 100_000 });
    scene.hub.call('read', (text) => text);
    const { link } = await connect(scene);
    link.isStalled = true;
    for (let id = 1; id <= 20; id++) {
      link.say([4, id, 0, 'read', 'x'.repeat(20_000)]);
      await settle();
    }
    expect(link.take(10)).toMatchObject([[10, { code: 'SLOW_CONSUMER' }]]);
    expect(link.bufferedBytes).toBeLessThan(130_000);
  });
});

describe('a session that is too slow from the beginning', () => {
  test('gets what it begins with when the link has drained', async () => {
    const scene = stage();
    const room = scene.hub.channel('chat:1');
    await room.publish('message', { text: '1' });
    await room.set('a', 1);
    const ann = await connect(scene);
    ann.link.isFull = true;
    ann.link.say([6, 1, 'chat:1', { history: 10 }]);
    await settle();
    const [answer] = ann.link.takeAll();
    const { state } = fields(answer[2]);
    expect(answer).toMatchObject([6, 1, { position: [expect.any(String), 0, ''] }]);
    await room.publish('message', { text: '2' });
    await room.set('b', 2);
    ann.link.drain();
    await settle();
    await room.publish('message', { text: '3' });
    await room.set('c', 3);
    await settle();
    expect(texts(ann)).toEqual(['1', '2', '3']);
    expect(ann.link.take(11)).toEqual([[11, fields(state).alias, { a: 1, b: 2 }]]);
    expect(ann.link.take(3)).toMatchObject([[3, fields(state).alias, 1, 'c', 3, expect.any(String)]]);
  });
});

describe('a volatile channel', () => {
  test('tells who is there, keeps nothing, and says so to who comes back', async () => {
    const scene = stage();
    const ann = await connect(scene, { subs: [[1, 'cursor:1']] });
    const { alias } = subscribed(ann.welcome);
    ann.link.say([4, 1, alias, 'moved', { x: 1 }]);
    await settle();
    expect(ann.link.take(5)).toEqual([[5, 1, {}]]);
    expect(ann.link.take(2)).toEqual([[2, alias, 0, 0, { x: 1 }]]);
    const again = await connect(scene, { subs: [[1, 'cursor:1', { position: ['', 0, ''] }]] });
    expect(subscribed(again.welcome)).toMatchObject({
      delivery: 'volatile',
      recovered: false,
      gap: 'volatile',
      position: ['', 0, ''],
    });
  });

  test('drops the oldest first for who is too slow, and tells how many', async () => {
    const scene = stage({ highWaterMarkBytes: 1_000 });
    const slow = await connect(scene, { subs: [[1, 'cursor:1']] });
    const { alias } = subscribed(slow.welcome);
    slow.link.isFull = true;
    for (let x = 1; x <= 100; x++) {
      await scene.hub.channel('cursor:1').publish('moved', { x });
      await settle();
    }
    slow.link.drain();
    const frames = slow.link.takeAll();
    const [skipped, ...rest] = frames;
    expect(skipped).toEqual([12, alias, 100 - rest.length, { position: ['', 0, ''] }]);
    expect(rest.length).toBeGreaterThan(10);
    expect(rest.map((frame) => fields(frame[4]).x)).toEqual(
      Array.from({ length: rest.length }, (_, index) => 101 - rest.length + index),
    );
    expect(JSON.stringify(rest).length).toBeLessThan(1_200);
  });
});

describe('a latest channel', () => {
  test('begins with the newest of each key, and brings back no more than that', async () => {
    const scene = stage();
    const tick = scene.hub.channel('tick:x');
    for (const [key, value] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['c', 1],
      ['a', 3],
    ] as const)
      await tick.publish('price', { key, value });
    const ann = await connect(scene, { subs: [[1, 'tick:x']] });
    await settle();
    const { alias, position } = subscribed(ann.welcome);
    expect(list(position)[1]).toBe(0);
    expect(ann.link.take(2)).toMatchObject([
      [2, alias, 2, 0, { key: 'b', value: 1 }, expect.any(String)],
      [2, alias, 2, 0, { key: 'c', value: 1 }, expect.any(String)],
      [2, alias, 1, 0, { key: 'a', value: 3 }, expect.any(String)],
    ]);
    await tick.publish('price', { key: 'b', value: 2 });
    await settle();
    expect(ann.link.take(2)).toMatchObject([[2, alias, 1, 0, { key: 'b', value: 2 }, expect.any(String)]]);
    ann.link.isFull = true;
    for (let value = 10; value <= 20; value++) await tick.publish('price', { key: 'a', value });
    await tick.publish('price', { key: 'c', value: 7 });
    await settle();
    ann.link.drain();
    await settle();
    expect(ann.link.take(2)).toMatchObject([
      [2, alias, 11, 0, { key: 'a', value: 20 }, expect.any(String)],
      [2, alias, 1, 0, { key: 'c', value: 7 }, expect.any(String)],
    ]);
  });
});

describe('a rate', () => {
  test('leaves out what comes faster, and the newest arrives', async () => {
    const scene = stage();
    const slow = await connect(scene, { subs: [[1, 'chat:1', { rate: 2 }]] });
    const { alias } = subscribed(slow.welcome);
    const room = scene.hub.channel('chat:1');
    for (let count = 1; count <= 10; count++) {
      await room.publish('message', { text: `${count}` });
      await scene.clock.advanceAsync(100);
    }
    await scene.clock.advanceAsync(1_000);
    const frames = slow.link.takeAll().filter((frame) => frame[1] === alias);
    const got = frames.filter((frame) => frame[0] === 2).map((frame) => fields(frame[4]).text);
    expect(got).toEqual(['1', '5', '10']);
    const skipped = frames
      .filter((frame) => frame[0] === 12)
      .reduce((sum, frame) => sum + Number(frame[2]), 0);
    expect(skipped).toBe(7);
    await room.publish('message', { text: 'after a quiet time' });
    await settle();
    expect(texts(slow)).toEqual(['after a quiet time']);
  });

  test('holds on a volatile channel too', async () => {
    const scene = stage();
    const slow = await connect(scene, { subs: [[1, 'cursor:1', { rate: 2 }]] });
    const { alias } = subscribed(slow.welcome);
    for (let x = 1; x <= 10; x++) {
      await scene.hub.channel('cursor:1').publish('moved', { x });
      await scene.clock.advanceAsync(100);
    }
    await scene.clock.advanceAsync(1_000);
    const frames = slow.link.takeAll().filter((frame) => frame[1] === alias);
    expect(frames.filter((frame) => frame[0] === 2).map((frame) => fields(frame[4]).x)).toEqual([1, 5, 10]);
    expect(frames.filter((frame) => frame[0] === 12).reduce((sum, frame) => sum + Number(frame[2]), 0)).toBe(
      7,
    );
  });
});
