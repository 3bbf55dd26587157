import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { WebSocket, WebSocketError, WebSocketStream } from '../../src/index.ts';
import { scenarioServer } from '../whatwg/scenario-server.mjs';
import { type Scenarios, scenarios, streamScenarios } from '../whatwg/scenarios.mjs';
import { quitChromium, testInChromium } from './chromium.ts';

beforeAll(() => {
  const isBuilt = existsSync(new URL('../../dist/index.browser.js', import.meta.url));
  if (!isBuilt) throw new Error('dist/index.browser.js is missing: npm run build');
});
afterAll(quitChromium, 30_000);

type Results = Readonly<Record<string, unknown>>;

async function onNode(list: Scenarios): Promise<Results> {
  await using server = await scenarioServer();
  const platform = { WebSocket, WebSocketStream, WebSocketError, url: `ws://127.0.0.1:${server.port}` };
  const results: Record<string, unknown> = {};
  for (const [name, run] of Object.entries(list)) results[name] = await run(platform);
  // As they come back from the browser.
  return JSON.parse(JSON.stringify(results)) as Results;
}

/** Source text, because functions that are imported by a test runner are rewritten by it. */
const inChromium = (list: string, classes: string): string => `(async () => {
  const { ${list} } = await import('/test/whatwg/scenarios.mjs');
  const { WebSocket, WebSocketStream, WebSocketError } = ${classes};
  const platform = { WebSocket, WebSocketStream, WebSocketError, url: location.origin.replace('http:', 'ws:') };
  const results = {};
  for (const [name, run] of Object.entries(${list})) results[name] = await run(platform);
  return JSON.stringify(results);
})()`;

function expectEqual(ours: Results, theirs: Results): void {
  expect(Object.keys(ours)).toEqual(Object.keys(theirs));
  for (const name of Object.keys(ours)) expect.soft(ours[name], name).toEqual(theirs[name]);
}

testInChromium("our WebSocket on Node gives scripts what Chromium's own gives them", async (page) => {
  const theirs = JSON.parse(await page.evaluate<string>(inChromium('scenarios', 'globalThis'))) as Results;
  expectEqual(await onNode(scenarios), theirs);
});

testInChromium("our WebSocketStream on Node gives scripts what Chromium's own gives them", async (page) => {
  const theirs = JSON.parse(
    await page.evaluate<string>(inChromium('streamScenarios', 'globalThis')),
  ) as Results;
  expectEqual(await onNode(streamScenarios), theirs);
});

/** Imports the entry, as a page does that has no bundler. */
const withEntry = (body: string): string => `(async () => {
  const entry = await import('/dist/index.browser.js');
  const url = location.origin.replace('http:', 'ws:');
  const outcomeOf = async (action) => {
    try { return await action(); } catch (error) { return [error.name, error.code, error.message]; }
  };
  return JSON.stringify(await (async () => { ${body} })());
})()`;

testInChromium(
  'the WebSocketStream that stands in where a browser has none behaves as ours on Node',
  async (page) => {
    await page.evaluate('delete globalThis.WebSocketStream; delete globalThis.WebSocketError');
    const theirs = await page.evaluate<string>(
      inChromium('streamScenarios', "await import('/dist/index.browser.js')"),
    );
    expectEqual(await onNode(streamScenarios), JSON.parse(theirs) as Results);
  },
);

testInChromium('the entry gives the WHATWG classes of the browser itself', async (page) => {
  const seen = await page.evaluate<string>(
    withEntry(`return [
      entry.WebSocket === globalThis.WebSocket,
      entry.WebSocketStream === globalThis.WebSocketStream,
      entry.WebSocketError === globalThis.WebSocketError,
      entry.CloseEvent === globalThis.CloseEvent,
      'serve' in entry,
    ]`),
  );
  expect(JSON.parse(seen)).toEqual([true, true, true, true, false]);
});

testInChromium(
  'connect() exchanges messages of both types, by iteration, and closes with a reason',
  async (page) => {
    const seen = await page.evaluate<string>(
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
    expect(JSON.parse(seen)).toEqual([
      'a',
      ['grüße', ['Uint8Array', 2, 3], 'prepared', ['Uint8Array', 9]],
      { code: 4000, reason: 'bye', clean: true, by: 'local' },
      { code: 4000, reason: 'bye' },
      'closed',
      false,
    ]);
  },
);

testInChromium('handlers hear everything from the first message on, and why it ended', async (page) => {
  const seen = await page.evaluate<string>(
    withEntry(`
      const log = [];
      await new Promise((resolve) => entry.connect(url + '/burst', {}, {
        open: () => log.push('open'),
        message: (_, message) => log.push(message),
        closing: () => log.push('closing'),
        close: (_, info) => { log.push(info); resolve(); },
      }));
      const cut = await entry.connect(url + '/cut');
      const { cause, ...info } = await cut.closed;
      return [log, info, cause.code];
    `),
  );
  expect(JSON.parse(seen)).toEqual([
    ['open', '1', '2', '3', 'closing', { code: 1000, reason: '', clean: true, by: 'remote' }],
    { code: 1006, reason: '', clean: false, by: 'transport' },
    expect.stringMatching(/^WS_TRANSPORT_/),
  ]);
});

testInChromium('send() above the high-water mark gives a promise that ends with the drain', async (page) => {
  const seen = await page.evaluate<string>(
    withEntry(`
      const connection = await entry.connect(url + '/echo');
      const first = connection.send(new Uint8Array(8 * 1024 * 1024));
      const drained = await first;
      return [first instanceof Promise, drained, connection.bufferedAmount, connection.send('x')];
    `),
  );
  expect(JSON.parse(seen)).toEqual([true, true, 0, true]);
});

testInChromium('what a browser cannot do is refused by name, and failures have their codes', async (page) => {
  const seen = await page.evaluate<string>(
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
  expect(JSON.parse(seen)).toEqual([
    Array.from({ length: 6 }, () => 'WS_UNSUPPORTED'),
    ['WS_UNSUPPORTED', message],
    'WS_CONNECT_FAILED',
    'WS_CONNECT_FAILED',
    'WS_ABORTED',
    'WS_URL_INVALID',
  ]);
});

testInChromium('reconnect() gives one connection after the other', async (page) => {
  const seen = await page.evaluate<string>(
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
  expect(JSON.parse(seen)).toEqual(['123', '123', '123']);
});
