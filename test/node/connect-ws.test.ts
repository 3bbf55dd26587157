import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { connect } from '../../src/node/connect.ts';

let server: WebSocketServer;
let url: string;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat?room=1`;
});

afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

describe('with npm ws as the server', () => {
  test('messages go both ways and the connection closes cleanly', async () => {
    server.on('connection', (socket, request) => {
      socket.send(`you asked for ${request.url}`);
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const connection = await connect(url);
    const large = 'ü'.repeat(300_000);
    void connection.send(new Uint8Array([1, 2, 255]));
    void connection.send(large);
    const messages: unknown[] = [];
    for await (const message of connection) {
      messages.push(message);
      if (messages.length === 3) break;
    }
    expect(messages).toEqual(['you asked for /chat?room=1', new Uint8Array([1, 2, 255]), large]);
    expect(await connection.close(4001, 'done')).toEqual({
      code: 4001,
      reason: 'done',
      clean: true,
      by: 'local',
    });
  });

  test('what the server sends at once, close included, is heard by handlers given to connect', async () => {
    server.on('connection', (socket) => {
      socket.send('first');
      socket.send('second');
      socket.close(4002, 'that was all');
    });
    const heard: unknown[] = [];
    const connection = await connect(
      url,
      {},
      {
        open: () => void heard.push('open'),
        message: (_connection, message) => void heard.push(message),
        close: (_connection, info) => void heard.push(info),
      },
    );
    const closed = { code: 4002, reason: 'that was all', clean: true, by: 'remote' };
    expect(await connection.closed).toEqual(closed);
    expect(heard).toEqual(['open', 'first', 'second', closed]);
  });

  test('subprotocols are offered in order and the one that was picked is told', async () => {
    let offered: string[] = [];
    server.options.handleProtocols = (protocols) => {
      offered = [...protocols];
      return 'v1';
    };
    const connection = await connect(url, { protocols: ['v2', 'v1'] });
    expect(offered).toEqual(['v2', 'v1']);
    expect(connection.protocol).toBe('v1');
    connection.terminate();
  });

  test('a handler that throws closes its connection with 1011 and is reported with it', async () => {
    server.on('connection', (socket) => socket.send('boom'));
    const reported: unknown[] = [];
    const failure = new Error('the handler failed');
    const connection = await connect(
      url,
      { onError: (...report) => reported.push(...report) },
      {
        message: () => {
          throw failure;
        },
      },
    );
    expect(await connection.closed).toMatchObject({ code: 1011, by: 'local' });
    expect(reported).toEqual([failure, connection]);
  });
});
