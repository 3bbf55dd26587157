import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStream } from '../../../src/realtime/client/event-stream.ts';
import type { Publication } from '../../../src/realtime/client/publication.ts';
import type { StreamFrame } from '../../../src/realtime/client/stream-cursor.ts';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import type { Subscribed } from '../../../src/realtime/wire/frames.ts';
import { readJson } from '../../../src/realtime/wire/json-codec.ts';
import { patchJson } from '../../../src/realtime/wire/json-delta.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';
import { fields, list, TestLink } from './hub-stage.ts';

const board = defineContract({
  version: '1.0',
  channels: {
    'board:{id}': { delivery: 'latest', events: { layout: typed<unknown>(), note: typed<unknown>() } },
    'log:{id}': { events: { layout: typed<unknown>() } },
  },
});

function makeHub(): Hub<typeof board> {
  const clock = new FakeClock();
  const timeOfDay = (): number => clock.now();
  const hub = new Hub(
    board,
    { engine: new MemoryEngine({ clock, timeOfDay }), clock, timeOfDay },
    { scheduler: immediateScheduler },
  );
  hub.channel('board:{id}', { delta: true });
  hub.channel('log:{id}', { delta: true });
  return hub;
}

// A client that puts together again what it is sent, as the real one does.
class Reader {
  readonly link: TestLink;
  readonly stream: EventStream;
  readonly publications: Publication[] = [];
  sessionId = '';
  isLost = false;

  constructor(hub: Hub<typeof board>) {
    this.link = new TestLink(hub);
    this.stream = new EventStream({
      name: 'board:1',
      readerLimit: 1,
      patch: patchJson,
      failed: (error) => {
        throw error;
      },
      readAgain: () => undefined,
    });
    for (const event of ['layout', 'note']) {
      this.stream.on(event, (_data, publication) => {
        if (isPublication(publication)) this.publications.push(publication);
      });
    }
  }

  async open(channel: string, wish: object): Promise<void> {
    this.link.say([1, { v: 1, subs: [[1, channel, wish]] }]);
    for (let turn = 0; turn < 2_000 && this.link.frames.length === 0; turn++) await settle();
    const [welcome] = this.link.take(1);
    const answer = fields(welcome[1]);
    this.sessionId = String(list(answer.session)[0]);
    this.stream.follow(asSubscribed(list(list(answer.subs)[0])[1]));
  }

  /** Reads the messages that have come; gives how many characters they had. */
  read(): number {
    let length = 0;
    for (const text of this.link.messages.splice(0)) {
      length += text.length;
      const message = list(readJson(text));
      for (const frame of Array.isArray(message[0]) ? message : [message]) {
        if (isStreamFrame(frame) && !this.stream.take(frame)) this.isLost = true;
      }
    }
    return length;
  }
}

function asSubscribed(value: unknown): Subscribed {
  const { alias, position, events, delivery } = fields(value);
  const [epoch, offset, id] = list(position);
  if (delivery !== 'latest' && delivery !== 'log') throw new Error('another delivery');
  return {
    alias: Number(alias),
    position: [String(epoch), Number(offset), String(id)],
    events: list(events).map(String),
    delivery,
  };
}

function isPublication(value: unknown): value is Publication {
  return typeof value === 'object' && value !== null && 'channel' in value && 'event' in value;
}

function isStreamFrame(frame: unknown): frame is StreamFrame {
  return Array.isArray(frame) && [2, 12, 15].includes(frame[0]);
}

const large = (change: object): object => ({
  ...Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`item${index}`, `value ${index}`])),
  ...change,
});

