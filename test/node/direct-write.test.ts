// Writing below the stream of a socket: the same bytes in the same order as through the stream, on real sockets; and by
// a handle of the test's own what the system does only now and then.

import { once } from 'node:events';
import { connect as connectSocket, createServer, type Server, Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ByteTransportEvents } from '../../src/connection/byte-transport.ts';
import type * as DirectWrite from '../../src/node/direct-write.ts';
import { directWriter, learnRequests } from '../../src/node/direct-write.ts';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import { SocketTransport } from '../../src/node/socket-transport.ts';
import { deferred, RawClient, until } from './raw-client.ts';

const KiB = 1024;
const quiet = { drained: (): void => undefined };
const opened: (Server | Socket)[] = [];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
  for (const one of opened.splice(0)) {
    if (one instanceof Socket) one.destroy();
    else one.close();
  }
});

/** Both ends of a connection; that of the client is not read before somebody does. */
async function socketPair(): Promise<[server: Socket, client: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(server, 'connection');
  const client = connectSocket({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => undefined);
  const [socket] = await accepted;
  if (!(socket instanceof Socket)) throw new Error('no socket');
  opened.push(server, socket, client);
  return [socket, client];
}

function eventsOf(overrides: Partial<ByteTransportEvents> = {}): ByteTransportEvents {
  const ignore = (): void => undefined;
  return { received: ignore, ended: ignore, drained: ignore, closed: ignore, ...overrides };
}

/** Everything that a socket receives until its end. */
async function allOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes by which each position is told from its neighbours, and each seed from others. */
function content(seed: number, byteLength: number): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: byteLength }, (_, index) => (seed * 31 + index * 7 + (index >> 8)) & 0xff),
  );
}

/** A transport whose head went through the stream, so that requests are known. */
async function readyTransport(
  socket: Socket,
  events: Partial<ByteTransportEvents> = {},
): Promise<SocketTransport> {
  const transport = new SocketTransport(socket);
  transport.attach(eventsOf(events));
  await new Promise((resolve) => {
    socket.write('head', resolve);
  });
  return transport;
}

