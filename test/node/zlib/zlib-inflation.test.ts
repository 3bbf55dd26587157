// Compressed messages that are wrong, cut short, unusual or hostile.

import { constants, deflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, plainView } from '../../../src/base/bytes.ts';
import { ProtocolError } from '../../../src/protocol/protocol-error.ts';
import {
  bothWays,
  cut,
  deflateByZlib,
  expectBytes,
  inflate,
  inflateByZlib,
  large,
  noise,
  levels,
  payloads,
  stage,
  usual,
  usualInflate,
  type Way,
  withoutEnd,
} from './zlib-stage.ts';

const MiB = 1024 * 1024;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.split(' '), (pair) => Number.parseInt(pair, 16));

/** One stream that ends in a final block (RFC 1951 3.2.3). */
function finished(payload: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  return plainView(deflateRawSync(payload, dictionary === undefined ? {} : { dictionary }));
}

function flushed(payload: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return plainView(deflateRawSync(payload, dictionary === undefined ? options : { ...options, dictionary }));
}

/** So many zeros, compressed in the time of a few of them. */
function bomb(outputBytes: number): Uint8Array {
  const part = flushed(new Uint8Array(8 * MiB));
  return withoutEnd(concat(Array.from({ length: outputBytes / (8 * MiB) }, () => part)));
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing failed');
}

