import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../src/node/connect.ts';
import { type ServeRealtimeOptions, serveRealtime } from '../../../src/node/realtime/serve-realtime.ts';
import type { RealtimeServer } from '../../../src/node/realtime/realtime-server.ts';
import type { EndpointOptions, ServerHandlers } from '../../../src/server/server-options.ts';
import { makePublishKey } from '../../../src/realtime/server/publishing/publish-keys.ts';
import type { PublishTarget } from '../../../src/realtime/server/publish-target.ts';
import { hello, ScriptedAcceptor } from '../../realtime/server/fallback/scripted-acceptor.ts';
import { selfSignedCertificate } from '../certificate.ts';

class ScriptedHub extends ScriptedAcceptor {
  readonly published: unknown[] = [];
  readonly publishTarget: PublishTarget = {
    publish: async (publication) => ({ offset: this.published.push(publication) }),
    history: async () => ({}),
    presence: async () => ({}),
    disconnect: async () => undefined,
  };

  webSocket(): { options: EndpointOptions; handlers: ServerHandlers } {
    return {
      options: { protocols: ['fullduplex.v1.json'] },
      handlers: { message: (connection, message) => void connection.send(`echo ${String(message)}`) },
    };
  }
}

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

async function start(
  options: ServeRealtimeOptions = { port: 0, host: '127.0.0.1' },
): Promise<{ hub: ScriptedHub; server: RealtimeServer; base: string }> {
  const hub = new ScriptedHub();
  const server = await serveRealtime(hub, options);
  open.push({ [Symbol.asyncDispose]: () => server.close({ timeoutMs: 0 }) });
  return {
    hub,
    server,
    base: options.server === undefined && options.port !== undefined ? server.url.replace(/^ws/, 'http') : '',
  };
}

function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    ...init,
  });
}

async function readText(response: Response): Promise<ReadableStreamDefaultReader<string>> {
  if (response.body === null) throw new Error('a response without a body');
  return response.body.pipeThrough(new TextDecoderStream()).getReader();
}

async function readUntil(reader: ReadableStreamDefaultReader<string>, what: string): Promise<string> {
  let text = '';
  while (!text.includes(what)) {
    const read = await reader.read();
    if (read.done) throw new Error(`the stream ended after ${text}`);
    text += read.value;
  }
  return text;
}

test('one port takes WebSockets, streams, polls, what clients send beside them, and publications', async () => {
  const { key, record } = await makePublishKey({ id: 'backend', channels: ['{all}'] });
  const { hub, server, base } = await start({ port: 0, host: '127.0.0.1', publishKeys: [record] });
  expect(server.url).toBe(`ws://127.0.0.1:${server.port}/realtime`);
  hub.onHello = (link) => link.send('[10,{}]');
  hub.onUpstream = async () => [[5, 1, 'done']];

  const connection = await connect(server.url, { protocols: ['fullduplex.v1.json'] });
  await connection.send('hi');
  for await (const message of connection) {
    expect(message).toBe('echo hi');
    break;
  }
  await connection.close();

  const stream = await post(base, { link: 'stream', hello });
  expect(stream.headers.get('Content-Type')).toBe('text/event-stream; charset=utf-8');
  const reader = await readText(stream);
  expect(await readUntil(reader, 'data: [10,{}]\n\n')).toMatch(/^: +\n\n/);
  expect(await (await post(base, { link: 'poll', hello })).json()).toEqual({ frames: [[10, {}]] });
  const send = { link: 'send', session: ['s', 'x'], frames: [[4, 1, 0, 'add', 1]] };
  expect(await (await post(base, send)).json()).toEqual({ frames: [[5, 1, 'done']] });
  const publication = { channel: 'c', event: 'e', data: 1 };
  const published = await post(`${base}/publish`, publication, {
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
  });
  expect(await published.json()).toEqual({ offset: 1 });
  expect(hub.published).toEqual([publication]);
  expect(hub.links.map(({ peer }) => [peer.kind, peer.remoteAddress])).toEqual([
    ['stream', '127.0.0.1'],
    ['poll', '127.0.0.1'],
  ]);
});

test('a path that is nobody’s is answered with 404, and without keys nobody publishes', async () => {
  const { base } = await start();
  expect((await post(`${base}/publish`, {})).status).toBe(404);
  expect((await fetch(base.replace('/realtime', '/'))).status).toBe(404);
  expect((await fetch(base)).status).toBe(405);
});

test('without fallbacks only WebSockets get through', async () => {
  const { base, server } = await start({ port: 0, host: '127.0.0.1', fallbacks: false });
  expect((await post(base, { link: 'poll', hello })).status).toBe(404);
  const connection = await connect(server.url, { protocols: ['fullduplex.v1.json'] });
  await connection.close();
});

