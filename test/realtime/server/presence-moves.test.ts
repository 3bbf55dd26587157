// Somebody who moves from node to node, faster than the nodes hear of it, stays present.

import { expect, test } from 'vitest';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { ChannelDeclaration, type FoundChannel } from '../../../src/realtime/server/channel-declaration.ts';
import { NodeLease } from '../../../src/realtime/server/node-lease.ts';
import { PresenceRooms } from '../../../src/realtime/server/presence-rooms.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

const room: FoundChannel = { name: 'a', declaration: new ChannelDeclaration('a', {}, {}), params: {} };
const graceMs = 5_000;
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

interface World {
  readonly clock: FakeClock;
  readonly engine: MemoryEngine;
  readonly node: (name: string) => { readonly rooms: PresenceRooms; readonly lease: NodeLease };
  readonly pass: (durationMs: number) => Promise<void>;
  readonly owners: () => Promise<readonly (readonly [key: string, owner: string | undefined])[]>;
}

function world(): World {
  const clock = new FakeClock();
  const engine = new MemoryEngine({ clock });
  return {
    clock,
    engine,
    node: (name) => {
      const lease: NodeLease = new NodeLease(name, engine, clock, 15_000, () => rooms.announceAll());
      const rooms = new PresenceRooms({ engine, clock, lease });
      return { rooms, lease };
    },
    pass: (durationMs) => clock.advanceAsync(durationMs, turn),
    owners: async () =>
      (await engine.map('$presence:a')).entries.map(({ key, owner }) => [key, owner] as const),
  };
}

test('a node whose lease had run out does not take back who has moved on and waits there no more', async () => {
  const { engine, node, pass, owners } = world();
  const [one, two] = [node('one'), node('two')];
  one.rooms.join(room, 'ann', '{}');
  await pass(10);
  one.rooms.leave('a', 'ann', graceMs);
  two.rooms.join(room, 'ann', '{}');
  await pass(10);
  await engine.releaseLease('one');
  // The lease is begun anew while the grace still runs: its third is the time of a renewal.
  await pass(4_995);
  await one.lease.hold();
  one.rooms.announceAll();
  await pass(1);
  expect(await owners()).toEqual([['ann', 'two']]);
  await pass(60_000);
  expect(await owners()).toEqual([['ann', 'two']]);
});

test('a node brings back whom another one, which believed that it still had them, has removed', async () => {
  const { node, pass, owners } = world();
  const [one, two] = [node('one'), node('two')];
  two.rooms.join(room, 'ann', '{}');
  await pass(200);
  // The node with the dead connection says so last.
  one.rooms.join(room, 'ann', '{}');
  await pass(200);
  expect(await owners()).toEqual([['ann', 'one']]);
  one.rooms.leave('a', 'ann', graceMs);
  await pass(graceMs + 200);
  expect(await owners()).toEqual([['ann', 'two']]);
  two.rooms.leave('a', 'ann', graceMs);
  await pass(graceMs + 200);
  expect(await owners()).toEqual([]);
});

test('who loses the connection before the engine has heard of them is not announced by that node', async () => {
  const { engine, node, pass, owners } = world();
  const [one, two] = [node('one'), node('two')];
  one.rooms.join(room, 'bob', '{}');
  await pass(10);
  // Gathered, and not said yet.
  one.rooms.join(room, 'ann', '{}');
  one.rooms.leave('a', 'ann', graceMs);
  two.rooms.join(room, 'ann', '{}');
  await pass(200);
  expect(await owners()).toEqual([
    ['bob', 'one'],
    ['ann', 'two'],
  ]);
  await pass(graceMs + 200);
  expect((await engine.map('$presence:a')).entries).toHaveLength(2);
});
