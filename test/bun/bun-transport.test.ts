import { expect, test } from 'vitest';
import type { BunSocket } from '../../src/bun/bun-runtime.ts';
import { BunTransport } from '../../src/bun/bun-transport.ts';
import { Connection } from '../../src/connection/connection.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { settle } from '../../src/testing.ts';

interface Stage {
  readonly calls: unknown[][];
  readonly socket: { bufferedAmount: number };
  readonly transport: BunTransport;
  readonly connection: Connection;
}

/** A connection over a socket that does as Bun's: a close is told within the call, with what was asked for. */
function stage(compressFromBytes?: number, maxMessageBytes = 1000): Stage {
  const calls: unknown[][] = [];
  const socket = { bufferedAmount: 0 };
  const note =
    (name: string) =>
    (...given: unknown[]): number => {
      calls.push([name, ...given]);
      return 1;
    };
  const bunSocket: BunSocket<unknown> = {
    data: undefined,
    readyState: 1,
    sendText: note('sendText'),
    sendBinary: note('sendBinary'),
    ping: note('ping'),
    pong: note('pong'),
    close: (code = 1000, reason = '') => {
      calls.push(['close', code, reason]);
      transport.close(code, reason);
    },
    terminate: () => {
      calls.push(['terminate']);
      transport.close(1006, '');
    },
    getBufferedAmount: () => socket.bufferedAmount,
  };
  const transport: BunTransport = new BunTransport(bunSocket, {
    protocol: 'chat',
    maxMessageBytes,
    compressFromBytes,
  });
  const connection = new Connection(transport, undefined, { pingIntervalMs: 0 });
  return { calls, socket, transport, connection };
}

test('messages, pings and pongs are handed to Bun, prepared ones by their type', () => {
  const { calls, connection } = stage();
  connection.send('text');
  connection.send(new Uint8Array([1]));
  connection.sendPrepared(new PreparedMessage('grüße'));
  connection.sendPrepared(new PreparedMessage(new Uint8Array([2])));
  connection.ping('a');
  connection.pong('b');
  expect(calls).toEqual([
    ['sendText', 'text', false],
    ['sendBinary', new Uint8Array([1]), false],
    ['sendText', 'grüße', false],
    ['sendBinary', new Uint8Array([2]), false],
    ['ping', new TextEncoder().encode('a')],
    ['pong', new TextEncoder().encode('b')],
  ]);
  expect([connection.protocol, connection.extensions]).toEqual(['chat', '']);
});

test('messages are compressed from the threshold on, unless told otherwise', () => {
  const { calls, connection } = stage(5);
  connection.send('1234');
  connection.send('12345');
  connection.send('1', { compress: true });
  connection.send('1234567', { compress: false });
  expect(calls.map(([, , compress]) => compress)).toEqual([false, true, true, false]);
});

test('above the high-water mark a send waits until Bun says that nothing is left', async () => {
  const { socket, transport, connection } = stage();
  socket.bufferedAmount = 65 * 1024;
  const sent = connection.send('x');
  expect(sent).toBeInstanceOf(Promise);
  let isSettled = false;
  void Promise.resolve(sent).then(() => (isSettled = true));
  socket.bufferedAmount = 10;
  transport.drain();
  await settle();
  expect(isSettled).toBe(false);
  socket.bufferedAmount = 0;
  transport.drain();
  expect(await sent).toBe(true);
});

test('a close of this side ends the connection as Bun tells it, though within the call', async () => {
  const { calls, connection } = stage();
  expect(await connection.close(4000, 'bye')).toEqual({
    code: 4000,
    reason: 'bye',
    clean: true,
    by: 'local',
  });
  expect(calls).toEqual([['close', 4000, 'bye']]);
  expect(connection.send('late')).toBe(false);
});

test('a close of the peer, a cut and a lost network are told apart', async () => {
  const theirs = stage();
  theirs.transport.close(4001, 'mine');
  expect(await theirs.connection.closed).toEqual({ code: 4001, reason: 'mine', clean: true, by: 'remote' });
  const cut = stage();
  cut.connection.terminate();
  expect(await cut.connection.closed).toMatchObject({ code: 1006, cause: { code: 'WS_TERMINATED' } });
  const lost = stage();
  lost.transport.close(1006, '');
  expect(await lost.connection.closed).toMatchObject({ code: 1006, cause: { code: 'WS_TRANSPORT_ENDED' } });
  const failed = stage();
  failed.transport.close(1006, 'Received too big message');
  expect(await failed.connection.closed).toMatchObject({
    code: 1006,
    cause: { code: 'WS_TRANSPORT_FAILED', message: expect.stringContaining('Received too big message') },
  });
});

test('a message that is too long fails the connection, and nothing behind it is delivered', async () => {
  const { calls, transport, connection } = stage(undefined, 4);
  const heard: unknown[] = [];
  connection.attach({ message: (_, message) => heard.push(message) });
  transport.message('1234');
  transport.message('äöü');
  transport.message('1');
  expect(heard).toEqual(['1234']);
  expect(await connection.closed).toMatchObject({ code: 1009, cause: { code: 'WS_MESSAGE_TOO_LARGE' } });
  expect(calls.map(([name, code]) => [name, code])).toEqual([['close', 1009]]);
});

test('what Bun cannot do is refused', () => {
  const { connection, transport } = stage();
  expect(connection.supports).toEqual({
    ping: true,
    pause: false,
    fragments: false,
    observe: false,
    terminate: true,
  });
  for (const method of ['sendFragment', 'pause', 'resume', 'observe'] as const)
    expect(() => transport[method]()).toThrow(expect.objectContaining({ code: 'WS_UNSUPPORTED' }));
  expect(() => connection.close(1005)).toThrow(expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }));
});

test('a socket that Bun has closed is not touched any more', () => {
  const { calls, transport, connection } = stage();
  transport.close(1006, '');
  for (const act of ['sendText', 'sendBinary', 'sendPing', 'sendPong'] as const)
    Reflect.apply(transport[act], transport, [new Uint8Array(0)]);
  transport.terminate();
  transport.sendClose(1000, '');
  expect([calls, connection.bufferedAmount]).toEqual([[], 0]);
});
