// What programs reach into, documented or not: the socket below, the server below, states, and values of other kinds than the types
// allow.

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { expectedOf, implementations } from './implementations.ts';
import {
  afterwards,
  connectPair,
  describeError,
  handshake,
  makeClient,
  maskedFrame,
  portOf,
  record,
  startServer,
  thrownBy,
  uncaughtBy,
  until,
  urlOf,
} from './stage.ts';

function inner(value: unknown, name: string): unknown {
  return Reflect.get(value as object, name);
}

describe.each(implementations)('inside of $name', (implementation) => {
  const { WebSocket: Class } = implementation;

  test('a WebSocket has its socket, sender and state', async () => {
    const server = await startServer(implementation);
    const client = makeClient(implementation, urlOf(server));
    expect(['_socket', '_sender', '_readyState'].map((name) => inner(client, name))).toEqual([
      null,
      null,
      Class.CONNECTING,
    ]);
    const [[peer, request]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
    expect(inner(client, '_readyState')).toBe(Class.OPEN);
    expect([inner(client, '_isServer'), inner(peer, '_isServer')]).toEqual([false, true]);
    expect(inner(inner(client, '_socket'), 'remotePort')).toBe(portOf(server));
    expect(inner(request, 'socket')).toBe(inner(peer, '_socket'));
    expect(inner(client, '_sender')).toBeTypeOf('object');
  });

  test('a server has its HTTP server until it is closed', async () => {
    const server = await startServer(implementation);
    expect(inner(inner(server, '_server'), 'listening')).toBe(true);
    server.close();
    expect(inner(server, '_server')).toBeNull();
  });

  test('a server shows its options with their defaults', async () => {
    const { options } = await startServer(implementation, { path: '/path' });
    expect(options).toMatchObject({
      path: '/path',
      host: '127.0.0.1',
      allowSynchronousEvents: true,
      autoPong: true,
      clientTracking: true,
      closeTimeout: 30_000,
      maxFragments: 16_384,
      maxPayload: 104_857_600,
      noServer: false,
      perMessageDeflate: false,
      skipUTF8Validation: false,
    });
  });

  test("the server's end has no URL", async () => {
    const { peer } = await connectPair(implementation);
    expect(inner(peer, 'url') ?? 'none').toBe(expectedOf("url of the server's end", implementation));
  });

  test('the socket below may be destroyed, ended and paused', async () => {
    const destroyed = await connectPair(implementation);
    const events = record(destroyed.client, ['error', 'close']);
    (inner(destroyed.client, '_socket') as { destroy(error: Error): void }).destroy(new Error('mine'));
    await until(destroyed.client, 'close');
    expect(events).toEqual([['close', 1006, 'Buffer ']]);

    const ended = await connectPair(implementation);
    (inner(ended.client, '_socket') as { end(): void }).end();
    const codes = await Promise.all([until(ended.client, 'close'), until(ended.peer, 'close')]);
    expect(codes.map(([code]) => code)).toEqual([1006, 1006]);

    const paused = await connectPair(implementation);
    const messages = record(paused.peer, ['message']);
    const below = inner(paused.peer, '_socket') as { pause(): void; resume(): void };
    below.pause();
    await new Promise((resolve) => paused.client.send('held', resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(messages).toEqual([]);
    below.resume();
    await expect.poll(() => messages).toEqual([['message', 'Buffer held', false]]);
  });

  test('the socket below has no timeout left, and one of its own makes no event of ours', async () => {
    const { peer } = await connectPair(implementation);
    expect(inner(inner(peer, '_socket'), 'timeout')).toBe(0);
  });

  test.each<[string, unknown]>([
    ['true', true],
    ['a symbol', Symbol('a')],
    ['a function', () => 1],
    ['a bigint', 10n],
    ['a Map', new Map()],
  ])('%s cannot be sent', async (_, value) => {
    const { client } = await connectPair(implementation);
    expect(describeError(thrownBy(() => client.send(value as string)))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });

  test.each<[string, unknown, string, boolean]>([
    ['false', false, '', true],
    ['zero', 0, '0', false],
    ['NaN', Number.NaN, 'NaN', false],
    ['a String', new String('abc'), 'abc', true],
  ])('%s can be sent', async (_, value, text, isBinary) => {
    const { client, peer } = await connectPair(implementation);
    client.send(value as string);
    const [data, wasBinary] = await once(peer, 'message');
    expect([String(data), wasBinary]).toEqual([text, isBinary]);
  });

  test('options that are null, or there and undefined', async () => {
    const { client, peer } = await connectPair(implementation);
    const events = record(peer, ['message']);
    const bytes = Buffer.from('bytes');
    client.send('one', null as never);
    client.send('two', undefined as never);
    client.send(bytes, { binary: undefined });
    client.send('three', { compress: undefined });
    client.send('four', { fin: undefined });
    client.send('five', { fin: true });
    await expect.poll(() => String(events.at(-1)?.[1]).endsWith('five')).toBe(true);
    expect(events.map(([, data, isBinary]) => [data, isBinary])).toEqual([
      ['Buffer one', false],
      ['Buffer two', false],
      ['Buffer bytes', false],
      ['Buffer three', false],
      ...expectedOf('fin that is there and undefined', implementation).map((text) => [text, false]),
    ]);
  });

  test('what a callback of send throws is an uncaught exception', async () => {
    const { client } = await connectPair(implementation);
    const error = await uncaughtBy(() =>
      client.send('x', () => {
        throw new Error('of the callback');
      }),
    );
    expect(describeError(error).message).toBe('of the callback');
  });

  test('compressed data that is none is an error of zlib', async () => {
    const server = await startServer(implementation, { perMessageDeflate: true });
    const socket = connect(portOf(server), '127.0.0.1');
    afterwards(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.write(`${[...handshake, 'Sec-WebSocket-Extensions: permessage-deflate'].join('\r\n')}\r\n\r\n`);
    const [[peer], [head]] = await Promise.all([once(server, 'connection'), once(socket, 'data')]);
    const chunks = [(head as Buffer).subarray((head as Buffer).indexOf('\r\n\r\n') + 4)];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(maskedFrame(0xc1, Buffer.from([0xff, 0xff, 0xff])));
    const [error] = await until(peer as InstanceType<typeof Class>, 'error');
    expect(describeError(error)).toEqual({
      name: 'Error',
      code: 'Z_DATA_ERROR',
      message: 'invalid block type',
    });
    await once(socket, 'close');
    expect(Buffer.concat(chunks).readUInt16BE(2)).toBe(1007);
  });
});
