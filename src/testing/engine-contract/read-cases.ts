// What engines guarantee of reading: exactly what came after a position, or a gap, and never anything else.

import type { StreamRead } from '../../realtime/engine/engine.ts';
import type { StreamPosition } from '../../realtime/wire/stream-position.ts';
import { appendNumbers, engineCase, type EngineContractCase, equal, fail, message } from './contract-case.ts';

/** The cases of `head`, `read` and `history`. */
export const readCases: readonly EngineContractCase[] = [
  engineCase('a stream that nobody has written to has an epoch, and keeps it', async (engine) => {
    const head = await engine.nodes[0].head('a');
    equal('the place', { offset: head.offset, id: head.id }, { offset: 0, id: '' });
    if (!/^.{8,64}$/.test(head.epoch)) fail('the epoch', head.epoch, '8 characters or more');
    equal('the head on another node', await engine.nodes[1].head('a'), head);
    await engine.advance(10 * engine.unitMs);
    equal('the head later', await engine.nodes[0].head('a'), head);
    const { position } = await engine.nodes[0].append('a', message(engine, 1));
    equal('the epoch of the first entry', position.epoch, head.epoch);
    equal('a read from the start', numbers(await engine.nodes[1].read('a', head, 10)), [1]);
  }),

  engineCase('a read since any position that is kept gives everything after it, in order', async (engine) => {
    const positions = await appendNumbers(engine, 'a', 20);
    for (const [offset, position] of positions.entries()) {
      const read = await engine.nodes[offset % 2].read('a', position, 100);
      equal(`the numbers after ${offset}`, numbers(read), numbersFrom(offset + 1, 20));
      equal('the head', read.head, positions[20]);
    }
  }),

  engineCase(
    'as many entries as are promised are kept, and the place before them can be verified',
    async (engine) => {
      const retention = { maxEntries: 5, maxAgeMs: 10_000 * engine.unitMs };
      const positions = await appendNumbers(engine, 'a', 40, retention);
      equal(
        'the numbers that are promised',
        numbers(await engine.nodes[0].read('a', positions[35], 100)),
        [36, 37, 38, 39, 40],
      );
      // More may be kept, but then it is exact.
      for (let offset = 0; offset < 35; offset++) {
        const read = await engine.nodes[0].read('a', positions[offset], 100);
        if (read.kind === 'read')
          equal(`the numbers after ${offset}`, numbers(read), numbersFrom(offset + 1, 40));
        else equal('the reason', read.reason, 'expired');
      }
      equal('the numbers since the head', numbers(await engine.nodes[1].read('a', positions[40], 100)), []);
    },
  ),

  engineCase('history that was dropped is a gap, also since the very beginning', async (engine) => {
    const retention = { maxEntries: 2, maxAgeMs: 10_000 * engine.unitMs };
    const positions = await appendNumbers(engine, 'a', 2000, retention);
    for (const offset of [0, 1, 10]) {
      const read = await engine.nodes[0].read('a', positions[offset], 10_000);
      if (read.kind === 'read') fail(`the read since ${offset} of 2000`, read.entries.length, 'a gap');
      equal('the reason', read.reason, 'expired');
      equal('the head', read.head, positions[2000]);
    }
  }),

  engineCase(
    'a position of another history is a gap: another epoch, another id, a place beyond the end',
    async (engine) => {
      const positions = await appendNumbers(engine, 'a', 5);
      const [start, , second] = positions;
      const wrong: readonly StreamPosition[] = [
        { ...start, epoch: 'of-another-time' },
        { ...second, epoch: 'of-another-time' },
        { ...second, id: positions[3].id },
        { ...second, id: '' },
        { ...positions[5], id: second.id },
        { ...positions[5], offset: 6 },
        { ...positions[5], offset: 1000 },
        { ...start, id: second.id },
      ];
      for (const position of wrong) {
        const read = await engine.nodes[0].read('a', position, 100);
        if (read.kind === 'read')
          fail(`the read since ${JSON.stringify(position)}`, read.entries.length, 'a gap');
        equal(`the reason at ${JSON.stringify(position)}`, read.reason, 'epoch');
        equal('the head', read.head, positions[5]);
      }
    },
  ),

  engineCase('a read of more than its limit is a gap that says so', async (engine) => {
    const positions = await appendNumbers(engine, 'a', 10);
    equal('a read of as many', numbers(await engine.nodes[0].read('a', positions[4], 6)), numbersFrom(5, 10));
    const read = await engine.nodes[0].read('a', positions[4], 5);
    equal('a read of one more', read, { kind: 'gap', reason: 'limit', head: positions[10] });
  }),

  engineCase(
    'what is older than promised is given to nobody, and its absence is not hidden',
    async (engine) => {
      const { unitMs, nodes } = engine;
      const retention = { maxEntries: 100, maxAgeMs: 4 * unitMs };
      const positions = await appendNumbers(engine, 'a', 3, retention);
      equal('what is young', numbers(await nodes[0].read('a', positions[0], 10)), [1, 2, 3]);
      await engine.advance(16 * unitMs);
      const { entries, head } = await nodes[1].history('a', undefined, 10);
      equal('the history', entries, []);
      equal('the head of the history', head, positions[3]);
      const read = await nodes[0].read('a', positions[1], 10);
      equal('a read since what is old', read, { kind: 'gap', reason: 'expired', head: positions[3] });
    },
  ),

  engineCase('the place of the head outlives the data: a quiet stream stays recoverable', async (engine) => {
    const { unitMs, nodes } = engine;
    const retention = { maxEntries: 100, maxAgeMs: 4 * unitMs };
    const positions = await appendNumbers(engine, 'a', 3, retention);
    await engine.advance(60 * unitMs);
    equal('the head', await nodes[1].head('a'), positions[3]);
    equal('the read since the head', numbers(await nodes[0].read('a', positions[3], 10)), []);
    await nodes[0].append('a', message(engine, 4, { retention }));
    equal('the read since the old head', numbers(await nodes[1].read('a', positions[3], 10)), [4]);
  }),

  engineCase('a history is read page by page, each page oldest first', async (engine) => {
    const positions = await appendNumbers(engine, 'a', 10);
    const page = async (before: number | undefined, count: number): Promise<number[]> => {
      const { entries, head } = await engine.nodes[1].history('a', before, count);
      equal('the head', head, positions[10]);
      for (const { offset, id } of entries) equal('the id', id, positions[offset].id);
      return entries.map(({ data }) => Number(data));
    };
    equal('the last page', await page(undefined, 4), [7, 8, 9, 10]);
    equal('the page before', await page(7, 4), [3, 4, 5, 6]);
    equal('the first page', await page(3, 4), [1, 2]);
    equal('before the first', await page(1, 4), []);
    equal('before the end and beyond', await page(1000, 2), [9, 10]);
    equal('no entry', await page(undefined, 0), []);
  }),
];

function numbers(read: StreamRead): number[] {
  if (read.kind !== 'read') fail('the read', read, 'entries');
  const offsets = read.entries.map(({ offset }) => offset);
  const found = read.entries.map(({ data }) => Number(data));
  equal('the offsets', offsets, found);
  return found;
}

function numbersFrom(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
