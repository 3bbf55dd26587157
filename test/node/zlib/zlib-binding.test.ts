// Live contexts lean on what Node does not document: that is found out by looking, and left alone when it differs.

import { createDeflateRaw } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ZlibBinding } from '../../../src/node/zlib/zlib-binding.ts';

const undo: (() => void)[] = [];

afterEach(() => {
  for (const act of undo.splice(0)) act();
});

async function find(): Promise<ZlibBinding | undefined> {
  vi.resetModules();
  const { zlibBinding } = await import('../../../src/node/zlib/zlib-binding.ts');
  return zlibBinding();
}

function replace(target: object, name: string, value: unknown): void {
  const before = Reflect.getOwnPropertyDescriptor(target, name);
  Reflect.defineProperty(target, name, { configurable: true, writable: true, value });
  undo.push(() => {
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Reflect.defineProperty(target, name, before);
  });
}

function handlePrototype(): object {
  const stream = createDeflateRaw();
  const handle: unknown = Reflect.get(stream, '_handle');
  const prototype = typeof handle === 'object' && handle !== null ? Reflect.getPrototypeOf(handle) : null;
  stream.destroy();
  if (prototype === null) throw new Error('no handle');
  return prototype;
}

function streamPrototype(): object {
  const stream = createDeflateRaw();
  const prototype = Reflect.getPrototypeOf(stream);
  stream.destroy();
  if (prototype === null) throw new Error('no prototype');
  return prototype;
}

describe("Node's binding to zlib", () => {
  it('is as expected on this Node: its connections get live contexts', async () => {
    expect(await find()).toBeTypeOf('function');
  });

  it('is left as it was', async () => {
    const prototype = handlePrototype();
    const names = Reflect.ownKeys(prototype);
    const before = names.map((name) => Reflect.getOwnPropertyDescriptor(prototype, name));
    await find();
    expect(Reflect.ownKeys(prototype)).toEqual(names);
    for (const [index, name] of names.entries()) {
      expect(Reflect.getOwnPropertyDescriptor(prototype, name)).toEqual(before[index]);
    }
  });

  it.each(['write', 'writeSync', 'reset'])('is not used without %s', async (name) => {
    replace(handlePrototype(), name, undefined);
    expect(await find()).toBeUndefined();
  });

  it('is not used when a reset leaves history behind', async () => {
    replace(handlePrototype(), 'reset', () => undefined);
    expect(await find()).toBeUndefined();
  });

  it.each([
    ['one argument more', (values: unknown[]) => [...values, undefined]],
    ['another order of arguments', ([flush, input, ...rest]: unknown[]) => [input, flush, ...rest]],
    ['another idea of the room', (values: unknown[]) => [...values.slice(0, 6), 1]],
  ])('is not used when Node writes with %s', async (_, change) => {
    const prototype = streamPrototype();
    const original: unknown = Reflect.get(prototype, '_processChunk');
    if (typeof original !== 'function') throw new Error('no _processChunk');
    replace(prototype, '_processChunk', function (this: object, ...values: unknown[]): unknown {
      if (values.length > 2) return Reflect.apply(original, this, values);
      const handle: unknown = Reflect.get(this, '_handle');
      const writeSync: unknown =
        typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeSync') : undefined;
      if (typeof writeSync !== 'function') throw new Error('no writeSync');
      const [input, flush] = values;
      const length = input instanceof Uint8Array ? input.length : 0;
      const output = new Uint8Array(256);
      // The watcher hears it; were it passed on, zlib would end the process.
      return Reflect.apply(writeSync, handle, change([flush, input, 0, length, output, 0, output.length]));
    });
    expect(await find()).toBeUndefined();
  });

  it('is not used when looking for it fails', async () => {
    replace(streamPrototype(), '_processChunk', () => {
      throw new Error('not here');
    });
    expect(await find()).toBeUndefined();
  });

  it('leaves a codec without live contexts to the public API, and refuses to pretend', async () => {
    replace(handlePrototype(), 'reset', () => undefined);
    vi.resetModules();
    const { createZlibCodec } = await import('../../../src/node/zlib/zlib-codec.ts');
    expect(() => createZlibCodec({ contexts: 'live' })).toThrow(/no live zlib contexts/);
    const codec = createZlibCodec();
    const deflater = codec.createDeflater({ windowBits: 15, level: 3, memLevel: 8, hasTakeover: true });
    const inflater = codec.createInflater({ windowBits: 15, hasTakeover: true, maxInflationRatio: 200 });
    const text = new TextEncoder().encode('as well without them');
    const received: string[] = [];
    for (let message = 0; message < 2; message++) {
      deflater.deflate(text, true, (_, deflated) => {
        inflater.inflate(deflated, true, 1000, (__, inflated) =>
          received.push(new TextDecoder().decode(inflated)),
        );
      });
    }
    expect(received).toEqual(['as well without them', 'as well without them']);
  });
});
