import { beforeEach, describe, expect, it } from 'vitest';
import { FrameDecoder, type FrameDecoderOptions, type FrameSink } from '../../src/protocol/frame-decoder.ts';
import type { ProtocolError } from '../../src/protocol/protocol-error.ts';
import { fromHex, joined, toHex, utf8, wire, wireTo } from './wire.ts';

class FrameLog implements FrameSink {
  readonly calls: string[] = [];
  onCall: (() => void) | undefined;

  frame(firstByte: number, bytes: Uint8Array, start: number, end: number): void {
    this.#add(`frame ${firstByte.toString(16)} ${toHex(bytes.subarray(start, end))}`);
  }

  frameStart(firstByte: number, payloadLength: number): void {
    this.#add(`start ${firstByte.toString(16)} ${payloadLength}`);
  }

  framePayload(bytes: Uint8Array, start: number, end: number): void {
    this.#add(`payload ${toHex(bytes.subarray(start, end))}`);
  }

  frameEnd(): void {
    this.#add('end');
  }

  frameError(error: ProtocolError): void {
    this.#add(`error ${error.code}`);
  }

  #add(call: string): void {
    this.calls.push(call.trimEnd());
    this.onCall?.();
  }
}

const server: FrameDecoderOptions = { masking: 'required', maxFrameBytes: 1000, allowedRsv: 0 };
const tool: FrameDecoderOptions = { masking: 'either', maxFrameBytes: Infinity, allowedRsv: 0x70 };

