import { describe, expect, test } from 'vitest';
import { type BufferHolder, BufferMemory } from '../../src/connection/buffer-memory.ts';
import { Connection } from '../../src/connection/connection.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../../src/connection/connection-options.ts';
import { FramedTransport } from '../../src/connection/framed-transport.ts';
import { protocolOptionsOf } from '../../src/connection/protocol-options.ts';
import { immediateScheduler, type MemoryTransport, memoryTransportPair, settle } from '../../src/testing.ts';

const KiB = 1024;

class Holder implements BufferHolder {
  heldBytes: number;
  reason: string | undefined;

  constructor(heldBytes: number) {
    this.heldBytes = heldBytes;
  }

  shed(reason: string): void {
    this.reason = reason;
  }
}

function memoryOf(maxBytes: number): BufferMemory {
  return new BufferMemory({ maxBytes, scheduler: immediateScheduler });
}

describe('the bound', () => {
  test('ends those that hold most first, and no more of them than it takes', async () => {
    const memory = memoryOf(1000 * KiB);
    const holders = [100, 500, 200, 300, 150].map((size) => new Holder(size * KiB));
    for (const holder of holders) memory.grew(holder, holder.heldBytes);
    // Never inside of the send or the read that goes beyond it.
    expect(holders.every(({ reason }) => reason === undefined)).toBe(true);
    await settle();
    expect(holders.map(({ reason }) => reason !== undefined)).toEqual([false, true, false, false, false]);
    expect(holders[1].reason).toBe(
      `all connections together hold ${1250 * KiB} bytes, at most ${1000 * KiB}, and this one ${500 * KiB}`,
    );
    expect(memory.shedConnections).toBe(1);
    expect(memory.heldBytes).toBe(750 * KiB);
  });

  test('is not reached by those that come and go', async () => {
    const memory = memoryOf(1000 * KiB);
    for (let index = 0; index < 100; index++) {
      const holder = new Holder(900 * KiB);
      memory.grew(holder, 900 * KiB);
      await settle();
      holder.heldBytes = 0;
      if (index % 2 === 0) memory.left(holder);
      expect(holder.reason).toBeUndefined();
    }
  });

  test('is kept within a part of it while a holder grows by little', async () => {
    const memory = memoryOf(1000 * KiB);
    const holder = new Holder(0);
    while (holder.reason === undefined && holder.heldBytes < 2000 * KiB) {
      holder.heldBytes += KiB;
      memory.grew(holder, KiB);
      await Promise.resolve();
    }
    expect(holder.heldBytes).toBeLessThan(1000 * KiB * (1 + 1 / 32));
  });

  test('counts at once when it is lowered', () => {
    const memory = memoryOf(Infinity);
    const holder = new Holder(500 * KiB);
    memory.grew(holder, 500 * KiB);
    memory.maxBytes = 400 * KiB;
    expect(holder.reason).toBeDefined();
    expect(() => {
      memory.maxBytes = 0;
    }).toThrow('option maxBytes is 0, expected an integer of at least 1');
  });
});

describe('a connection', () => {
  interface Joined {
    readonly server: Connection;
    readonly client: Connection;
    readonly clientTransport: MemoryTransport;
  }

  function join(memory: BufferMemory, options: Partial<ConnectionOptions> = {}): Joined {
    const [clientTransport, serverTransport] = memoryTransportPair();
    const resolved = resolveConnectionOptions({ pingIntervalMs: 0, ...options });
    const connect = (role: 'client' | 'server', transport: MemoryTransport): Connection =>
      new Connection(
        new FramedTransport({
          transport,
          protocol: protocolOptionsOf(resolved, role),
          scheduler: immediateScheduler,
          subprotocol: '',
          extensions: '',
        }),
        undefined,
        resolved,
        { scheduler: immediateScheduler, ...(role === 'server' ? { memory } : {}) },
      );
    return {
      client: connect('client', clientTransport),
      server: connect('server', serverTransport),
      clientTransport,
    };
  }

  test('that reads nothing is cut, and those that read go on', async () => {
    const memory = memoryOf(1024 * KiB);
    const stalled = join(memory);
    const healthy = Array.from({ length: 10 }, () => join(memory));
    stalled.clientTransport.stall();
    let received = 0;
    for (const { client } of healthy) client.attach({ message: () => received++ });
    for (let index = 0; index < 40; index++) {
      for (const { server } of [stalled, ...healthy]) void server.send(new Uint8Array(32 * KiB));
      await settle();
    }
    const info = await stalled.server.closed;
    expect(info.cause).toMatchObject({ code: 'WS_MEMORY_SHED' });
    expect(memory.shedConnections).toBe(1);
    expect(received).toBe(400);
    expect(healthy.every(({ server }) => server.readyState === 'open')).toBe(true);
    expect(memory.heldBytes).toBe(0);
  });

  test('whose message never ends is failed with 1013, and its memory is free', async () => {
    const memory = memoryOf(1024 * KiB);
    const { server, client } = join(memory);
    for (let index = 0; index < 40; index++) {
      client.sendFragment(new Uint8Array(32 * KiB), { fin: false });
      await settle();
    }
    expect(client.peerClose?.code).toBe(1013);
    const info = await server.closed;
    expect(info.code).toBe(1013);
    expect(info.cause).toMatchObject({ code: 'WS_MEMORY_SHED' });
    expect(memory.heldBytes).toBe(0);
  });

  test('whose messages nobody takes is failed with 1013, and they are let go of', async () => {
    const memory = memoryOf(1024 * KiB);
    const joined = Array.from({ length: 4 }, () => join(memory));
    for (const { client } of joined) client.send(new Uint8Array(400 * KiB));
    await settle();
    await settle();
    expect(memory.shedConnections).toBe(2);
    expect(memory.heldBytes).toBeLessThan(1024 * KiB);
    expect(joined.filter(({ server }) => server.readyState === 'open')).toHaveLength(2);
  });
});
