import { once } from 'node:events';
import { createServer, request as httpRequest, Agent, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import { selfSignedCertificate } from './certificate.ts';
import { deferred, handshake, RawClient, textFrame } from './raw-client.ts';

let http: Server;
let port: number;

/** Answers with what it was asked, body included. */
function answer(request: IncomingMessage, response: { end(text: string): unknown }): void {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => {
    const { method, url, headers } = request;
    response.end(
      JSON.stringify({
        method,
        url,
        body,
        upgrade: headers.upgrade,
        settings: headers['http2-settings'],
        connection: headers.connection,
        other: headers['x-other'],
      }),
    );
  });
}

beforeEach(async () => {
  http = createServer(answer);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  ({ port } = http.address() as AddressInfo);
});

afterEach(async () => {
  http.closeAllConnections();
  http.close();
  await once(http, 'close');
});

describe('an ordinary server beside WebSockets', () => {
  test('answers ordinary requests as before, keep-alive and all', async () => {
    const server = await serve({ server: http, path: '/chat' });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of ['/a', '/b']) {
      const request = httpRequest({ port, host: '127.0.0.1', path, agent });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(JSON.parse(Buffer.concat(await response.toArray()).toString())).toMatchObject({ url: path });
      expect(request.reusedSocket).toBe(path === '/b');
    }
    agent.destroy();
    await server.close();
  });

  test('its address and port are those of the HTTP server, and closing leaves it running', async () => {
    const server = await serve({ server: http, path: '/chat' });
    expect([server.url, server.port, server.address]).toEqual([`ws://127.0.0.1:${port}`, port, '127.0.0.1']);
    expect(http.listenerCount('upgrade')).toBe(1);
    await server.close();
    expect(http.listenerCount('upgrade')).toBe(0);
    expect(http.listening).toBe(true);
    // Without anybody who listens for upgrades Node answers as if none had been asked.
    const [client, { status }] = await RawClient.shake(port, '/chat');
    expect(status).toBe(200);
    await client[Symbol.asyncDispose]();
  });

  test('may begin to listen after serve()', async () => {
    const late = createServer();
    const server = await serve({ server: late });
    expect(() => server.url).toThrow('the server does not listen');
    expect(() => server.port).toThrow('the server does not listen');
    late.listen(0, '127.0.0.1');
    await once(late, 'listening');
    await (await connect(server.url)).close();
    await server.close();
    late.close();
  });
});

