import { beforeEach, describe, expect, it } from 'vitest';
import type { NegotiatedExtension, SharedDeflater } from '../../src/protocol/extensions/extension.ts';
import { portableTextCodec } from '../../src/base/text-codec.ts';
import { FrameEncoder } from '../../src/protocol/frame-encoder.ts';
import { OutputBuffer } from '../../src/protocol/output-buffer.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { SendQueue } from '../../src/protocol/send-queue.ts';
import { ToyExtension } from './toy-extension.ts';
import { fromHex, joined, toHex } from './wire.ts';

const text = 0x81;

// What a piece that waits counts beside its bytes.
const waiting = 256;

describe('SendQueue', () => {
  let toy: ToyExtension;
  let queue: SendQueue;
  let calls: string[];
  let output: OutputBuffer;

  beforeEach(() => {
    toy = new ToyExtension({ isAsync: true });
    calls = [];
    output = new OutputBuffer();
    const encoder = new FrameEncoder(output, portableTextCodec, undefined);
    queue = new SendQueue(() => encoder, toy, {
      written: () => calls.push('written'),
      transformed: () => undefined,
      failed: (error) => calls.push(`failed: ${error.message}`),
    });
  });

  function written(): string {
    let hex = '';
    output.flush({
      write: (chunks) => {
        hex = toHex(joined(chunks));
        return true;
      },
    });
    return hex;
  }

  it('writes at once what needs no codec while nothing waits, and tells nobody', () => {
    queue.push(text, fromHex('61'), false);
    expect([written(), calls, queue.byteLength]).toEqual(['810161', [], 0]);
  });

  it('gives one piece at a time to the codec and counts what is in it and what waits', () => {
    queue.push(text, fromHex('6161'), true);
    queue.push(text, fromHex('626262'), true);
    queue.push(text, fromHex('63'), false);
    expect([queue.byteLength, written()]).toEqual([6 + 2 * waiting, '']);
    toy.deflater.release();
    expect([queue.byteLength, calls]).toEqual([4 + waiting, ['written']]);
    toy.deflater.release();
    expect([queue.byteLength, calls]).toEqual([0, ['written', 'written']]);
    expect(written()).toMatch(/^c102....c103......810163$/);
  });

  it('calls back when all before has been written: at once when nothing waits, else after the last piece', () => {
    queue.afterAll(() => calls.push('all'));
    queue.push(text, fromHex('61'), true);
    queue.push(text, fromHex('62'), true);
    queue.afterAll(() => calls.push('all'));
    toy.deflater.release();
    expect(calls).toEqual(['all', 'written']);
    toy.deflater.release();
    expect(calls).toEqual(['all', 'written', 'all', 'written']);
  });

  it('writes nothing more after a failure in the middle of what waits', () => {
    queue.push(text, fromHex('61'), true);
    queue.push(text, fromHex('62'), true);
    queue.push(text, fromHex('63'), false);
    queue.afterAll(() => calls.push('all'));
    toy.deflater.release();
    toy.deflater.failure = new Error('broken');
    written();
    toy.deflater.release();
    expect([written(), queue.byteLength, calls]).toEqual(['', 0, ['written', 'failed: broken']]);
    queue.push(text, fromHex('64'), false);
    expect(written()).toBe('');
  });

  it('stops in the middle of what waits when the codec fails at once', () => {
    queue.push(text, fromHex('61'), true);
    queue.push(text, fromHex('62'), true);
    queue.push(text, fromHex('63'), false);
    toy.deflater.deflate = (_input, _isFinal, done): void => done(new Error('full'), new Uint8Array(0));
    toy.deflater.release();
    expect(written()).toMatch(/^c101..$/);
    expect([queue.byteLength, calls]).toEqual([0, ['failed: full']]);
  });

  it('forgets everything when it is disposed of, also what the codec still holds', () => {
    queue.push(text, fromHex('61'), true);
    queue.push(text, fromHex('62'), false);
    queue.afterAll(() => calls.push('all'));
    queue.dispose();
    toy.deflater.release();
    queue.push(text, fromHex('63'), false);
    expect([written(), queue.byteLength, calls]).toEqual(['', 0, []]);
  });

  describe('with messages that many connections share', () => {
    let shared: { release: ((error?: Error) => void)[] } & SharedDeflater;
    let sharing: SendQueue;
    let resets: number;

    beforeEach(() => {
      const release: ((error?: Error) => void)[] = [];
      shared = {
        release,
        deflate: (input, done) => {
          release.push((error) => done(error, input.slice(1)));
        },
      };
      resets = 0;
      const encoder = new FrameEncoder(output, portableTextCodec, undefined);
      const extension: NegotiatedExtension = {
        name: toy.name,
        parameters: toy.parameters,
        rsvBit: toy.rsvBit,
        deflater: {
          deflate: (input, isFinal, done) => toy.deflater.deflate(input, isFinal, done),
          reset: () => resets++,
          close: () => undefined,
        },
        inflater: toy.inflater,
        shouldDeflate: () => true,
        shared,
      };
      sharing = new SendQueue(() => encoder, extension, {
        written: () => calls.push('written'),
        transformed: () => undefined,
        failed: (error) => calls.push(`failed: ${error.message}`),
      });
    });

    function pushPrepared(hex: string, isTransformed = true): void {
      const message = new PreparedMessage(fromHex(hex));
      sharing.push(0x82, message.payload, isTransformed, message);
    }

    it('writes what was made for all in its place, and resets the deflater that has not seen it', () => {
      pushPrepared('616263');
      sharing.push(text, fromHex('64'), false);
      pushPrepared('6566');
      expect([written(), sharing.byteLength, sharing.isIdle]).toEqual(['', 6 + 2 * waiting, false]);
      shared.release[0]();
      expect([written(), sharing.byteLength, resets]).toEqual(['c2026263810164', 2, 1]);
      shared.release[1]();
      expect([written(), sharing.isIdle, resets]).toEqual(['c20166', true, 2]);
      expect(calls).toEqual(['written', 'written']);
    });

    it('leaves the deflater alone where the plain frame is not longer, and where nothing is transformed', () => {
      pushPrepared('');
      shared.release[0]();
      pushPrepared('6162', false);
      expect([written(), resets]).toEqual(['820082026162', 0]);
    });

    it('takes what is ready already at once', () => {
      const message = new PreparedMessage(fromHex('616263'));
      message.transformedBy(shared, 0x40, () => undefined);
      shared.release[0]();
      sharing.push(0x82, message.payload, true, message);
      expect([written(), calls, sharing.isIdle]).toEqual(['c2026263', [], true]);
    });

    it('fails with the work that it waits for, once, and hears nothing after it was disposed of', () => {
      pushPrepared('616263');
      sharing.push(text, fromHex('64'), false);
      shared.release[0](new Error('full'));
      expect([written(), calls, sharing.byteLength]).toEqual(['', ['failed: full'], 0]);
    });

    it('does not write what is ready too late', () => {
      pushPrepared('616263');
      sharing.dispose();
      shared.release[0]();
      expect([written(), calls, resets]).toEqual(['', [], 0]);
    });
  });
});
