import { describe, expect, test } from 'vitest';
import type { StreamEntry } from '../../../src/realtime/engine/engine.ts';
import {
  conflate,
  pageBefore,
  type PagedEngine,
  readPage,
} from '../../../src/realtime/server/stream-pages.ts';

function entry(offset: number, id = `id${offset}`, name = 'message'): StreamEntry {
  return { kind: 'publication', offset, id, name, data: '1', atMs: 0 };
}

function entries(from: number, to: number): StreamEntry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
}

const head = { epoch: 'e', offset: 1_000, id: 'id1000' };

/** An engine that has more than a page behind any place, and whose history is what it is by then. */
function engineWith(history: readonly StreamEntry[], epoch = 'e'): PagedEngine {
  return {
    read: async () => ({ kind: 'gap', reason: 'limit', head }),
    history: async () => ({ entries: history, head: { ...head, epoch } }),
  };
}

describe('a page of a stream', () => {
  const since = { epoch: 'e', offset: 10, id: 'id10' };

  test('begins behind the entry that was named', async () => {
    expect(await readPage(engineWith(entries(10, 20)), 's', since)).toEqual({
      kind: 'page',
      entries: entries(11, 20),
      head,
      isLast: false,
    });
  });

  test('begins there too when only the place of that entry is kept', async () => {
    expect(await readPage(engineWith(entries(11, 20)), 's', since)).toMatchObject({
      entries: entries(11, 20),
    });
  });

  test('is none of another history, of which the entry at that place tells', async () => {
    const other = [entry(10, 'other'), ...entries(11, 20)];
    expect(await readPage(engineWith(other), 's', since)).toMatchObject({ kind: 'gap', reason: 'epoch' });
    expect(await readPage(engineWith(entries(10, 20), 'f'), 's', since)).toMatchObject({
      kind: 'gap',
      reason: 'epoch',
    });
  });

  test('is none when the history has passed the place since it was looked at', async () => {
    for (const history of [entries(12, 20), []])
      expect(await readPage(engineWith(history), 's', since)).toMatchObject({
        kind: 'gap',
        reason: 'expired',
      });
  });
});

describe('the beginning of a history', () => {
  test('is the entry before it, or the place without a name where that is not kept', async () => {
    expect(await pageBefore(engineWith(entries(10, 13)), 's', 3)).toEqual({
      position: { epoch: 'e', offset: 10, id: 'id10' },
      entries: entries(11, 13),
    });
    expect(await pageBefore(engineWith(entries(10, 13)), 's', 4)).toEqual({
      position: { epoch: 'e', offset: 9, id: '' },
      entries: entries(10, 13),
    });
    expect(await pageBefore(engineWith([]), 's', 4)).toEqual({ position: head, entries: [] });
  });
});

test('conflated entries are the newest of each key in their order', () => {
  const all = [entry(1, 'a', 'x'), entry(2, 'b', 'y'), entry(3, 'c', 'x'), entry(4, 'd', 'z')];
  expect(conflate(all, ({ name }) => name).map(({ offset }) => offset)).toEqual([2, 3, 4]);
});