describe('an upgrade that is not WebSocket', () => {
  const h2c =
    'Connection: Upgrade, HTTP2-Settings, keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';

  test('reaches the request handler, and the connection goes on, up to a WebSocket', async () => {
    // Where Node asks whether to upgrade, the handler gets the request as it is; else as we have rewritten it.
    const isAsIs = 'shouldUpgradeCallback' in http;
    const server = await serve(
      { server: http, path: '/chat' },
      { message: (connection, message) => connection.send(message) },
    );
    const client = await RawClient.open(port);
    client.write(`GET /first HTTP/1.1\r\nHost: a\r\nX-Other: 1\r\n${h2c}\r\n`);
    const first = await client.response();
    expect(first.status).toBe(200);
    expect(JSON.parse(first.body)).toEqual({
      method: 'GET',
      url: '/first',
      body: '',
      connection: isAsIs ? 'Upgrade, HTTP2-Settings, keep-alive' : 'keep-alive',
      ...(isAsIs ? { upgrade: 'h2c', settings: 'AAMAAABk' } : {}),
      other: '1',
    });

    client.write('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: '/second' });

    client.write(`GET /third HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: '/third' });

    client.write(Buffer.concat([Buffer.from(handshake('/chat')), textFrame('after all')]));
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('after all');
    await client[Symbol.asyncDispose]();
    await server.close();
  });

  test('keeps its body, in one piece with the head or following later, by length or in chunks', async () => {
    const server = await serve({ server: http, path: '/chat' });
    const client = await RawClient.open(port);
    const head = `POST /upload HTTP/1.1\r\nHost: a\r\n${h2c}`;
    client.write(`${head}Content-Length: 11\r\n\r\nhello world`);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ method: 'POST', body: 'hello world' });

    client.write(`${head}Content-Length: 100000\r\n\r\nhello `);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    client.write('x'.repeat(99_994));
    expect(JSON.parse((await client.response()).body).body).toBe(`hello ${'x'.repeat(99_994)}`);

    const next = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
    // Node itself loses what follows within the same read, where it is Node that goes on with such a request.
    const losesNext = 'shouldUpgradeCallback' in http;
    client.write(`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${losesNext ? '' : next}`);
    // Node names no length for this answer: it says Content-Length as it ends in one piece.
    expect(JSON.parse((await client.response()).body)).toMatchObject({ body: 'hello' });
    if (losesNext) client.write(next);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: '/next' });
    await client[Symbol.asyncDispose]();
    await server.close();
  });

  test('works over TLS', async () => {
    const { key, cert } = selfSignedCertificate();
    const https = createTlsServer({ key, cert }, answer);
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    const server = await serve(
      { server: https, path: '/chat' },
      { message: (connection, message) => connection.send(message) },
    );
    expect(server.url).toBe(`wss://127.0.0.1:${server.port}`);
    const client = await RawClient.openTls({ port: server.port, host: '127.0.0.1', ca: cert });
    client.write(`POST /first HTTP/1.1\r\nHost: a\r\n${h2c}Content-Length: 5\r\n\r\nhello`);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: '/first', body: 'hello' });
    client.write(Buffer.concat([Buffer.from(handshake('/chat')), textFrame('secret')]));
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('secret');
    await client[Symbol.asyncDispose]();
    await server.close();
    https.close();
    await once(https, 'close');
  });

  test('with more headers than Node keeps is refused, because what is missing may frame its body', async () => {
    http.maxHeadersCount = 40;
    const server = await serve({ server: http, path: '/chat' });
    const client = await RawClient.open(port);
    const many = Array.from({ length: 100 }, (_, index) => `X-${index}: x\r\n`).join('');
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${h2c}${many}Content-Length: 5\r\n\r\nhello`);
    expect((await client.response()).status).toBe(431);
    expect(await client.rest()).toBe('');
    await server.close();
  });

  test('on a server of ours is told to use WebSocket', async () => {
    const server = await serve({ port: 0, host: '127.0.0.1' });
    const client = await RawClient.open(server.port);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`);
    const { status, headers, body } = await client.response();
    expect(status).toBe(426);
    expect(headers).toMatchObject({ upgrade: 'websocket', connection: 'Upgrade, close' });
    expect(body).toContain('WebSocket');
    expect(await client.rest()).toBe('');
    await server.close();
  });
});

