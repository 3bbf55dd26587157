import { inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Deflater, SharedDeflater } from '../../../../src/protocol/extensions/extension.ts';
import type { DeflateCodec } from '../../../../src/protocol/extensions/permessage-deflate/codec.ts';
import { compressionStreamCodec } from '../../../../src/protocol/extensions/permessage-deflate/compression-stream-codec.ts';
import { PerMessageDeflate } from '../../../../src/protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { toHex } from '../../wire.ts';

const parameters = { windowBits: 15, hasTakeover: false, level: 3, memLevel: 8 };

function codecOf(): DeflateCodec {
  const codec = compressionStreamCodec();
  if (codec === undefined) throw new Error('no CompressionStream');
  return codec;
}

function deflate(deflater: Deflater, input: Uint8Array, isFinal = true): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflater.deflate(input, isFinal, (error, output) => {
      if (error === undefined) resolve(output);
      else reject(error);
    });
  });
}

function deflateShared(deflater: SharedDeflater, input: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflater.deflate(input, (error, output) => {
      if (error === undefined) resolve(output);
      else reject(error);
    });
  });
}

/** What zlib makes of a payload with the appended bytes of RFC 7692 7.2.2, where it ends with a final block. */
function inflateByZlib(payload: Uint8Array): Uint8Array {
  expect(payload.at(-1)).toBe(0);
  return new Uint8Array(inflateRawSync(payload.subarray(0, -1)));
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('compressionStreamCodec', () => {
  it('is there on a platform that has CompressionStream, and says what it cannot do', () => {
    expect(codecOf().supports).toEqual({ minDeflateWindowBits: 15, takeover: false });
    expect(codecOf().hasRoomForContext(15)).toBe(false);
  });

  it('is not there on a platform without CompressionStream', () => {
    vi.stubGlobal('CompressionStream', undefined);
    expect(compressionStreamCodec()).toBeUndefined();
  });

  it('is not there on a platform whose CompressionStream does not know deflate-raw', () => {
    vi.stubGlobal('CompressionStream', function unsupported(format: string) {
      throw new TypeError(`unsupported format ${format}`);
    });
    expect(compressionStreamCodec()).toBeUndefined();
  });

  it('compresses each message by itself, ended by a final block and the byte behind it', async () => {
    const deflater = codecOf().createDeflater(parameters);
    // RFC 7692 7.2.3.4
    const hello = Buffer.from('Hello');
    expect(toHex(await deflate(deflater, hello))).toBe('f348cdc9c9070000');
    expect(toHex(await deflate(deflater, hello))).toBe('f348cdc9c9070000');
  });

  it('compresses nothing to one byte, at once', () => {
    let found = '';
    codecOf()
      .createDeflater(parameters)
      .deflate(new Uint8Array(0), true, (_, output) => {
        found = toHex(output);
      });
    expect(found).toBe('00');
  });

  it('compresses whatever it is given, whole or in pieces, and decompresses it', async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 70_000, size: 'max' }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(pieces, async (given) => {
        const codec = codecOf();
        const deflater = codec.createDeflater(parameters);
        const outputs: Uint8Array[] = [];
        for (const [index, piece] of given.entries()) {
          const borrowed = Uint8Array.from(piece);
          outputs.push(await deflate(deflater, borrowed, index === given.length - 1));
          borrowed.fill(0);
        }
        const payload = Buffer.concat(outputs);
        const expected = toHex(Buffer.concat(given));
        if (expected !== '') expect(toHex(inflateByZlib(payload))).toBe(expected);
        codec
          .createInflater({ windowBits: 15, hasTakeover: false, maxInflationRatio: 200 })
          .inflate(payload, true, 1 << 20, (error, output) => {
            expect(error).toBeUndefined();
            expect(toHex(output)).toBe(expected);
          });
      }),
      { numRuns: 30 },
    );
  });

  it('gives nothing before the last piece', async () => {
    const deflater = codecOf().createDeflater(parameters);
    expect(await deflate(deflater, Buffer.from('Hel'), false)).toHaveLength(0);
    expect(await deflate(deflater, new Uint8Array(0), false)).toHaveLength(0);
    expect(Buffer.from(inflateByZlib(await deflate(deflater, Buffer.from('lo')))).toString()).toBe('Hello');
    // A reset between messages changes nothing.
    deflater.reset();
    expect(Buffer.from(inflateByZlib(await deflate(deflater, Buffer.from('Hi')))).toString()).toBe('Hi');
  });

  it('takes memory that is shared between threads', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(100)).fill(7);
    const payload = await deflate(codecOf().createDeflater(parameters), shared);
    expect(inflateByZlib(payload)).toEqual(new Uint8Array(100).fill(7));
  });

  it('never calls back once it is closed', async () => {
    const deflater = codecOf().createDeflater(parameters);
    const done = vi.fn();
    deflater.deflate(Buffer.from('Hello'), true, done);
    deflater.close();
    // Another message needs no less time than the one that is under way.
    await deflate(codecOf().createDeflater(parameters), Buffer.from('Hello again'));
    await deflate(codecOf().createDeflater(parameters), Buffer.from('Hello again'));
    expect(done).not.toHaveBeenCalled();
  });

  it.each(['writable', 'readable'])('tells of a stream that fails on its %s side', async (side) => {
    const deflater = codecOf().createDeflater(parameters);
    vi.stubGlobal(
      'CompressionStream',
      class extends TransformStream<Uint8Array, Uint8Array> {
        constructor() {
          super({
            transform(): void {
              if (side === 'writable') throw new Error('out of order');
            },
            flush(): void {
              throw new Error('out of order');
            },
          });
        }
      },
    );
    await expect(deflate(deflater, Buffer.from('Hello'))).rejects.toThrow('out of order');
    vi.unstubAllGlobals();
    // Not for good.
    expect(await deflate(deflater, Buffer.from('Hello'))).toHaveLength(8);
  });

  it('tells of a stream that fails with something that is no error', async () => {
    const deflater = codecOf().createDeflater(parameters);
    vi.stubGlobal('CompressionStream', function broken() {
      return {
        writable: new WritableStream(),
        readable: new ReadableStream({ pull: () => Promise.reject('broken') }),
      };
    });
    await expect(deflate(deflater, Buffer.from('Hello'))).rejects.toEqual(new Error('broken'));
  });

  it('has one compressor for all connections, for messages that overlap', async () => {
    const shared = codecOf().sharedDeflater(parameters);
    expect(codecOf().sharedDeflater({ windowBits: 15, level: 9, memLevel: 1 })).toBe(shared);
    const messages = ['first', 'second '.repeat(5000), 'third'].map((text) => Buffer.from(text));
    const payloads = await Promise.all(messages.map((message) => deflateShared(shared, message)));
    expect(payloads.map((payload) => Buffer.from(inflateByZlib(payload)).toString())).toEqual(
      messages.map(String),
    );
  });

  it('is negotiated without contexts and limits', () => {
    const options = { serverNoContextTakeover: false, clientNoContextTakeover: false };
    const extension = new PerMessageDeflate(options, codecOf());
    const withoutContexts = [{ name: 'server_no_context_takeover' }, { name: 'client_no_context_takeover' }];
    expect(extension.offers()).toEqual([withoutContexts]);
    expect(extension.accept({ name: extension.name, parameters: [] })?.parameters).toEqual(withoutContexts);
    const limit = { name: 'server_max_window_bits', value: '14' };
    expect(extension.accept({ name: extension.name, parameters: [limit] })).toBeUndefined();
  });
});