test('events of a stream arrive while it goes on, and the hub hears when its client has gone', async () => {
  const { hub, server, base } = await start();
  const abort = new AbortController();
  const reader = await readText(await post(base, { link: 'stream', hello }, { signal: abort.signal }));
  const [offered] = hub.links;
  offered.link.send('[2,1]');
  await readUntil(reader, '[2,1]');
  offered.link.send('[2,2]');
  await readUntil(reader, '[2,2]');
  expect(server.fallbackLinks).toBe(1);
  abort.abort();
  await expect.poll(() => offered.ended).toBe(1);
  expect(server.fallbackLinks).toBe(0);
});

test('a client that leaves its poll ends it', async () => {
  const { hub, base } = await start();
  const abort = new AbortController();
  const poll = post(base, { link: 'poll', hello: { v: 1, session: ['s', 'x'] } }, { signal: abort.signal });
  poll.catch(() => undefined);
  await expect.poll(() => hub.links.length).toBe(1);
  abort.abort();
  await expect.poll(() => hub.links[0].ended).toBe(1);
});

test('a stream that nobody reads holds bounded memory, becomes full, and goes on when it is read', async () => {
  const { hub, base } = await start();
  const { hostname, port, pathname } = new URL(base);
  const socket = connectSocket(Number(port), hostname);
  socket.pause();
  const body = JSON.stringify({ link: 'stream', hello });
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(() => hub.links.length).toBe(1);
  const [offered] = hub.links;
  const text = JSON.stringify([2, 'x'.repeat(16_000)]);
  let sent = 0;
  // What the operating system takes is not ours. When it takes no more, we hold no more than the mark, turn after turn.
  let [turnsFull, drained] = [0, 0];
  while (turnsFull < 50 && sent < 10_000) {
    for (; !offered.link.isFull; sent++) offered.link.send(text);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    turnsFull = offered.drained === drained ? turnsFull + 1 : 0;
    ({ drained } = offered);
  }
  expect(turnsFull).toBe(50);
  expect(offered.link.isFull).toBe(true);
  expect(offered.link.bufferedBytes).toBeLessThan(64 * 1024 + 2 * text.length + 4096);
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  socket.resume();
  await expect.poll(() => offered.drained > 0 && !offered.link.isFull).toBe(true);
  await expect.poll(() => received).toBeGreaterThan(sent * text.length);
  socket.destroy();
  await expect.poll(() => offered.ended).toBe(1);
});

test('a body that is too long is answered while it still arrives, and its connection ends', async () => {
  const { server } = await start({ port: 0, host: '127.0.0.1', maxBodyBytes: 4096 });
  const socket = await open11(server.port, { 'Transfer-Encoding': 'chunked' });
  const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
  socket.write(chunk);
  socket.write(chunk);
  const answer = await readSocket(socket, '\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer.toLowerCase()).toContain('connection: close');
  await once(socket, 'close');
});

test('a body that does not come is given up', async () => {
  const { server } = await start({ port: 0, host: '127.0.0.1', bodyTimeoutMs: 50 });
  const socket = await open11(server.port, { 'Content-Length': '100' });
  socket.write('{"link":');
  expect(await readSocket(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  await once(socket, 'close');
});

test.each<[string, string, RegExp]>([
  [
    'a Host that is none',
    'POST /realtime HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'a method of its own',
    'TRACE /realtime HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'a line break in a header',
    'POST /realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\n\rSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'two lengths',
    'POST /realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'a length and chunks',
    'POST /realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
])('a request with %s is refused', async (_, bytes, expected) => {
  const { server, hub } = await start();
  const socket = connectSocket(server.port, '127.0.0.1');
  socket.write(bytes);
  expect(await readSocket(socket, '\r\n\r\n')).toMatch(expected);
  socket.destroy();
  expect(hub.links).toEqual([]);
});

test('an origin that is allowed cannot bring a header of its own into the answer', async () => {
  const { server } = await start();
  const body = '{}';
  const socket = connectSocket(server.port, '127.0.0.1');
  socket.write(
    'POST /realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1/%0d%0aSet-Cookie:a=b\r\n' +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  const answer = await readSocket(socket, '\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer.toLowerCase()).not.toContain('\r\nset-cookie');
});

test('on a server of somebody else only our path is ours', async () => {
  const theirs: string[] = [];
  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    theirs.push(request.url ?? '');
    response.end('theirs');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { hub, server } = await start({ server: http, path: '/live' });
  hub.onHello = (link) => link.send('[10,{}]');
  const base = server.url.replace(/^ws/, 'http');
  expect(await (await post(base, { link: 'poll', hello })).json()).toEqual({ frames: [[10, {}]] });
  expect(await (await fetch(base.replace('/live', '/page'))).text()).toBe('theirs');
  expect(await (await fetch(`${base}/below`)).text()).toBe('theirs');
  const connection = await connect(server.url, { protocols: ['fullduplex.v1.json'] });
  await connection.close();
  await server.close();
  expect(await (await post(base, { link: 'poll', hello })).text()).toBe('theirs');
  expect(theirs).toEqual(['/page', '/live/below', '/live']);
  http.closeAllConnections();
  http.close();
});

test('over TLS the fallbacks come in HTTP/1.1 and in HTTP/2, WebSockets beside them', async () => {
  const { key, cert } = selfSignedCertificate();
  const { hub, server } = await start({ port: 0, host: '127.0.0.1', tls: { key, cert } });
  hub.onHello = (link) => link.send('[10,{}]');
  expect(server.url).toMatch(/^wss:/);
  const body = JSON.stringify({ link: 'poll', hello });
  const asked = httpsRequest(server.url.replace(/^wss/, 'https'), {
    ca: cert,
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: `https://127.0.0.1:${server.port}` },
  });
  asked.end(body);
  const [response] = await once(asked, 'response');
  expect(response.statusCode).toBe(200);
  expect(hub.links[0].peer.url).toBe(`https://127.0.0.1:${server.port}/realtime`);

  const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca: cert });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/realtime',
    'content-type': 'application/json',
    origin: `https://127.0.0.1:${server.port}`,
  });
  stream.end(JSON.stringify({ link: 'stream', hello }));
  const [headers] = await once(stream, 'response');
  expect(headers[':status']).toBe(200);
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('[10,{}]')) break;
  }
  expect(text).toContain('data: [10,{}]\n\n');
  await expect.poll(() => hub.links[1].ended).toBe(1);
  session.destroy();

  const connection = await connect(server.url, { tls: { ca: cert }, protocols: ['fullduplex.v1.json'] });
  await connection.close();
});

