import { describe, expect, test } from 'vitest';
import type { Scheduler } from '../../src/base/scheduler.ts';
import type { ByteTransport, ByteTransportEvents } from '../../src/connection/byte-transport.ts';
import { Connection } from '../../src/connection/connection.ts';
import { resolveConnectionOptions } from '../../src/connection/connection-options.ts';
import { FramedTransport } from '../../src/connection/framed-transport.ts';
import { protocolOptionsOf } from '../../src/connection/protocol-options.ts';
import { connectionPair, FakeClock, settle } from '../../src/testing.ts';

const pingBytes = 131;

describe('a flood of pings', () => {
  test('by a peer that reads no pongs is bounded: it is not read any more until it reads', async () => {
    const { client, server, clientTransport } = connectionPair();
    let pings = 0;
    server.attach({ ping: () => pings++ });
    clientTransport.stall();
    for (let sent = 0; sent < 20_000; sent++) client.ping(new Uint8Array(125));
    await settle();
    expect(server.bufferedAmount).toBeGreaterThan(0);
    expect(server.bufferedAmount).toBeLessThan(256 * 1024);
    expect(client.bufferedAmount).toBeGreaterThan(15_000 * pingBytes);
    clientTransport.unstall();
    while (client.bufferedAmount > 0 || server.bufferedAmount > 0) await settle();
    expect(pings).toBe(20_000);
    expect(server.readyState).toBe('open');
  });

  test('does not keep the connection from being closed', async () => {
    const { client, server, clientTransport } = connectionPair();
    clientTransport.stall();
    for (let sent = 0; sent < 3000; sent++) client.ping(new Uint8Array(125));
    void client.close(4000);
    await settle();
    const closed = server.close(1001);
    clientTransport.unstall();
    expect((await closed).clean).toBe(true);
  });

  test('by a peer that never reads ends with the keep-alive', async () => {
    const clock = new FakeClock();
    const { client, server, clientTransport } = connectionPair({ clock, client: { pingIntervalMs: 0 } });
    clientTransport.stall();
    for (let sent = 0; sent < 20_000; sent++) client.ping(new Uint8Array(125));
    await clock.advanceAsync(46_000);
    expect(server.closedInfo?.cause).toMatchObject({ code: 'WS_KEEP_ALIVE_TIMEOUT' });
  });
});

describe('bytes behind which more are likely', () => {
  // A masked text frame of two bytes, with a masking key of zeros.
  const hello = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69];
  const close = [0x88, 0x80, 0, 0, 0, 0];
  const echo = (count: number): number[] => Array.from({ length: count }, () => [0x81, 2, 0x68, 0x69]).flat();

  /** A server that echoes, over a transport and a scheduler that the test drives. */
  function stage(answer?: Uint8Array): {
    readonly writes: number[][];
    readonly connection: Connection;
    readonly receive: (bytes: number[], isMoreLikely?: boolean) => void;
    readonly endTurn: () => void;
  } {
    const writes: number[][] = [];
    let events: ByteTransportEvents | undefined;
    let tasks: (() => void)[] = [];
    const ignore = (): void => undefined;
    const transport: ByteTransport = {
      bufferedBytes: 0,
      writeProgress: 0,
      attach: (listener) => {
        events = listener;
      },
      write: (chunks) => {
        writes.push(chunks.flatMap((chunk) => [...chunk]));
        return true;
      },
      pause: ignore,
      resume: ignore,
      end: ignore,
      destroy: ignore,
    };
    const scheduler: Scheduler = { queueTask: (task) => void tasks.push(task), queueFlush: queueMicrotask };
    const options = resolveConnectionOptions({ pingIntervalMs: 0 });
    const protocol = protocolOptionsOf(options, 'server');
    const framed = new FramedTransport({ transport, protocol, scheduler, subprotocol: '', extensions: '' });
    const clock = new FakeClock();
    const connection = new Connection(framed, undefined, options, { clock, scheduler });
    connection.attach({ message: (self, message) => void self.send(answer ?? message) });
    return {
      writes,
      connection,
      receive: (bytes, isMoreLikely) => {
        events?.received(Uint8Array.from(bytes), bytes.length, isMoreLikely);
      },
      endTurn: () => {
        const due = tasks;
        tasks = [];
        for (const task of due) task();
      },
    };
  }

  test('are answered together with what follows, in one write', () => {
    const { writes, receive, endTurn } = stage();
    receive([...hello, ...hello], true);
    receive(hello, true);
    expect(writes).toEqual([]);
    receive(hello);
    expect(writes).toEqual([echo(4)]);
    endTurn();
    expect(writes).toHaveLength(1);
  });

  test('are answered at the end of the turn when nothing follows', () => {
    const { writes, receive, endTurn } = stage();
    for (const count of [1, 2]) {
      receive(hello, true);
      expect(writes).toHaveLength(count - 1);
      endTurn();
      expect(writes).toHaveLength(count);
    }
    expect(writes).toEqual([echo(1), echo(1)]);
  });

  test('do not hold up a close, nor more than the usual amount', () => {
    const { writes, receive } = stage();
    receive([...hello, ...close], true);
    expect(writes).toEqual([[...echo(1), 0x88, 0]]);
    const other = stage(new Uint8Array(60_000));
    other.receive(hello, true);
    expect(other.writes.flat()).toHaveLength(60_004);
  });

  test('are not answered when the connection is gone by then', () => {
    const { writes, connection, receive, endTurn } = stage();
    receive(hello, true);
    connection.terminate();
    endTurn();
    expect(writes).toEqual([]);
  });
});
