import { expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import type { Message } from '../../src/connection/message-transport.ts';
import { settle } from '../../src/testing.ts';
import { call, connectedSocket, microtasks, openSocket, outcomeOf } from './fake-platform.ts';

/** Records what the server receives. */
function received(server: Connection): Message[] {
  const messages: Message[] = [];
  server.attach({ message: (_, message) => void messages.push(message) });
  return messages;
}

test('send() before the connection is open is an InvalidStateError and counts nothing', async () => {
  const { socket, scheduler } = await connectedSocket();
  expect(() => socket.send('x')).toThrow(expect.objectContaining({ name: 'InvalidStateError', code: 11 }));
  expect(outcomeOf(() => call(socket, 'send', []))).toBe('TypeError');
  expect(socket.bufferedAmount).toBe(0);
  await scheduler.runAll();
  expect(outcomeOf(() => socket.send('x'))).toBeUndefined();
});

test('strings are sent as text, with lone surrogates replaced', async () => {
  const { socket, server } = await openSocket();
  const messages = received(server);
  for (const text of ['', 'ascii', 'ünï', '\u{1f600}', 'a\ud800b', '\udc00']) socket.send(text);
  expect(socket.bufferedAmount).toBe(0 + 5 + 5 + 4 + 5 + 3);
  await settle();
  expect(messages).toEqual(['', 'ascii', 'ünï', '\u{1f600}', 'a\ufffdb', '\ufffd']);
});

test('everything that is neither bytes nor a Blob is converted to a string', async () => {
  const { socket, server } = await openSocket();
  const messages = received(server);
  const values = [1, null, undefined, true, {}, [1, 2], { toString: () => 'own' }, new SharedArrayBuffer(2)];
  for (const value of values) call(socket, 'send', [value]);
  await settle();
  const expected = [
    '1',
    'null',
    'undefined',
    'true',
    '[object Object]',
    '1,2',
    'own',
    '[object SharedArrayBuffer]',
  ];
  expect(messages).toEqual(expected);
  expect(outcomeOf(() => call(socket, 'send', [Symbol('x')]))).toBe('TypeError');
});

test('buffers and views are sent as binary: exactly the bytes that the view shows', async () => {
  const { socket, server } = await openSocket();
  const messages = received(server);
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
  socket.send(buffer);
  socket.send(new Uint8Array(buffer, 2, 3));
  socket.send(new DataView(buffer, 6));
  socket.send(new Uint16Array(buffer, 2, 2));
  socket.send(Buffer.from('buffer'));
  socket.send(new ArrayBuffer(0));
  expect(socket.bufferedAmount).toBe(8 + 3 + 2 + 4 + 6);
  await settle();
  expect(messages.map((message) => (typeof message === 'string' ? message : [...message]))).toEqual([
    [1, 2, 3, 4, 5, 6, 7, 8],
    [3, 4, 5],
    [7, 8],
    [3, 4, 5, 6],
    [...Buffer.from('buffer')],
    [],
  ]);
});

test('the bytes are those of the moment of the call', async () => {
  const { socket, server } = await openSocket();
  const messages = received(server);
  for (const length of [4, 200, 70_000]) {
    const bytes = new Uint8Array(length).fill(1);
    socket.send(bytes);
    bytes.fill(2);
  }
  // Also behind a Blob, where they have to wait.
  const waiting = new Uint8Array([1]);
  socket.send(new Blob(['blob']));
  socket.send(waiting);
  waiting[0] = 2;
  await settle();
  expect(messages).toHaveLength(5);
  expect(messages.every((message) => message.at(-1) === 1 || message.length === 4)).toBe(true);
});

test('a detached buffer has no bytes; shared and resizable memory is a TypeError', async () => {
  const { socket, server } = await openSocket();
  const messages = received(server);
  const detached = new ArrayBuffer(4);
  structuredClone(detached, { transfer: [detached] });
  socket.send(detached);
  await settle();
  expect(messages).toEqual([new Uint8Array(0)]);
  const shared = new Uint8Array(new SharedArrayBuffer(4));
  expect(outcomeOf(() => call(socket, 'send', [shared]))).toBe('TypeError');
  const resizable: unknown = Reflect.construct(ArrayBuffer, [4, { maxByteLength: 8 }]);
  expect(outcomeOf(() => call(socket, 'send', [resizable]))).toBe('TypeError');
  expect(socket.bufferedAmount).toBe(0);
});

test('Blobs and what is sent after them keep their order, and close() waits for them', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  const messages = received(server);
  socket.send('before');
  socket.send(new Blob(['first ', new Uint8Array([98, 108, 111, 98])]));
  socket.send('between');
  socket.send(new Blob(['second blob']));
  socket.send(new Uint8Array([1]));
  socket.close(3000, 'done');
  expect([socket.readyState, socket.bufferedAmount]).toEqual([2, 6 + 10 + 7 + 11 + 1]);
  await scheduler.runAll();
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const expected = ['before', bytes('first blob'), 'between', bytes('second blob'), new Uint8Array([1])];
  expect(messages).toEqual(expected);
  expect(await server.closed).toMatchObject({ code: 3000, reason: 'done', clean: true });
  expect([log, socket.bufferedAmount]).toEqual([['close 3 3000 "" clean'], 0]);
});

