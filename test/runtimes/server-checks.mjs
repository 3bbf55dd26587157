// What a server of ours has to do on a runtime, checked from Node by clients of ours and by raw sockets.

import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { connect, HandshakeError, Http2Sessions } from 'fullduplex';

/** @param {string} url */
export async function received(url, options = {}) {
  const connection = await connect(url, options);
  for await (const message of connection) {
    void connection.close();
    return message;
  }
  throw new Error(`${url} sent nothing`);
}

/** Sends a request as it is and gives what comes back until the server ends the connection or the head is complete. @param {string} url @param {string} text */
async function rawResponse(url, text) {
  const { hostname, port } = new URL(url);
  const socket = connectSocket(Number(port), hostname);
  socket.write(text);
  let answer = '';
  try {
    for await (const chunk of socket) {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n\r\n')) break;
    }
  } finally {
    socket.destroy();
  }
  return answer;
}

/** @param {string} host @param {string} path @param {string} [more] */
function handshake(host, path, more = '') {
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
  );
}

/** @param {number} length @param {number} seed */
function noise(length, seed) {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 255);
}

/** The ends that the server saw on a path; asked for until there is one. @param {string} url @param {string} path */
async function endsOf(url, path, count = 1) {
  for (;;) {
    /** @type {{ path: string, code: number, by: string, cause?: string }[]} */
    const ends = JSON.parse(String(await received(`${url}/ends`)));
    const found = ends.filter((end) => end.path === path);
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * @param {{ url: string, secureUrl: string, ca: string, speaksHttp2: boolean }} server
 * @returns {Record<string, () => unknown>}
 */
export function serverChecks({ url, secureUrl, ca, speaksHttp2 }) {
  const { host } = new URL(url);
  return {
    'echoes messages of all kinds in their order': async () => {
      const connection = await connect(`${url}/echo`);
      const sent = ['grüße 🎈', noise(3, 1), '', new Uint8Array(0), noise(200_000, 2), 'x'.repeat(70_000)];
      for (const message of sent) connection.send(message);
      const messages = [];
      for await (const message of connection) if (messages.push(message) === sent.length) break;
      assert.deepEqual(messages, sent);
      assert.deepEqual(await connection.close(4000, 'bye'), {
        code: 4000,
        reason: 'bye',
        clean: true,
        by: 'local',
      });
      const [end] = await endsOf(url, '/echo');
      assert.deepEqual(end, { path: '/echo', code: 4000, reason: 'bye', clean: true, by: 'remote' });
    },
    'agrees on its favourite subprotocol': async () => {
      const connection = await connect(`${url}/echo`, { protocols: ['chat.v2', 'chat.v1'] });
      assert.equal(connection.protocol, 'chat.v1');
      await connection.close();
    },
    'refuses with the response of upgrade, and with 500 when that fails': async () => {
      const refused = await connect(`${url}/refuse`).catch((error) => error);
      assert.ok(refused instanceof HandshakeError);
      assert.deepEqual(
        [refused.status, refused.body, refused.headers?.get('X-Why')],
        [403, 'not you\n', 'so'],
      );
      await assert.rejects(connect(`${url}/fail`), { status: 500 });
    },
    'cuts a decision that takes too long with 503': async () => {
      await assert.rejects(connect(`${url}/never`), { status: 503 });
    },
    'answers unknown paths, other requests and foreign origins': async () => {
      await assert.rejects(connect(`${url}/nowhere`), { status: 404 });
      const plain = await rawResponse(url, `GET /nowhere HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.match(plain, /^HTTP\/1\.1 (404|426) /);
      const ordinary = await rawResponse(url, `GET /echo HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.match(ordinary, /^HTTP\/1\.1 426 [^]*\r\nupgrade: websocket\r\n/i);
      await assert.rejects(connect(`${url}/echo`, { origin: 'https://evil.example' }), { status: 403 });
      await (await connect(`${url}/echo`, { origin: `http://${host}` })).close();
      const rebound = await rawResponse(url, handshake('evil.example', '/echo'));
      assert.match(rebound, /^HTTP\/1\.1 403 /);
    },
    'refuses handshakes that break the rules': async () => {
      const version = await rawResponse(url, handshake(host, '/echo').replace('Version: 13', 'Version: 8'));
      assert.match(version, /^HTTP\/1\.1 426 [^]*sec-websocket-version: 13\r\n/i);
      const key = await rawResponse(
        url,
        handshake(host, '/echo').replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'),
      );
      assert.match(key, /^HTTP\/1\.1 400 /);
      const protocols = await rawResponse(url, handshake(host, '/echo', 'Sec-WebSocket-Protocol: a b\r\n'));
      assert.match(protocols, /^HTTP\/1\.1 400 /);
    },
    'gives the data of upgrade, its headers and the address': async () => {
      const response = await rawResponse(url, handshake(host, '/people/ada'));
      assert.match(response, /^HTTP\/1\.1 101 [^]*set-cookie: seen=yes\r\n/i);
      const text = await received(`${url}/people/gr%C3%BC?x=1`, { headers: { 'X-Agent': 'me' } });
      assert.deepEqual(JSON.parse(String(text)), {
        name: 'grü',
        remoteAddress: '127.0.0.1',
        agent: 'me',
        query: '?x=1',
        isSecure: false,
        httpVersion: '1.1',
      });
    },
    'closes with every code that a frame may have': async () => {
      assert.deepEqual(await (await connect(`${url}/close`)).closed, {
        code: 4002,
        reason: 'enough',
        clean: true,
        by: 'remote',
      });
      const away = await (await connect(`${url}/away`)).closed;
      assert.deepEqual([away.code, away.reason], [1001, 'away']);
    },
    'closes a connection whose handler throws with 1011': async () => {
      const connection = await connect(`${url}/throw`);
      connection.send('x');
      assert.equal((await connection.closed).code, 1011);
      assert.deepEqual(
        (await endsOf(url, '/throw')).map(({ cause }) => cause),
        ['WS_HANDLER_FAILED'],
      );
    },
    'fails a connection that sends more than its endpoint allows with 1009': async () => {
      const connection = await connect(`${url}/small`);
      connection.send(noise(1000, 1));
      for await (const message of connection) {
        assert.equal(message.length, 1000);
        break;
      }
      connection.send('x'.repeat(1001));
      assert.equal((await connection.closed).code, 1009);
      assert.deepEqual(
        (await endsOf(url, '/small')).map(({ cause }) => cause),
        ['WS_MESSAGE_TOO_LARGE'],
      );
    },
    'publishes to all others, and to all': async () => {
      const [one, two] = [await connect(`${url}/room`), await connect(`${url}/room`)];
      /** @type {string[]} */
      const log = [];
      const heard = new Promise((resolve) => {
        const note =
          (/** @type {string} */ who) => (/** @type {unknown} */ _, /** @type {unknown} */ message) => {
            if (log.push(`${who} ${String(message)}`) === 3) resolve(undefined);
          };
        one.attach({ message: note('one') });
        two.attach({ message: note('two') });
      });
      one.send('to others');
      one.send('to all');
      await heard;
      assert.deepEqual(log.sort(), ['one to all', 'two to all', 'two to others']);
      await Promise.all([one.close(), two.close()]);
    },
    'ends a connection that does not read instead of filling its memory': async () => {
      const { hostname, port } = new URL(url);
      const socket = connectSocket(Number(port), hostname);
      socket.write(handshake(host, '/flood'));
      socket.pause();
      const [end] = await endsOf(url, '/flood');
      assert.equal(end.cause, 'WS_SEND_QUEUE_OVERFLOW');
      socket.destroy();
    },
    'answers pings and keeps pipelined bytes': async () => {
      const { hostname, port } = new URL(url);
      const socket = connectSocket(Number(port), hostname);
      const frame = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69];
      socket.write(Buffer.concat([Buffer.from(handshake(host, '/echo')), Buffer.from(frame)]));
      socket.write(Uint8Array.of(0x89, 0x81, 0, 0, 0, 0, 0x70));
      let text = '';
      for await (const chunk of socket) {
        text += chunk.toString('latin1');
        if (text.includes('\x81\x02hi') && text.includes('\x8a\x01p')) break;
      }
      socket.destroy();
    },
    'serves wss': async () => {
      const connection = await connect(`${secureUrl}/echo`, { tls: { ca } });
      connection.send(noise(300_000, 7));
      for await (const message of connection) {
        assert.deepEqual(message, noise(300_000, 7));
        break;
      }
      const text = await received(`${secureUrl}/people/x`, { tls: { ca } });
      assert.equal(JSON.parse(String(text)).isSecure, true);
      assert.equal((await connection.close()).clean, true);
    },
    [speaksHttp2
      ? 'serves several WebSockets over one HTTP/2 connection'
      : 'is reached over HTTP/1.1 by a client that would take HTTP/2']: async () => {
      const sessions = new Http2Sessions();
      const options = { tls: { ca }, http2: sessions };
      const { httpVersion } = JSON.parse(String(await received(`${secureUrl}/people/x`, options)));
      assert.equal(httpVersion, speaksHttp2 ? '2' : '1.1');
      const [one, two] = [
        await connect(`${secureUrl}/echo`, options),
        await connect(`${secureUrl}/echo`, options),
      ];
      assert.equal(sessions.size, speaksHttp2 ? 1 : 0);
      // More than any credit of HTTP/2, in both directions.
      for (const [seed, connection] of [two, one, two].entries()) {
        connection.send(noise(2_000_000, seed));
        for await (const message of connection) {
          assert.ok(Buffer.compare(Buffer.from(message), noise(2_000_000, seed)) === 0);
          break;
        }
      }
      for (const connection of [one, two]) assert.equal((await connection.close(4000)).clean, true);
      await assert.rejects(connect(`${secureUrl}/refuse`, options), { status: 403, body: 'not you\n' });
      sessions.close();
    },
  };
}

/** A hundred connections at once, for the end of a server. @param {string} url */
export async function openMany(url, count = 100) {
  const connections = await Promise.all(Array.from({ length: count }, () => connect(`${url}/echo`)));
  return connections.map(({ closed }) => closed);
}
