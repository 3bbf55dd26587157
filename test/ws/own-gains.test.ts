// What the drop-in has beyond ws: keep-alive, bounds, broadcasts that are encoded once, ready frames, and the Connection below.

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { repeatedMessage } from '../../src/ws/repeated-message.ts';
import { Sender, WebSocket, type WebSocketServer } from '../../src/ws.ts';
import { type Implementation, implementations } from './implementations.ts';
import {
  afterwards,
  connectPair,
  connectRaw,
  maskedFrame,
  portOf,
  record,
  startServer,
  thrownBy,
  until,
  urlOf,
} from './stage.ts';

const own = implementations.find(({ name }) => name === 'fullduplex/ws') as Implementation;

interface OwnPair {
  readonly server: WebSocketServer;
  readonly client: WebSocket;
  readonly peer: WebSocket;
}

async function pair(serverOptions: object = {}, clientOptions: object = {}): Promise<OwnPair> {
  return (await connectPair(own, serverOptions, clientOptions)) as unknown as OwnPair;
}

describe('keep-alive', () => {
  test('sends pings whose answers are no pong events', async () => {
    const { client, peer } = await pair({ pingIntervalMs: 10 }, { pingIntervalMs: 0 });
    const events = record(peer, ['pong']);
    await once(client, 'ping');
    client.pong('mine');
    await expect.poll(() => events).toEqual([['pong', 'Buffer mine']]);
    expect(WebSocket.connectionOf(peer)?.latencyMs).toBeGreaterThanOrEqual(0);
  });

  test('ends a connection whose peer is silent with 1006, and no error', async () => {
    const { peer } = await connectRaw(own, { pingIntervalMs: 10, pongTimeoutMs: 10 } as object);
    const events = record(peer, ['error', 'close']);
    await until(peer, 'close');
    expect(events).toEqual([['close', 1006, 'Buffer ']]);
    expect(WebSocket.connectionOf(peer as unknown as WebSocket)?.closedInfo?.cause).toMatchObject({
      code: 'WS_KEEP_ALIVE_TIMEOUT',
    });
  });
});

test('a handshake that is not finished in time is cut on a port of its own, one that is finished is not', async () => {
  const server = await startServer(own, { handshakeTimeoutMs: 30 } as object);
  const client = new WebSocket(urlOf(server));
  afterwards(() => client.terminate());
  await once(client, 'open');
  // Its time ends behind that of the client.
  const socket = connect(portOf(server), '127.0.0.1');
  afterwards(() => socket.destroy());
  socket.write('GET / HTTP/1.1\r\n');
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 408 /);
  client.send('still here');
  expect(client.readyState).toBe(WebSocket.OPEN);
  const [peer] = server.clients;
  expect(String((await once(peer, 'message'))[0])).toBe('still here');
});

test('maxQueuedBytes bounds what waits for a peer that does not read', async () => {
  const { client, peer } = await pair({ maxQueuedBytes: 100_000 });
  client.pause();
  const events = record(peer, ['close']);
  const piece = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 64 && peer.readyState === WebSocket.OPEN; count++) peer.send(piece);
  await until(peer, 'close');
  expect(events).toEqual([['close', 1006, 'Buffer ']]);
});

test('messageRate closes a connection whose peer sends too much', async () => {
  const { client, peer } = await pair({ messageRate: { perSecond: 1, burst: 2, exceeded: 'close' } });
  const events = record(peer, ['message', 'error', 'close']);
  for (const text of ['one', 'two', 'three']) client.send(text);
  expect((await until(client, 'close'))[0]).toBe(1008);
  await expect.poll(() => events.map(([name]) => name)).toEqual(['message', 'message', 'error', 'close']);
});

test('byteRate puts off what is too much', async () => {
  const { client, peer } = await pair({ byteRate: { perSecond: 1, burst: 1_000 } });
  const events = record(peer, ['message']);
  client.send(Buffer.alloc(10_000));
  await expect.poll(() => WebSocket.connectionOf(peer)?.snapshot().pausedBy).toContain('rate');
  expect(events).toEqual([]);
});

