// What the tests of the zlib codec share: codecs of both kinds, promises in the place of callbacks, and node:zlib as
// the reference that every stream has to agree with.

import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { concat, plainView } from '../../../src/base/bytes.ts';
import { CompressionMemory } from '../../../src/node/zlib/compression-memory.ts';
import { createZlibCodec, type ZlibCodecOptions } from '../../../src/node/zlib/zlib-codec.ts';
import type { Deflater, Inflater, SharedDeflater } from '../../../src/protocol/extensions/extension.ts';
import type { DeflateCodec } from '../../../src/protocol/extensions/permessage-deflate/codec.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';

/** The two ways in which a codec works; all tests ask the same of both. */
export const bothWays = ['live', 'oneShot'] as const;
export type Way = (typeof bothWays)[number];

/** The end of a flush, which the sender leaves out and the receiver appends (RFC 7692 7.2.1, 7.2.2). */
export const flushEnd: Uint8Array = Uint8Array.of(0, 0, 0xff, 0xff);

/** A codec with memory and time of its own. */
export interface Stage {
  readonly codec: DeflateCodec;
  readonly memory: CompressionMemory;
  readonly clock: FakeClock;
}

export function stage(
  contexts: Way,
  options: Omit<ZlibCodecOptions, 'contexts' | 'memory'> & { maxBytes?: number } = {},
): Stage {
  const { maxBytes = 64 * 1024 * 1024, ...rest } = options;
  const clock = new FakeClock();
  const memory = new CompressionMemory({ maxBytes, clock });
  return { codec: createZlibCodec({ ...rest, contexts, memory }), memory, clock };
}

export const usual = { windowBits: 15, level: 3, memLevel: 8, hasTakeover: false };
export const usualInflate = { windowBits: 15, hasTakeover: false, maxInflationRatio: 200 };
export const large = 64 * 1024 * 1024;

export function deflate(deflater: Deflater, input: Uint8Array, isFinal = true): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflater.deflate(input, isFinal, (error, output) => {
      if (error === undefined) resolve(output);
      else reject(error);
    });
  });
}

export function deflateShared(deflater: SharedDeflater, input: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflater.deflate(input, (error, output) => {
      if (error === undefined) resolve(output);
      else reject(error);
    });
  });
}

export function inflate(
  inflater: Inflater,
  input: Uint8Array,
  isFinal = true,
  maxOutputBytes = large,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflater.inflate(input, isFinal, maxOutputBytes, (error, output) => {
      if (error === undefined) resolve(output);
      else reject(error);
    });
  });
}

/** The messages of a stream as node:zlib compresses them, with or without a memory of those before. */
export async function deflateByZlib(
  messages: readonly Uint8Array[],
  options: { windowBits: number; level: number; memLevel: number; hasTakeover: boolean },
): Promise<Uint8Array[]> {
  const { hasTakeover, windowBits, ...rest } = options;
  // node:zlib makes 9 of 8 in the object that it is given.
  const settings = { ...rest, windowBits: Math.max(9, windowBits), finishFlush: constants.Z_SYNC_FLUSH };
  if (!hasTakeover) return messages.map((message) => withoutEnd(deflateRawSync(message, settings)));
  const stream = createDeflateRaw(settings);
  const deflated: Uint8Array[] = [];
  let chunks: Uint8Array[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(plainView(chunk)));
  for (const message of messages) {
    stream.write(message);
    await new Promise<void>((resolve) => {
      stream.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    // A second flush without anything between gives nothing: RFC 7692 7.2.3.6 has one byte for that.
    deflated.push(chunks.length === 0 ? Uint8Array.of(0) : withoutEnd(concat(chunks)));
    chunks = [];
  }
  stream.destroy();
  return deflated;
}

/** What node:zlib makes of all the messages of one stream together. */
export function inflateByZlib(messages: readonly Uint8Array[], windowBits: number): Uint8Array {
  const whole = concat([new Uint8Array(0), ...messages.flatMap((message) => [message, flushEnd])]);
  return plainView(inflateRawSync(whole, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }));
}

export function withoutEnd(deflated: Uint8Array): Uint8Array {
  return plainView(deflated).slice(0, deflated.length - flushEnd.length);
}

/** Bytes as messages have them: runs, words that come again, and noise, from none to more than a window. */
export const payloads: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.record({
      kind: fc.constantFrom<'run' | 'words' | 'noise'>('run', 'words', 'noise'),
      length: fc.oneof(
        { weight: 6, arbitrary: fc.nat(300) },
        { weight: 2, arbitrary: fc.nat(5000) },
        { weight: 1, arbitrary: fc.nat(90_000) },
      ),
      seed: fc.nat(0xffff),
    }),
    { maxLength: 4 },
  )
  .map((parts) => concat([new Uint8Array(0), ...parts.map(fill)]));

function fill({
  kind,
  length,
  seed,
}: {
  kind: string;
  length: number;
  seed: number;
}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed + 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    if (kind === 'run') bytes[index] = seed & 0xff;
    else if (kind === 'noise') bytes[index] = state >>> 16;
    else bytes[index] = index % 7 === 6 ? 32 : 97 + ((state >>> 20) % 3);
  }
  return bytes;
}

/** Bytes that cannot be compressed. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
  return fill({ kind: 'noise', length, seed: length });
}

export const levels: fc.Arbitrary<{ windowBits: number; level: number; memLevel: number }> = fc.record({
  windowBits: fc.integer({ min: 8, max: 15 }),
  level: fc.integer({ min: 1, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
});

/** Cuts bytes at any places, at least one piece. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  let start = 0;
  return ends.map((end) => {
    const piece = bytes.subarray(start, end);
    start = end;
    return piece;
  });
}

/** Compares bytes; `toEqual` would take a second for 100 KiB. */
export function expectBytes(found: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(found, expected) === 0) return;
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  expect({ length: found.length, from: at, bytes: [...found.subarray(at, at + 20)] }, 'bytes differ').toEqual(
    { length: expected.length, from: at, bytes: [...expected.subarray(at, at + 20)] },
  );
  throw new Error('bytes differ');
}
