// Compressed frames as a client puts them on the wire, right and wrong ones, with nothing borrowed from the code under
// test: zlib's public API makes them and reads what comes back.

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { RawClient } from './raw-client.ts';

export const KiB = 1024;
export const MiB: number = 1024 * KiB;

/** Bits and opcodes of the first byte of a frame (RFC 6455 5.2). */
export const fin = 0x80;
export const rsv1 = 0x40;
export const [continuation, text, binary, ping, pong] = [0, 1, 2, 9, 10];

/** A masked frame; the key is zero, so the payload stands there as it is. */
export function frame(firstByte: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const { length } = payload;
  const header =
    length < 126
      ? Buffer.from([firstByte, 0x80 | length])
      : length < 0x10000
        ? Buffer.from([firstByte, 0xfe, length >> 8, length & 0xff])
        : Buffer.from([firstByte, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (length >= 0x10000) header.writeUInt32BE(length, 6);
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}

/** What a message becomes (RFC 7692 7.2.1). */
export function deflated(bytes: Uint8Array | string, level = 6): Buffer {
  const { Z_SYNC_FLUSH } = constants;
  return deflateRawSync(bytes, { level, finishFlush: Z_SYNC_FLUSH }).subarray(0, -4);
}

/** The payload of a message that would become so many MiB of zeros, a thousand times its size. */
export function bombOf(mebibytes: number): Buffer {
  const one = deflateRawSync(Buffer.alloc(MiB), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([...Array.from({ length: mebibytes }, () => one), Buffer.alloc(1)]);
}

/** Random bytes: what is compressed of them is not shorter. */
export function noise(byteCount: number): Buffer {
  let state = 1;
  return Buffer.from(
    Uint32Array.from({ length: byteCount / 4 }, () => (state = Math.imul(state, 1_664_525) + 1_013_904_223))
      .buffer,
  );
}

/** A frame of the server. */
export async function nextFrame(
  client: RawClient,
): Promise<{ readonly firstByte: number; readonly payload: Buffer }> {
  const [firstByte, length] = await client.bytes(2);
  if (length < 126) return { firstByte, payload: await client.bytes(length) };
  const long = await client.bytes(length === 126 ? 2 : 8);
  return {
    firstByte,
    payload: await client.bytes(length === 126 ? long.readUInt16BE() : long.readUInt32BE(4)),
  };
}

export function inflated(payload: Uint8Array): Buffer {
  return inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
}