describe('a channel with delta', () => {
  test('tells those who ask for it what has changed, once they have the value before, and the others everything', async () => {
    const hub = makeHub();
    const [asks, plain] = [new Reader(hub), new Reader(hub)];
    await asks.open('board:1', { delta: true });
    await plain.open('board:1', {});
    const lengths: [number, number][] = [];
    for (const item7 of ['first', 'second', 'third']) {
      await hub.channel('board:1').publish('layout', large({ item7 }));
      await settle();
      lengths.push([asks.read(), plain.read()]);
    }
    for (const { publications } of [asks, plain])
      expect(publications.map(({ data }) => fields(data).item7)).toEqual(['first', 'second', 'third']);
    expect(asks.publications.map(({ data }) => data)).toEqual(plain.publications.map(({ data }) => data));
    expect(asks.publications.map(({ offset }) => offset)).toEqual([1, 2, 3]);
    const [[whole], [second, wholeSecond], [third]] = lengths;
    expect(whole).toBeGreaterThan(900);
    expect(wholeSecond).toBeGreaterThan(900);
    expect(second).toBeLessThan(60);
    expect(third).toBeLessThan(60);
  });

  test('sends whoever joins later, or has missed a value, a whole one first', async () => {
    const hub = makeHub();
    const first = new Reader(hub);
    await first.open('log:1', { delta: true });
    await hub.channel('log:1').publish('layout', large({ a: 1 }));
    const late = new Reader(hub);
    await late.open('log:1', { delta: true });
    await hub.channel('log:1').publish('layout', large({ a: 2 }));
    await hub.channel('log:1').publish('layout', large({ a: 3 }), { exceptSession: first.sessionId });
    await hub.channel('log:1').publish('layout', large({ a: 4 }));
    await hub.channel('log:1').publish('layout', large({ a: 5 }));
    await settle();
    const sent = [first.read(), late.read()];
    expect([first.isLost, late.isLost]).toEqual([false, false]);
    expect(first.publications.map(({ data }) => fields(data).a)).toEqual([1, 2, 4, 5]);
    expect(late.publications.map(({ data }) => fields(data).a)).toEqual([2, 3, 4, 5]);
    for (const length of sent) expect(length).toBeLessThan(4_000);
  });

  test('changes bytes, which stand for an object, as a whole', async () => {
    const hub = makeHub();
    const reader = new Reader(hub);
    await reader.open('board:1', { delta: true });
    for (const byte of [1, 2]) {
      await hub.channel('board:1').publish('layout', large({ image: Uint8Array.of(byte, 9) }));
      await settle();
      reader.read();
    }
    expect(reader.publications.map(({ data }) => fields(data).image)).toEqual([
      Uint8Array.of(1, 9),
      Uint8Array.of(2, 9),
    ]);
  });

  test('gives every reader what was published, however slow it is and whoever is left out', async () => {
    const step = fc.record({
      reader: fc.nat({ max: 2 }),
      kind: fc.constantFrom('publish', 'publish', 'publish', 'exceptOne', 'stall', 'drain', 'settle'),
      event: fc.constantFrom('layout' as const, 'note' as const),
      change: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 3 }), { maxKeys: 3 }),
    });
    let changes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const hub = makeHub();
        const readers = [new Reader(hub), new Reader(hub), new Reader(hub)];
        for (const reader of readers) await reader.open('board:1', { delta: true });
        const published: { event: string; data: object; except: number }[] = [];
        for (const { reader, kind, event, change } of steps) {
          const { link } = readers[reader];
          if (kind === 'stall') {
            link.isStalled = true;
            link.highWaterMarkBytes = 100;
          } else if (kind === 'drain') link.drain();
          else if (kind === 'settle') await settle();
          else {
            const data = large(change);
            const isExcepted = kind === 'exceptOne';
            await hub
              .channel('board:1')
              .publish(event, data, isExcepted ? { exceptSession: readers[reader].sessionId } : {});
            published.push({ event, data, except: isExcepted ? reader : -1 });
          }
        }
        for (const { link } of readers) link.drain();
        await settle();
        for (const [index, reader] of readers.entries()) {
          changes += reader.link.messages.filter((text) => text.includes('[15,')).length;
          reader.read();
          expect(reader.isLost).toBe(false);
          for (const { offset = 0, event, data } of reader.publications) {
            expect(published[offset - 1]).toMatchObject({ event, data });
            expect(published[offset - 1].except).not.toBe(index);
          }
          const last = published.length - 1;
          if (last >= 0 && published[last].except !== index)
            expect(reader.publications[reader.publications.length - 1]?.offset).toBe(last + 1);
        }
        await hub.close();
      }),
      { numRuns: 60 },
    );
    expect(changes).toBeGreaterThan(50);
  });
});
