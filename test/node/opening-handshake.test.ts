import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type EndpointOptions, type OpeningHandshake, serve, type WebSocketServer } from '../../src/index.ts';

const request =
  'GET /room?x=1 HTTP/1.1\r\nhOsT: 127.0.0.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n' +
  'X-Note: one\r\nSec-WebSocket-Version: 13\r\nX-Note: two\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

const servers: WebSocketServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ timeoutMs: 1 });
});

async function handshakeWith(
  options: EndpointOptions,
): Promise<{ kept: OpeningHandshake | undefined; received: string }> {
  let kept: OpeningHandshake | undefined;
  const server = await serve(
    { port: 0, host: '127.0.0.1', ...options },
    {
      open: (connection) => {
        kept = connection.handshake;
      },
    },
  );
  servers.push(server);
  const socket = connectSocket(server.port, '127.0.0.1');
  socket.write(request);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return { kept, received: chunk.toString('latin1') };
}

test('a connection that keeps its opening handshake gives both heads as they were on the wire', async () => {
  const { kept, received } = await handshakeWith({
    keepHandshake: true,
    upgrade: () => ({ headers: { 'Set-Cookie': 'a=b' } }),
  });
  expect(kept?.request).toBe(request);
  expect(kept?.response).toBe(received);
  expect(received).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
  expect(received).toContain('Set-Cookie: a=b\r\n');
});

test('a connection keeps nothing of its opening handshake by default', async () => {
  const { kept } = await handshakeWith({});
  expect(kept).toBeUndefined();
});

test('a wrong keepHandshake is refused by name', async () => {
  const options = { keepHandshake: 'yes' } as unknown as EndpointOptions;
  await expect(handshakeWith(options)).rejects.toThrow(
    'option keepHandshake is "yes", expected true or false',
  );
});