test('a Blob that cannot be read fails the connection', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  const messages = received(server);
  class UnreadableBlob extends Blob {
    override arrayBuffer(): Promise<ArrayBuffer> {
      return Promise.reject(new Error('the file is gone'));
    }
  }
  socket.send(new UnreadableBlob(['12345']));
  socket.send('behind it');
  await scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  expect(messages).toEqual([]);
  expect(socket.bufferedAmount).toBe(5 + 9);
});

test('a Blob that is read when the connection is gone goes nowhere', async () => {
  const { socket, clientTransport, scheduler, log } = await openSocket();
  let finish = (): void => undefined;
  class SlowBlob extends Blob {
    override arrayBuffer(): Promise<ArrayBuffer> {
      return new Promise((resolve) => {
        finish = () => resolve(new ArrayBuffer(3));
      });
    }
  }
  socket.send(new SlowBlob(['123']));
  socket.close(1000);
  clientTransport.fail();
  await scheduler.runAll();
  finish();
  await scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  expect(socket.bufferedAmount).toBe(3);
});

test('bufferedAmount does not fall in the turn that sent, whatever the operating system took', async () => {
  const { socket, scheduler } = await openSocket();
  // More than what is collected for one flush, so that it is written within the call.
  socket.send(new Uint8Array(100_000));
  socket.send('x');
  expect(socket.bufferedAmount).toBe(100_001);
  await microtasks();
  expect(socket.bufferedAmount).toBe(100_001);
  await scheduler.runAll();
  expect(socket.bufferedAmount).toBe(0);
});

test('bufferedAmount falls as the peer reads, and counts no frame headers', async () => {
  const { socket, serverTransport, scheduler } = await openSocket({ capacityBytes: 1000 });
  serverTransport.stall();
  // Frame headers of 6, 8 and 8 bytes; the peer's side takes 1000 bytes: 6 + 100, then 8 + 886 of 2000.
  socket.send('a'.repeat(100));
  socket.send('b'.repeat(2000));
  socket.send('c'.repeat(3000));
  expect(socket.bufferedAmount).toBe(5100);
  await scheduler.runAll();
  expect(socket.bufferedAmount).toBe(2000 - 886 + 3000);
  socket.send('d'.repeat(10));
  expect(socket.bufferedAmount).toBe(2000 - 886 + 3000 + 10);
  serverTransport.unstall();
  await scheduler.runAll();
  expect(socket.bufferedAmount).toBe(0);
});

test('bufferedAmount only grows once close() was called, and does not start over when the socket is closed', async () => {
  const { socket, scheduler } = await openSocket();
  socket.send('12345');
  socket.close();
  socket.send('lost');
  expect(socket.bufferedAmount).toBe(9);
  await scheduler.runAll();
  expect(socket.readyState).toBe(3);
  // What was sent before close() has left.
  expect(socket.bufferedAmount).toBe(4);
  socket.send('ü');
  socket.send(new Blob(['abc']));
  socket.send(new Uint8Array(7));
  expect(socket.bufferedAmount).toBe(4 + 2 + 3 + 7);
  await scheduler.runAll();
  expect(socket.bufferedAmount).toBe(16);
});

test('bufferedAmount keeps what had not left when the connection was lost', async () => {
  const { socket, serverTransport, clientTransport, scheduler, log } = await openSocket({
    capacityBytes: 100,
  });
  serverTransport.stall();
  socket.send('x'.repeat(500));
  await scheduler.runAll();
  const amount = socket.bufferedAmount;
  expect(amount).toBe(500 - (100 - 8));
  clientTransport.fail();
  await scheduler.runAll();
  expect([log.at(-1), socket.bufferedAmount]).toEqual(['close 3 1006 "" unclean', amount]);
});

test('messages sent after the close frame of the peer arrived are dropped and counted', async () => {
  const { socket, server, serverTransport, scheduler, log } = await openSocket();
  const messages = received(server);
  // Our answer does not reach the server, so that the connection is not closed yet.
  serverTransport.stall();
  void server.close(1000);
  await settle();
  // The task that makes it CLOSING has not run.
  expect(socket.readyState).toBe(1);
  socket.send('too late');
  serverTransport.unstall();
  await scheduler.runAll();
  expect(log).toEqual(['close 3 1000 "" clean']);
  expect([messages, socket.bufferedAmount]).toEqual([[], 8]);
});

test('a socket whose queue is full is closed, with an error event', async () => {
  const { socket, serverTransport, scheduler, log } = await openSocket({
    client: { maxQueuedBytes: 100_000 },
  });
  serverTransport.stall();
  for (let sent = 0; sent < 40; sent++) socket.send(new Uint8Array(10_000));
  await scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  expect(socket.bufferedAmount).toBeGreaterThan(100_000);
});
