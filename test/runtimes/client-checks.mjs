// What the client entries have to do on a runtime, against a server of ours on Node: `<runtime> client-checks.mjs <JSON>`,
// where the JSON says where the servers are. The package is imported by its name, as users do.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  connect,
  FullduplexError,
  HandshakeError,
  Http2Sessions,
  reconnect,
  WebSocket,
  WebSocketError,
  WebSocketStream,
} from 'fullduplex';
import { connect as connectInBrowser } from '../../dist/index.browser.js';
import { scenarios, streamScenarios } from '../whatwg/scenarios.mjs';
import { runChecks } from './checks.mjs';

/** @typedef {import('fullduplex').Connection} Connection */

/** @type {{ url: string, secureUrl: string, unixUrl: string, scenarioUrl: string, certFile: string, expectedFile: string }} */
const { url, secureUrl, unixUrl, scenarioUrl, certFile, expectedFile } = JSON.parse(process.argv[2]);

/** @param {AsyncIterable<string | Uint8Array>} connection @param {number} count */
async function take(connection, count) {
  /** @type {(string | Uint8Array)[]} */
  const messages = [];
  for await (const message of connection) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

/** @param {number} length @param {number} seed */
function noise(length, seed) {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 255);
}

/** The client of a runtime, over sockets or over its own WebSocket. @param {typeof connect} dial */
const echoChecks = (dial) => ({
  'echoes text, binary and empty messages in their order': async () => {
    const connection = await dial(`${url}/echo`);
    const sent = ['grüße 🎈', noise(3, 1), '', new Uint8Array(0), noise(100_000, 2), 'x'.repeat(70_000)];
    for (const message of sent) connection.send(message);
    assert.deepEqual(await take(connection, sent.length), sent);
    await connection.close();
  },
  'waits for a slow reader and loses nothing': async () => {
    const connection = await dial(`${url}/echo`);
    const count = 64;
    const received = take(connection, count);
    let waited = 0;
    for (let index = 0; index < count; index++) {
      const sent = connection.send(noise(128 * 1024, index));
      if (sent instanceof Promise) waited++;
      assert.equal(await sent, true);
    }
    const messages = await received;
    assert.ok(waited > 0, 'every send was accepted at once');
    for (const [index, message] of messages.entries()) assert.deepEqual(message, noise(128 * 1024, index));
    await connection.close();
  },
  'agrees on a subprotocol': async () => {
    const connection = await dial(`${url}/echo`, { protocols: ['none', 'chat.v1'] });
    assert.equal(connection.protocol, 'chat.v1');
    await connection.close();
  },
  'tells the code and reason of either side': async () => {
    const ours = await dial(`${url}/echo`);
    const closed = await ours.close(4001, 'bye');
    assert.deepEqual(closed, { code: 4001, reason: 'bye', clean: true, by: 'local' });
    const theirs = await dial(`${url}/close`);
    assert.deepEqual(await theirs.closed, { code: 4002, reason: 'enough', clean: true, by: 'remote' });
  },
  'rejects when the server refuses or nobody listens': async () => {
    await assert.rejects(dial(`${url}/refuse`), { code: /WS_HANDSHAKE_REFUSED|WS_CONNECT_FAILED/ });
    await assert.rejects(dial('ws://127.0.0.1:1/'), { code: 'WS_CONNECT_FAILED' });
  },
  'gives up when its signal says so': async () => {
    await assert.rejects(dial(`${url}/never`, { signal: AbortSignal.timeout(100) }), { code: 'WS_ABORTED' });
    await assert.rejects(dial(`${url}/never`, { handshakeTimeoutMs: 100 }), { code: 'WS_HANDSHAKE_TIMEOUT' });
  },
});

