// Keyed maps that have become larger than what is sent to one client at once: whoever wants to follow them is told so, and nobody's
// connection breaks.

import { describe, expect, test } from 'vitest';
import type { MapEntry } from '../../../src/realtime/engine/engine.ts';
import { defaultHubLimits } from '../../../src/realtime/server/hub-options.ts';
import { boundedSnapshot, snapshotFrame } from '../../../src/realtime/server/stream-frames.ts';
import { settle } from '../../../src/testing.ts';
import { connect, fields, list, stage, subscribed } from './hub-stage.ts';

const maxBufferedBytes = 20_000;
const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' });

// So many keys of ten characters.
async function fillState(scene: ReturnType<typeof stage>, channel: 'chat:1', keys: number): Promise<void> {
  for (let key = 0; key < keys; key++)
    await scene.hub.channel(channel).set(String(key).padStart(10, 'k'), key);
}

test('by default it holds who is there with a name, up to fifty thousand, and with 150 bytes up to twenty thousand', () => {
  const members = (count: number, name: string): MapEntry[] =>
    Array.from({ length: count }, (_, index) => {
      const user = `u${String(index).padStart(5, '0')}`;
      return { key: `${user}/${'x'.repeat(16)}`, value: JSON.stringify({ user, info: { name } }) };
    });
  const isSent = (entries: readonly MapEntry[]): boolean =>
    boundedSnapshot(1, entries, defaultHubLimits.maxBufferedBytes) !== undefined;
  expect(isSent(members(50_000, 'Ada Lovelace'))).toBe(true);
  expect(isSent(members(20_000, 'x'.repeat(139)))).toBe(true);
  expect(isSent(members(65_000, 'Ada Lovelace'))).toBe(false);
});

describe('a map that is larger than what may wait for one client', () => {
  test('is refused to whoever wants to follow it, who keeps the other channels and the connection', async () => {
    const scene = stage({ maxBufferedBytes });
    await fillState(scene, 'chat:1', 2_000);
    const ann = await connect(scene, {
      token: 'ann',
      subs: [
        [1, 'chat:1'],
        [2, 'chat:2'],
      ],
    });
    expect(list(ann.welcome.subs)).toEqual([
      [1, null, tooLarge],
      [2, expect.objectContaining({ delivery: 'log' })],
    ]);
    ann.link.say([6, 3, 'chat:1']);
    await settle();
    expect(ann.link.take(6)).toEqual([[6, 3, null, tooLarge]]);
    await scene.hub.channel('chat:2').publish('message', { text: 'still there' });
    await settle();
    expect(ann.link.take(2)).toHaveLength(1);
    expect(ann.link.closed).toBeUndefined();
    expect(scene.errors).toEqual([]);
  });

  test('goes on for those who follow it already, and is sent again when it is smaller', async () => {
    const scene = stage({ maxBufferedBytes });
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    await fillState(scene, 'chat:1', 2_000);
    await settle();
    expect(ann.link.take(3)).toHaveLength(2_000);
    expect(ann.link.closed).toBeUndefined();
    for (let key = 100; key < 2_000; key++)
      await scene.hub.channel('chat:1').delete(String(key).padStart(10, 'k'));
    const bob = await connect(scene, { token: 'bob', subs: [[1, 'chat:1']] });
    const [[, alias, entries]] = bob.link.take(11);
    expect(alias).toBe(fields(subscribed(bob.welcome).state).alias);
    expect(Object.keys(fields(entries))).toHaveLength(100);
  });

  test('ends the link of who is too slow to follow it by its changes, and does not let it in again', async () => {
    const scene = stage({ maxBufferedBytes });
    const ann = await connect(scene, { token: 'ann', subs: [[1, 'chat:1']] });
    ann.link.takeAll();
    ann.link.isFull = true;
    await fillState(scene, 'chat:1', 2_000);
    await settle();
    ann.link.drain();
    await settle();
    expect(ann.link.take(11)).toEqual([]);
    expect(ann.link.take(10)).toEqual([
      [10, expect.objectContaining({ code: 'TOO_LARGE', retryable: true })],
    ]);
    const again = await connect(scene, { token: 'ann', session: ann.session, subs: [[1, 'chat:1']] });
    expect(again.welcome.resumed).toBe(true);
    expect(list(again.welcome.subs)).toEqual([[1, null, tooLarge]]);
    expect(again.link.closed).toBeUndefined();
  });

  test('of members is not told in one answer either', async () => {
    const scene = stage({ maxBufferedBytes: 2_000 });
    const ann = await connect(scene, { token: 'ann' });
    for (let member = 0; member < 20; member++) {
      await connect(scene, {
        token: `user-with-a-long-name-${member}`,
        subs: [[1, 'chat:1', { presence: true, info: { name: 'x'.repeat(100) } }]],
      });
      await scene.clock.advanceAsync(1_000);
    }
    ann.link.say([4, 1, 'chat:1', '$presence', null]);
    await settle();
    expect(ann.link.take(5)).toEqual([[5, 1, null, tooLarge]]);
    expect(ann.link.closed).toBeUndefined();
  });
});

describe('the size of a snapshot', () => {
  test('is that of its bytes, not of its characters', () => {
    for (const value of ['"x"', '"\u00e4"', '"\u20ac"', '"\u{1f600}"']) {
      const entries = [1, 2, 3].map((key) => ({ key: `${key}`, value }));
      const frame = snapshotFrame(1, entries);
      const bytes = new TextEncoder().encode(frame).length;
      expect(boundedSnapshot(1, entries, bytes)).toBe(frame);
      expect(boundedSnapshot(1, entries, bytes - 1)).toBeUndefined();
    }
  });
});
