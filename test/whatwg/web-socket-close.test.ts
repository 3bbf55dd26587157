import { expect, test } from 'vitest';
import { connectionPair, FakeClock, settle } from '../../src/testing.ts';
import { call, connectedSocket, fakePlatform, openSocket, outcomeOf, recordEvents } from './fake-platform.ts';

test.each([1000, 3000, 4999, 3000.4, '3000', '0xbb8'])('close(%j) is allowed', async (code) => {
  const { socket } = await openSocket();
  expect(outcomeOf(() => call(socket, 'close', [code]))).toBeUndefined();
});

test.each([0, 999, 1001, 1005, 1006, 2999, 5000, 65_535, 70_000, -1, NaN, Infinity, null, true, 'text', {}])(
  'close(%j) is an InvalidAccessError',
  async (code) => {
    const { socket, server, scheduler } = await openSocket();
    expect(() => call(socket, 'close', [code])).toThrow(
      expect.objectContaining({ name: 'InvalidAccessError', code: 15 }),
    );
    await scheduler.runAll();
    expect([socket.readyState, server.readyState]).toEqual([1, 'open']);
  },
);

test.each([
  [999.5, 1000],
  [1000.5, 1000],
  [2999.5, 3000],
  [4999.4, 4999],
])('the code %d is rounded to %d: halfway to the even neighbour', async (given, expected) => {
  const { socket, server, scheduler } = await openSocket();
  socket.close(given);
  await scheduler.runAll();
  expect((await server.closed).code).toBe(expected);
});

test('a code that is no number at all is a TypeError', async () => {
  const { socket } = await openSocket();
  expect(outcomeOf(() => call(socket, 'close', [1000n]))).toBe('TypeError');
  expect(outcomeOf(() => call(socket, 'close', [Symbol('x')]))).toBe('TypeError');
});

test('a reason may have 123 bytes of UTF-8 and no more', async () => {
  const { socket, server, scheduler } = await openSocket();
  expect(() => socket.close(1000, 'x'.repeat(124))).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  expect(outcomeOf(() => socket.close(1000, 'ü'.repeat(62)))).toBe('SyntaxError');
  expect(outcomeOf(() => socket.close(3000, '\ud800'.repeat(42)))).toBe('SyntaxError');
  expect(socket.readyState).toBe(1);
  socket.close(1000, `${'ü'.repeat(61)}x`);
  await scheduler.runAll();
  expect((await server.closed).reason).toBe(`${'ü'.repeat(61)}x`);
});

test('a reason is a string whatever was given: a typed array shows its numbers, never memory', async () => {
  const { socket, server, scheduler } = await openSocket();
  call(socket, 'close', [3000, new Uint8Array([1, 2, 3])]);
  await scheduler.runAll();
  expect((await server.closed).reason).toBe('1,2,3');
});

test('a lone surrogate in the reason is replaced', async () => {
  const { socket, server, scheduler } = await openSocket();
  socket.close(1000, 'a\ud800b');
  await scheduler.runAll();
  expect((await server.closed).reason).toBe('a\ufffdb');
});

test.each([
  [[], { code: 1005, reason: '' }],
  [[undefined, undefined], { code: 1005, reason: '' }],
  [[undefined, ''], { code: 1005, reason: '' }],
  [[undefined, 'why'], { code: 1000, reason: 'why' }],
  [[1000], { code: 1000, reason: '' }],
  [[4999, 'why'], { code: 4999, reason: 'why' }],
])('close(...%j) sends what it was given', async (given, expected) => {
  const { socket, server, scheduler, log } = await openSocket();
  call(socket, 'close', given);
  expect(socket.readyState).toBe(2);
  await scheduler.runAll();
  expect(await server.closed).toMatchObject({ ...expected, clean: true, by: 'remote' });
  // The event has what the peer answered: our server repeats the code alone.
  expect(log).toEqual([`close 3 ${expected.code} "" clean`]);
});

test('messages that arrive after close() was called are not delivered', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  server.send('arrived, not yet delivered');
  await settle();
  socket.close();
  server.send('arrives later');
  await scheduler.runAll();
  expect(log).toEqual(['close 3 1005 "" clean']);
});

test('close() in a message listener drops the messages behind that one', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  socket.onmessage = ({ data }) => {
    if (data === '2') socket.close(3000);
  };
  for (const message of ['1', '2', '3']) server.send(message);
  await scheduler.runAll();
  expect(log).toEqual(['message 1', 'message 2', 'close 3 3000 "" clean']);
});

