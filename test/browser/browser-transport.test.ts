import { expect, test } from 'vitest';
import { BrowserTransport } from '../../src/browser/browser-transport.ts';
import { Connection } from '../../src/connection/connection.ts';
import type { ConnectionOptions } from '../../src/connection/connection-options.ts';
import type { MessageTransportEvents } from '../../src/connection/message-transport.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { FakeWebSocket } from './fake-web-socket.ts';

interface Stage {
  readonly socket: FakeWebSocket;
  readonly transport: BrowserTransport;
  readonly clock: FakeClock;
  /** What the listener was told, in order. */
  readonly told: unknown[][];
}

function stage(highWaterMarkBytes = 1000): Stage {
  const socket = new FakeWebSocket('ws://host');
  const clock = new FakeClock();
  const transport = new BrowserTransport(socket, { highWaterMarkBytes, clock });
  const told: unknown[][] = [];
  const names = [
    'received',
    'message',
    'messageStart',
    'messageChunk',
    'messageEnd',
    'ping',
    'pong',
    'peerClosed',
  ];
  const entries = [...names, 'failed', 'drained', 'ended', 'closed'].map((name) => [
    name,
    (...given: unknown[]) => told.push([name, ...given]),
  ]);
  transport.attach(Object.fromEntries(entries) as MessageTransportEvents);
  return { socket, transport, clock, told };
}

function connectionOver(options?: Partial<ConnectionOptions>): Stage & { readonly connection: Connection } {
  const socket = new FakeWebSocket('ws://host');
  const clock = new FakeClock();
  const transport = new BrowserTransport(socket, { highWaterMarkBytes: 1000, clock });
  const connection = new Connection(
    transport,
    undefined,
    { highWaterMarkBytes: 1000, ...options },
    { clock },
  );
  return { socket, transport, clock, connection, told: [] };
}

test('it offers none of what a browser lacks, and refuses it', () => {
  const { transport } = stage();
  expect(transport.supports).toEqual({
    ping: false,
    pause: false,
    fragments: false,
    observe: false,
    terminate: false,
  });
  for (const method of ['sendFragment', 'sendPing', 'sendPong', 'pause', 'resume', 'observe'] as const) {
    expect(() => transport[method]()).toThrow(expect.objectContaining({ code: 'WS_UNSUPPORTED' }));
  }
});

test('messages arrive as strings and as Uint8Array, and each is a sign of life', () => {
  const { socket, told } = stage();
  expect(socket.binaryType).toBe('arraybuffer');
  socket.receives('text');
  socket.receives(new Uint8Array([1, 2]).buffer);
  expect(told).toEqual([
    ['received'],
    ['message', 'text'],
    ['received'],
    ['message', new Uint8Array([1, 2])],
  ]);
});

test('messages are handed to the platform, prepared ones by their type', () => {
  const { socket, transport } = stage();
  transport.sendText('text');
  transport.sendBinary(new Uint8Array([0, 1, 2]).subarray(1));
  transport.sendBinary(new Uint8Array(new SharedArrayBuffer(2)));
  transport.sendPrepared(new PreparedMessage('\ufeffgrüße'));
  transport.sendPrepared(new PreparedMessage(new Uint8Array([7])));
  const sent = ['text', new Uint8Array([1, 2]), new Uint8Array(2), '\ufeffgrüße', new Uint8Array([7])];
  expect(socket.calls).toEqual(sent.map((data) => ['send', data]));
});

test.each([
  [1000, 'bye', [1000, 'bye']],
  [4999, '', [4999, '']],
  [undefined, '', []],
  // Only the protocol itself may send these in a browser: the peer sees 1005.
  [1001, 'going away', []],
  [1011, '', []],
])('sendClose(%j, %j) closes with what a browser can send', (code, reason, expected) => {
  const { socket, transport } = stage();
  transport.sendClose(code, reason);
  expect(socket.calls).toEqual([['close', ...expected]]);
});

test('a snapshot counts messages and their bytes as UTF-8, and knows nothing of the wire', () => {
  const { socket, connection } = connectionOver();
  connection.send('grüße');
  connection.send(new Uint8Array(3));
  connection.sendPrepared(new PreparedMessage('ok'));
  socket.receives('ö');
  socket.receives(new ArrayBuffer(5));
  const { messages, payloadBytes, wireBytes, compressionRatio } = connection.snapshot();
  expect(messages).toEqual({ in: 2, out: 3 });
  expect(payloadBytes).toEqual({ in: 7, out: 12 });
  expect(wireBytes).toBeNull();
  expect(compressionRatio).toEqual({ in: null, out: null });
  expect(JSON.parse(JSON.stringify(connection))).toMatchObject({ readyState: 'open', pausedBy: [] });
});

test('a close code or reason that nobody may send throws before anything happens', () => {
  const { socket, transport } = stage();
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5]) {
    expect(() => transport.sendClose(code, '')).toThrow(`close code is ${code}`);
  }
  expect(() => transport.sendClose(1000, 'ü'.repeat(62))).toThrow('124 bytes');
  expect(socket.calls).toEqual([]);
});

test('a clean end tells the close frame of the peer and that the transport is gone', () => {
  const { socket, told } = stage();
  socket.closes(4001, 'bye', true);
  expect(told).toEqual([
    ['peerClosed', 4001, 'bye'],
    ['closed', undefined],
  ]);
  socket.receives('too late');
  socket.closes(1000, '', true);
  expect(told).toHaveLength(2);
});

