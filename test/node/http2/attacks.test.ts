// What a hostile client of HTTP/2 can do to a server of ours, with sessions and bytes by hand: each attack is bounded, and
// another client on a connection of its own goes on.

import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../../src/node/serve.ts';
import type { WebSocketServer } from '../../../src/node/web-socket-server.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { selfSignedCertificate } from '../certificate.ts';
import { textFrame, until } from '../raw-client.ts';
import { RawSession, type ServerSettings } from './raw-session.ts';

const certificate = selfSignedCertificate();
let clock: FakeClock;
let server: WebSocketServer;

beforeEach(() => {
  clock = new FakeClock();
});

afterEach(async () => {
  await server.close({ timeoutMs: 0 });
});

async function listen(options: ServerSettings = {}): Promise<void> {
  const base = { port: 0, host: '127.0.0.1', tls: certificate, clock };
  server = await serve<unknown>(
    { ...base, ...options },
    {
      message: (connection, message) => void connection.send(message),
    },
  );
}

async function expectOthersUnharmed(): Promise<void> {
  await using session = await RawSession.open(server.port);
  const stream = session.open();
  stream.stream.write(textFrame('unharmed'));
  expect(await stream.text()).toBe('unharmed');
}

/** A TLS connection on which bytes of HTTP/2 are written by hand. */
async function rawSocket(): Promise<{ socket: TLSSocket; ended: Promise<unknown> }> {
  const socket = connectTls({
    port: server.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  socket.on('error', () => undefined);
  const ended = once(socket, 'close');
  await once(socket, 'secureConnect');
  socket.resume();
  return { socket, ended };
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const settings = frame(4, 0, 0);
const ping = frame(6, 0, 0, Buffer.alloc(8));

describe('a connection that carries no WebSocket', () => {
  test.each([
    ['says nothing at all', Buffer.alloc(0)],
    ['says only its preface and settings', Buffer.concat([preface, settings])],
    // A HEADERS frame whose block never ends.
    [
      'begins a request and never finishes it',
      Buffer.concat([preface, settings, frame(1, 0, 1, Buffer.from([0x82]))]),
    ],
  ])('and %s is cut after the handshake timeout', async (_name, bytes) => {
    await listen({ handshakeTimeoutMs: 5_000 });
    const { socket, ended } = await rawSocket();
    socket.write(bytes);
    await expectOthersUnharmed();
    clock.advance(5_000);
    clock.advance(2_000);
    await ended;
  });

  test('any more is ended in order, and one that does is not', async () => {
    await listen({ handshakeTimeoutMs: 5_000, pingIntervalMs: 0 });
    await using session = await RawSession.open(server.port);
    const first = session.open();
    await first.response;
    clock.advance(60_000);
    const second = session.open();
    expect((await second.response)[':status']).toBe(200);
    first.reset();
    second.reset();
    await until(() => server.connections.size === 0);
    clock.advance(5_000);
    await until(() => session.session.closed);
    expect(session.goawayCode).toBe(constants.NGHTTP2_NO_ERROR);
  });
});

describe('floods', () => {
  test('streams that are opened and reset at once (CVE-2023-44487) end the connection', async () => {
    let decisions = 0;
    await listen({
      maxStreamsPerSession: 16,
      upgrade: () => {
        decisions += 1;
        return { data: undefined };
      },
    });
    const { socket, ended } = await rawSocket();
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.write(Buffer.concat([preface, settings]));
    const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
    for (let id = 1; id < 2_000 && socket.writable; id += 2) {
      socket.write(Buffer.concat([frame(1, 4, id, connectBlock()), frame(3, 0, id, cancel)]));
      if (id % 16 === 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => socket.destroyed || socket.readableEnded);
    clock.advance(2_000);
    await ended;
    expect(goawayCode(Buffer.concat(received))).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    // Twice the streams that may be open, and what was under way.
    expect(decisions).toBeLessThan(16 * 2 + 64);
    expect(server.connections.size).toBe(0);
    await expectOthersUnharmed();
  });

  test('a page that closes all of its WebSockets at once is no attack', async () => {
    await listen({ maxStreamsPerSession: 64 });
    await using session = await RawSession.open(server.port);
    for (let time = 0; time < 2; time++) {
      const streams = Array.from({ length: 64 }, () => session.open());
      await Promise.all(streams.map(({ response }) => response));
      for (const stream of streams) stream.reset();
      await until(() => server.connections.size === 0);
    }
    expect((await session.open().response)[':status']).toBe(200);
  });

  test('more streams at a time than are allowed are refused', async () => {
    await listen({ maxStreamsPerSession: 4 });
    const { socket } = await rawSocket();
    const refused: number[] = [];
    socket.on('data', (chunk: Buffer) => {
      // RST_STREAM frames come whole in a test this small.
      const start = Buffer.from([0, 0, 4, 3, 0]);
      for (let at = chunk.indexOf(start); at !== -1; at = chunk.indexOf(start, at + 1)) {
        refused.push(chunk.readUInt32BE(at + 9));
      }
    });
    // The client has not acknowledged our settings yet: one that has breaks the protocol and loses the connection.
    socket.write(Buffer.concat([preface, settings]));
    for (let id = 1; id < 16; id += 2) socket.write(frame(1, 4, id, connectBlock()));
    await until(() => refused.length >= 4);
    expect(server.connections.size).toBe(4);
    expect(new Set(refused)).toEqual(new Set([constants.NGHTTP2_REFUSED_STREAM]));
    socket.destroy();
  });

  test('pings without end end the connection', async () => {
    await listen();
    const { socket, ended } = await rawSocket();
    socket.write(Buffer.concat([preface, settings]));
    for (let count = 0; count < 50 && socket.writable; count++)
      socket.write(Buffer.concat(Array.from({ length: 100 }, () => ping)));
    await until(() => socket.destroyed || socket.readableEnded);
    clock.advance(2_000);
    await ended;
    await expectOthersUnharmed();
  });

  test('settings without end end the connection', async () => {
    await listen();
    const { socket, ended } = await rawSocket();
    socket.write(preface);
    for (let count = 0; count < 50 && socket.writable; count++)
      socket.write(Buffer.concat(Array.from({ length: 100 }, () => settings)));
    await until(() => socket.destroyed || socket.readableEnded);
    clock.advance(2_000);
    await ended;
    await expectOthersUnharmed();
  });

  test('pings now and then are no flood', async () => {
    await listen({ pingIntervalMs: 0 });
    await using session = await RawSession.open(server.port);
    const stream = session.open();
    for (let second = 0; second < 60; second++) {
      for (let count = 0; count < 40; count++) {
        await new Promise<void>((resolve, reject) => {
          session.session.ping((error) => (error === null ? resolve() : reject(error)));
        });
      }
      clock.advance(1_000);
    }
    stream.stream.write(textFrame('still here'));
    expect(await stream.text()).toBe('still here');
  }, 30_000);
});

describe('heads', () => {
  test('with many more fields than are read end the stream only', async () => {
    await listen({ maxHeaderCount: 20 });
    await using session = await RawSession.open(server.port);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'a']));
    const stream = session.open('/', many);
    expect(await stream.closed).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect((await session.open().response)[':status']).toBe(200);
  });

  test('that are longer than maxHeaderBytes end the stream only', async () => {
    await listen({ maxHeaderBytes: 1_024 });
    await using session = await RawSession.open(server.port);
    const stream = session.open('/', { 'x-long': 'a'.repeat(4_000) });
    expect(await stream.closed).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect((await session.open().response)[':status']).toBe(200);
  });

  test('that break off in CONTINUATION frames without end (CVE-2024-27983) end the connection', async () => {
    await listen();
    const { socket, ended } = await rawSocket();
    socket.write(Buffer.concat([preface, settings, frame(1, 0, 1, Buffer.from([0x82]))]));
    const block = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x7e]), Buffer.alloc(16_000, 0x61)]);
    for (let count = 0; count < 64 && socket.writable; count++) socket.write(frame(9, 0, 1, block));
    await until(() => socket.destroyed || socket.readableEnded);
    clock.advance(12_000);
    await ended;
    await expectOthersUnharmed();
  });
});

/** The code of the GOAWAY in what a server has sent. */
function goawayCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === 7) return bytes.readUInt32BE(at + 13);
  }
  return undefined;
}

/** The HPACK block (RFC 7541) of an extended CONNECT to `/`, without the dynamic table. */
function connectBlock(): Buffer {
  const literal = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  return Buffer.concat([
    literal(':method', 'CONNECT'),
    literal(':protocol', 'websocket'),
    literal(':scheme', 'https'),
    literal(':path', '/'),
    literal(':authority', '127.0.0.1'),
    literal('sec-websocket-version', '13'),
  ]);
}
