import { describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { HandshakeError } from '../../src/protocol/handshake/handshake-error.ts';
import { accepting, rawServer, rejectionOf, type Visit } from './raw-server.ts';

/** Connects to a server that answers so, and gives the error. */
async function refusalBy(
  answer: string | ((visit: Visit) => string),
  isEnded = false,
): Promise<HandshakeError> {
  await using server = await rawServer((visit) => {
    const text = typeof answer === 'string' ? answer : answer(visit);
    visit.socket.write(text);
    if (isEnded) visit.socket.end();
  });
  const error = await rejectionOf(connect(`ws://127.0.0.1:${server.port}`, { protocols: [] }));
  if (!(error instanceof HandshakeError)) throw error;
  return error;
}

describe('a refusal', () => {
  test('has the status, the headers and the body', async () => {
    const error = await refusalBy(
      'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 13\r\n\r\nwho are you?\n',
    );
    expect(error).toMatchObject({
      name: 'HandshakeError',
      code: 'WS_HANDSHAKE_REFUSED',
      message: 'the server refused the handshake with 401 "Unauthorized", expected 101 (RFC 6455 4.1)',
      status: 401,
      body: 'who are you?\n',
    });
    expect(error.headers?.get('www-authenticate')).toBe('Basic realm="x"');
  });

  test('has a body in chunks', async () => {
    const error = await refusalBy(
      'HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nbusy \r\n3\r\nnow\r\n0\r\n\r\n',
    );
    expect(error).toMatchObject({ status: 503, body: 'busy now' });
  });

  test('has a body that the end of the connection ends', async () => {
    const error = await refusalBy('HTTP/1.0 403 Forbidden\r\n\r\nnot you', true);
    expect(error).toMatchObject({ status: 403, body: 'not you' });
  });

  test('has as much of its body as there is when the connection ends too early', async () => {
    const error = await refusalBy('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot y', true);
    expect(error).toMatchObject({ status: 403, body: 'not y' });
  });

  test('has only the start of a long body', async () => {
    const error = await refusalBy(
      `HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`,
    );
    expect(error.body).toBe('x'.repeat(1024));
  });

  test.each([200, 204, 301, 407, 426, 500])('is what any other status than 101 means: %i', async (status) => {
    const error = await refusalBy(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n`);
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_REFUSED', status });
    expect(error.headers?.get('Location')).toBe('/x');
  });
});

describe('an answer that breaks a rule', () => {
  const head = 'HTTP/1.1 101 Switching Protocols\r\n';
  test.each<[string, (visit: Visit) => string, string, RegExp]>([
    [
      'a wrong accept',
      (visit) => accepting({ ...visit, accept: 'x' }),
      'WS_HANDSHAKE_INVALID',
      /Sec-WebSocket-Accept is "x"/,
    ],
    [
      'no upgrade',
      (visit) => `${head}Connection: Upgrade\r\nSec-WebSocket-Accept: ${visit.accept}\r\n\r\n`,
      'WS_HANDSHAKE_INVALID',
      /Upgrade is undefined/,
    ],
    [
      'no connection',
      (visit) => `${head}Upgrade: websocket\r\nSec-WebSocket-Accept: ${visit.accept}\r\n\r\n`,
      'WS_HANDSHAKE_INVALID',
      /Connection is undefined/,
    ],
    [
      'a subprotocol nobody offered',
      (visit) => accepting(visit, 'Sec-WebSocket-Protocol: chat'),
      'WS_HANDSHAKE_INVALID',
      /Sec-WebSocket-Protocol is "chat"/,
    ],
    [
      'an extension nobody offered',
      (visit) => accepting(visit, 'Sec-WebSocket-Extensions: x'),
      'WS_HANDSHAKE_INVALID',
      /extension "x" was not offered/,
    ],
    ['no HTTP', () => 'SSH-2.0-OpenSSH_9.9\r\n\r\n', 'WS_HANDSHAKE_INVALID', /status line "SSH-2.0/],
    ['HTTP/1.0', (visit) => accepting(visit).replace('1.1', '1.0'), 'WS_HANDSHAKE_INVALID', /HTTP\/1.0/],
    [
      'a header without a colon',
      (visit) => accepting(visit, 'nonsense'),
      'WS_HANDSHAKE_HEADER_INVALID',
      /nonsense/,
    ],
    [
      'too many headers',
      (visit) => accepting(visit, ...Array.from({ length: 200 }, () => 'A: b')),
      'WS_HANDSHAKE_HEADERS_TOO_LARGE',
      /more than 100 headers/,
    ],
    [
      'a header without end',
      () => `${head}A: ${'x'.repeat(100_000)}`,
      'WS_HANDSHAKE_HEADERS_TOO_LARGE',
      /at most/,
    ],
  ])('fails the handshake: %s', async (_what, answer, code, message) => {
    const error = await refusalBy(answer);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