test('an unclean end says what little the browser says', () => {
  const lost = stage();
  lost.socket.closes(1006, '', false);
  expect(lost.told).toEqual([['closed', undefined]]);
  const failed = stage();
  failed.socket.fails();
  failed.socket.closes(1006, '', false);
  expect(failed.told[0][1]).toMatchObject({ message: expect.stringContaining('1006') });
  const odd = stage();
  odd.socket.closes(4000, 'half done', false);
  expect(odd.told[0][1]).toMatchObject({ message: expect.stringContaining('4000, half done') });
});

test('the buffer is watched only above the high-water mark, and only until it is empty', () => {
  const { socket, transport, clock, told } = stage(1000);
  socket.bufferedAmount = 1000;
  transport.sendText('x');
  expect([clock.pendingTimers, transport.bufferedBytes]).toEqual([0, 1000]);
  socket.bufferedAmount = 1001;
  transport.sendText('x');
  transport.sendText('x');
  expect(clock.pendingTimers).toBe(1);
  clock.advance(100);
  expect([told, clock.pendingTimers]).toEqual([[], 1]);
  socket.bufferedAmount = 0;
  clock.advance(20);
  expect([told, clock.pendingTimers]).toEqual([[['drained']], 0]);
});

test('no timer is left when the socket is closed', () => {
  const { socket, transport, clock } = stage(0);
  socket.bufferedAmount = 5;
  transport.sendText('x');
  expect(clock.pendingTimers).toBe(1);
  socket.closes(1006, '', false);
  expect(clock.pendingTimers).toBe(0);
});

test('a connection over it gives a promise above the high-water mark, true on drain and false on an end', async () => {
  const { socket, connection, clock } = connectionOver();
  expect(connection.send('x')).toBe(true);
  socket.bufferedAmount = 1001;
  const first = connection.send('x');
  expect(first).toBeInstanceOf(Promise);
  socket.bufferedAmount = 0;
  clock.advance(20);
  expect(await first).toBe(true);
  socket.bufferedAmount = 1001;
  const second = connection.send('x');
  socket.closes(1006, '', false);
  expect(await second).toBe(false);
});

test('a connection over it closes with the code of this side, or of the peer, or with the reason why it was lost', async () => {
  const ours = connectionOver();
  const closing = ours.connection.close(4000, 'bye');
  ours.socket.closes(4000, 'bye', true);
  expect(await closing).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'local' });
  const theirs = connectionOver();
  theirs.socket.closes(1005, '', true);
  expect(await theirs.connection.closed).toEqual({ code: 1005, reason: '', clean: true, by: 'remote' });
  const lost = connectionOver();
  lost.socket.fails();
  lost.socket.closes(1006, '', false);
  expect(await lost.connection.closed).toMatchObject({
    code: 1006,
    clean: false,
    by: 'transport',
    cause: { code: 'WS_TRANSPORT_FAILED' },
  });
});

test('a connection over it is over at the close deadline, though the browser goes on trying', async () => {
  const { socket, connection, clock } = connectionOver({ closeTimeoutMs: 2000 });
  void connection.close(1000);
  await clock.advanceAsync(2000);
  expect(await connection.closed).toMatchObject({
    code: 1006,
    clean: false,
    cause: { code: 'WS_CLOSE_TIMEOUT' },
  });
  expect(socket.calls).toEqual([['close', 1000, ''], ['close']]);
  socket.closes(1000, '', true);
  await settle();
  expect(connection.closedInfo?.code).toBe(1006);
});

test('a handler that throws closes the connection, though a browser cannot send 1011', async () => {
  const errors: unknown[] = [];
  const socket = new FakeWebSocket('ws://host');
  const transport = new BrowserTransport(socket, { highWaterMarkBytes: 1000 });
  const connection = new Connection(transport, undefined, {}, { onError: (error) => errors.push(error) });
  connection.attach({
    message: () => {
      throw new Error('oops');
    },
  });
  socket.receives('x');
  expect([errors.map(String), socket.calls]).toEqual([['Error: oops'], [['close']]]);
  socket.closes(1005, '', true);
  expect(await connection.closed).toMatchObject({
    code: 1011,
    by: 'local',
    cause: { code: 'WS_HANDLER_FAILED' },
  });
});

test('a queue that grows beyond its bound ends the connection', async () => {
  const { socket, connection } = connectionOver({ maxQueuedBytes: 5000 });
  socket.bufferedAmount = 6000;
  expect(connection.send('x')).toBe(false);
  expect(await connection.closed).toMatchObject({ code: 1006, cause: { code: 'WS_SEND_QUEUE_OVERFLOW' } });
  expect(socket.calls.at(-1)).toEqual(['close']);
});

test('a loop that is far behind ends the connection for a named reason, because nothing here can be paused', async () => {
  const { socket, connection } = connectionOver({ maxRetainedBytes: 5000 });
  for (let index = 0; index < 6; index++) socket.receives('x'.repeat(1000));
  expect(await connection.closed).toMatchObject({
    code: 1006,
    cause: { code: 'WS_RECEIVE_QUEUE_OVERFLOW' },
  });
  const seen: unknown[] = [];
  for await (const message of connection) seen.push(message);
  expect(seen).toHaveLength(5);
});