describe('FrameDecoder', () => {
  let log: FrameLog;
  beforeEach(() => {
    log = new FrameLog();
  });
  const decodeAll = (decoder: FrameDecoder, ...chunks: Uint8Array[]): number[] =>
    chunks.map((chunk) => decoder.decode(chunk, 0, chunk.length));

  it('hands on a frame that lies whole in the chunk as a range of it, unmasked in place', () => {
    const decoder = new FrameDecoder(server, log);
    const chunk = joined([
      Uint8Array.of(9, 9),
      wireTo('server', { opcode: 1, payload: 'Hello' }),
      Uint8Array.of(9),
    ]);
    expect(decoder.decode(chunk, 2, chunk.length - 1)).toBe(chunk.length - 1);
    expect(log.calls).toEqual([`frame 81 ${toHex(utf8('Hello'))}`]);
    expect(toHex(chunk.subarray(8, 13))).toBe(toHex(utf8('Hello')));
    expect([chunk[0], chunk[1], chunk.at(-1)]).toEqual([9, 9, 9]);
    expect(decoder.isAtFrameBoundary).toBe(true);
  });

  it('hands on the pieces of a frame that is spread over chunks', () => {
    const decoder = new FrameDecoder(server, log);
    const frame = wireTo('server', { opcode: 2, payload: fromHex('0102030405') });
    decodeAll(decoder, frame.slice(0, 3), frame.slice(3, 7), frame.slice(7, 9));
    expect(decoder.isAtFrameBoundary).toBe(false);
    decodeAll(decoder, frame.slice(9));
    expect(log.calls).toEqual(['start 82 5', 'payload 01', 'payload 0203', 'payload 0405', 'end']);
    expect(decoder.isAtFrameBoundary).toBe(true);
  });

  it('hands on an empty frame whose header is spread over chunks as a whole frame', () => {
    const decoder = new FrameDecoder(server, log);
    for (const byte of wireTo('server', { opcode: 9 })) decodeAll(decoder, Uint8Array.of(byte));
    expect(log.calls).toEqual(['frame 89']);
  });

  it('tells a frame boundary from a header that is cut', () => {
    const decoder = new FrameDecoder(server, log);
    expect(decoder.isAtFrameBoundary).toBe(true);
    decodeAll(decoder, Uint8Array.of(0x81));
    expect(decoder.isAtFrameBoundary).toBe(false);
  });

  it('refuses a wrong header at the byte that makes it wrong, although the header is not complete', () => {
    const header = wireTo('server', { opcode: 2, announcedLength: 1n << 63n });
    for (let length = 1; length <= header.length; length++) {
      log.calls.length = 0;
      const decoder = new FrameDecoder(server, log);
      for (const byte of header.subarray(0, length)) decodeAll(decoder, Uint8Array.of(byte));
      expect(log.calls).toEqual(length < 10 ? [] : ['error WS_FRAME_LENGTH_INVALID']);
    }
  });

  it.each([
    ['RSV bit', '9100'],
    ['opcode', '8300'],
    ['missing mask', '8105'],
    ['fragmented control frame', '0980'],
    ['long control frame', '89fe'],
  ])('refuses a wrong %s after two bytes, together or one by one', (_, hex) => {
    const bytes = fromHex(hex);
    decodeAll(new FrameDecoder(server, log), bytes.slice());
    decodeAll(new FrameDecoder(server, log), bytes.slice(0, 1), bytes.slice(1));
    expect(log.calls).toHaveLength(2);
    expect(log.calls[0]).toMatch(/^error WS_/);
    expect(log.calls[1]).toBe(log.calls[0]);
  });

  it('swallows everything after a failure, also what was in the same chunk', () => {
    const decoder = new FrameDecoder(server, log);
    const chunk = joined([fromHex('8300'), wireTo('server', { opcode: 1, payload: 'x' })]);
    expect(decodeAll(decoder, chunk, chunk.slice())).toEqual([chunk.length, chunk.length]);
    expect(log.calls).toEqual(['error WS_FRAME_OPCODE_UNKNOWN']);
  });

  it('swallows everything after discard, also the rest of the frame at hand', () => {
    const decoder = new FrameDecoder(server, log);
    const frame = wireTo('server', { opcode: 2, payload: fromHex('010203') });
    decodeAll(decoder, frame.slice(0, 8));
    decoder.discard();
    decodeAll(decoder, frame.slice(8), frame.slice());
    expect(log.calls).toEqual(['start 82 3', 'payload 0102']);
  });

  it('returns after the frame or piece during which it was told to stop, and goes on from there', () => {
    const decoder = new FrameDecoder(tool, log);
    const frames = [1, 2, 3].map((n) => wire({ opcode: 2, payload: Uint8Array.of(n) }));
    const chunk = joined(frames);
    log.onCall = () => decoder.stop();
    expect(decoder.decode(chunk, 0, 9)).toBe(3);
    expect(decoder.decode(chunk, 3, 9)).toBe(6);
    expect(decoder.decode(chunk, 6, 9)).toBe(9);
    expect(log.calls).toEqual(['frame 82 01', 'frame 82 02', 'frame 82 03']);
  });

  it('forgets a stop that came before the call', () => {
    const decoder = new FrameDecoder(tool, log);
    decoder.stop();
    expect(decodeAll(decoder, wire({ opcode: 1 }))).toEqual([2]);
    expect(log.calls).toEqual(['frame 81']);
  });

  it('looks at both directions for tools, with masks and without, and any RSV bit on data frames', () => {
    const decoder = new FrameDecoder(tool, log);
    decodeAll(
      decoder,
      wire({ opcode: 1, payload: 'a', mask: '01020304' }),
      wire({ opcode: 1, payload: 'a', rsv: 0x70 }),
      wire({ opcode: 9, rsv: 0x40 }),
    );
    expect(log.calls).toEqual(['frame 81 61', 'frame f1 61', 'error WS_FRAME_RSV_UNEXPECTED']);
  });

  it('accepts lengths up to 2^53 - 1 when there is no limit, and no longer ones', () => {
    const accepted = new FrameDecoder(tool, log);
    decodeAll(accepted, wire({ opcode: 2, announcedLength: BigInt(Number.MAX_SAFE_INTEGER) }));
    decodeAll(accepted, Uint8Array.of(1, 2));
    decodeAll(new FrameDecoder(tool, log), wire({ opcode: 2, announcedLength: 1n << 53n }));
    expect(log.calls).toEqual([
      `start 82 ${Number.MAX_SAFE_INTEGER}`,
      'payload 0102',
      'error WS_FRAME_TOO_LARGE',
    ]);
  });

  it('gives plain arrays for what a socket reads into a Buffer', () => {
    const seen: Uint8Array[] = [];
    const decoder = new FrameDecoder(server, log);
    decoder.observer = { header: () => undefined, payload: (_, bytes) => seen.push(bytes) };
    const frame = Buffer.from(wireTo('server', { opcode: 2, payload: fromHex('010203') }));
    const masked = toHex(frame.subarray(6));
    decodeAll(decoder, frame);
    frame.fill(0);
    // A slice() of a Buffer would be a view, and show what became of the bytes.
    expect(seen.map(toHex)).toEqual([masked]);
    expect(Object.getPrototypeOf(seen[0])).toBe(Uint8Array.prototype);
  });
});
