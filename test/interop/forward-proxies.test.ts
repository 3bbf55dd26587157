// Our client through real proxies: to our own server, in clear and with TLS, with the right password, a wrong one and none.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect, type ProxyOptions, serve, type WebSocketServer } from '../../src/index.ts';
import { closedPort, rejectionOf } from '../node/raw-server.ts';
import {
  credentials,
  type ForwardProxy,
  forwardProxies,
  type RunningForwardProxy,
} from './forward-proxies.ts';
import { openssl, whenInstalled } from './peer.ts';
import { makeCertificate, temporaryFolder } from './workspace.ts';

describe.each(forwardProxies)('$name', (proxy: ForwardProxy) => {
  whenInstalled([proxy, openssl], () => {
    let running: RunningForwardProxy;
    let server: WebSocketServer | undefined;

    beforeAll(async () => {
      running = await proxy.start();
    });

    afterEach(async () => {
      await server?.close();
      server = undefined;
    });

    afterAll(() => running.stop());

    function proxyOptions(auth?: typeof credentials): ProxyOptions {
      const { url, certificate } = running;
      const tls = certificate === undefined ? {} : { tls: { ca: certificate.cert } };
      return { url, ...tls, ...(auth === undefined ? {} : { auth }) };
    }

    test.each([
      ['in clear', false],
      ['with TLS', true],
    ])('a mebibyte passes to a server and back, %s', async (_how, isSecure) => {
      const through = proxyOptions(credentials);
      const folder = await temporaryFolder();
      const certificate = await makeCertificate(folder.path);
      await folder.remove();
      server = await serve(
        { port: 0, host: '127.0.0.1', ...(isSecure ? { tls: certificate } : {}) },
        { message: (connection, message) => void connection.send(message) },
      );
      const connection = await connect(server.url, { proxy: through, tls: { ca: certificate.cert } });
      const sent = 'täglich '.repeat(131_072);
      await connection.send(sent);
      for await (const message of connection) {
        expect(message === sent).toBe(true);
        break;
      }
      expect(await connection.close(4000, 'through')).toMatchObject({ clean: true });
    });

    test('no password and a wrong one are refused, and the error says why', async () => {
      const url = `ws://127.0.0.1:${await closedPort()}`;
      const none = await rejectionOf(connect(url, { proxy: proxyOptions() }));
      expect(none).toMatchObject({
        code: 'WS_PROXY_REFUSED',
        message: expect.stringContaining('it wants credentials'),
      });
      const wrong = { ...proxyOptions(), auth: { username: 'ann', password: 'wrong' } };
      expect(await rejectionOf(connect(url, { proxy: wrong }))).toMatchObject({
        code: 'WS_PROXY_REFUSED',
        message: expect.stringContaining('it does not accept the'),
      });
    });

    test('a server that is not there is refused', async () => {
      const through = proxyOptions(credentials);
      const error = await rejectionOf(connect(`ws://127.0.0.1:${await closedPort()}`, { proxy: through }));
      const expected =
        proxy.scheme === 'socks5h'
          ? { socksReply: 5 }
          : { status: expect.toSatisfy((status) => status >= 500) };
      expect(error).toMatchObject({ code: 'WS_PROXY_REFUSED', ...expected });
    });
  });
});
