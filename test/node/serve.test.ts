import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';
import type { ServerHandlers } from '../../src/server/server-options.ts';
import { selfSignedCertificate } from './certificate.ts';
import { closeFrame, deferred, handshake, RawClient, sampleAccept, textFrame } from './raw-client.ts';

const echo: ServerHandlers<unknown> = { message: (connection, message) => void connection.send(message) };
let server: WebSocketServer | undefined;

afterEach(async () => {
  await server?.close({ timeoutMs: 100 });
  server = undefined;
});

describe('listening', () => {
  test('on a free port of an IPv4 address, npm ws sends and receives text and binary', async () => {
    server = await serve({ port: 0, host: '127.0.0.1' }, echo);
    expect(server.url).toBe(`ws://127.0.0.1:${server.port}`);
    expect(server.address).toBe('127.0.0.1');
    const client = new WebSocket(`${server.url}/any/path?query`);
    await once(client, 'open');
    client.send('grüße');
    expect(await once(client, 'message')).toEqual([Buffer.from('grüße'), false]);
    client.send(new Uint8Array([0, 255]));
    expect(await once(client, 'message')).toEqual([Buffer.from([0, 255]), true]);
    client.close(4000, 'bye');
    const [connection] = server.connections;
    expect(await connection.closed).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'remote' });
    expect(server.connections.size).toBe(0);
  });

  test('on IPv6 the address stands in brackets in the URL', async () => {
    server = await serve({ port: 0, host: '::1' }, echo);
    expect(server.url).toBe(`ws://[::1]:${server.port}`);
    const connection = await connect(server.url);
    expect(connection.readyState).toBe('open');
    await connection.close();
  });

  test('on all addresses the URL says localhost', async () => {
    server = await serve({ port: 0 }, echo);
    expect(server.url).toBe(`ws://localhost:${server.port}`);
    await (await connect(server.url)).close();
  });

  test('on a unix socket, whose URL has the scheme ws+unix', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fullduplex-'));
    const socketPath = join(folder, 'a b.sock');
    try {
      server = await serve(
        { socketPath },
        { open: (connection) => void connection.send(`from ${connection.remoteAddress}`) },
      );
      expect(server.url).toBe(`ws+unix:${socketPath.replace(' ', '%20')}`);
      expect(server.address).toBe(socketPath);
      const connection = await connect(server.url);
      for await (const message of connection) {
        expect(message).toBe('from undefined');
        break;
      }
      await connection.close();
      const inUse = serve({ socketPath });
      await expect(inUse).rejects.toMatchObject({ code: 'WS_PORT_IN_USE' });
      await expect(inUse).rejects.toThrow(socketPath);
    } finally {
      await server?.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('with a certificate it speaks wss', async () => {
    const { key, cert } = selfSignedCertificate();
    let isSecure: boolean | undefined;
    let url: string | undefined;
    server = await serve(
      {
        port: 0,
        host: '127.0.0.1',
        tls: { key, cert },
        upgrade: (request) => {
          isSecure = request.isSecure;
          url = request.url.href;
        },
      },
      echo,
    );
    expect(server.url).toBe(`wss://127.0.0.1:${server.port}`);
    const client = new WebSocket(`${server.url}/x`, { ca: cert, origin: `https://127.0.0.1:${server.port}` });
    await once(client, 'open');
    client.send('over TLS');
    expect(await once(client, 'message')).toEqual([Buffer.from('over TLS'), false]);
    client.close();
    await once(client, 'close');
    expect(isSecure).toBe(true);
    expect(url).toBe(`wss://127.0.0.1:${server.port}/x`);
  });

  test('a taken port is reported with the address and the way out, and nothing is left listening', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const taken = serve({ port, host: '127.0.0.1' });
      await expect(taken).rejects.toMatchObject({ code: 'WS_PORT_IN_USE' });
      await expect(taken).rejects.toThrow(
        `port ${port} of 127.0.0.1 is in use: stop the program that uses it, or choose another port (0 takes a free one)`,
      );
    } finally {
      other.close();
      await once(other, 'close');
    }
    server = await serve({ port, host: '127.0.0.1' });
    expect(server.port).toBe(port);
  });

  test('an address that is not ours is reported as such', async () => {
    await expect(serve({ port: 0, host: '203.0.113.7' })).rejects.toMatchObject({ code: 'WS_LISTEN_FAILED' });
  });
});

describe('options', () => {
  test.each([
    [{}, '0 of the options port, socketPath, server and listen are given'],
    [{ port: 0, socketPath: '/tmp/x' }, '2 of the options'],
    [{ port: 65_536 }, 'option port is 65536'],
    [{ port: 0, host: '' }, 'option host is ""'],
    [{ socketPath: '' }, 'option socketPath is ""'],
    [{ listen: true }, 'option listen is true, expected false'],
    [{ server: {} }, 'option server is an object'],
    [{ port: 0, tls: { key: 'x', cert: 'y' } }, 'option tls is not usable'],
    [{ port: 0, path: 'chat' }, 'option path is "chat"'],
    [{ port: 0, upgrade: 'yes' }, 'option upgrade is "yes", expected a function'],
    [{ port: 0, onError: 1 }, 'option onError is 1, expected a function'],
    [{ port: 0, protocols: ['a b'] }, 'option protocols has "a b"'],
    [{ port: 0, allowedOrigins: 'all' }, 'option allowedOrigins is "all"'],
    [{ port: 0, handshakeTimeoutMs: 0 }, 'option handshakeTimeoutMs is 0'],
    [{ port: 0, maxHeaderBytes: 1 }, 'option maxHeaderBytes is 1'],
    [{ port: 0, maxHeaderCount: 1.5 }, 'option maxHeaderCount is 1.5'],
    [{ port: 0, maxRetainedBytesTotal: '1' }, 'option maxRetainedBytesTotal is "1"'],
    [{ port: 0, pingIntervalMs: -1 }, 'option pingIntervalMs is -1'],
  ])('%j is refused with a sentence that names it', async (options, message) => {
    const refused = serve(options as Parameters<typeof serve>[0]);
    await expect(refused).rejects.toMatchObject({ code: 'WS_OPTION_INVALID' });
    await expect(refused).rejects.toThrow(message);
  });

  test('a handler that is no function is refused', async () => {
    const handlers = { message: 'echo' } as unknown as ServerHandlers;
    await expect(serve({ port: 0 }, handlers)).rejects.toThrow(
      'handler message is "echo", expected a function',
    );
  });
});

