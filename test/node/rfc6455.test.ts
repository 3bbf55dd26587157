// Requirements of RFC 6455 that show only on real sockets: who ends TCP and when, what is sent before the handshake is
// over, and that TLS hides everything. docs/rfc-index.md names them beside all others.

import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import { selfSignedCertificate } from './certificate.ts';
import { closeFrame, handshake, RawClient, textFrame, until } from './raw-client.ts';
import { accepting, rawServer, rejectionOf, type Visit } from './raw-server.ts';

const local = { port: 0, host: '127.0.0.1' };
const closeFromServer = Buffer.from([0x88, 2, 0x03, 0xe8]);

/** Lets the loop turn often enough for whatever loopback has to deliver. */
async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A server that accepts and keeps everything that follows the request. */
async function listening(answer: (visit: Visit) => void = (visit) => visit.socket.write(accepting(visit))) {
  const received: Buffer[] = [];
  const visits: Visit[] = [];
  const server = await rawServer((visit) => {
    visits.push(visit);
    visit.socket.on('data', (chunk: Buffer) => received.push(chunk));
    answer(visit);
  });
  return { server, visits, received: () => Buffer.concat(received) };
}

describe('a client before the handshake is over', () => {
  test('sends nothing behind its request until the answer has come', async () => {
    await using server = await rawServer(() => undefined);
    const visited = server.nextVisit();
    const received: Buffer[] = [];
    const connecting = connect(
      `ws://127.0.0.1:${server.port}/`,
      { pingIntervalMs: 1 },
      { open: (connection) => void connection.send('hello') },
    );
    const socket = await server.nextSocket();
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    const visit = await visited;
    await manyTurns();
    expect(Buffer.concat(received).toString('latin1')).toBe(`${visit.head}\r\n\r\n`);
    received.length = 0;
    socket.write(accepting(visit));
    const connection = await connecting;
    await until(() => Buffer.concat(received).length >= 11);
    expect(received[0]?.[0]).toBe(0x81);
    connection.terminate();
  });

  test('ends TCP without a close frame when the answer breaks a rule', async () => {
    const { server, received } = await listening((visit) => {
      visit.socket.write(accepting({ ...visit, accept: 'x' }));
    });
    await using _ = server;
    const connecting = rejectionOf(connect(`ws://127.0.0.1:${server.port}/`));
    const visit = await server.nextVisit();
    await once(visit.socket, 'close');
    expect(await connecting).toMatchObject({ code: 'WS_HANDSHAKE_INVALID' });
    expect(received()).toHaveLength(0);
  });
});

describe('a server that refuses', () => {
  test('answers with HTTP and ends TCP, whatever follows the request', async () => {
    const server = await serve(local);
    const client = await RawClient.open(server.port);
    client.write(Buffer.concat([Buffer.from(handshake().replace('13', '8')), textFrame('early')]));
    expect((await client.response()).status).toBe(426);
    expect(await client.rest()).toBe('');
    expect(server.connections.size).toBe(0);
    await client[Symbol.asyncDispose]();
    await server.close({ timeoutMs: 0 });
  });
});

