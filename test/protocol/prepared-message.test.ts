import { beforeEach, describe, expect, it } from 'vitest';
import type { CodecCallback, SharedDeflater } from '../../src/protocol/extensions/extension.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { Side } from './recording-sink.ts';
import { toHex, utf8, wire } from './wire.ts';

describe('PreparedMessage', () => {
  it.each(['', 'Hello', '€'.repeat(42), 'x'.repeat(65_536)])(
    'holds a text of any length as a whole frame',
    (text) => {
      const message = new PreparedMessage(text);
      expect(message.type).toBe('text');
      expect(toHex(message.frame)).toBe(toHex(wire({ opcode: 1, payload: text })));
      expect(toHex(message.payload)).toBe(toHex(utf8(text)));
    },
  );

  it('holds a copy of the bytes that a view shows', () => {
    const bytes = Buffer.from([9, 1, 2, 3, 9]);
    const message = new PreparedMessage(new DataView(bytes.buffer, bytes.byteOffset + 1, 3));
    bytes.fill(0);
    expect(message.type).toBe('binary');
    expect(toHex(message.frame)).toBe('8203010203');
  });

  it('refuses what is neither text nor bytes', () => {
    expect(() => Reflect.construct(PreparedMessage, [5])).toThrow(
      expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }),
    );
  });

  it.each([3, 5000, 20_000])(
    'of %d bytes goes from a server as it is, and from a client masked anew',
    (length) => {
      const message = new PreparedMessage(new Uint8Array(length).fill(7));
      const server = new Side({ role: 'server' });
      server.protocol.sendPrepared(message);
      server.protocol.sendPrepared(message);
      const written = server.written();
      expect(Buffer.compare(written, Buffer.concat([message.frame, message.frame]))).toBe(0);

      const client = new Side({ role: 'client' });
      client.protocol.sendPrepared(message);
      const first = client.written();
      client.protocol.sendPrepared(message);
      const second = client.written();
      expect(Buffer.compare(first, second)).not.toBe(0);
      const receiver = new Side({ role: 'server' }).receive(first, second);
      expect(receiver.events).toEqual([
        ['binary', '07'.repeat(length)],
        ['binary', '07'.repeat(length)],
      ]);
      expect(message.payload.every((byte) => byte === 7)).toBe(true);
    },
  );

  describe('transformed by a shared deflater', () => {
    /** Answers when it is told to, with half of the input. */
    class HalvingDeflater implements SharedDeflater {
      readonly waiting: ((error?: Error) => void)[] = [];
      isSync = false;

      deflate(input: Uint8Array, done: CodecCallback): void {
        const half = input.slice(0, Math.floor(input.length / 2));
        this.waiting.push((error) => done(error, error === undefined ? half : new Uint8Array(0)));
        if (this.isSync) this.waiting.at(-1)?.();
      }
    }

    let message: PreparedMessage;
    let deflater: HalvingDeflater;
    let heard: string[];

    const ask = (name: string, of: SharedDeflater = deflater): void =>
      message.transformedBy(of, 0x40, (error, frame) => {
        heard.push(`${name} ${error?.message ?? toHex(frame.bytes)} ${frame.isTransformed}`);
      });

    beforeEach(() => {
      message = new PreparedMessage('abcd');
      deflater = new HalvingDeflater();
      heard = [];
    });

    it('is one piece of work for all who ask, before and after it is done', () => {
      ask('a');
      ask('b');
      expect([deflater.waiting.length, heard]).toEqual([1, []]);
      deflater.waiting[0]();
      ask('c');
      expect(deflater.waiting).toHaveLength(1);
      expect(heard).toEqual(['a c1026162 true', 'b c1026162 true', 'c c1026162 true']);
      message.transformedBy(deflater, 0x40, (_, frame) => expect(frame.payloadLength).toBe(2));
      expect(toHex(message.frame)).toBe('810461626364');
    });

    it('is another piece of work for another deflater', () => {
      const other = new HalvingDeflater();
      other.isSync = true;
      ask('a');
      ask('b', other);
      expect([deflater.waiting.length, other.waiting.length, heard]).toEqual([1, 1, ['b c1026162 true']]);
    });

    it('is asked again after a failure, which all hear who waited', () => {
      ask('a');
      ask('b');
      deflater.waiting[0](new Error('full'));
      expect(heard).toEqual(['a full false', 'b full false']);
      ask('c');
      deflater.waiting[1]();
      expect(heard.slice(2)).toEqual(['c c1026162 true']);
    });

    it('may be asked for again by who hears of it, also of a failure', () => {
      message.transformedBy(deflater, 0x40, (error) => {
        heard.push(String(error?.message));
        ask('again');
      });
      deflater.waiting[0](new Error('full'));
      expect([heard, deflater.waiting.length]).toEqual([['full'], 2]);
      deflater.waiting[1]();
      expect(heard).toEqual(['full', 'again c1026162 true']);
    });

    it('is the plain frame where that is not longer', () => {
      for (const [data, plain] of [
        ['', '8100'],
        ['abcd', '810461626364'],
      ]) {
        message = new PreparedMessage(data);
        const same: SharedDeflater = { deflate: (input, done) => done(undefined, input.slice()) };
        ask('a', same);
        message.transformedBy(same, 0x40, (_, frame) => expect(frame.bytes).toBe(message.frame));
        expect(heard.splice(0)).toEqual([`a ${plain} false`]);
      }
    });

    it('has a header of the length that the transformed payload needs', () => {
      message = new PreparedMessage(new Uint8Array(200).fill(7));
      deflater.isSync = true;
      message.transformedBy(deflater, 0x20, (_, frame) => {
        expect(toHex(frame.bytes)).toBe(`a264${'07'.repeat(100)}`);
      });
    });
  });
});
