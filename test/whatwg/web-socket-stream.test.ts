import { expect, test, vi } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import {
  type ConnectionPair,
  type ConnectionPairOptions,
  connectionPair,
  settle,
} from '../../src/testing.ts';
import type { WebSocketStream } from '../../src/whatwg/web-socket-stream.ts';
import type { WebSocketOpenInfo } from '../../src/whatwg/web-socket-stream-session.ts';
import { WebSocketError } from '../../src/whatwg/web-socket-error.ts';
import { call, fakePlatform, outcomeOf } from './fake-platform.ts';

interface OpenStream extends ConnectionPair, WebSocketOpenInfo {
  readonly stream: WebSocketStream;
}

async function openStream(
  options: ConnectionPairOptions & { readonly protocols?: string[] } = {},
): Promise<OpenStream> {
  const { protocols = [] } = options;
  const platform = fakePlatform();
  const stream = new platform.WebSocketStream('ws://host', { protocols });
  const pair = connectionPair(options);
  platform.lastDial().accept(pair.client);
  return { stream, ...pair, ...(await stream.opened) };
}

/** Gives what the promise rejects with. */
async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('the promise has not rejected'),
    (error: unknown) => error,
  );
}

const webSocketError = (closeCode: number | null, reason = ''): unknown =>
  expect.objectContaining({ name: 'WebSocketError', closeCode, reason });

test('the constructor checks its arguments as WebSocket does', () => {
  const { WebSocketStream, dials } = fakePlatform();
  const construct = (...given: unknown[]): unknown =>
    outcomeOf(() => Reflect.construct(WebSocketStream, given));
  expect(construct()).toBe('TypeError');
  expect(construct('not a url')).toBe('SyntaxError');
  expect(construct('ftp://host')).toBe('SyntaxError');
  expect(construct('ws://host/#f')).toBe('SyntaxError');
  expect(construct('ws://host', 'chat')).toBe('TypeError');
  expect(construct('ws://host', { protocols: 'chat' })).toBe('TypeError');
  expect(construct('ws://host', { protocols: ['a', 'a'] })).toBe('SyntaxError');
  expect(construct('ws://host', { protocols: ['a b'] })).toBe('SyntaxError');
  expect(construct('ws://host', { signal: {} })).toBe('TypeError');
  expect(dials).toEqual([]);
  expect(new WebSocketStream('https://host').url).toBe('wss://host/');
  expect(Reflect.construct(WebSocketStream, ['ws://host', null]).url).toBe('ws://host/');
});

test('the interface has the shape that Web IDL gives it', () => {
  const { WebSocketStream } = fakePlatform();
  expect([WebSocketStream.name, WebSocketStream.length, WebSocketStream.prototype.close.length]).toEqual([
    'WebSocketStream',
    1,
    0,
  ]);
  expect(Object.keys(WebSocketStream.prototype).sort()).toEqual(['close', 'closed', 'opened', 'url']);
  expect(Object.prototype.toString.call(new WebSocketStream('ws://host'))).toBe('[object WebSocketStream]');
  expect(new WebSocketStream('ws://host')).toBeInstanceOf(WebSocketStream);
});

test('opened gives both streams and what was agreed', async () => {
  const { readable, writable, protocol, extensions } = await openStream({
    protocol: 'chat',
    protocols: ['chat', 'b'],
  });
  expect(readable).toBeInstanceOf(ReadableStream);
  expect(writable).toBeInstanceOf(WritableStream);
  expect([protocol, extensions]).toEqual(['chat', '']);
});