describe('on a real socket', () => {
  test('small and large chunks arrive in the order in which they were written, and need no stream', async () => {
    const [socket, client] = await socketPair();
    const transport = await readyTransport(socket);
    const arrived = allOf(client);
    const stream = vi.spyOn(socket, 'write');
    const expected: Buffer[] = [Buffer.from('head')];
    for (let seed = 0; seed < 200; seed++) {
      const chunks = [content(seed, seed % 3), content(seed, 100), content(seed, 1 + ((seed * 997) % 9000))];
      const written = seed % 2 === 0 ? chunks : chunks.slice(2);
      transport.write(written);
      expected.push(...written);
    }
    transport.end();
    expect(Buffer.compare(await arrived, Buffer.concat(expected))).toBe(0);
    expect(stream).not.toHaveBeenCalled();
  });

  test('what a peer does not read is counted, arrives in order, and its end is told once', async () => {
    const [socket, client] = await socketPair();
    let drains = 0;
    const transport = await readyTransport(socket, { drained: () => drains++ });
    const expected: Buffer[] = [Buffer.from('head')];
    let written = 0;
    let isFree = true;
    for (let seed = 0; isFree || seed < 40; seed++) {
      const chunk = content(seed, 300 * KiB);
      expected.push(chunk);
      const isTaken = transport.write([chunk]);
      // Behind the first that waits everything waits.
      if (!isFree) expect(isTaken).toBe(false);
      if (!isTaken) written += chunk.length;
      isFree = isTaken;
    }
    expect(transport.bufferedBytes).toBe(written);
    expect(drains).toBe(0);
    const before = transport.writeProgress;
    const arrived = allOf(client);
    await until(() => transport.writeProgress !== before);
    transport.end();
    expect(Buffer.compare(await arrived, Buffer.concat(expected))).toBe(0);
    await until(() => drains > 0);
    expect([drains, transport.bufferedBytes]).toEqual([1, 0]);
  });

  test('nothing overtakes what waits in the stream, and the stream nothing that waits below it', async () => {
    const [socket, client] = await socketPair();
    const transport = await readyTransport(socket);
    const expected: Buffer[] = [Buffer.from('head')];
    for (let seed = 0; seed < 30; seed++) {
      const chunk = content(seed, seed % 5 === 4 ? 2000 * KiB : 10);
      expected.push(chunk);
      if (seed % 3 === 0) socket.write(chunk);
      else transport.write([chunk]);
      if (seed === 15) {
        expect(socket.writableLength).toBeGreaterThan(0);
        expect(transport.bufferedBytes).toBeGreaterThanOrEqual(socket.writableLength);
      }
    }
    transport.end();
    expect(Buffer.compare(await allOf(client), Buffer.concat(expected))).toBe(0);
  });

  test('after the end nothing is written, and nobody waits for it', async () => {
    const [socket, client] = await socketPair();
    const transport = await readyTransport(socket);
    transport.end();
    expect(transport.write([content(0, 10)])).toBe(true);
    expect((await allOf(client)).toString()).toBe('head');
    transport.destroy();
    expect(transport.write([content(0, 10)])).toBe(true);
    expect(transport.bufferedBytes).toBe(0);
  });

  test.each(['destroy', 'reset'] as const)(
    'a connection that ends (%s) while a write waits is told as closed once, and nothing is drained',
    async (how) => {
      const [socket, client] = await socketPair();
      const closed = deferred<Error | undefined>();
      const transport = await readyTransport(socket, {
        drained: () => expect.unreachable(),
        closed: closed.resolve,
      });
      while (transport.write([content(1, 500 * KiB)]));
      expect(transport.bufferedBytes).toBeGreaterThan(0);
      if (how === 'destroy') transport.destroy();
      else client.resetAndDestroy();
      const error = await closed.promise;
      if (how === 'destroy') expect(error).toBeUndefined();
      else expect(error).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) });
      await until(() => transport.bufferedBytes === 0);
    },
  );

  test('a peer that resets while a send waits ends the connection with WS_TRANSPORT_FAILED', async () => {
    const ended = deferred<unknown>();
    const sent = deferred<boolean>();
    await using server = await serve(
      { port: 0, host: '127.0.0.1', pingIntervalMs: 0, maxQueuedBytes: 64 * 1024 * KiB },
      {
        open: async (connection) => {
          for (let index = 0; index < 20; index++) void connection.send(content(index, 1000 * KiB));
          sent.resolve(await connection.send('last'));
        },
        close: (_, info) => ended.resolve(info),
      },
    );
    const [client] = await RawClient.shake(server.port);
    client.socket.pause();
    client.reset();
    expect(await ended.promise).toMatchObject({
      code: 1006,
      clean: false,
      cause: { code: 'WS_TRANSPORT_FAILED' },
    });
    expect(await sent.promise).toBe(false);
  });

  test.each(['0', '1'])(
    'everything arrives before the close frame, also for a reader who pauses (FULLDUPLEX_PORTABLE=%s)',
    async (isPortable) => {
      vi.stubEnv('FULLDUPLEX_PORTABLE', isPortable);
      vi.resetModules();
      const { serve: serveAnew } = await import('../../src/node/serve.ts');
      const { SocketTransport: Transport } = await import('../../src/node/socket-transport.ts');
      const writes = vi.spyOn(Transport.prototype, 'write');
      const streamWrites = vi.spyOn(Socket.prototype, 'write');
      const server = await serveAnew(
        { port: 0, host: '127.0.0.1', maxQueuedBytes: 64 * 1024 * KiB },
        {
          open: (connection) => {
            for (let seed = 0; seed < 40; seed++) void connection.send(content(seed, seed * 10 * KiB));
            void connection.close(4000);
          },
        },
      );
      const connection = await connect(server.url, { maxQueuedBytes: 64 * 1024 * KiB });
      let seed = 0;
      for await (const message of connection) {
        expect(Buffer.compare(Buffer.from(message), content(seed, seed * 10 * KiB)), `${seed}`).toBe(0);
        seed++;
      }
      expect(seed).toBe(40);
      expect((await connection.closed).code).toBe(4000);
      expect(writes).toHaveBeenCalled();
      // The heads of the handshake, and what the client said.
      if (isPortable === '0') expect(streamWrites.mock.calls.length).toBeLessThan(5);
      await server.close();
      writes.mockRestore();
      streamWrites.mockRestore();
    },
  );

  test('a socket that is no plain one of Node, or has no handle any more, has no writer', async () => {
    const [socket] = await socketPair();
    await readyTransport(socket);
    expect(directWriter(socket, quiet)).toBeDefined();
    expect(directWriter(new Socket(), quiet)).toBeUndefined();
    expect(directWriter({ _handle: Reflect.get(socket, '_handle') }, quiet)).toBeUndefined();
    socket.destroy();
    expect(directWriter(socket, quiet)).toBeUndefined();
    learnRequests(undefined);
  });
});

