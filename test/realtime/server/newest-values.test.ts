import { describe, expect, test } from 'vitest';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { readJson } from '../../../src/realtime/wire/json-codec.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';
import { connect, fields, list, stage } from './hub-stage.ts';

const ticker = defineContract({
  version: '1.0',
  channels: {
    'tick:{market}': { delivery: 'latest', events: { price: typed<{ symbol: string; value: number }>() } },
  },
});

function tickerStage(maxEntries: number) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const hub = new Hub(
    ticker,
    { clock, onError: (error) => errors.push(error) },
    { scheduler: immediateScheduler },
  );
  hub.channel('tick:{market}', {
    publish: () => true,
    retention: { maxEntries },
    key: (_event, data) => String(fields(data).symbol).toLowerCase(),
  });
  return { hub, errors, room: hub.channel('tick:x') };
}

describe('a session that was too slow for a channel of newest values', () => {
  test('gets the newest that are kept when the history has passed it, and is told of the gap', async () => {
    const { hub, room } = tickerStage(6);
    const { link } = await connect({ hub }, { subs: [[1, 'tick:x']] });
    link.isStalled = true;
    link.highWaterMarkBytes = 10;
    for (let value = 1; value <= 20; value++) {
      await room.publish('price', { symbol: ['A', 'B', 'C'][value % 3], value });
      await settle();
    }
    link.takeAll();
    link.drain();
    await settle();
    const [skipped] = link.take(12);
    expect(fields(skipped[3]).gap).toBe('overrun');
    expect(link.take(2).map((frame) => fields(frame[4]).value)).toEqual([18, 19, 20]);
    await room.publish('price', { symbol: 'A', value: 21 });
    await settle();
    expect(link.take(2).map((frame) => [frame[2], fields(frame[4]).value])).toEqual([[1, 21]]);
  });
});

describe('a key that cannot be made of what a client has published', () => {
  test('is told to the application, and harms no subscription', async () => {
    const { hub, errors } = tickerStage(100);
    const eve = await connect({ hub });
    // The schema of this contract checks nothing.
    eve.link.say([4, 1, 'tick:x', 'price', null]);
    await settle();
    const bob = await connect({ hub });
    bob.link.say([6, 1, 'tick:x']);
    await settle();
    expect(bob.link.take(6)).toEqual([[6, 1, expect.objectContaining({ delivery: 'latest' })]]);
    expect(bob.link.take(2)).toHaveLength(1);
    expect(errors).toContainEqual(new Error('no object: null'));
  });
});

describe('a key of the state that looks like the tag of bytes', () => {
  test('arrives as what it is', async () => {
    const scene = stage();
    await scene.hub.channel('chat:1').set('$bytes', 7);
    await scene.hub.channel('chat:2').set('$$bytes', 8);
    const { link } = await connect(scene, {
      subs: [
        [1, 'chat:1'],
        [2, 'chat:2'],
      ],
    });
    const maps = link.messages
      .filter((text) => text.startsWith('[11,'))
      .map((text) => list(readJson(text))[2]);
    expect(maps).toEqual([{ $bytes: 7 }, { $$bytes: 8 }]);
  });
});

describe('a rule', () => {
  test('may answer with a promise of another kind', async () => {
    const hub = new Hub(ticker, { clock: new FakeClock() }, { scheduler: immediateScheduler });
    const query: PromiseLike<boolean> = Object.create(null);
    Reflect.set(query, 'then', (resolve: (isAllowed: boolean) => void) => resolve(true));
    // What a library of a database gives is often no Promise.
    hub.channel('tick:{market}', { publish: () => Object.create(query) });
    const { link } = await connect({ hub });
    link.say([4, 1, 'tick:x', 'price', { symbol: 'A', value: 1 }]);
    await settle();
    expect(link.take(5)).toEqual([[5, 1, { offset: 1 }]]);
  });
});