test('close() while CONNECTING gives up: error, close with 1006, and the dialer is told', async () => {
  const platform = fakePlatform();
  const socket = new platform.WebSocket('ws://host');
  const log = recordEvents(socket);
  const { signal } = platform.lastDial();
  socket.close();
  expect([socket.readyState, signal.aborted, log]).toEqual([2, true, []]);
  await platform.scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
});

test('close() while CONNECTING checks its arguments all the same', () => {
  const { WebSocket } = fakePlatform();
  const socket = new WebSocket('ws://host');
  expect(outcomeOf(() => socket.close(1001))).toBe('InvalidAccessError');
  expect(outcomeOf(() => socket.close(1000, 'x'.repeat(124)))).toBe('SyntaxError');
  expect(socket.readyState).toBe(0);
});

test('a connection that is made after close() is cut, and gives no events', async () => {
  const platform = fakePlatform();
  const socket = new platform.WebSocket('ws://host');
  const log = recordEvents(socket);
  socket.close(3000, 'changed my mind');
  const { client, server } = connectionPair();
  platform.lastDial().accept(client);
  await platform.scheduler.runAll();
  expect(log).toEqual(['error 3', 'close 3 1006 "" unclean']);
  expect(await server.closed).toMatchObject({ code: 1006, clean: false });
});

test('close() between the handshake and the open event closes cleanly, without an open event', async () => {
  const { socket, server, scheduler, log } = await connectedSocket();
  server.send('unheard');
  socket.close(3001, 'early');
  expect(socket.readyState).toBe(2);
  await scheduler.runAll();
  expect(log).toEqual(['close 3 3001 "" clean']);
  expect(await server.closed).toMatchObject({ code: 3001, reason: 'early', clean: true });
});

test('close() a second time, or when the socket is closed, does nothing but check', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  socket.close(3001);
  socket.close(3002, 'ignored');
  expect(outcomeOf(() => socket.close(1))).toBe('InvalidAccessError');
  await scheduler.runAll();
  socket.close(3003);
  expect(outcomeOf(() => socket.close(1))).toBe('InvalidAccessError');
  await scheduler.runAll();
  expect(log).toEqual(['close 3 3001 "" clean']);
  expect((await server.closed).code).toBe(3001);
});

test('close() in the open event and in the close event is harmless', async () => {
  const { socket, scheduler, log } = await connectedSocket();
  socket.onopen = () => socket.close();
  socket.onclose = () => socket.close();
  await scheduler.runAll();
  expect(log).toEqual(['open 1', 'close 3 1005 "" clean']);
});

test('when both sides close at once, the code is the one that the peer sent', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  socket.close(3001, 'ours');
  void server.close(4002, 'theirs');
  await scheduler.runAll();
  expect(log).toEqual(['close 3 4002 "theirs" clean']);
});

test('close() after the close frame of the peer arrived changes nothing', async () => {
  const { socket, server, scheduler, log } = await openSocket();
  void server.close(4002, 'theirs');
  await settle();
  expect(socket.readyState).toBe(1);
  socket.close(3001, 'ours');
  expect(socket.readyState).toBe(2);
  await scheduler.runAll();
  expect(log).toEqual(['close 3 4002 "theirs" clean']);
  expect(await server.closed).toMatchObject({ code: 4002, clean: true });
});

test('a peer that never answers the close frame gives 1006 within the deadline, without an error event', async () => {
  const clock = new FakeClock();
  const { socket, serverTransport, scheduler, log } = await openSocket({ clock });
  serverTransport.stall();
  socket.close(1000);
  await clock.advanceAsync(4_999);
  expect([socket.readyState, log]).toEqual([2, []]);
  await clock.advanceAsync(1);
  await scheduler.runAll();
  expect(log).toEqual(['close 3 1006 "" unclean']);
});

test('close() waits for what was sent', async () => {
  const { socket, server, serverTransport, scheduler } = await openSocket({ capacityBytes: 1000 });
  const sizes: number[] = [];
  server.attach({ message: (_, message) => void sizes.push(message.length) });
  serverTransport.stall();
  for (const size of [5000, 100, 20_000]) socket.send(new Uint8Array(size));
  socket.close();
  await settle();
  serverTransport.unstall();
  await scheduler.runAll();
  expect(sizes).toEqual([5000, 100, 20_000]);
  expect(await server.closed).toMatchObject({ code: 1005, clean: true });
});
