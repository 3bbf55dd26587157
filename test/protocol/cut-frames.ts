// Frames as they stand on the wire, for tests of what is written.

/** A frame as it stands on the wire, taken apart without judging it. */
export interface CutFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly key: Uint8Array | undefined;
  readonly lengthBits: number;
  readonly length: bigint;
  readonly payload: Uint8Array;
}

export function cutFrames(bytes: Uint8Array): CutFrame[] {
  const frames: CutFrame[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const first = bytes[offset];
    const second = bytes[offset + 1];
    const lengthBits = (second & 0x7f) === 127 ? 64 : (second & 0x7f) === 126 ? 16 : 7;
    let length = lengthBits === 7 ? BigInt(second & 0x7f) : 0n;
    offset += 2;
    for (let left = lengthBits === 7 ? 0 : lengthBits / 8; left > 0; left--) {
      length = length * 256n + BigInt(bytes[offset++]);
    }
    const isMasked = second >= 0x80;
    const key = isMasked ? bytes.slice(offset, offset + 4) : undefined;
    offset += isMasked ? 4 : 0;
    const payload = bytes
      .slice(offset, offset + Number(length))
      .map((byte, at) => byte ^ (key?.[at % 4] ?? 0));
    offset += Number(length);
    frames.push({
      fin: first >= 0x80,
      rsv: first & 0x70,
      opcode: first & 0x0f,
      key,
      lengthBits,
      length,
      payload,
    });
  }
  return frames;
}
