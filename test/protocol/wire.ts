// Bytes as tests write them: hexadecimal, and frames built field by field with nothing borrowed from the code under
// test, so that wrong frames can be built as easily as right ones.

export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(' ', '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += hexOfByte[byte];
  return hex;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

export interface WireFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly fin?: boolean;
  readonly rsv?: number;
  /** Four bytes in hexadecimal; the frame is masked when it is given. */
  readonly mask?: string;
  /** Length form in bits; the shortest one when it is not given. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the length field says instead of the payload's length. */
  readonly announcedLength?: bigint;
}

/** A frame byte by byte as RFC 6455 5.2 draws it. */
export function wire(frame: WireFrame): Uint8Array {
  const payload =
    typeof frame.payload === 'string' ? utf8(frame.payload) : (frame.payload ?? new Uint8Array(0));
  const length = frame.announcedLength ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65536n ? 16 : 64);
  const bytes: number[] = [((frame.fin ?? true) ? 0x80 : 0) | (frame.rsv ?? 0) | frame.opcode];
  const maskBit = frame.mask === undefined ? 0 : 0x80;
  bytes.push(maskBit | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127));
  for (let shift = bits === 7 ? -8 : bits - 8; shift >= 0; shift -= 8) {
    bytes.push(Number((length >> BigInt(shift)) & 0xffn));
  }
  const key = frame.mask === undefined ? undefined : fromHex(frame.mask);
  const head = new Uint8Array(bytes.length + (key?.length ?? 0) + payload.length);
  head.set(bytes);
  if (key !== undefined) head.set(key, bytes.length);
  const start = bytes.length + (key?.length ?? 0);
  for (let index = 0; index < payload.length; index++) {
    head[start + index] = key === undefined ? payload[index] : payload[index] ^ key[index % 4];
  }
  return head;
}

/** The masking key of the example in RFC 6455 5.7. */
export const exampleMask = '37fa213d';

/** A frame as the peer of this role sends it: masked when the receiver is a server. */
export function wireTo(receiver: 'client' | 'server', frame: Omit<WireFrame, 'mask'>): Uint8Array {
  return wire(receiver === 'server' ? { ...frame, mask: exampleMask } : frame);
}

/** Cuts the bytes at the given places (any numbers: they are taken modulo the length). */
export function splitAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => (bytes.length === 0 ? 0 : place % bytes.length)))];
  cuts.sort((a, b) => a - b);
  const ends = [...cuts.filter((cut) => cut > 0), bytes.length];
  // Each piece has memory of its own: a receiver may overwrite what it is given.
  return ends.map((end, index) => bytes.slice(index === 0 ? 0 : ends[index - 1], end));
}
