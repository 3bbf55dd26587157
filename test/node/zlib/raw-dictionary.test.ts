import type * as zlib from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Buffer } from 'node:buffer';

afterEach(() => {
  vi.doUnmock('node:zlib');
  vi.resetModules();
});

beforeEach(() => {
  vi.resetModules();
});

const parameters = { windowBits: 15, hasTakeover: true, maxInflationRatio: 200 };

test('zlib is used where it reads raw streams that refer to a dictionary', async () => {
  const { readsRawDictionary } = await import('../../../src/node/zlib/raw-dictionary.ts');
  const { createZlibCodec } = await import('../../../src/node/zlib/zlib-codec.ts');
  // Deno does not.
  const isRead = process.versions.deno === undefined;
  expect(readsRawDictionary()).toBe(isRead);
  const inflater = createZlibCodec({ contexts: 'oneShot' }).createInflater(parameters);
  expect(inflater.constructor.name).toBe(isRead ? 'ZlibInflater' : 'PortableInflater');
});

test('elsewhere messages that take a context over are decompressed without it', async () => {
  vi.doMock('node:zlib', async (original) => ({
    ...(await original<typeof zlib>()),
    inflateRawSync: () => {
      throw new Error('invalid distance too far back');
    },
  }));
  const { createZlibCodec } = await import('../../../src/node/zlib/zlib-codec.ts');
  const inflater = createZlibCodec({ contexts: 'oneShot' }).createInflater(parameters);
  const { createDeflateRaw, constants } = await import('node:zlib');
  const stream = createDeflateRaw();
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  for (const text of ['the same words', 'the same words']) {
    stream.write(text);
    await new Promise<void>((resolve) => {
      stream.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    const message = Buffer.concat(pieces.splice(0)).subarray(0, -4);
    const read = await new Promise((resolve, reject) => {
      inflater.inflate(message, true, 1000, (error, output) => {
        if (error === undefined) resolve(Buffer.from(output).toString());
        else reject(error);
      });
    });
    expect(read).toBe(text);
  }
});
