// Our client and our server with a reverse proxy between them: what proxies do to a connection besides passing it
// on. They cut silent tunnels, answer for a server that is not there, and decide which Host the server sees.

import { afterEach, describe, expect, test } from 'vitest';
import { dial, OurServer } from './ours.ts';
import { openssl, whenInstalled } from './peer.ts';
import { factsOf, payloadOf } from './payload.ts';
import type { Proxy, RunningProxy } from './proxies.ts';
import { makeCertificate, temporaryFolder } from './workspace.ts';

/** Tests both of our sides behind and before a proxy. */
export function describeProxy(proxy: Proxy): void {
  const { isHttp2Behind: isHttp2 = false } = proxy;
  whenInstalled([proxy, openssl], () => {
    describe(`our client and our server with ${proxy.name} between them`, { timeout: 15_000 }, () => {
      // Not less: nginx moves a timer only when it would move by more than 300 ms, and Apache counts in seconds.
      const idleTimeoutMs = 1000;
      let running: RunningProxy | undefined;
      let server: OurServer | undefined;
      let url = '';

      async function start(pingIntervalMs: number, patienceMs?: number): Promise<OurServer> {
        server = await OurServer.listen({ pingIntervalMs, isHttp2 });
        running = await proxy.start(server.port, { idleTimeoutMs: patienceMs });
        url = `ws://127.0.0.1:${running.port}`;
        return server;
      }

      afterEach(async () => {
        await server?.stop();
        await running?.stop();
        server = undefined;
        running = undefined;
      });

      test('a mebibyte of each type passes both ways', async () => {
        const listening = await start(0);
        const client = await dial(`${url}/echo/both`);
        const accepted = await listening.accepted('both');
        for (const type of ['text', 'binary'] as const) {
          const sent = payloadOf(type, 1_048_576);
          await client.connection.send(sent);
          const received = await accepted.nextMessage();
          expect(factsOf(received)).toEqual(factsOf(sent));
          await accepted.connection.send(received);
          expect(factsOf(await client.nextMessage())).toEqual(factsOf(sent));
        }
        expect(await client.connection.close(4000, 'through')).toMatchObject({ clean: true });
        expect(await accepted.connection.closed).toMatchObject({
          code: 4000,
          reason: 'through',
          by: 'remote',
        });
      });

      test.runIf(proxy.cutsSilence)(
        'a silent connection is cut, and both sides say that it was not theirs to end',
        async () => {
          const listening = await start(0, idleTimeoutMs);
          const client = await dial(`${url}/echo/silent`);
          const accepted = await listening.accepted('silent');
          const ends = { code: 1006, clean: false, by: 'transport' };
          expect(await client.connection.closed).toMatchObject(ends);
          expect(await accepted.connection.closed).toMatchObject(ends);
        },
      );

      test("our server's pings keep a silent connection alive", async () => {
        const listening = await start(idleTimeoutMs / 5, idleTimeoutMs);
        const client = await dial(`${url}/echo/alive`);
        const accepted = await listening.accepted('alive');
        // Ten intervals are twice the proxy's patience.
        for (let pongs = 0; pongs < 10; pongs += 1) await accepted.nextPong();
        expect(accepted.connection.latencyMs).toBeGreaterThanOrEqual(0);
        expect(await client.connection.close()).toMatchObject({ clean: true });
      });

      test('the page of the proxied origin is let in, and another page is not', async () => {
        await start(0);
        const own = await dial(`${url}/echo/own`, { origin: url.replace('ws:', 'http:') });
        expect(await own.connection.close()).toMatchObject({ clean: true });
        await expect(dial(`${url}/echo/other`, { origin: 'http://127.0.0.1:1' })).rejects.toMatchObject({
          code: 'WS_HANDSHAKE_REFUSED',
          status: 403,
        });
      });

      test.each(['ws', 'wss'])(
        'our server is told who comes over %s and how, whatever is claimed',
        async (scheme) => {
          const folder = await temporaryFolder();
          try {
            const certificate = scheme === 'ws' ? undefined : await makeCertificate(folder.path);
            server = await OurServer.listen({ trustedProxies: ['127.0.0.1'], isHttp2 });
            running = await proxy.start(server.port, { certificate });
            const address = `${scheme}://127.0.0.1:${running.port}/echo/claims`;
            // One of the machine's own that is not trusted.
            const localAddress = '127.0.0.2';
            const headers = {
              Forwarded: 'for=192.0.2.1;proto=http;host=evil.example',
              'X-Forwarded-For': '192.0.2.1',
              'X-Forwarded-Proto': scheme === 'ws' ? 'https' : 'http',
              'X-Forwarded-Host': 'evil.example',
            };
            const own = address.replace('ws', 'http').replace('/echo/claims', '');
            const trust = certificate === undefined ? {} : { certificate };
            const client = await dial(address, { localAddress, headers, origin: own, ...trust });
            const accepted = await server.accepted('claims');
            expect(accepted.client).toEqual({
              address: localAddress,
              peerAddress: '127.0.0.1',
              url: address,
            });
            const evil = dial(address, { localAddress, headers, origin: 'http://evil.example', ...trust });
            await expect(evil).rejects.toMatchObject({ status: 403 });
            await client.connection.close();
          } finally {
            await folder.remove();
          }
        },
      );

      test('a client that stops reading stops the server, nothing is lost, and all flows again', async () => {
        const listening = await start(0);
        const client = await dial(`${url}/echo/stopped`);
        const accepted = await listening.accepted('stopped');
        client.connection.pause();
        const message = new Uint8Array(64 * 1024);
        let sent = 0;
        let waiting: Promise<boolean> | undefined;
        while (waiting === undefined) {
          message.fill(sent);
          const accepting = accepted.connection.send(message.slice());
          sent += 1;
          // Above what Linux gives the sockets on the way and the proxies hold, somebody would buffer without end.
          expect(sent * message.length).toBeLessThan(64 * 1024 * 1024);
          if (typeof accepting !== 'boolean' && (await isStalled(accepting))) waiting = accepting;
        }
        expect(accepted.connection.bufferedAmount).toBeGreaterThan(0);
        client.connection.resume();
        for (let index = 0; index < sent; index += 1) {
          const received = await client.nextMessage();
          expect(received[0]).toBe(index % 256);
          expect(received.length).toBe(message.length);
        }
        expect(await waiting).toBe(true);
        expect(await client.connection.close()).toMatchObject({ clean: true });
      });

      test('a client that stops reading holds up nobody else', async () => {
        const listening = await start(0);
        const stopped = await dial(`${url}/echo/stopped`);
        const { connection } = await listening.accepted('stopped');
        const others = await Promise.all(
          Array.from({ length: 10 }, async (_, index) => ({
            client: await dial(`${url}/echo/other-${index}`),
            accepted: await listening.accepted(`other-${index}`),
          })),
        );
        stopped.connection.pause();
        let draining: boolean | Promise<boolean>;
        do draining = connection.send(new Uint8Array(64 * 1024));
        while (typeof draining === 'boolean' || !(await isStalled(draining)));
        for (const { client, accepted } of others) {
          void accepted.connection.send('still there?');
          expect(await client.nextMessage()).toBe('still there?');
          expect(await client.connection.close()).toMatchObject({ clean: true });
        }
        stopped.connection.terminate();
      });

      test('our client is told the status when the server behind is gone', async () => {
        await (await start(0)).stop();
        server = undefined;
        await expect(dial(`${url}/echo/gone`)).rejects.toMatchObject({
          name: 'HandshakeError',
          code: 'WS_HANDSHAKE_REFUSED',
          // HAProxy and Apache say service unavailable, the others bad gateway.
          status: expect.toSatisfy((status: number) => status === 502 || status === 503),
        });
      });
    });
  });
}

/** Whether a queue has not drained after a while in which it would have, were anybody reading. */
async function isStalled(draining: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), 300);
  });
  const outcome = await Promise.race([draining.then(() => false), patience]);
  clearTimeout(timer);
  return outcome;
}
