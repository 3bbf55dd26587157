// Any sequence of messages, any split into pieces, any parameters, on the event loop and off it: what this codec
// deflates node:zlib inflates, and the other way round.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/base/bytes.ts';
import {
  bothWays,
  cut,
  deflate,
  deflateByZlib,
  deflateShared,
  expectBytes,
  inflate,
  inflateByZlib,
  large,
  levels,
  payloads,
  stage,
  usual,
  usualInflate,
  type Way,
} from './zlib-stage.ts';

const pieces = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });
const messages = fc.array(fc.record({ payload: payloads, places: pieces }), { minLength: 1, maxLength: 6 });
// Small enough that both ways of working are taken within most runs.
const thresholds = fc.record({
  asyncFromBytes: fc.constantFrom(1, 100, 2000, 1 << 30),
  syncOutputBytes: fc.constantFrom(1, 1000, 1 << 30),
});
const numRuns = 150;

describe.each(bothWays)('%s contexts', (way: Way) => {
  it('deflate what node:zlib inflates, for any messages, pieces and parameters', async () => {
    await fc.assert(
      fc.asyncProperty(
        messages,
        levels,
        fc.boolean(),
        thresholds,
        async (sent, level, hasTakeover, limits) => {
          const { codec } = stage(way, limits);
          const deflater = codec.createDeflater({ ...level, hasTakeover });
          const deflated: Uint8Array[] = [];
          for (const { payload, places } of sent) {
            const parts = cut(payload, places);
            const made: Uint8Array[] = [];
            for (const [index, part] of parts.entries())
              made.push(await deflate(deflater, part, index === parts.length - 1));
            deflated.push(concat(made));
            // Each message is complete as soon as it is there, and without takeover by itself.
            const readable = hasTakeover ? deflated : deflated.slice(-1);
            const expected = hasTakeover ? sent.slice(0, deflated.length) : sent.slice(deflated.length - 1);
            expectBytes(
              inflateByZlib(readable, level.windowBits),
              concat(expected.slice(0, readable.length).map((message) => message.payload)),
            );
          }
          deflater.close();
        },
      ),
      { numRuns },
    );
  });

  it('inflate what node:zlib deflates, for any messages, pieces and parameters', async () => {
    await fc.assert(
      fc.asyncProperty(
        messages,
        levels,
        fc.boolean(),
        thresholds,
        async (sent, level, hasTakeover, limits) => {
          const { codec } = stage(way, limits);
          const deflated = await deflateByZlib(
            sent.map(({ payload }) => payload),
            { ...level, hasTakeover },
          );
          const inflater = codec.createInflater({
            windowBits: level.windowBits,
            hasTakeover,
            maxInflationRatio: 2000,
          });
          for (const [index, { payload, places }] of sent.entries()) {
            const parts = cut(deflated[index], places);
            const made: Uint8Array[] = [];
            for (const [at, part] of parts.entries())
              made.push(await inflate(inflater, part, at === parts.length - 1));
            expectBytes(concat(made), payload);
          }
          inflater.close();
        },
      ),
      { numRuns },
    );
  });

  it('keep the stream of a receiver valid when shared messages are mixed with own ones', async () => {
    const steps = fc.array(
      fc.record({ payload: payloads, isShared: fc.boolean(), isEvicted: fc.boolean() }),
      { minLength: 2, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(steps, levels, thresholds, async (sent, level, limits) => {
        const { codec, clock } = stage(way, limits);
        const deflater = codec.createDeflater({ ...level, hasTakeover: true });
        const shared = codec.sharedDeflater(level);
        const inflater = codec.createInflater({ ...level, hasTakeover: true, maxInflationRatio: 2000 });
        const deflated: Uint8Array[] = [];
        for (const { payload, isShared, isEvicted } of sent) {
          deflated.push(isShared ? await deflateShared(shared, payload) : await deflate(deflater, payload));
          if (isShared) deflater.reset();
          if (isEvicted) clock.advance(60_000);
          expectBytes(await inflate(inflater, deflated[deflated.length - 1]), payload);
        }
        expectBytes(
          inflateByZlib(deflated, level.windowBits),
          concat([new Uint8Array(0), ...sent.map(({ payload }) => payload)]),
        );
      }),
      { numRuns },
    );
  });

  it('refer to earlier messages with takeover, and never without', async () => {
    const { codec } = stage(way);
    const text = new TextEncoder().encode('The same sentence, said twice over the same connection.');
    const forgetful = codec.createDeflater(usual);
    const mindful = codec.createDeflater({ ...usual, hasTakeover: true });
    const first = await deflate(forgetful, text);
    expect(await deflate(forgetful, text)).toEqual(first);
    await deflate(mindful, text);
    expect((await deflate(mindful, text)).length).toBeLessThan(first.length / 2);
    mindful.reset();
    expect(await deflate(mindful, text)).toEqual(first);
  });

  it('let the pieces of one message refer to each other without takeover', async () => {
    const { codec } = stage(way);
    const deflater = codec.createDeflater(usual);
    const text = new TextEncoder().encode('The same sentence, said twice in the same message.');
    const first = await deflate(deflater, text, false);
    const second = await deflate(deflater, text, true);
    expect(second.length).toBeLessThan(first.length / 2);
    // And the next message to none of them.
    const next = await deflate(deflater, text, true);
    expect(inflateByZlib([next], 15)).toEqual(text);
  });

  it('give every piece at once, so that a streamed message does not wait for its end', async () => {
    const { codec } = stage(way);
    const deflater = codec.createDeflater(usual);
    const inflater = codec.createInflater(usualInflate);
    const text = new TextEncoder().encode('a token');
    for (let piece = 0; piece < 5; piece++)
      expect(await inflate(inflater, await deflate(deflater, text, false), false)).toEqual(text);
    expect(await inflate(inflater, await deflate(deflater, new Uint8Array(0)))).toEqual(new Uint8Array(0));
  });

  it('make one byte of an empty message (RFC 7692 7.2.3.6), also behind others', async () => {
    const { codec } = stage(way);
    for (const hasTakeover of [false, true]) {
      const deflater = codec.createDeflater({ ...usual, hasTakeover });
      const inflater = codec.createInflater({ ...usualInflate, hasTakeover });
      for (const payload of [
        new Uint8Array(0),
        Uint8Array.of(1, 2, 3),
        new Uint8Array(0),
        new Uint8Array(0),
      ]) {
        const deflated = await deflate(deflater, payload);
        if (payload.length === 0) expect(deflated).toEqual(Uint8Array.of(0));
        expect(await inflate(inflater, deflated)).toEqual(payload);
      }
    }
  });

  it('call back within the call for small messages, and later for large ones', async () => {
    const { codec } = stage(way, { asyncFromBytes: 1000 });
    const deflater = codec.createDeflater(usual);
    const inflater = codec.createInflater({ ...usualInflate, maxInflationRatio: 2000 });
    const calls: string[] = [];
    let small = new Uint8Array(0);
    deflater.deflate(new Uint8Array(999), true, (_, output) => {
      calls.push('small');
      small = output.slice();
    });
    expect(calls).toEqual(['small']);
    await new Promise<void>((resolve) => {
      deflater.deflate(new Uint8Array(1000), true, () => {
        calls.push('large');
        resolve();
      });
      calls.push('after');
    });
    inflater.inflate(small, true, large, () => calls.push('inflated'));
    expect(calls).toEqual(['small', 'after', 'large', 'inflated']);
  });

  it('give one shared deflater for equal parameters', () => {
    const { codec } = stage(way);
    const { hasTakeover: _, ...level } = usual;
    expect(codec.sharedDeflater({ ...level })).toBe(codec.sharedDeflater({ ...level }));
    expect(codec.sharedDeflater({ ...level, level: 4 })).not.toBe(codec.sharedDeflater(level));
    expect(codec.sharedDeflater({ ...level, windowBits: 12 })).not.toBe(codec.sharedDeflater(level));
    expect(codec.sharedDeflater({ ...level, memLevel: 7 })).not.toBe(codec.sharedDeflater(level));
  });

  it('serve overlapping calls of the shared deflater', async () => {
    const { codec } = stage(way, { asyncFromBytes: 500 });
    const shared = codec.sharedDeflater(usual);
    const sent = Array.from({ length: 40 }, (_, index) => new Uint8Array(index * 100).fill(index));
    const deflated = await Promise.all(sent.map((payload) => deflateShared(shared, payload)));
    for (const [index, payload] of sent.entries()) expectBytes(inflateByZlib([deflated[index]], 15), payload);
  });

  it('give plain arrays over memory that holds nothing else', async () => {
    const { codec } = stage(way, { asyncFromBytes: 100_000, syncOutputBytes: 10_000 });
    const deflater = codec.createDeflater(usual);
    const inflater = codec.createInflater({ ...usualInflate, maxInflationRatio: 2000 });
    for (const length of [1, 100, 5000, 50_000, 70_000, 65_536, 131_072, 1_000_000]) {
      const payload = Uint8Array.from({ length }, (_, index) => (index * index) >> 5);
      const deflated = await deflate(deflater, payload);
      const inflated = await inflate(inflater, deflated);
      expectBytes(inflated, payload);
      for (const bytes of [deflated, inflated]) {
        expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
        expect(bytes.buffer.byteLength).toBe(bytes.length);
      }
    }
  });

  it('leave what was given out alone when others are at work', async () => {
    const { codec } = stage(way);
    const inflater = codec.createInflater(usualInflate);
    const deflater = codec.createDeflater(usual);
    const text = new TextEncoder().encode('mine to keep');
    const deflated = await deflate(deflater, text);
    const copy = deflated.slice();
    const inflated = await inflate(inflater, deflated);
    for (let other = 0; other < 100; other++) {
      const noise = new Uint8Array(3000).fill(other);
      await inflate(inflater, await deflate(deflater, noise));
    }
    expect(deflated).toEqual(copy);
    expect(inflated).toEqual(text);
  });
});

describe('a window of 8 bits', () => {
  it('inflates what zlib deflates with 9, for which zlib itself has no 8', async () => {
    // zlib with 9 bits refers back 250 bytes at most: its window less the 262 bytes that it looks ahead.
    await fc.assert(
      fc.asyncProperty(fc.array(payloads, { minLength: 1, maxLength: 5 }), levels, async (sent, level) => {
        const deflated = await deflateByZlib(sent, { ...level, windowBits: 8, hasTakeover: true });
        expectBytes(inflateByZlib(deflated, 8), concat([new Uint8Array(0), ...sent]));
      }),
      { numRuns: 300 },
    );
  });
});
