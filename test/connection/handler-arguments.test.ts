// What handlers are told beside the message: its type, whether a pong answers the keep-alive, and why a connection failed.

import { expect, test } from 'vitest';
import type { MessageType } from '../../src/connection/message-transport.ts';
import { Connection } from '../../src/connection/connection.ts';
import { FramedTransport } from '../../src/connection/framed-transport.ts';
import { connectionPair, FakeClock, memoryTransportPair, settle } from '../../src/testing.ts';
import { immediateScheduler } from '../../src/testing/fake-clock.ts';

test('a message comes with its type', async () => {
  const { client, server } = connectionPair();
  const types: MessageType[] = [];
  server.attach({ message: (_connection, _message, type) => void types.push(type) });
  client.send('text');
  client.send(new Uint8Array(1));
  await settle();
  expect(types).toEqual(['text', 'binary']);
});

test('text that is handed on as bytes keeps its type while it waits', async () => {
  const [near, far] = memoryTransportPair();
  const framed = new FramedTransport({
    transport: near,
    protocol: { role: 'client', textMessages: 'bytes' },
    scheduler: immediateScheduler,
    subprotocol: '',
    extensions: '',
  });
  const connection = new Connection(framed, undefined, {}, { scheduler: immediateScheduler });
  far.attach({
    received: () => undefined,
    ended: () => undefined,
    drained: () => undefined,
    closed: () => undefined,
  });
  // One text and one binary message, with the same bytes.
  far.write([new Uint8Array([0x81, 1, 0x61, 0x82, 1, 0x61])]);
  await settle();
  expect(connection.heldBytes).toBeGreaterThan(0);
  const seen: unknown[] = [];
  connection.attach({ message: (_, message, type) => void seen.push([String(message), type]) });
  expect(seen).toEqual([
    ['97', 'text'],
    ['97', 'binary'],
  ]);
});

test('a pong says whether it answers the keep-alive', async () => {
  const clock = new FakeClock();
  const { client, server } = connectionPair({
    clock,
    client: { pingIntervalMs: 1000 },
    server: { pingIntervalMs: 0 },
  });
  const pongs: [number, boolean][] = [];
  client.attach({ pong: (_, payload, isKeepAlive) => void pongs.push([payload.length, isKeepAlive]) });
  server.attach({});
  client.ping('own!');
  await settle();
  clock.advance(1000);
  await settle();
  expect(pongs).toEqual([
    [4, false],
    [4, true],
  ]);
});

test('failed is told the rule that was broken, behind closing', async () => {
  const { client, serverTransport } = connectionPair();
  const log: string[] = [];
  client.attach({
    closing: () => void log.push('closing'),
    failed: (_, error) => void log.push(`${error.code} ${error.closeCode}`),
    close: () => void log.push('close'),
  });
  // RSV1 without an extension.
  serverTransport.write([new Uint8Array([0xc1, 0])]);
  await settle();
  expect(log.slice(0, 2)).toEqual(['closing', 'WS_FRAME_RSV_UNEXPECTED 1002']);
});

test('an answer that comes behind the next ping is one to the keep-alive all the same, a foreign pong is not', async () => {
  const clock = new FakeClock();
  const [near, far] = memoryTransportPair();
  const framed = new FramedTransport({
    transport: near,
    protocol: { role: 'client' },
    scheduler: immediateScheduler,
    subprotocol: '',
    extensions: '',
  });
  const options = { pingIntervalMs: 1000, pongTimeoutMs: 5000 };
  const connection = new Connection(framed, undefined, options, { clock, scheduler: immediateScheduler });
  const pongs: boolean[] = [];
  connection.attach({ pong: (_, _payload, isKeepAlive) => void pongs.push(isKeepAlive) });
  const nothing = (): void => undefined;
  far.attach({ received: nothing, ended: nothing, drained: nothing, closed: nothing });
  const pong = async (count: number): Promise<void> => {
    far.write([new Uint8Array([0x8a, 4, 0, 0, 0, count])]);
    await settle();
  };
  clock.advance(1000);
  await pong(1);
  clock.advance(1000);
  await settle();
  // Late, twice, for a ping that was never sent, and in time.
  for (const count of [1, 1, 9, 2]) await pong(count);
  expect(pongs).toEqual([true, true, true, false, true]);
  connection.terminate();
});
