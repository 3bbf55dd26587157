import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { type DemoProcess, runDemoToEnd, startDemo } from './demo-process.ts';

const demos: DemoProcess[] = [];
afterEach(async () => {
  await Promise.all(demos.splice(0).map((demo) => demo.stop('SIGKILL')));
});

async function start(): Promise<DemoProcess> {
  const demo = await startDemo();
  demos.push(demo);
  return demo;
}

describe('fullduplex demo', () => {
  test('says in one line that the port is in use, and how to go on', async () => {
    const { port } = await start();
    expect(await runDemoToEnd(['--port', String(port)])).toEqual({
      code: 2,
      printed: '',
      complained: `fullduplex: port ${port} of 127.0.0.1 is in use. Take another one: fullduplex demo --port ${port + 1} (npm start -- --port ${port + 1})\n`,
    });
  });

  test('takes its port from the environment variable PORT when none is given', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    const { complained } = await runDemoToEnd([], { PORT: String(port) });
    blocker.close();
    expect(complained).toContain(`port ${port} of 127.0.0.1 is in use`);
  });

  test('refuses a PORT that is none', async () => {
    const { code, complained } = await runDemoToEnd([], { PORT: 'eighty' });
    expect(code).toBe(1);
    expect(complained).toContain('the environment variable PORT is "eighty", expected an integer');
  });

  test('says that the host is not of this machine', async () => {
    const { code, complained } = await runDemoToEnd(['--host', '192.0.2.1', '--port', '0']);
    expect(code).toBe(2);
    expect(complained).toBe(
      'fullduplex: 192.0.2.1 is no address of this machine. Take one that is: fullduplex demo --host 127.0.0.1\n',
    );
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s closes every connection with 1001 and ends with 0',
    async (signal) => {
      const demo = await start();
      const connections = await Promise.all([
        connect(`${demo.url}/realtime`, { protocols: ['fullduplex.v1.json'] }),
        connect(`${demo.url}/lab`),
      ]);
      // An unfinished request must not hold it up.
      const feed = await fetch(`${demo.url}/feed?page=${'0'.repeat(32)}`);
      expect(await demo.stop(signal)).toBe(0);
      for (const connection of connections) {
        expect(await connection.closed).toMatchObject({ code: 1001, clean: true, by: 'remote' });
      }
      await feed.text();
    },
  );

  test('refuses pages of other sites', async () => {
    const { url } = await start();
    for (const path of ['/realtime', '/lab']) {
      await expect(connect(`${url}${path}`, { origin: 'https://evil.example' })).rejects.toMatchObject({
        status: 403,
      });
    }
  });

  test('serves the page with every module that it imports', async () => {
    const { url } = await start();
    const seen = new Set<string>();
    const visit = async (href: string): Promise<void> => {
      if (seen.has(href)) return;
      seen.add(href);
      const response = await fetch(href);
      expect(response.status, href).toBe(200);
      expect(response.headers.get('content-type'), href).toBe('text/javascript; charset=utf-8');
      const text = await response.text();
      for (const [, place] of text.matchAll(/\bfrom '(\.[^']+)'/g)) await visit(new URL(place, href).href);
    };
    const html = await (await fetch(url)).text();
    expect(html).toContain('src="/lib/app/page/main.js"');
    await visit(`${url}/lib/app/page/main.js`);
    expect(seen.size).toBeGreaterThan(20);
    expect([...seen]).toContain(`${url}/lib/protocol/frame-decoder.js`);
  });

  test('does not serve what is no part of the page', async () => {
    const { url } = await start();
    for (const place of [
      'cli/main.js',
      'node/serve.js',
      'app/demo.js',
      'protocol.js.map',
      '../package.json',
    ]) {
      expect((await fetch(`${url}/lib/${place}`)).status, place).toBe(404);
    }
  });
});