const socketChecks = {
  'tells why a handshake was refused': async () => {
    const error = await connect(`${url}/refuse`).catch((reason) => reason);
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.status, error.body], [403, 'not you\n']);
  },
  'sends headers, cookies and credentials': async () => {
    const connection = await connect(`${url}/headers`, {
      headers: { 'X-One': '1' },
      cookies: { a: 'b' },
      auth: { token: 't0ken' },
    });
    const [message] = await take(connection, 1);
    const seen = JSON.parse(String(message));
    assert.deepEqual([seen['x-one'], seen.cookie, seen.authorization], ['1', 'a=b', 'Bearer t0ken']);
    await connection.close();
  },
  'compresses in both directions': async () => {
    for (const perMessageDeflate of [
      true,
      { serverNoContextTakeover: false, clientNoContextTakeover: false },
    ]) {
      const connection = await connect(`${url}/deflate`, { perMessageDeflate });
      assert.match(connection.extensions, /permessage-deflate/);
      const messages = Array.from({ length: 20 }, (_, index) =>
        JSON.stringify({ index, text: 'abc '.repeat(2000) }),
      );
      for (const message of messages) connection.send(message);
      // Not deepEqual: it would print them.
      const echoes = await take(connection, messages.length);
      assert.equal(echoes.length, messages.length);
      assert.ok(echoes.every((echo, index) => echo === messages[index]));
      await connection.close();
    }
  },
  'sends and receives messages as streams': async () => {
    const connection = await connect(`${url}/echo`, { receive: 'streamed' });
    const sent = connection.sendStream(
      'binary',
      Array.from({ length: 40 }, (_, index) => noise(50_000, index)),
    );
    let total = 0;
    for await (const message of connection.messageStreams()) {
      for await (const chunk of message.chunks) total += chunk.length;
      break;
    }
    assert.deepEqual([total, await sent], [2_000_000, true]);
    await connection.close();
  },
  'pings, pauses, watches frames and cuts': async () => {
    const connection = await connect(`${url}/echo`, { pingIntervalMs: 30 });
    /** @type {Set<string>} */
    const directions = new Set();
    connection.observe({ header: (direction) => void directions.add(direction), payload: () => undefined });
    connection.pause();
    assert.equal(connection.isPaused, true);
    connection.send('later');
    connection.resume();
    assert.deepEqual(await take(connection, 1), ['later']);
    while (connection.latencyMs === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(directions.size, 2);
    connection.terminate();
    const { code, cause } = await connection.closed;
    assert.deepEqual([code, cause instanceof FullduplexError && cause.code], [1006, 'WS_TERMINATED']);
  },
  'connects over TLS and trusts only whom it is told to': async () => {
    await assert.rejects(connect(`${secureUrl}/echo`), { code: 'WS_CERTIFICATE_INVALID' });
    const connection = await connect(`${secureUrl}/echo`, { tls: { ca: readFileSync(certFile, 'utf8') } });
    connection.send(noise(300_000, 5));
    assert.deepEqual(await take(connection, 1), [noise(300_000, 5)]);
    assert.equal((await connection.close()).clean, true);
  },
  'shares an HTTP/2 connection': async () => {
    const http2 = new Http2Sessions();
    const options = { tls: { ca: readFileSync(certFile, 'utf8') }, http2 };
    const person = await connect(`${secureUrl}/people/x`, options);
    const [facts] = await take(person, 1);
    assert.equal(JSON.parse(String(facts)).httpVersion, '2');
    await person.close();
    const [one, two] = [
      await connect(`${secureUrl}/echo`, options),
      await connect(`${secureUrl}/echo`, options),
    ];
    assert.equal(http2.size, 1);
    // More than any credit of HTTP/2, in both directions.
    for (const [seed, connection] of [two, one, two].entries()) {
      connection.send(noise(2_000_000, seed));
      const [echo] = await take(connection, 1);
      assert.ok(Buffer.compare(Buffer.from(echo), noise(2_000_000, seed)) === 0);
    }
    for (const connection of [one, two]) assert.equal((await connection.close(4000)).clean, true);
    await assert.rejects(connect(`${secureUrl}/refuse`, options), { status: 403, body: 'not you\n' });
    http2.close();
  },
  'connects over a unix socket': async () => {
    const connection = await connect(`${unixUrl}:/echo`);
    connection.send('local');
    assert.deepEqual(await take(connection, 1), ['local']);
    await connection.close();
  },
  'connects again when the connection has ended': async () => {
    let attempts = 0;
    for await (const connection of reconnect(`${url}/close`, { minDelayMs: 1, maxDelayMs: 5 })) {
      await connection.closed;
      if (++attempts === 3) break;
    }
    assert.equal(attempts, 3);
  },
};

/** @param {Readonly<Record<string, (platform: object) => unknown>>} list @param {Record<string, unknown>} expected */
function scenarioChecks(list, expected) {
  const platform = { WebSocket, WebSocketStream, WebSocketError, url: scenarioUrl };
  return Object.fromEntries(
    Object.entries(list).map(([name, run]) => [
      `WHATWG: ${name}`,
      async () => assert.deepEqual(JSON.parse(JSON.stringify(await run(platform))), expected[name]),
    ]),
  );
}

/** @param {string} prefix @param {Readonly<Record<string, () => unknown>>} checks */
function prefixed(prefix, checks) {
  return Object.fromEntries(Object.entries(checks).map(([name, check]) => [`${prefix}: ${name}`, check]));
}

const expected = JSON.parse(readFileSync(expectedFile, 'utf8'));
await runChecks({
  ...prefixed('connect', { ...echoChecks(connect), ...socketChecks }),
  ...(globalThis.WebSocket === undefined ? {} : prefixed('browser connect', echoChecks(connectInBrowser))),
  ...scenarioChecks(scenarios, expected),
  ...scenarioChecks(streamScenarios, expected),
});
process.exit();