describe('with a handle of its own', () => {
  /** A request as Node makes it: it must not be used again while it is held. */
  class WriteWrap {
    oncomplete: ((status: number) => void) | undefined = undefined;
    asyncId = -1;

    getAsyncId(): number {
      return this.asyncId;
    }
  }

  /** A handle that holds every second write, or answers with a status. */
  class FakeHandle {
    writeQueueSize = 0;
    status = 0;
    isHolding = false;
    readonly held: WriteWrap[] = [];
    readonly written: string[] = [];

    writeBuffer(request: WriteWrap, chunk: Uint8Array): number {
      return this.writev(request, [chunk]);
    }

    writev(request: WriteWrap, chunks: readonly Uint8Array[]): number {
      if (request.asyncId > 0) throw new Error('Node ends the process: the request is held');
      if (this.status !== 0) return this.status;
      this.written.push(Buffer.concat(chunks).toString());
      if (this.isHolding) {
        request.asyncId = this.written.length;
        this.held.push(request);
      }
      return 0;
    }

    release(status: number): void {
      const request = this.held.shift();
      if (request === undefined) throw new Error('nothing is held');
      request.asyncId = -1;
      request.oncomplete?.(status);
    }

    close(): void {}
  }

  async function learned(
    request: object = new WriteWrap(),
  ): Promise<{ module: typeof DirectWrite; socket: Socket; handle: FakeHandle }> {
    const module = await import('../../src/node/direct-write.ts');
    const socket = new Socket();
    const handle = new FakeHandle();
    Reflect.set(socket, '_handle', handle);
    module.learnRequests(socket);
    Reflect.apply(Reflect.get(handle, 'writeBuffer'), handle, [request, Buffer.from('head')]);
    handle.written.length = 0;
    return { module, socket, handle };
  }

  function writerOf(
    { module, socket }: { module: typeof DirectWrite; socket: Socket },
    drained: () => void = () => undefined,
  ): DirectWrite.DirectWriter {
    const writer = module.directWriter(socket, { drained });
    if (writer === undefined) throw new Error('no writer');
    return writer;
  }

  test('a request that is held is not used again, although nothing is left in the queue of the handle', async () => {
    vi.resetModules();
    const stage = await learned();
    let drains = 0;
    const writer = writerOf(stage, () => drains++);
    expect(writer.write([Buffer.from('a')])).toBe(true);
    stage.handle.isHolding = true;
    expect(writer.write([Buffer.from('bb')])).toBe(false);
    expect(writer.write([Buffer.from('c'), Buffer.from('dd')])).toBe(false);
    expect(writer.pendingBytes).toBe(5);
    stage.handle.isHolding = false;
    expect(writer.write([Buffer.from('e')])).toBe(true);
    expect(stage.handle.written).toEqual(['a', 'bb', 'cdd', 'e']);
    stage.handle.release(0);
    expect([writer.pendingBytes, drains]).toEqual([3, 0]);
    stage.handle.release(0);
    expect([writer.pendingBytes, drains]).toEqual([0, 1]);
  });

  test.each(['at once', 'later'])(
    'a write that fails %s destroys the socket with its error',
    async (when) => {
      vi.resetModules();
      const stage = await learned();
      const writer = writerOf(stage, () => expect.unreachable());
      const failed = once(stage.socket, 'error');
      if (when === 'at once') stage.handle.status = -32;
      else stage.handle.isHolding = true;
      expect(writer.write([Buffer.from('a')])).toBe(when === 'at once');
      if (when === 'later') stage.handle.release(-32);
      expect(await failed).toEqual([
        expect.objectContaining({ code: 'EPIPE', syscall: 'write', errno: -32, message: 'write EPIPE' }),
      ]);
      expect([writer.pendingBytes, writer.mayWrite]).toEqual([0, false]);
    },
  );

  // Anonymous classes have the name of their property.
  const silent = {
    WriteWrap: class {
      oncomplete = undefined;
    },
  };
  const busy = {
    WriteWrap: class {
      getAsyncId(): number {
        return 5;
      }
    },
  };

  test.each<[string, object]>([
    ['of another name', new (class Other extends WriteWrap {})()],
    ['that do not say whether they are held', new silent.WriteWrap()],
    ['that are held from the start', new busy.WriteWrap()],
  ])('requests %s are not used', async (_, request) => {
    vi.resetModules();
    const { module, socket, handle } = await learned(request);
    expect(module.directWriter(socket, quiet)).toBeUndefined();
    // Nothing is left on the handle, and no other write is looked at.
    expect(Object.hasOwn(handle, 'writeBuffer')).toBe(false);
    module.learnRequests(socket);
    expect(Object.hasOwn(handle, 'writeBuffer')).toBe(false);
  });

  test('with FULLDUPLEX_PORTABLE=1 nothing is learned', async () => {
    vi.stubEnv('FULLDUPLEX_PORTABLE', '1');
    vi.resetModules();
    const { module, socket } = await learned();
    expect(module.directWriter(socket, quiet)).toBeUndefined();
  });
});
