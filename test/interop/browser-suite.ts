// What only a browser can show: it names its origin and cannot be told not to, and it says goodbye when its user
// leaves the page.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserClient, BrowserPeer } from './browsers.ts';
import { OurServer } from './ours.ts';
import { whenInstalled } from './peer.ts';

/** Tests the origin check and the end of a page. */
export function describeBrowser(browser: BrowserPeer): void {
  whenInstalled([browser], () => {
    describe(`${browser.name} on a page of our server`, { timeout: 15_000 }, () => {
      let home: OurServer;
      let elsewhere: OurServer;
      let client: BrowserClient;
      beforeAll(async () => {
        home = await OurServer.listen({ page: await browser.page() });
        elsewhere = await OurServer.listen();
        client = await browser.startClient(undefined, `http://127.0.0.1:${home.port}`);
      }, 60_000);
      afterAll(async () => {
        await client?.stop();
        await elsewhere?.stop();
        await home?.stop();
      });

      test('is let in to its own origin', async () => {
        client.dial('own', `ws://127.0.0.1:${home.port}/echo/own`, []);
        await client.observations.next('own', 'open');
        expect(await (await home.accepted('own')).connection.close(1000)).toMatchObject({ clean: true });
      });

      test('is refused by a server on another port', () =>
        expectRefusal('other-port', `ws://127.0.0.1:${elsewhere.port}/echo/other-port`));

      test('is refused by the same server under another name', () =>
        expectRefusal('other-name', `ws://localhost:${home.port}/echo/other-name`));

      test('is heard saying 1001 when its user leaves the page', async () => {
        client.dial('leaving', `ws://127.0.0.1:${home.port}/echo/leaving`, []);
        await client.observations.next('leaving', 'open');
        const { connection } = await home.accepted('leaving');
        await client.leave();
        expect(await connection.closed).toMatchObject({ code: 1001, clean: true, by: 'remote' });
      });

      async function expectRefusal(id: string, url: string): Promise<void> {
        client.dial(id, url, []);
        // A page is not told why: it sees an unclean close with 1006, before any open.
        const closed = await client.observations.next(id, 'close');
        expect(closed).toMatchObject({ code: 1006, wasClean: false });
        expect(client.observations.has(id, 'open')).toBe(false);
      }
    });
  });
}
