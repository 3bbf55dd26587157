// The switch FULLDUPLEX_PORTABLE: with it none of what Node or the processor may lack is used, and without it all of it.

import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { maskInPlace } from '../../src/protocol/mask.ts';

let server: Server | undefined;

afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock('../../src/node/zlib/zlib-binding.ts');
  vi.resetModules();
  server?.close();
});

async function acceptedSocket(): Promise<Socket> {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(server, 'connection');
  const client = connect(address.port, '127.0.0.1');
  const [socket] = await accepted;
  if (!(socket instanceof Socket)) throw new Error('no socket');
  socket.on('close', () => client.destroy());
  return socket;
}

/** Memory that WebAssembly can see stays where it is when it is transferred; newer Nodes say so. */
function isSeenByWebAssembly(memory: Uint8Array): boolean {
  try {
    structuredClone(memory, { transfer: memory.buffer instanceof ArrayBuffer ? [memory.buffer] : [] });
  } catch (error) {
    expect(error).toMatchObject({ name: 'DataCloneError' });
  }
  return memory.byteLength > 0;
}

test.each([
  ['1', false],
  ['0', true],
  [undefined, true],
])('with FULLDUPLEX_PORTABLE %s the fast ways are used: %s', async (value, isFast) => {
  vi.stubEnv('FULLDUPLEX_PORTABLE', value);
  const { readIntoSharedBuffer } = await import('../../src/node/shared-read-buffer.ts');
  const { fastMemory, unmask } = await import('../../src/node/wasm-unmask.ts');

  const socket = await acceptedSocket();
  expect(readIntoSharedBuffer(socket, () => undefined)).toBe(isFast);
  socket.destroy();

  const expected = Uint8Array.from({ length: 1000 }, (_, index) => index);
  fastMemory.set(expected);
  maskInPlace(expected, 3, 997, 0x12345678);
  unmask(fastMemory, 3, 997, 0x12345678);
  expect(fastMemory.subarray(0, 1000)).toEqual(expected);
  expect(isSeenByWebAssembly(fastMemory)).toBe(isFast);

  const zlibBinding = vi.fn(() => undefined);
  vi.doMock('../../src/node/zlib/zlib-binding.ts', () => ({ zlibBinding }));
  const { createZlibCodec } = await import('../../src/node/zlib/zlib-codec.ts');
  createZlibCodec();
  expect(zlibBinding).toHaveBeenCalledTimes(isFast ? 1 : 0);
});