describe('pipelined requests', () => {
  test('an upgrade behind requests that are still being answered waits for its turn', async () => {
    const slow = deferred<undefined>();
    http.removeAllListeners('request');
    http.on('request', (request, response) => {
      void slow.promise.then(() => answer(request, response));
    });
    const server = await serve(
      { server: http, path: '/chat' },
      { message: (connection, message) => connection.send(message) },
    );
    const client = await RawClient.open(port);
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    client.write(
      Buffer.concat([Buffer.from(get('/1') + get('/2') + handshake('/chat')), textFrame('third')]),
    );
    await once(http, 'upgrade');
    slow.resolve(undefined);
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: '/1' });
    expect(JSON.parse((await client.response()).body)).toMatchObject({ url: '/2' });
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('third');
    await client[Symbol.asyncDispose]();
    await server.close();
  });

  test('behind a response that closes the connection nothing follows', async () => {
    const slow = deferred<undefined>();
    http.removeAllListeners('request');
    http.on('request', (_request, response) => {
      void slow.promise.then(() => response.setHeader('Connection', 'close').end('bye'));
    });
    let opened = 0;
    const server = await serve({ server: http, path: '/chat' }, { open: () => opened++ });
    const client = await RawClient.open(port);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${handshake('/chat')}`);
    await once(http, 'upgrade');
    slow.resolve(undefined);
    const response = await client.rest();
    expect(response.endsWith('bye')).toBe(true);
    expect(response.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(opened).toBe(0);
    await server.close();
  });
});

describe('several servers on one HTTP server', () => {
  test('share it by path; the more specific path goes first, whoever came first', async () => {
    const name = (text: string) => ({
      open: (connection: { send(text: string): unknown }) => connection.send(text),
    });
    const first = await serve({ server: http, path: '/rooms/*' }, name('rest'));
    const second = await serve({ server: http, path: '/rooms/:room' }, name('param'));
    const third = await serve({ server: http, path: '/rooms/lobby' }, name('literal'));
    expect(http.listenerCount('upgrade')).toBe(1);
    for (const [path, expected] of [
      ['/rooms/lobby', 'literal'],
      ['/rooms/blue', 'param'],
      ['/rooms/blue/1', 'rest'],
    ]) {
      const [client, { status }] = await RawClient.shake(port, path);
      expect([status, await client.text()]).toEqual([101, expected]);
      await client[Symbol.asyncDispose]();
    }
    const [client, { status }] = await RawClient.shake(port, '/elsewhere');
    expect(status).toBe(404);
    await client[Symbol.asyncDispose]();
    await third.close();
    const [later] = await RawClient.shake(port, '/rooms/lobby');
    expect(await later.text()).toBe('param');
    await later[Symbol.asyncDispose]();
    await Promise.all([first.close(), second.close()]);
  });

  test('cannot serve the same path twice, and a refused serve() leaves nothing behind', async () => {
    const first = await serve({ server: http, path: '/rooms/:room' });
    const counts = (): number[] =>
      ['upgrade', 'connection', 'close', 'error'].map((name) => http.listenerCount(name));
    const before = counts();
    await expect(serve({ server: http, path: '/rooms/:name' })).rejects.toMatchObject({
      code: 'WS_OPTION_INVALID',
    });
    expect(counts()).toEqual(before);
    await first.close();
  });

  test('one server has several endpoints with data of their own', async () => {
    const server = await serve(
      { server: http, path: '/a', upgrade: () => ({ data: 1 }) },
      { open: (connection) => connection.send(`a ${connection.data}`) },
    );
    const endpoint = server.endpoint(
      '/b/:id',
      { upgrade: ({ params }) => ({ data: params.id }) },
      { open: (connection) => connection.send(`b ${connection.data}`) },
    );
    expect(endpoint.path).toBe('/b/:id');
    expect(() => server.endpoint('/a', {})).toThrow('option path is "/a"');
    for (const [path, expected] of [
      ['/a', 'a 1'],
      ['/b/x%2Fy', 'b x/y'],
    ]) {
      const [client] = await RawClient.shake(port, path);
      expect(await client.text()).toBe(expected);
      await client[Symbol.asyncDispose]();
    }
    await server.close();
    expect(() => server.endpoint('/c', {})).toThrow('the server is closed');
  });
});

describe('foreign upgrade listeners', () => {
  test('get what no endpoint of ours matches, WebSocket or not, and nothing else', async () => {
    const foreign: string[] = [];
    const server = await serve({ server: http, path: '/chat' });
    http.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      if (request.url === '/chat') return;
      foreign.push(`${request.url} ${request.headers.upgrade}`);
      // Late enough for us to be in its way, if we were.
      setImmediate(() => socket.end('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n'));
    });
    const [client, { status }] = await RawClient.shake(port, '/chat');
    const [other, otherResponse] = await RawClient.shake(port, '/other');
    const [third, thirdResponse] = await RawClient.shake(port, '/third', { Upgrade: 'h2c' });
    expect([status, otherResponse.status, thirdResponse.status]).toEqual([101, 418, 418]);
    expect([await other.rest(), await third.rest()]).toEqual(['', '']);
    expect(foreign).toEqual(['/other websocket', '/third h2c']);
    for (const each of [client, other, third]) await each[Symbol.asyncDispose]();
    await server.close();
  });
});

describe('handing over by hand', () => {
  test('serves an upgrade that the application routed itself, and refuses unknown paths', async () => {
    const server = await serve(
      { listen: false, path: '/chat/:room' },
      {
        message: (connection, message) => connection.send(`${connection.url.pathname} ${message.toString()}`),
      },
    );
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      server.handleUpgrade(request, socket, head),
    );
    expect(() => server.url).toThrow('the server does not listen');
    const client = await RawClient.open(port);
    client.write(Buffer.concat([Buffer.from(handshake('/chat/blue')), textFrame('hi')]));
    expect((await client.response()).status).toBe(101);
    expect(await client.text()).toBe('/chat/blue hi');
    const [other, { status }] = await RawClient.shake(port, '/other');
    expect(status).toBe(404);
    expect(server.connections.size).toBe(1);
    await client[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await server.close();
    http.removeAllListeners('upgrade');
  });
});
