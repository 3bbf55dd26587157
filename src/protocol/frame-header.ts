// The header of a frame (RFC 6455 5.2): its fields as an object for people and tools, and writing it into memory.
// The decoder's fast path does not make such objects.

import { maskKeyLength, writeMaskKey } from './mask.ts';

/** The fields of a frame header and its bytes as they are on the wire. */
export interface FrameHeader {
  /** Whether this is the last (or only) frame of a message. */
  readonly fin: boolean;
  /** RSV1 to RSV3 in the place they have in the first byte: 0x40, 0x20, 0x10, combined. */
  readonly rsv: number;
  /** The opcode, 0 to 15. */
  readonly opcode: number;
  /** The masking key as an unsigned 32-bit number (first byte highest), undefined on an unmasked frame. */
  readonly maskKey: number | undefined;
  /** The length of the payload in bytes. */
  readonly payloadLength: number;
  /** The header's own bytes, 2 to 14, a copy. */
  readonly bytes: Uint8Array;
}

/** The longest header: 2 bytes, a 64-bit length and a masking key. */
export const maxFrameHeaderBytes = 14;

/** The length of a header for a payload of this length. */
export function frameHeaderLength(payloadLength: number, isMasked: boolean): number {
  const lengthBytes = payloadLength < 126 ? 0 : payloadLength < 0x10000 ? 2 : 8;
  return 2 + lengthBytes + (isMasked ? maskKeyLength : 0);
}

/**
 * Writes a frame header at `offset` and gives the offset after it. The length takes its shortest form, as
 * RFC 6455 5.2 demands.
 */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  firstByte: number,
  payloadLength: number,
  maskKey: number | undefined,
): number {
  const maskBit = maskKey === undefined ? 0 : 0x80;
  target[offset] = firstByte;
  let end: number;
  if (payloadLength < 126) {
    target[offset + 1] = maskBit | payloadLength;
    end = offset + 2;
  } else if (payloadLength < 0x10000) {
    target[offset + 1] = maskBit | 126;
    target[offset + 2] = payloadLength >>> 8;
    target[offset + 3] = payloadLength;
    end = offset + 4;
  } else {
    target[offset + 1] = maskBit | 127;
    const high = Math.floor(payloadLength / 0x1_0000_0000);
    target[offset + 2] = high >>> 24;
    target[offset + 3] = high >>> 16;
    target[offset + 4] = high >>> 8;
    target[offset + 5] = high;
    target[offset + 6] = payloadLength >>> 24;
    target[offset + 7] = payloadLength >>> 16;
    target[offset + 8] = payloadLength >>> 8;
    target[offset + 9] = payloadLength;
    end = offset + 10;
  }
  if (maskKey === undefined) return end;
  writeMaskKey(target, end, maskKey);
  return end + maskKeyLength;
}
