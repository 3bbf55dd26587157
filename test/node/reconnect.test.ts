import { describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { reconnect } from '../../src/node/reconnect.ts';
import { accepting, rawServer, rejectionOf } from './raw-server.ts';

const closeFrame = Buffer.from([0x88, 2, 0x03, 0xf4]);

describe('reconnect', () => {
  test('gives one connection after the other, past refusals that pass', async () => {
    let visits = 0;
    await using server = await rawServer((visit) => {
      visits += 1;
      if (visits === 2) visit.socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
      else
        visit.socket.end(
          Buffer.concat([Buffer.from(accepting(visit)), Buffer.from([0x81, 1, 0x30 + visits]), closeFrame]),
        );
    });
    const messages: unknown[] = [];
    for await (const connection of reconnect(`ws://127.0.0.1:${server.port}`, {
      minDelayMs: 1,
      maxDelayMs: 1,
    })) {
      for await (const message of connection) messages.push(message);
      if (messages.length === 3) break;
    }
    expect(messages).toEqual(['1', '3', '4']);
  });

  test('throws out of the loop what does not pass', async () => {
    await using server = await rawServer((visit) => {
      visit.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n');
    });
    const loop = async (): Promise<void> => {
      for await (const _ of reconnect(`ws://127.0.0.1:${server.port}`))
        throw new Error('there is no connection');
    };
    expect(await rejectionOf(loop())).toMatchObject({
      code: 'WS_HANDSHAKE_REFUSED',
      status: 403,
      body: 'no!\n',
    });
  });

  test('takes a function that connects, so that each attempt has its own token', async () => {
    const tokens: (string | undefined)[] = [];
    await using server = await rawServer((visit) => {
      tokens.push(/^Authorization: (.*)$/m.exec(visit.head)?.[1]);
      visit.socket.end(Buffer.concat([Buffer.from(accepting(visit)), closeFrame]));
    });
    let count = 0;
    const dial = (signal: AbortSignal) =>
      connect(`ws://127.0.0.1:${server.port}`, { signal, auth: { token: `t${++count}` } });
    for await (const connection of reconnect(dial, { minDelayMs: 1, maxDelayMs: 1 })) {
      expect(await connection.closed).toMatchObject({ code: 1012, by: 'remote' });
      if (count === 2) break;
    }
    expect(tokens).toEqual(['Bearer t1', 'Bearer t2']);
  });

  test.each([
    ['ftp://example.org', {}, 'WS_URL_INVALID'],
    ['ws://example.org', { minDelayMs: -1 }, 'WS_OPTION_INVALID'],
    ['ws://example.org', { handshakeTimeoutMs: -1 }, 'WS_OPTION_INVALID'],
  ])('throws at once for a wrong URL or option: %s %j', (url, options, code) => {
    expect(() => reconnect(url, options)).toThrow(expect.objectContaining({ code }));
  });
});
