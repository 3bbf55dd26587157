// What engines guarantee of keyed maps: map and stream change together, and an entry belongs to one node at a time.

import type { Engine, MapChange, StreamEntry } from '../../realtime/engine/engine.ts';
import {
  ample,
  engineCase,
  type EngineContractCase,
  equal,
  fail,
  NotedStream,
  rejects,
} from './contract-case.ts';

/** The cases of `change` and `map`. */
export const mapCases: readonly EngineContractCase[] = [
  engineCase('a change is in the map, in the stream, and told', async (engine) => {
    const listener = new NotedStream();
    await engine.nodes[1].subscribe('a', listener);
    const start = await engine.nodes[0].head('a');
    await engine.nodes[0].change('a', [{ key: 'x', value: '{"n":1}' }], ample(engine));
    const head = await engine.nodes[0].change('a', [{ key: 'x', value: null }], ample(engine));
    await engine.settle();
    const read = await engine.nodes[1].read('a', start, 10);
    if (read.kind !== 'read') fail('the read', read, 'two entries');
    equal('the entries', read.entries.map(essence), [
      ['set', 1, 'x', '{"n":1}'],
      ['delete', 2, 'x', 'null'],
    ]);
    equal('what was told', listener.entries, read.entries);
    equal('the head', read.head, head);
    equal('the map', await engine.nodes[1].map('a'), { entries: [], head });
  }),

  engineCase('several changes happen in order, one entry for each', async (engine) => {
    const changes: readonly MapChange[] = [
      { key: 'x', value: '1' },
      { key: 'y', value: '2' },
      { key: 'x', value: '3' },
      { key: 'y', value: null },
      { key: '__proto__', value: '4' },
    ];
    const start = await engine.nodes[0].head('a');
    const head = await engine.nodes[0].change('a', changes, ample(engine));
    const read = await engine.nodes[1].read('a', start, 10);
    if (read.kind !== 'read') fail('the read', read, 'five entries');
    equal('the entries', read.entries.map(essence), [
      ['set', 1, 'x', '1'],
      ['set', 2, 'y', '2'],
      ['set', 3, 'x', '3'],
      ['delete', 4, 'y', 'null'],
      ['set', 5, '__proto__', '4'],
    ]);
    equal('the head', head, read.head);
    equal('the map', await values(engine.nodes[1], 'a'), [
      ['__proto__', '4'],
      ['x', '3'],
    ]);
  }),

  engineCase('a change that changes nothing makes no entry', async (engine) => {
    const [node] = engine.nodes;
    const listener = new NotedStream();
    const head = await node.change('a', [{ key: 'x', value: '1' }], ample(engine));
    await engine.settle();
    await node.subscribe('a', listener);
    equal(
      'the head after the same value',
      await node.change('a', [{ key: 'x', value: '1' }], ample(engine)),
      head,
    );
    equal('the head after no key', await node.change('a', [{ key: 'y', value: null }], ample(engine)), head);
    equal('the head after no change', await node.change('a', [], ample(engine)), head);
    await engine.settle();
    equal('what was told', listener.entries, []);
  }),

  engineCase(
    'an entry goes over to a new owner in silence, and only its owner removes it',
    async (engine) => {
      const [first, second] = engine.nodes;
      await first.renewLease('n1', 1000 * engine.unitMs);
      await second.renewLease('n2', 1000 * engine.unitMs);
      await first.change('a', [{ key: 'x', value: '1', owner: 'n1' }], ample(engine));
      const head = await second.change('a', [{ key: 'x', value: '1', owner: 'n2' }], ample(engine));
      equal('the offset after the move', head.offset, 1);
      equal('the map after the move', await first.map('a'), {
        entries: [{ key: 'x', value: '1', owner: 'n2' }],
        head,
      });
      const left = await first.change('a', [{ key: 'x', value: null, ifOwner: 'n1' }], ample(engine));
      equal('the head after the old owner left', left, head);
      equal('the map after the old owner left', await values(first, 'a'), [['x', '1']]);
      const gone = await second.change('a', [{ key: 'x', value: null, ifOwner: 'n2' }], ample(engine));
      equal('the offset after the owner left', gone.offset, 2);
      equal('the map after the owner left', await values(first, 'a'), []);
    },
  ),

  engineCase('an owner without a lease is refused, and then none of the changes happens', async (engine) => {
    const [node] = engine.nodes;
    const changes: readonly MapChange[] = [
      { key: 'x', value: '1' },
      { key: 'y', value: '2', owner: 'nobody' },
    ];
    await rejects('a change by an unknown owner', node.change('a', changes, ample(engine)), 'UNAVAILABLE');
    equal('the map', await values(node, 'a'), []);
    equal('the offset', (await node.head('a')).offset, 0);
  }),

  engineCase('the map is what its entries make of it, whichever node changes it', async (engine) => {
    const changes: Promise<unknown>[] = [];
    let inBetween = engine.nodes[1].map('a');
    for (let number = 0; number < 60; number++) {
      const key = `k${number % 7}`;
      const value = number % 5 === 0 ? null : String(number);
      changes.push(engine.nodes[number % 2].change('a', [{ key, value }], ample(engine)));
      // While changes go on: place and content still have to belong together.
      if (number === 30) inBetween = engine.nodes[1].map('a');
    }
    const middle = await inBetween;
    await Promise.all(changes);
    const folded = new Map(middle.entries.map(({ key, value }) => [key, value]));
    const read = await engine.nodes[0].read('a', middle.head, 100);
    if (read.kind !== 'read') fail('the read', read, 'what came after the map');
    for (const { kind, name, data } of read.entries) {
      if (kind === 'set') folded.set(name, data);
      else folded.delete(name);
    }
    equal('the map', await values(engine.nodes[0], 'a'), [...folded].sort(byKey));
  }),
];

function essence({ kind, offset, name, data }: StreamEntry): readonly unknown[] {
  return [kind, offset, name, data];
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

async function values(node: Engine, channel: string): Promise<readonly (readonly [string, string])[]> {
  const { entries } = await node.map(channel);
  return entries.map(({ key, value }) => [key, value] as const).sort(byKey);
}