describe.each(bothWays)('%s contexts', (way: Way) => {
  it.each([
    // RFC 7692 7.2.3.1 to 7.2.3.6.
    ['one block', ['f2 48 cd c9 c9 07 00']],
    ['two fragments', ['f2 48 cd', 'c9 c9 07 00']],
    ['a block without compression', ['00 05 00 fa ff 48 65 6c 6c 6f 00']],
    ['a final block', ['f3 48 cd c9 c9 07 00 00']],
    ['two blocks', ['f2 48 05 00 00 00 ff ff ca c9 c9 07 00']],
    ['a final block without the empty one that should follow', ['f3 48 cd c9 c9 07 00']],
    [
      'a final empty block without compression, of which the last four bytes were removed',
      ['f2 48 cd c9 c9 07 00 00 00 ff ff 01'],
    ],
    ['the same in fragments', ['f2 48 cd c9 c9 07 00 00 00 ff ff', '01']],
  ])('read the example of the RFC: %s', async (_, fragments) => {
    const { codec } = stage(way);
    for (const hasTakeover of [false, true]) {
      const inflater = codec.createInflater({ ...usualInflate, hasTakeover });
      for (let message = 0; message < 2; message++) {
        const made: Uint8Array[] = [];
        for (const [index, fragment] of fragments.entries())
          made.push(await inflate(inflater, hex(fragment), index === fragments.length - 1));
        expect(new TextDecoder().decode(concat(made))).toBe('Hello');
      }
    }
  });

  it('read the example of the RFC that refers to the message before', async () => {
    const { codec } = stage(way);
    const inflater = codec.createInflater({ ...usualInflate, hasTakeover: true });
    await inflate(inflater, hex('f2 48 cd c9 c9 07 00'));
    // RFC 7692 7.2.3.2
    expect(new TextDecoder().decode(await inflate(inflater, hex('f2 00 11 00 00')))).toBe('Hello');
    const forgetful = codec.createInflater(usualInflate);
    await inflate(forgetful, hex('f2 48 cd c9 c9 07 00'));
    expect((await errorOf(inflate(forgetful, hex('f2 00 11 00 00')))).message).toContain(
      'invalid distance too far back',
    );
  });

  it('go on behind final blocks anywhere in a message, and remember what was before them', async () => {
    const sections = fc.array(fc.record({ payload: payloads, isFinal: fc.boolean() }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ sections, places: fc.array(fc.double({ min: 0, max: 1, noNaN: true })) }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.boolean(),
        fc.constantFrom(1, 3000, 1 << 30),
        async (sent, hasTakeover, asyncFromBytes) => {
          const { codec } = stage(way, { asyncFromBytes, syncOutputBytes: asyncFromBytes });
          const inflater = codec.createInflater({ ...usualInflate, maxInflationRatio: 2000, hasTakeover });
          let before = new Uint8Array(0);
          for (const message of sent) {
            let plain = new Uint8Array(0);
            const parts: Uint8Array[] = [];
            for (const { payload, isFinal } of message.sections) {
              const all = hasTakeover ? concat([before, plain]) : plain;
              const dictionary = all.length === 0 ? undefined : all.subarray(-32_768);
              parts.push(isFinal ? finished(payload, dictionary) : flushed(payload, dictionary));
              plain = Uint8Array.from(Buffer.concat([plain, payload]));
            }
            // The empty block of the last flush, whose end is left out (RFC 7692 7.2.1).
            const deflated = concat([...parts, Uint8Array.of(0)]);
            const pieces = cut(deflated, message.places);
            const made: Uint8Array[] = [];
            for (const [index, piece] of pieces.entries())
              made.push(await inflate(inflater, piece, index === pieces.length - 1));
            expectBytes(Buffer.concat(made), plain);
            before = Uint8Array.from(Buffer.concat([before, plain]));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('know behind a final block what the pieces before it were, also without takeover', async () => {
    const { codec } = stage(way);
    const phrase = bytesOf('a phrase that comes again, though not at once');
    const between = bytesOf('-'.repeat(300));
    const all = concat([phrase, between]);
    const again = concat([flushed(phrase, all), Uint8Array.of(0)]);
    expect(again.length).toBeLessThan(20);
    const pieces = [flushed(phrase), finished(between, phrase), again];
    for (const hasTakeover of [false, true]) {
      const inflater = codec.createInflater({ ...usualInflate, hasTakeover });
      const made: Uint8Array[] = [];
      for (const [index, piece] of pieces.entries()) made.push(await inflate(inflater, piece, index === 2));
      expectBytes(concat(made), concat([all, phrase]));
    }
  });

  it('refuse more final blocks than anybody has a reason to send', async () => {
    const { codec } = stage(way);
    const empty = finished(new Uint8Array(0));
    const few = concat([...Array.from({ length: 16 }, () => empty), Uint8Array.of(0)]);
    expect(await inflate(codec.createInflater(usualInflate), few)).toEqual(new Uint8Array(0));
    const many = concat([...Array.from({ length: 5000 }, () => empty), Uint8Array.of(0)]);
    const error = await errorOf(inflate(codec.createInflater(usualInflate), many));
    expect(error.message).toBe('173 final blocks in 10001 bytes, at most 172 accepted');
  });

  it.each([
    ['a block of the reserved type', '06 00 00', 'invalid block type'],
    ['a stored block whose lengths differ', '00 05 00 fa fe 48', 'invalid stored block lengths'],
    ['a distance beyond the beginning', 'f2 00 11 00 00', 'invalid distance too far back'],
    ['code lengths that are none', 'ed fd 01 00', 'invalid'],
  ])("name zlib's reason for refusing %s", async (_, data, reason) => {
    const { codec, memory, clock } = stage(way);
    const inflater = codec.createInflater(usualInflate);
    const error = await errorOf(inflate(inflater, hex(data)));
    expect(error).not.toBeInstanceOf(ProtocolError);
    expect(error.message).toContain(reason);
    // What others use afterwards is clean.
    const next = codec.createInflater(usualInflate);
    expect(new TextDecoder().decode(await inflate(next, hex('f2 48 cd c9 c9 07 00')))).toBe('Hello');
    inflater.close();
    clock.advance(30_000);
    expect(memory.usedBytes).toBe(0);
  });

  it('remember no more of earlier messages than the window that was agreed', async () => {
    const phrase = bytesOf('a phrase that comes again');
    const random = noise(600);
    const { codec } = stage(way);
    const sent = [phrase, random, phrase];
    const deflated = await deflateByZlib(sent, { ...usual, windowBits: 10, hasTakeover: true });
    expect(deflated[2].length).toBeLessThan(10);
    const right = codec.createInflater({ ...usualInflate, windowBits: 10, hasTakeover: true });
    for (const [index, payload] of sent.entries())
      expectBytes(await inflate(right, deflated[index]), payload);
    const small = codec.createInflater({ ...usualInflate, windowBits: 9, hasTakeover: true });
    for (const index of [0, 1]) await inflate(small, deflated[index]);
    expect((await errorOf(inflate(small, deflated[2]))).message).toContain('invalid distance too far back');
  });

  it('notice every message that is cut short', async () => {
    await fc.assert(
      fc.asyncProperty(
        payloads.filter((payload) => payload.length > 0),
        levels,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom(1, 1 << 30),
        async (payload, level, place, asyncFromBytes) => {
          const { codec } = stage(way, { asyncFromBytes });
          const [deflated] = await deflateByZlib([payload], { ...level, hasTakeover: false });
          const short = deflated.subarray(0, 1 + Math.floor(place * (deflated.length - 1)));
          if (short.length === deflated.length) return;
          const inflater = codec.createInflater({ ...usualInflate, maxInflationRatio: 2000 });
          let made: Uint8Array | undefined;
          try {
            made = await inflate(inflater, short);
          } catch (error) {
            expect(error).not.toBeInstanceOf(ProtocolError);
            return;
          }
          // Cut where a block ends at a byte, nothing can be noticed: then there is a whole beginning of it.
          expectBytes(made, payload.subarray(0, made.length));
          expectBytes(made, inflateByZlib([short], level.windowBits));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('say that a message is cut short', async () => {
    const { codec } = stage(way);
    const whole = withoutEnd(flushed(bytesOf('Hello, hello, hello')));
    for (let length = 1; length < whole.length; length++) {
      const inflater = codec.createInflater(usualInflate);
      expect(await errorOf(inflate(inflater, whole.subarray(0, length)))).not.toBeInstanceOf(ProtocolError);
    }
    const stored = hex('00 40 00 bf ff 48 65 6c');
    expect((await errorOf(inflate(codec.createInflater(usualInflate), stored))).message).toBe(
      'the compressed data ends inside a block',
    );
  });

  it('survive arbitrary and mutated bytes', async () => {
    const { codec, memory, clock } = stage(way, { asyncFromBytes: 500, syncOutputBytes: 5000 });
    const mutated = fc
      .tuple(payloads, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
      .map(([payload, changes]) => {
        const bytes = withoutEnd(flushed(payload));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
        fc.boolean(),
        async (bytes, places, hasTakeover) => {
          const inflater = codec.createInflater({ ...usualInflate, hasTakeover });
          const pieces = cut(bytes, places);
          try {
            for (const [index, piece] of pieces.entries())
              await inflate(inflater, piece, index === pieces.length - 1, 100_000);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
          inflater.close();
        },
      ),
      { numRuns: 300 },
    );
    clock.advance(30_000);
    expect(memory.usedBytes).toBe(0);
  });

  it('take a message that becomes exactly as long as is allowed, and none that is longer', async () => {
    const { codec } = stage(way, { syncOutputBytes: 70_000 });
    for (const length of [0, 1, 1000, 65_536, 65_537, 200_000]) {
      const deflated = withoutEnd(flushed(new Uint8Array(length)));
      expect((await inflate(codec.createInflater(usualInflate), deflated, true, length)).length).toBe(length);
      if (length === 0) continue;
      const error = await errorOf(inflate(codec.createInflater(usualInflate), deflated, true, length - 1));
      expect(error).toMatchObject({ code: 'WS_MESSAGE_TOO_LARGE', closeCode: 1009 });
      expect(error.message).toMatch(
        new RegExp(`message that inflates to at least \\d+ bytes, at most ${length - 1} accepted`),
      );
    }
  });

  it('allow for each piece what the caller says, and name the limit of the whole message', async () => {
    const { codec } = stage(way);
    const piece = flushed(new Uint8Array(600));
    const inflater = codec.createInflater(usualInflate);
    await inflate(inflater, piece, false, 1000);
    const error = await errorOf(inflate(inflater, piece, false, 400));
    expect(error.message).toContain('inflates to at least 1200 bytes, at most 1000 accepted');
  });

  it('take any ratio up to 1 MiB, and beyond it no more than is allowed', async () => {
    const { codec } = stage(way);
    const free = withoutEnd(flushed(new Uint8Array(MiB)));
    expect((await inflate(codec.createInflater(usualInflate), free)).length).toBe(MiB);
    const beyond = withoutEnd(flushed(new Uint8Array(MiB + 1)));
    const error = await errorOf(inflate(codec.createInflater(usualInflate), beyond));
    expect(error).toMatchObject({ code: 'WS_MESSAGE_TOO_LARGE', closeCode: 1009 });
    expect(error.message).toContain('at most 200 times (maxInflationRatio) its');
    const anything = codec.createInflater({ ...usualInflate, maxInflationRatio: Infinity });
    expect((await inflate(anything, beyond)).length).toBe(MiB + 1);
  });

  it('count the ratio over a whole message, and anew for the next', async () => {
    const { codec } = stage(way);
    const inflater = codec.createInflater(usualInflate);
    const half = flushed(new Uint8Array(600_000));
    for (let message = 0; message < 3; message++) await inflate(inflater, withoutEnd(half));
    await inflate(inflater, half, false);
    expect((await errorOf(inflate(inflater, half, false))).message).toContain('maxInflationRatio');
  });

  it.each([
    ['the limit of the message', MiB, Infinity],
    ['the ratio', large, 200],
  ])(
    'stop 1 GiB of zeros in 1 MiB at %s, in bounded memory',
    async (_, maxOutputBytes, maxInflationRatio) => {
      const { codec, memory, clock } = stage(way);
      const data = bomb(1024 * MiB);
      expect(data.length).toBeGreaterThan(0.9 * MiB);
      expect(data.length).toBeLessThan(1.1 * MiB);
      const usedBytes = (): number => process.memoryUsage().arrayBuffers;
      const usedBefore = usedBytes();
      let usedMost = 0;
      const watch = setInterval(() => {
        usedMost = Math.max(usedMost, usedBytes());
      }, 1);
      const inflater = codec.createInflater({ ...usualInflate, maxInflationRatio });
      const error = await errorOf(inflate(inflater, data, true, maxOutputBytes));
      usedMost = Math.max(usedMost, usedBytes());
      clearInterval(watch);
      expect(error).toMatchObject({ code: 'WS_MESSAGE_TOO_LARGE', closeCode: 1009 });
      const cap = Math.min(maxOutputBytes, Math.max(MiB, data.length * maxInflationRatio));
      // The cap, one buffer of output, and the input once more (with its ending).
      expect(usedMost - usedBefore).toBeLessThan(cap + 3 * MiB);
      inflater.close();
      clock.advance(30_000);
      expect(memory.usedBytes).toBe(0);
    },
  );

  it('give an error once, and nothing afterwards', async () => {
    const { codec } = stage(way);
    const inflater = codec.createInflater({ ...usualInflate, hasTakeover: true });
    let calls = 0;
    inflater.inflate(hex('06 00 00'), true, large, () => calls++);
    inflater.inflate(hex('f2 48 cd c9 c9 07 00'), true, large, () => calls++);
    expect(calls).toBe(1);
  });
});