describe('the end of TCP', () => {
  test.each(['the client', 'the server'])(
    'comes from the server at once when %s has begun to close',
    async (who) => {
      const server = await serve(local);
      const [client] = await RawClient.shake(server.port);
      await until(() => server.connections.size === 1);
      const [connection] = server.connections;
      if (who === 'the client') {
        client.write(closeFrame(1000));
        expect(await client.closeCode()).toBe(1000);
      } else {
        void connection.close(1001);
        expect(await client.closeCode()).toBe(1001);
        client.write(closeFrame(1001));
      }
      // The client keeps its half open: what ends here is the server's.
      expect(await client.rest()).toBe('');
      expect(client.socket.writableEnded).toBe(false);
      client.socket.end();
      expect(await connection.closed).toMatchObject({ clean: true });
      await server.close({ timeoutMs: 0 });
    },
  );

  test.each(['the client', 'the server'])(
    'is left to the server by a client when %s has begun to close',
    async (who) => {
      const { server, visits, received } = await listening();
      await using _ = server;
      let stream: Socket | undefined;
      const connection = await connect(`ws://127.0.0.1:${server.port}/`, {
        createConnection: ({ host, port }) => (stream = connectSocket({ host, port })),
      });
      const [visit] = visits;
      if (who === 'the client') void connection.close();
      else visit?.socket.write(closeFromServer);
      await until(() => received().length >= 8);
      if (who === 'the client') visit?.socket.write(closeFromServer);
      await until(() => connection.peerClose !== undefined);
      await manyTurns();
      expect(stream?.writableEnded).toBe(false);
      expect(connection.readyState).toBe('closing');
      visit?.socket.end();
      expect(await connection.closed).toMatchObject({ code: 1000, clean: true });
      expect(stream?.writableEnded).toBe(true);
    },
  );

  test('comes from a client that fails the connection, behind a close frame with the reason', async () => {
    const { server, visits, received } = await listening();
    await using _ = server;
    const messages: unknown[] = [];
    const connection = await connect(
      `ws://127.0.0.1:${server.port}/`,
      {},
      { message: (_connection, message) => void messages.push(message) },
    );
    const [visit] = visits;
    // Masked, which no server's frame may be; then a message that nobody must hear, and a close frame.
    visit?.socket.write(textFrame('masked'));
    visit?.socket.write(Buffer.concat([Buffer.from([0x81, 1, 0x61]), closeFromServer]));
    expect(await connection.closed).toMatchObject({ code: 1002, clean: false, by: 'local' });
    if (visit !== undefined) await until(() => visit.socket.readableEnded || visit.socket.destroyed);
    const [first, second, ...rest] = received();
    expect([first, (second ?? 0) >> 7]).toEqual([0x88, 1]);
    const code = Buffer.from(rest.slice(4, 6).map((byte, at) => byte ^ (rest[at] ?? 0))).readUInt16BE();
    expect(code).toBe(1002);
    expect(messages).toEqual([]);
    expect(connection.peerClose).toBeUndefined();
  });

  test('comes from a server that fails the connection, behind a close frame, and what follows is dropped', async () => {
    const messages: unknown[] = [];
    const server = await serve(local, { message: (_connection, message) => void messages.push(message) });
    const [client] = await RawClient.shake(server.port);
    client.write(
      Buffer.concat([textFrame('good'), Buffer.from([0x81, 0x00]), textFrame('late'), closeFrame(1000)]),
    );
    expect(await client.closeCode()).toBe(1002);
    expect(await client.rest()).toBe('');
    expect(messages).toEqual(['good']);
    client.socket.end();
    await until(() => server.connections.size === 0);
    await server.close({ timeoutMs: 0 });
  });
});

describe('over TLS', () => {
  test('nothing of the handshake and of the messages is readable on the way, and both sides end cleanly', async () => {
    const { key, cert } = selfSignedCertificate();
    const server = await serve(
      { ...local, tls: { key, cert } },
      { message: (connection, message) => void connection.send(message) },
    );
    // A listener on the way, which sees every byte of both directions.
    const seen: Buffer[] = [];
    const wire = createServer((near) => {
      const far = connectSocket(server.port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('data', (chunk: Buffer) => seen.push(chunk));
        from.on('error', () => to.destroy());
        from.pipe(to);
      }
    });
    wire.listen(0, '127.0.0.1');
    await once(wire, 'listening');
    const { port } = wire.address() as AddressInfo;
    const connection = await connect(`wss://127.0.0.1:${port}/secret-path`, { tls: { ca: cert } });
    connection.send('secret message');
    for await (const message of connection) {
      expect(message).toBe('secret message');
      break;
    }
    expect(await connection.close()).toMatchObject({ code: 1000, clean: true });
    await server.close();
    wire.close();
    const bytes = Buffer.concat(seen);
    // The first record of each direction is a TLS handshake.
    expect(bytes[0]).toBe(0x16);
    for (const readable of ['GET ', 'HTTP/1.1', 'secret', 'Sec-WebSocket']) {
      expect(bytes.includes(readable), readable).toBe(false);
    }
  });
});