test('text is read as strings, binary as Uint8Array, and the loop ends with a clean close', async () => {
  const { readable, server, stream } = await openStream();
  server.send('text');
  server.send(new Uint8Array([1, 2]));
  server.send('');
  void server.close(3000, 'bye');
  const chunks: unknown[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  expect(chunks).toEqual(['text', new Uint8Array([1, 2]), '']);
  expect(await stream.closed).toEqual({ closeCode: 3000, reason: 'bye' });
});

test('bytes are written as binary, everything else as text', async () => {
  const { writable, server, stream } = await openStream();
  const messages: unknown[] = [];
  server.attach({ message: (_, message) => void messages.push(message) });
  const writer = writable.getWriter();
  const chunks: unknown[] = ['text', new Uint8Array([1, 2]), new Uint8Array([3, 4, 5]).subarray(1).buffer];
  chunks.push(new DataView(new ArrayBuffer(2), 1), 7, null, new Blob(['x']));
  for (const chunk of chunks) await call(writer, 'write', [chunk]);
  await settle();
  const bytes = [new Uint8Array([1, 2]), new Uint8Array([3, 4, 5]), new Uint8Array(1)];
  expect(messages).toEqual(['text', ...bytes, '7', 'null', '[object Blob]']);
  const reused = new Uint8Array([1]);
  const written = writer.write(reused);
  await written;
  reused[0] = 2;
  await settle();
  expect(messages.at(-1)).toEqual(new Uint8Array([1]));
  // What cannot be converted errors the writable side.
  await expect(call(writer, 'write', [Symbol('x')])).rejects.toThrow(TypeError);
  stream.close();
});

test('a reader that does not read makes the peer wait', async () => {
  const { readable, server, client } = await openStream({ capacityBytes: 10_000 });
  const reader = readable.getReader();
  let sent = 0;
  const stopping = new AbortController();
  const sending = (async () => {
    while (sent < 1000 && !stopping.signal.aborted && (await server.send(new Uint8Array(10_000)))) sent++;
  })();
  await settle();
  await settle();
  const sentWhileWaiting = sent;
  // One message in the stream, one chunk in decoding, one capacity and the sender's own high-water mark.
  expect(sentWhileWaiting).toBeLessThan(20);
  expect(client.isPaused).toBe(true);
  for (let read = 0; read < 50; read++) expect((await reader.read()).done).toBe(false);
  expect(sent).toBeGreaterThan(sentWhileWaiting + 20);
  stopping.abort();
  void server.close();
  let isDone = false;
  while (!isDone) ({ done: isDone } = await reader.read());
  await sending;
});

test('where the platform cannot pause, a reader that is far behind ends the stream for a named reason', async () => {
  const platform = fakePlatform();
  const stream = new platform.WebSocketStream('ws://host');
  const { client, server } = connectionPair();
  vi.spyOn(client, 'supports', 'get').mockReturnValue({ ...client.supports, pause: false });
  platform.lastDial().accept(client);
  const { readable } = await stream.opened;
  for (let sent = 0; sent < 40; sent++) await server.send(new Uint8Array(500_000));
  const cause = expect.objectContaining({ code: 'WS_RECEIVE_QUEUE_OVERFLOW' });
  const reader = readable.getReader();
  expect(await rejectionOf(reader.read())).toMatchObject({ closeCode: 1006, cause });
  expect(await rejectionOf(stream.closed)).toMatchObject({ cause });
});

test('a write waits for a peer that does not read', async () => {
  const { writable, serverTransport, client } = await openStream({ capacityBytes: 1000 });
  serverTransport.stall();
  const writer = writable.getWriter();
  await writer.write(new Uint8Array(50_000));
  const second = vi.fn();
  const writing = writer.write(new Uint8Array(50_000)).then(second);
  await settle();
  expect(second).not.toHaveBeenCalled();
  expect(writer.desiredSize).toBe(0);
  serverTransport.unstall();
  await writing;
  expect(client.bufferedAmount).toBe(0);
});

test.each([
  [undefined, { closeCode: 1005, reason: '' }],
  [{}, { closeCode: 1005, reason: '' }],
  [{ closeCode: undefined }, { closeCode: 1005, reason: '' }],
  [{ reason: '' }, { closeCode: 1005, reason: '' }],
  [{ reason: 'why' }, { closeCode: 1000, reason: 'why' }],
  [
    { closeCode: 3456, reason: 'pizza' },
    { closeCode: 3456, reason: 'pizza' },
  ],
  [{ closeCode: '3000.9' }, { closeCode: 3000, reason: '' }],
])('close(%j) sends what it was given', async (given, expected) => {
  const { stream, server } = await openStream();
  call(stream, 'close', given === undefined ? [] : [given]);
  expect(await server.closed).toMatchObject({
    code: expected.closeCode,
    reason: expected.reason,
    clean: true,
  });
  // The answer of our server repeats the code alone.
  expect(await stream.closed).toEqual({ closeCode: expected.closeCode, reason: '' });
});

test('close() with wrong arguments throws and changes nothing', async () => {
  const { stream, server } = await openStream();
  const close = (given: unknown): unknown => outcomeOf(() => call(stream, 'close', [given]));
  expect([close(true), close('x'), close({ closeCode: NaN }), close({ closeCode: 70_000 })]).toEqual(
    Array.from({ length: 4 }, () => 'TypeError'),
  );
  for (const closeCode of [0, 999, 1001, 2999, 5000]) expect(close({ closeCode })).toBe('InvalidAccessError');
  expect(close({ reason: 'x'.repeat(124) })).toBe('SyntaxError');
  await settle();
  expect(server.readyState).toBe('open');
});

test('closing the writable side closes the connection, and is done when the handshake is', async () => {
  const { stream, writable, server, serverTransport } = await openStream();
  const messages: unknown[] = [];
  server.attach({ message: (_, message) => void messages.push(message) });
  serverTransport.stall();
  const writer = writable.getWriter();
  void writer.write('last');
  const closed = vi.fn();
  const closing = writer.close().then(closed);
  await settle();
  expect(closed).not.toHaveBeenCalled();
  serverTransport.unstall();
  await closing;
  expect(await stream.closed).toEqual({ closeCode: 1005, reason: '' });
  expect(messages).toEqual(['last']);
});

test.each(['abort', 'cancel'] as const)(
  '%s() closes the connection; only a WebSocketError says how',
  async (method) => {
    const end = async (reason: unknown): Promise<unknown> => {
      const { readable, writable, stream, server } = await openStream();
      if (method === 'abort') await writable.abort(reason);
      else await readable.cancel(reason);
      await stream.closed;
      const { code, reason: received } = await server.closed;
      return { code, reason: received };
    };
    expect(await end(undefined)).toEqual({ code: 1005, reason: '' });
    expect(await end({ closeCode: 3456, reason: 'set' })).toEqual({ code: 1005, reason: '' });
    expect(await end(new Error('any other'))).toEqual({ code: 1005, reason: '' });
    const full = new WebSocketError('', { closeCode: 3333, reason: 'done' });
    expect(await end(full)).toEqual({ code: 3333, reason: 'done' });
    expect(await end(new WebSocketError('', { reason: 'only this' }))).toEqual({
      code: 1000,
      reason: 'only this',
    });
    expect(await end(new WebSocketError('message'))).toEqual({ code: 1005, reason: '' });
  },
);

test('cancelling the readable side lets the closing handshake through a full stream', async () => {
  const { readable, stream, server } = await openStream({ capacityBytes: 1000 });
  for (let sent = 0; sent < 100; sent++) void server.send(new Uint8Array(1000));
  await settle();
  await readable.cancel();
  expect(await stream.closed).toEqual({ closeCode: 1005, reason: '' });
});

test('close() lets the closing handshake through a stream that nobody reads, and what comes late is dropped', async () => {
  const { readable, stream, server } = await openStream({ capacityBytes: 1000 });
  for (let sent = 0; sent < 100; sent++) void server.send(new Uint8Array([sent]));
  stream.close();
  await stream.closed;
  let count = 0;
  for await (const chunk of readable) count += chunk.length;
  expect(count).toBeLessThan(100);
});

test('after a clean end what arrived can be read, and nothing can be written', async () => {
  const { readable, writable, stream, server } = await openStream();
  server.send('one');
  await settle();
  void server.close(1000);
  await settle();
  const reader = readable.getReader();
  expect(await reader.read()).toEqual({ done: false, value: 'one' });
  expect(await reader.read()).toEqual({ done: true, value: undefined });
  expect(await stream.closed).toEqual({ closeCode: 1000, reason: '' });
  const writer = writable.getWriter();
  expect(await rejectionOf(writer.write('x'))).toMatchObject({ name: 'InvalidStateError' });
});

test('an unclean end errors both streams and the promise with one WebSocketError, whose cause says why', async () => {
  const { readable, writable, stream, clientTransport } = await openStream();
  const reader = readable.getReader();
  const reading = rejectionOf(reader.read());
  clientTransport.fail(new Error('reset'));
  const error = await rejectionOf(stream.closed);
  expect(error).toEqual(webSocketError(1006));
  expect(error).toBeInstanceOf(WebSocketError);
  expect(error).toHaveProperty('cause.code', 'WS_TRANSPORT_FAILED');
  expect(await reading).toBe(error);
  expect(await rejectionOf(writable.getWriter().write('x'))).toBe(error);
});

test('a write that waits when the connection is lost does not hang', async () => {
  const { writable, serverTransport, clientTransport, stream } = await openStream({ capacityBytes: 1000 });
  serverTransport.stall();
  const writer = writable.getWriter();
  const first = writer.write(new Uint8Array(100_000));
  const second = rejectionOf(writer.write('behind it'));
  await settle();
  clientTransport.fail();
  await first;
  expect(await second).toEqual(webSocketError(1006));
  expect(await rejectionOf(stream.closed)).toEqual(webSocketError(1006));
});

test('a handshake that fails rejects both promises, with the cause for those who may know it', async () => {
  const platform = fakePlatform();
  const stream = new platform.WebSocketStream('ws://host');
  const refusal = new FullduplexError('WS_HANDSHAKE_REFUSED', '403 Forbidden');
  platform.lastDial().refuse(refusal);
  const opened = await rejectionOf(stream.opened);
  expect(opened).toEqual(webSocketError(null));
  expect(opened).toHaveProperty('cause', refusal);
  expect(await rejectionOf(stream.closed)).toEqual(webSocketError(1006));
});

test('a server that picks no subprotocol of those offered is a handshake that fails', async () => {
  const platform = fakePlatform();
  const stream = new platform.WebSocketStream('ws://host', { protocols: ['a'] });
  const { client, server } = connectionPair();
  platform.lastDial().accept(client);
  expect(await rejectionOf(stream.opened)).toEqual(webSocketError(null));
  expect((await server.closed).clean).toBe(false);
});

test('close() during the handshake gives up', async () => {
  const platform = fakePlatform();
  const stream = new platform.WebSocketStream('ws://host');
  stream.close({ closeCode: 3000 });
  expect(platform.lastDial().signal.aborted).toBe(true);
  expect(await rejectionOf(stream.opened)).toEqual(webSocketError(null));
  expect(await rejectionOf(stream.closed)).toEqual(webSocketError(1006));
});

test('the signal aborts the handshake with its reason, and does nothing once the stream is open', async () => {
  const platform = fakePlatform();
  const before = AbortSignal.abort('at once');
  const never = new platform.WebSocketStream('ws://host', { signal: before });
  expect([await rejectionOf(never.opened), await rejectionOf(never.closed)]).toEqual(['at once', 'at once']);
  expect(platform.dials).toEqual([]);
  never.close();

  const during = new AbortController();
  const aborted = new platform.WebSocketStream('ws://host', { signal: during.signal });
  during.abort('while dialling');
  expect(platform.lastDial().signal.aborted).toBe(true);
  expect([await rejectionOf(aborted.opened), await rejectionOf(aborted.closed)]).toEqual([
    'while dialling',
    'while dialling',
  ]);

  const after = new AbortController();
  const open = new platform.WebSocketStream('ws://host', { signal: after.signal });
  const { client, server } = connectionPair();
  platform.lastDial().accept(client);
  const { writable } = await open.opened;
  after.abort('too late');
  await writable.getWriter().write('still works');
  for await (const message of server) {
    expect(message).toBe('still works');
    break;
  }
  expect(client.readyState).toBe('open');
});

test('nothing is an unhandled rejection when nobody listens', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  const platform = fakePlatform();
  void new platform.WebSocketStream('ws://host');
  platform.lastDial().refuse(new Error('no'));
  const { clientTransport, readable, writable } = await openStream();
  readable.getReader();
  writable.getWriter();
  clientTransport.fail();
  await settle();
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
