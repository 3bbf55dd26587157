// HTTP/2 with peers of others: browsers that use it for a WebSocket, HAProxy, which translates in both directions, and
// nginx, which has no extended CONNECT. What carried a connection is asked of the side that we have.

import { once } from 'node:events';
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Connection, connect, Http2Sessions, serve, type WebSocketServer } from '../../src/index.ts';
import { type BrowserPeer, chromium, firefox } from './browsers.ts';
import { whenInstalled } from './peer.ts';
import { haproxy, nginx, type RunningProxy } from './proxies.ts';
import { type Certificate, makeCertificate, temporaryFolder } from './workspace.ts';

let certificate: Certificate;
let removeFolder: () => Promise<void>;

beforeAll(async () => {
  const folder = await temporaryFolder();
  removeFolder = () => folder.remove();
  certificate = await makeCertificate(folder.path);
});

afterAll(async () => {
  await Promise.all([chromium.quit(), firefox.quit()]);
  await removeFolder();
}, 30_000);

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Listens, with an endpoint of ours that echoes. */
async function echoOn(
  http: Http2SecureServer | Http2Server,
): Promise<{ port: number; server: WebSocketServer }> {
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const server = await serve(
    { server: http, path: '/echo/:id', perMessageDeflate: true, allowedOrigins: 'any' },
    { message: (connection, message) => void connection.send(message) },
  );
  ends.push(
    () => http.close(),
    () => server.close({ timeoutMs: 500 }),
  );
  return { port: (http.address() as AddressInfo).port, server };
}

function versionsOf(server: WebSocketServer): string[] {
  return [...server.connections].map(({ httpVersion }) => httpVersion);
}

async function expectEchoes(connection: Connection): Promise<void> {
  const sent = ['hello', 'x'.repeat(1_000_000)];
  for (const text of sent) connection.send(text);
  const received: unknown[] = [];
  for await (const message of connection) if (received.push(message) === sent.length) break;
  expect(received).toEqual(sent);
}

describe.each([chromium, firefox])('$name', (browser: BrowserPeer) => {
  whenInstalled([browser], () => {
    test('uses HTTP/2 for the WebSockets of a page that came over it, several in one connection', async () => {
      const page = await browser.page();
      const http = createSecureServer(
        { cert: certificate.cert, key: certificate.key, allowHTTP1: true },
        (_request, response) => {
          response.setHeader('Content-Type', 'text/html; charset=utf-8');
          response.end(page);
        },
      );
      let sessions = 0;
      http.on('session', () => void sessions++);
      const { port, server } = await echoOn(http);
      const client = await browser.startClient(certificate, `https://127.0.0.1:${port}`);
      ends.push(() => client.stop());
      for (const id of ['one', 'two', 'three']) {
        client.dial(id, `wss://127.0.0.1:${port}/echo/${id}`, []);
        await client.observations.next(id, 'open');
      }
      expect(versionsOf(server)).toEqual(['2', '2', '2']);
      expect(sessions).toBe(1);
      const connections = [...server.connections];
      const text = 'compressible '.repeat(1_000);
      for (const [index, id] of ['one', 'two', 'three'].entries()) {
        expect(connections[index].extensions).toContain('permessage-deflate');
        connections[index].send(text);
        expect(await client.observations.next(id, 'message')).toMatchObject({ bytes: text.length });
        expect(await connections[index].close(4000, 'bye')).toMatchObject({ code: 4000, clean: true });
        expect(await client.observations.next(id, 'close')).toMatchObject({ code: 4000, wasClean: true });
      }
    }, 60_000);
  });
});

describe('proxies', () => {
  let proxy: RunningProxy | undefined;

  afterEach(async () => {
    await proxy?.stop();
    proxy = undefined;
  });

  async function plainServer(): Promise<WebSocketServer> {
    const server = await serve(
      { port: 0, host: '127.0.0.1', path: '/echo/:id', allowedOrigins: 'any' },
      { message: (connection, message) => void connection.send(message) },
    );
    ends.push(() => server.close({ timeoutMs: 500 }));
    return server;
  }

  whenInstalled([haproxy], () => {
    test('HAProxy takes HTTP/2 from our client and speaks HTTP/1.1 to our server', async () => {
      const server = await plainServer();
      proxy = await haproxy.start(server.port, { certificate });
      const sessions = new Http2Sessions();
      const options = { tls: { ca: certificate.cert }, http2: sessions };
      const url = `wss://127.0.0.1:${proxy.port}/echo`;
      const connections = [await connect(`${url}/one`, options), await connect(`${url}/two`, options)];
      expect(sessions.size).toBe(1);
      expect(versionsOf(server)).toEqual(['1.1', '1.1']);
      for (const connection of connections) {
        await expectEchoes(connection);
        expect(await connection.close(4000, 'bye')).toMatchObject({ code: 4000, clean: true });
      }
      sessions.close();
    });

    test.each([
      ['HTTP/1.1', false],
      ['HTTP/2', true],
    ])('HAProxy takes %s and speaks HTTP/2 to our server', async (_name, http2) => {
      const { port, server } = await echoOn(createServer());
      proxy = await haproxy.start(port, { certificate, speaksHttp2Behind: true });
      const sessions = new Http2Sessions();
      const options = { tls: { ca: certificate.cert }, http2: http2 ? sessions : false };
      const connection = await connect(`wss://127.0.0.1:${proxy.port}/echo/one`, options);
      expect(sessions.size).toBe(http2 ? 1 : 0);
      expect(versionsOf(server)).toEqual(['2']);
      await expectEchoes(connection);
      expect(await connection.close(4000, 'bye')).toMatchObject({ code: 4000, clean: true });
      sessions.close();
    });
  });

  whenInstalled([nginx], () => {
    test.each([
      ['takes HTTP/1.1 only', false],
      ['takes HTTP/2, but has no extended CONNECT', true],
    ])('nginx %s, so our client comes over HTTP/1.1', async (_name, takesHttp2) => {
      const server = await plainServer();
      proxy = await nginx.start(server.port, { certificate, takesHttp2 });
      const sessions = new Http2Sessions();
      const options = { tls: { ca: certificate.cert }, http2: sessions };
      const connection = await connect(`wss://127.0.0.1:${proxy.port}/echo/one`, options);
      expect(sessions.size).toBe(0);
      expect(versionsOf(server)).toEqual(['1.1']);
      await expectEchoes(connection);
      expect(await connection.close()).toMatchObject({ clean: true });
    });
  });
});
