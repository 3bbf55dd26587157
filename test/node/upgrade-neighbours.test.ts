import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer as WsServer } from 'ws';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';

// Other libraries that listen for upgrades on the same server, as they really are.
let http: Server;
let url: string;

beforeEach(async () => {
  http = createServer((_request, response) => response.end('a page'));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterEach(async () => {
  http.closeAllConnections();
  http.close();
  await once(http, 'close');
});

async function echoOnce(target: string): Promise<unknown> {
  const connection = await connect(target);
  connection.send('hello');
  for await (const message of connection) {
    await connection.close();
    return message;
  }
  return undefined;
}

/** ws as its documentation has it for several servers on one port. */
function attachWs(path: string): WsServer {
  const ws = new WsServer({ noServer: true });
  ws.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(`ws ${data.toString()}`)),
  );
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url !== path) return;
    ws.handleUpgrade(request, socket, head, (client) => ws.emit('connection', client, request));
  });
  return ws;
}

test.each(['before us', 'after us'])('ws with its own path, attached %s, shares the port', async (order) => {
  const early = order === 'before us' ? attachWs('/ws') : undefined;
  const server = await serve(
    { server: http, path: '/ours' },
    { message: (connection, message) => connection.send(`ours ${message.toString()}`) },
  );
  const ws = early ?? attachWs('/ws');
  expect([await echoOnce(`${url}/ours`), await echoOnce(`${url}/ws`)]).toEqual(['ours hello', 'ws hello']);
  expect(await (await fetch(url.replace('ws:', 'http:'))).text()).toBe('a page');
  // Each goes without the other.
  await server.close();
  expect(await echoOnce(`${url}/ws`)).toBe('ws hello');
  ws.close();
});

test('ws given a server refuses every path but its own, also ours: noServer is the way', async () => {
  const ws = new WsServer({ server: http, path: '/ws' });
  const server = await serve({ server: http, path: '/ours' });
  // Both answer; whoever attached first comes first, and the connection is lost either way.
  await expect(
    connect(`${url}/ours`).then(async (connection) => {
      const { clean } = await connection.closed;
      if (!clean) throw new Error('lost');
    }),
  ).rejects.toThrow();
  await server.close();
  ws.close();
});