test('a unix socket is as good as a port', async () => {
  const socketPath = join(tmpdir(), `fullduplex-realtime-${process.pid}.sock`);
  const { hub, server } = await start({ socketPath });
  hub.onHello = (link) => link.send('[10,{}]');
  const asked = httpRequest({
    socketPath,
    path: '/realtime',
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Host: 'localhost' },
  });
  asked.end(JSON.stringify({ link: 'poll', hello }));
  const [response] = await once(asked, 'response');
  expect(response.statusCode).toBe(200);
  response.resume();
  const connection = await connect(server.url, { protocols: ['fullduplex.v1.json'] });
  await connection.close();
});

test('the end of a server lets what was sent arrive, answers polls, and cuts who does not go', async () => {
  const { hub, server, base } = await start();
  const reader = await readText(await post(base, { link: 'stream', hello }));
  const poll = post(base, { link: 'poll', hello: { v: 1, session: ['s', 'x'] } });
  await expect.poll(() => hub.links.length).toBe(2);
  hub.links[0].link.send('[10,{"code":"DRAINING"}]');
  const closed = server.close();
  expect(await readUntil(reader, 'DRAINING')).toContain('data:');
  expect((await reader.read()).done).toBe(true);
  expect(await (await poll).json()).toEqual({ frames: [] });
  await closed;
  await expect(fetch(base)).rejects.toThrow('fetch failed');

  const stubborn = await start();
  stubborn.hub.onUpstream = () => new Promise(() => undefined);
  const send = post(stubborn.base, { link: 'send', session: ['s', 'x'], frames: [[]] });
  send.catch(() => undefined);
  await expect.poll(() => stubborn.hub.upstreams.length).toBe(1);
  await stubborn.server.close({ timeoutMs: 20 });
  await expect(send).rejects.toThrow('fetch failed');
  await expect.poll(() => stubborn.hub.upstreams[0].signal.aborted).toBe(true);
});

test('a port that is taken is said to be, and nothing is left behind', async () => {
  const { server } = await start();
  const taken = serveRealtime(new ScriptedHub(), { port: server.port, host: '127.0.0.1' });
  await expect(taken).rejects.toMatchObject({ code: 'WS_PORT_IN_USE' });
});

test.each<[string, object]>([
  ['no place', {}],
  ['two places', { port: 0, socketPath: '/tmp/x' }],
  ['a path with parameters', { port: 0, path: '/rooms/:room' }],
  ['a path that is none', { port: 0, path: 'realtime' }],
  ['a certificate that is none', { port: 0, tls: { key: 'x', cert: 'y' } }],
  ['a key that is none', { port: 0, publishKeys: [{ id: 'a' }] }],
  ['a hold that is none', { port: 0, pollHoldMs: -1 }],
])('%s is refused before anything listens', async (_, options) => {
  await expect(Reflect.apply(serveRealtime, undefined, [new ScriptedHub(), options])).rejects.toMatchObject({
    code: 'WS_OPTION_INVALID',
  });
});

async function open11(port: number, headers: Record<string, string>): Promise<Socket> {
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, 'Content-Type': 'application/json', ...headers });
  socket.write(
    `POST /realtime HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  return socket;
}

async function readSocket(socket: Socket, until: string): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes(until)) resolve(text);
    });
    socket.once('close', () => resolve(text));
  });
}
