import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableTextCodec } from '../../src/base/text-codec.ts';
import { FrameEncoder, referenceFromBytes } from '../../src/protocol/frame-encoder.ts';
import { MaskKeyPool } from '../../src/protocol/mask-key-pool.ts';
import { OutputBuffer } from '../../src/protocol/output-buffer.ts';
import { StagingPool } from '../../src/protocol/staging-pool.ts';
import { joined, toHex, utf8, wire } from './wire.ts';

const key = '37fa213d';

function encoderOf(isMasking: boolean): { encoder: FrameEncoder; flushed: () => Uint8Array[] } {
  let next = 0;
  const keys = new MaskKeyPool({
    fill: (target) => target.forEach((_, at) => (target[at] = [0x37, 0xfa, 0x21, 0x3d][next++ % 4])),
  });
  const output = new OutputBuffer(new StagingPool());
  return {
    encoder: new FrameEncoder(output, portableTextCodec, isMasking ? keys : undefined),
    flushed: () => {
      let chunks: Uint8Array[] = [];
      output.flush({
        write: (parts) => {
          chunks = [...parts];
          return false;
        },
      });
      return chunks;
    },
  };
}

const expectedFrame = (isMasking: boolean, opcode: number, payload: Uint8Array): string =>
  toHex(wire({ opcode, payload, ...(isMasking ? { mask: key } : {}) }));

describe.each([false, true])('FrameEncoder (masking: %s)', (isMasking) => {
  it('writes text of every length around the borders of its forms', () => {
    for (const length of [0, 1, 40, 41, 42, 43, 124, 125, 126, 127, 65_535, 65_536, 70_000]) {
      for (const character of ['a', 'é', '€']) {
        const text = character.repeat(length);
        const { encoder, flushed } = encoderOf(isMasking);
        encoder.writeText(0x81, text);
        expect(toHex(joined(flushed()))).toBe(expectedFrame(isMasking, 1, utf8(text)));
      }
    }
  });

  it('writes bytes of every length around the borders of its forms, and leaves the caller’s as they are', () => {
    for (const length of [0, 1, 125, 126, 8191, 8192, 16_384, 65_535, 65_536, 100_000]) {
      const payload = new Uint8Array(length).fill(0x5a);
      const { encoder, flushed } = encoderOf(isMasking);
      encoder.writeBytes(0x82, payload);
      expect(toHex(joined(flushed()))).toBe(expectedFrame(isMasking, 2, payload));
      expect(payload.every((byte) => byte === 0x5a)).toBe(true);
    }
  });

  it('writes any sequence of frames one after the other', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(20_000).map((length) => new Uint8Array(length).fill(length)),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(text, bytes), { maxLength: 12 }), (messages) => {
        const { encoder, flushed } = encoderOf(isMasking);
        const expected: string[] = [];
        for (const message of messages) {
          if (typeof message === 'string') encoder.writeText(0x81, message);
          else encoder.writeBytes(0x82, message);
          const payload = typeof message === 'string' ? utf8(message) : message;
          expected.push(expectedFrame(isMasking, typeof message === 'string' ? 1 : 2, payload));
        }
        expect(toHex(joined(flushed()))).toBe(expected.join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('encodes a lone surrogate as U+FFFD and counts it so', () => {
    const { encoder, flushed } = encoderOf(isMasking);
    encoder.writeText(0x81, '\ud800'.repeat(50));
    expect(toHex(joined(flushed()))).toBe(expectedFrame(isMasking, 1, utf8('\ufffd'.repeat(50))));
  });
});

describe('FrameEncoder', () => {
  it('passes large payloads by reference when it does not mask, and copies small ones', () => {
    const large = new Uint8Array(referenceFromBytes);
    const small = new Uint8Array(referenceFromBytes - 1);
    const { encoder, flushed } = encoderOf(false);
    encoder.writeBytes(0x82, large);
    encoder.writeBytes(0x82, small);
    const chunks = flushed();
    expect(chunks).toContain(large);
    expect(chunks.some((chunk) => chunk.buffer === small.buffer)).toBe(false);
  });

  it('uses a key for each frame', () => {
    const { encoder, flushed } = encoderOf(true);
    encoder.writeText(0x81, '');
    encoder.writeBytes(0x89, new Uint8Array(0));
    expect(toHex(joined(flushed()))).toBe(`8180${key}8980${key}`);
  });
});

describe('An observer that sends', () => {
  it.each(['bytes', 'large bytes', 'text', 'prepared'])(
    'writes behind the frame that it sees (%s), and may flush it or go away',
    (kind) => {
      const payload = kind === 'large bytes' ? new Uint8Array(referenceFromBytes).fill(0x61) : utf8('aaa');
      const { encoder, flushed } = encoderOf(false);
      const seen: string[] = [];
      const chunks: Uint8Array[] = [];
      encoder.observer = {
        header: (_, header) => {
          encoder.observer = undefined;
          encoder.writeText(0x81, 'b');
          chunks.push(...flushed());
          encoder.writeText(0x81, 'c');
          seen.push(toHex(header.bytes));
        },
        payload: (_, bytes) => seen.push(toHex(bytes)),
      };
      if (kind === 'text') encoder.writeText(0x81, 'aaa');
      else if (kind === 'prepared') encoder.writeFrame(wire({ opcode: 1, payload }), payload.length);
      else encoder.writeBytes(0x81, payload);
      chunks.push(...flushed());
      const frame = toHex(wire({ opcode: 1, payload }));
      expect(seen.join('')).toBe(frame);
      expect(toHex(joined(chunks))).toBe(`${frame}810162810163`);
    },
  );
});
