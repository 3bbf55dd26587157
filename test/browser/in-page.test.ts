// What a page can do with our browser entry and with `fullduplex/protocol`, as they are built, in real browsers: imported as a
// page does that has no bundler.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { chromium, firefox } from './pages.ts';

beforeAll(() => {
  const isBuilt = existsSync(new URL('../../dist/index.browser.js', import.meta.url));
  if (!isBuilt) throw new Error('dist/index.browser.js is missing: npm run build');
});
afterAll(() => Promise.all([chromium.quit(), firefox.quit()]), 30_000);

/** Imports the entry, as a page does that has no bundler. */
const withEntry = (body: string): string => `(async () => {
  const entry = await import('/dist/index.browser.js');
  const url = location.origin.replace('http:', 'ws:');
  const outcomeOf = async (action) => {
    try { return await action(); } catch (error) { return [error.name, error.code, error.message]; }
  };
  return JSON.stringify(await (async () => { ${body} })());
})()`;

describe.each([chromium, firefox])('$name', (browser) => {
  browser.test(
    'the entry gives the WHATWG classes of the browser itself, and ours where it has none',
    async (page) => {
      const seen = await page.evaluate(
        withEntry(`return [
      entry.WebSocket === globalThis.WebSocket,
      entry.WebSocketStream === (globalThis.WebSocketStream ?? entry.WebSocketStream),
      entry.WebSocketError === (globalThis.WebSocketError ?? entry.WebSocketError),
      entry.WebSocketStream.name + ' ' + entry.WebSocketError.name,
      entry.CloseEvent === globalThis.CloseEvent,
      'serve' in entry,
    ]`),
      );
      expect(JSON.parse(String(seen))).toEqual([
        true,
        true,
        true,
        'WebSocketStream WebSocketError',
        true,
        false,
      ]);
    },
  );

  browser.test(
    'connect() exchanges messages of both types, by iteration, and closes with a reason',
    async (page) => {
      const seen = await page.evaluate(
        withEntry(`
      const connection = await entry.connect('/echo', { protocols: ['a', 'b'] });
      connection.send('grüße');
      connection.send(new Uint8Array([1, 2, 3]).subarray(1));
      connection.sendPrepared(new entry.PreparedMessage('prepared'));
      connection.sendPrepared(new entry.PreparedMessage(new Uint8Array([9])));
      const received = [];
      for await (const message of connection) {
        received.push(typeof message === 'string' ? message : [message.constructor.name, ...message]);
        if (received.length === 4) break;
      }
      const info = await connection.close(4000, 'bye');
      return [connection.protocol, received, info, connection.peerClose, connection.readyState, connection.send('late')];
    `),
      );
      expect(JSON.parse(String(seen))).toEqual([
        'a',
        ['grüße', ['Uint8Array', 2, 3], 'prepared', ['Uint8Array', 9]],
        { code: 4000, reason: 'bye', clean: true, by: 'local' },
        { code: 4000, reason: 'bye' },
        'closed',
        false,
      ]);
    },
  );

  browser.test('handlers hear everything from the first message on, and why it ended', async (page) => {
    const seen = await page.evaluate(
      withEntry(`
      const log = [];
      await new Promise((resolve) => entry.connect(url + '/burst', {}, {
        open: () => log.push('open'),
        message: (_, message) => log.push(message),
        closing: () => log.push('closing'),
        close: (_, info) => { log.push(info); resolve(); },
      }));
      const cut = await entry.connect(url + '/cut-when-told');
      cut.send('now');
      const { cause, ...info } = await cut.closed;
      return [log, info, cause.code];
    `),
    );
    expect(JSON.parse(String(seen))).toEqual([
      ['open', '1', '2', '3', 'closing', { code: 1000, reason: '', clean: true, by: 'remote' }],
      { code: 1006, reason: '', clean: false, by: 'transport' },
      expect.stringMatching(/^WS_TRANSPORT_/),
    ]);
  });

  browser.test('send() above the high-water mark gives a promise that ends with the drain', async (page) => {
    const seen = await page.evaluate(
      withEntry(`
      const connection = await entry.connect(url + '/echo');
      const first = connection.send(new Uint8Array(8 * 1024 * 1024));
      const drained = await first;
      return [first instanceof Promise, drained, connection.bufferedAmount, connection.send('x')];
    `),
    );
    expect(JSON.parse(String(seen))).toEqual([true, true, 0, true]);
  });

  browser.test('what a browser cannot do is refused by name, and failures have their codes', async (page) => {
    const seen = await page.evaluate(
      withEntry(`
      const connection = await entry.connect(url + '/echo');
      const refused = [];
      for (const method of ['ping', 'pong', 'pause', 'terminate']) {
        refused.push((await outcomeOf(() => connection[method]()))[1]);
      }
      refused.push((await outcomeOf(() => connection.sendFragment('x', { fin: true })))[1]);
      refused.push((await outcomeOf(() => connection.observe({})))[1]);
      return [
        refused,
        (await outcomeOf(() => entry.connect(url + '/echo', { headers: { a: 'b' } }))).slice(1),
        (await outcomeOf(() => entry.connect(url + '/refuse')))[1],
        (await outcomeOf(() => entry.connect(url + '/no-protocol', { protocols: ['a'] })))[1],
        (await outcomeOf(() => entry.connect(url + '/echo', { signal: AbortSignal.abort() })))[1],
        (await outcomeOf(() => entry.connect('ftp://host')))[1],
      ];
    `),
    );
    const message =
      'option headers is not possible here, because a browser makes the request by itself; expected none';
    expect(JSON.parse(String(seen))).toEqual([
      Array.from({ length: 6 }, () => 'WS_UNSUPPORTED'),
      ['WS_UNSUPPORTED', message],
      'WS_CONNECT_FAILED',
      'WS_CONNECT_FAILED',
      'WS_ABORTED',
      'WS_URL_INVALID',
    ]);
  });

  browser.test('reconnect() gives one connection after the other', async (page) => {
    const seen = await page.evaluate(
      withEntry(`
      const log = [];
      for await (const connection of entry.reconnect(url + '/burst', { minDelayMs: 1, maxDelayMs: 2 })) {
        const messages = [];
        for await (const message of connection) messages.push(message);
        log.push(messages.join(''));
        if (log.length === 3) break;
      }
      return log;
    `),
    );
    expect(JSON.parse(String(seen))).toEqual(['123', '123', '123']);
  });

  browser.test(
    'fullduplex/protocol encodes frames and decodes them, with the examples of RFC 6455',
    async (page) => {
      const seen = await page.evaluate(
        `(async () => {
        const { computeAccept, Protocol } = await import('/dist/protocol.js');
        const sideOf = (role) => {
          const events = [];
          const note = (name) => (...given) => void events.push([name, ...given]);
          const protocol = new Protocol({ role }, {
            text: note('text'),
            binary: (bytes) => void events.push(['binary', bytes.length, bytes.every((byte, at) => byte === (at * 31 & 255))]),
            ping: (bytes) => void events.push(['ping', ...bytes]),
            pong: (bytes) => void events.push(['pong', ...bytes]),
            close: note('close'),
            failure: ({ code, closeCode }) => void events.push(['failure', code, closeCode]),
          });
          const written = () => {
            const bytes = [];
            protocol.flush({ write: (chunks) => { for (const chunk of chunks) bytes.push(...chunk); return true; } });
            return Uint8Array.from(bytes);
          };
          return { protocol, events, written };
        };
        const [client, server, strict] = [sideOf('client'), sideOf('server'), sideOf('server')];
        server.protocol.receive(Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58));
        server.protocol.sendText('Hello');
        const unmasked = server.written();
        client.protocol.receive(unmasked.slice());
        strict.protocol.receive(unmasked.slice());
        client.protocol.sendText('grüße 🎈');
        client.protocol.sendBinary(Uint8Array.from({ length: 70_000 }, (_, at) => at * 31));
        client.protocol.ping(Uint8Array.of(7));
        client.protocol.close(4000, 'bye');
        const masked = client.written();
        for (const byte of masked) server.protocol.receive(Uint8Array.of(byte));
        client.protocol.receive(server.written());
        const accept = computeAccept('dGhlIHNhbXBsZSBub25jZQ==');
        return JSON.stringify([accept, [...unmasked], masked.length, server.events, client.events, strict.events]);
      })()`,
      );
      const [accept, unmasked, maskedLength, server, client, strict] = JSON.parse(String(seen)) as unknown[];
      expect(accept).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      expect(unmasked).toEqual([0x81, 5, ...Buffer.from('Hello')]);
      expect(maskedLength).toBe(6 + 12 + 14 + 70_000 + 6 + 1 + 6 + 5);
      expect(server).toEqual([
        ['text', 'Hello'],
        ['text', 'grüße 🎈'],
        ['binary', 70_000, true],
        ['ping', 7],
        ['close', 4000, 'bye'],
      ]);
      expect(client).toEqual([
        ['text', 'Hello'],
        ['pong', 7],
        ['close', 4000, ''],
      ]);
      expect(strict).toEqual([['failure', 'WS_FRAME_MASK_MISSING', 1002]]);
    },
  );
});