describe('the opening handshake', () => {
  test('answers 101 as RFC 6455 1.3 shows it, and bytes behind the head are the first frame', async () => {
    server = await serve({ port: 0, host: '127.0.0.1' }, echo);
    const client = await RawClient.open(server.port);
    client.write(Buffer.concat([Buffer.from(handshake()), textFrame('early')]));
    const { status, headers } = await client.response();
    expect(status).toBe(101);
    expect(headers).toEqual({
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-accept': sampleAccept,
    });
    expect(await client.text()).toBe('early');
    client.write(closeFrame(1000));
    expect(await client.closeCode()).toBe(1000);
    expect(await client.rest()).toBe('');
  });

  test('a message that came with the handshake is answered even if a broken frame follows it', async () => {
    server = await serve({ port: 0, host: '127.0.0.1' }, echo);
    const client = await RawClient.open(server.port);
    client.write(
      Buffer.concat([Buffer.from(handshake()), textFrame('early'), Buffer.from([0x83, 0x80, 0, 0, 0, 0])]),
    );
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('early');
    expect(await client.closeCode()).toBe(1002);
    await client[Symbol.asyncDispose]();
  });

  test('frames that arrive while upgrade decides are delivered once it has', async () => {
    const decision = deferred<undefined>();
    const asked = deferred<undefined>();
    server = await serve(
      {
        port: 0,
        host: '127.0.0.1',
        upgrade: async () => {
          asked.resolve(undefined);
          await decision.promise;
        },
      },
      echo,
    );
    const client = await RawClient.open(server.port);
    client.write(handshake());
    await asked.promise;
    client.write(textFrame('one'));
    client.write(textFrame('two'));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    decision.resolve(undefined);
    expect((await client.response()).status).toBe(101);
    expect([await client.text(), await client.text()]).toEqual(['one', 'two']);
    await client[Symbol.asyncDispose]();
  });

  test('the server picks the subprotocol it likes best among those offered', async () => {
    server = await serve({ port: 0, host: '127.0.0.1', protocols: ['v2', 'v1'] });
    const connection = await connect(server.url, { protocols: ['v0', 'v1', 'v2'] });
    expect(connection.protocol).toBe('v2');
    await connection.close();
  });

  test('upgrade may add headers and choose the subprotocol', async () => {
    server = await serve({
      port: 0,
      host: '127.0.0.1',
      upgrade: ({ protocols }) => ({
        headers: [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
        ],
        protocol: protocols[1],
      }),
    });
    const [client, { headers }] = await RawClient.shake(server.port, '/', {
      'Sec-WebSocket-Protocol': 'x, y',
    });
    expect(headers['set-cookie']).toBe('a=1, b=2');
    expect(headers['sec-websocket-protocol']).toBe('y');
    await client[Symbol.asyncDispose]();
  });

  test('upgrade sees the request: URL, parameters, headers, address', async () => {
    const seen: unknown[] = [];
    server = await serve({
      port: 0,
      host: '127.0.0.1',
      path: '/chat/:room',
      upgrade: ({ url, params, headers, request, remoteAddress, isSecure, protocols }) => {
        seen.push(url.href, params.room, headers.get('x-test'), request.method, request.url);
        seen.push(request.headers.get('host'), remoteAddress, isSecure, protocols);
      },
    });
    const [client] = await RawClient.shake(server.port, '/chat/blue%20room?a=b', {
      Host: 'example.localhost:80',
      'X-Test': '1',
    });
    expect(seen).toEqual([
      'ws://example.localhost/chat/blue%20room?a=b',
      'blue room',
      '1',
      'GET',
      'http://example.localhost/chat/blue%20room?a=b',
      'example.localhost:80',
      '127.0.0.1',
      false,
      [],
    ]);
    await client[Symbol.asyncDispose]();
  });

  test('a connection knows its URL, its peer and its data', async () => {
    const opened = deferred<unknown[]>();
    server = await serve(
      { port: 0, host: '127.0.0.1', upgrade: () => ({ data: { user: 'ada' } }) },
      {
        open: ({ url, remoteAddress, data, protocol, extensions }) =>
          opened.resolve([url.href, remoteAddress, data, protocol, extensions]),
      },
    );
    const connection = await connect(`${server.url}/x?y=1`);
    expect(await opened.promise).toEqual([`${server.url}/x?y=1`, '127.0.0.1', { user: 'ada' }, '', '']);
    await connection.close();
  });
});