test('limits that are none are refused', () => {
  const options = { noServer: true, messageRate: { perSecond: 0 } } as object;
  const error = thrownBy(() => new own.WebSocketServer(options));
  expect(error).toMatchObject({ code: 'WS_OPTION_INVALID' });
});

test('an error has our own as its cause, with the section of the RFC', async () => {
  const { socket, peer } = await connectRaw(own);
  socket.write(maskedFrame(0x83));
  const [error] = await until(peer, 'error');
  expect((error as Error).cause).toMatchObject({ code: 'WS_FRAME_OPCODE_UNKNOWN', section: 'RFC 6455 5.2' });
});

describe('a message that is sent to many', () => {
  test('is one prepared message from the second send on', () => {
    const text = 'for all';
    expect(repeatedMessage(text, false)).toBeUndefined();
    const prepared = repeatedMessage(text, false);
    expect(prepared?.type).toBe('text');
    expect(repeatedMessage(text, false)).toBe(prepared);
    expect(repeatedMessage('other', false)).toBeUndefined();
  });

  test('is another one as text than as bytes, and when the bytes have changed', () => {
    const bytes = Buffer.from('one');
    expect(repeatedMessage(bytes, true)).toBeUndefined();
    expect(repeatedMessage(bytes, false)).toBeUndefined();
    const prepared = repeatedMessage(bytes, false);
    expect(prepared?.text).toBe('one');
    bytes.write('two');
    expect(repeatedMessage(bytes, false)?.text).toBe('two');
  });

  test('is not kept when it is large', () => {
    const large = Buffer.alloc(64 * 1024 + 1);
    expect(repeatedMessage(large, true)).toBeUndefined();
    expect(repeatedMessage(large, true)).toBeUndefined();
  });

  test('arrives as it was at each send', async () => {
    const { server, client, peer } = await pair();
    const second = new WebSocket(client.url);
    const [other] = (await once(server, 'connection')) as [WebSocket];
    const [left, right] = [record(client, ['message']), record(second, ['message'])];
    await until(second, 'open');
    const bytes = Buffer.from('a');
    for (const letter of ['a', 'b', 'c']) {
      bytes.write(letter);
      peer.send(bytes);
      other.send(bytes);
    }
    await expect.poll(() => [left.length, right.length]).toEqual([3, 3]);
    expect(left).toEqual(['a', 'b', 'c'].map((letter) => ['message', `Buffer ${letter}`, true]));
    expect(right).toEqual(left);
    second.terminate();
  });
});

describe('ready frames', () => {
  test.each([
    ['text', 0x01, 'hello', 'Buffer hello', false],
    ['binary', 0x02, Buffer.alloc(300, 'x'), `Buffer ${'x'.repeat(300)}`, true],
    ['long binary', 0x02, Buffer.alloc(70_000, 'x'), `Buffer ${'x'.repeat(70_000)}`, true],
    ['empty text', 0x01, '', 'Buffer ', false],
  ])('of %s are sent as they are, recognised or read', async (_, opcode, data, expected, isBinary) => {
    const { client, peer } = await pair();
    const events = record(client, ['message']);
    const frame = Sender.frame(data, { fin: true, opcode, mask: false, readOnly: true, rsv1: false });
    peer._sender?.sendFrame(frame);
    await new Promise<unknown>((resolve) => peer._sender?.sendFrame([...frame], resolve));
    await expect
      .poll(() => events)
      .toEqual([
        ['message', expected, isBinary],
        ['message', expected, isBinary],
      ]);
  });

  test('that are no whole message, or masked, are refused', async () => {
    const { peer } = await pair();
    const ping = Sender.frame('', { fin: true, opcode: 9 });
    expect(thrownBy(() => peer._sender?.sendFrame(ping))).toBeInstanceOf(TypeError);
    expect(thrownBy(() => peer._sender?.sendFrame([maskedFrame(0x81, 'a')]))).toBeInstanceOf(TypeError);
    expect(thrownBy(() => Sender.frame('a', { fin: true, opcode: 1, mask: true }))).toBeInstanceOf(TypeError);
  });
});
