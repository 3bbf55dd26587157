import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readHttp2Request } from '../../../src/protocol/handshake/extended-connect.ts';
import {
  ExtendedConnectHandshake,
  type ExtendedConnectResult,
} from '../../../src/protocol/handshake/extended-connect-handshake.ts';
import { HeaderList } from '../../../src/protocol/handshake/header-list.ts';
import type { ResponseHead } from '../../../src/protocol/handshake/http-head.ts';
import { ServerHandshake } from '../../../src/protocol/handshake/server-handshake.ts';

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly status: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly expected: { kind: 'accepted'; protocol: string } | { kind: 'failed'; code: string; says: string };
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/handshake-extended-connect-responses.json', import.meta.url), 'utf8'),
);

const url = new URL('wss://server.example.com/chat?room=1');
const offer = { protocols: ['chat', 'superchat'] };

function response(status: number, fields: readonly (readonly [string, string])[] = []): ResponseHead {
  return { httpVersion: '2', status, reason: '', headers: HeaderList.from(fields) };
}

describe('the client asks', () => {
  it('with the fields of RFC 8441 5.1, lowercase, and with none of an upgrade', () => {
    const handshake = new ExtendedConnectHandshake(url, {
      ...offer,
      headers: { Origin: 'https://example.com', 'Keep-Alive': 'timeout=5' },
    });
    expect(handshake.requestFields()).toEqual([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'https'],
      [':path', '/chat?room=1'],
      [':authority', 'server.example.com'],
      ['sec-websocket-version', '13'],
      ['sec-websocket-protocol', 'chat, superchat'],
      ['origin', 'https://example.com'],
    ]);
  });

  it.each([
    ['ws://localhost:8080/', 'http', 'localhost:8080'],
    ['wss://localhost:443/', 'https', 'localhost'],
    ['https://[::1]:8443/', 'https', '[::1]:8443'],
  ])('%s with scheme %s and authority %s', (given, scheme, authority) => {
    expect(new ExtendedConnectHandshake(new URL(given)).request.extendedConnect).toEqual({
      protocol: 'websocket',
      scheme,
      authority,
    });
  });

  it('what our server accepts', () => {
    const fields = new ExtendedConnectHandshake(url, offer).requestFields().flat();
    const judged = new ServerHandshake({ protocols: ['superchat'] }).receive(readHttp2Request(fields));
    expect(judged).toMatchObject({ kind: 'acceptable', preferredProtocol: 'superchat' });
  });

  it('not for a URL that is none of a WebSocket', () => {
    expect(() => new ExtendedConnectHandshake(new URL('ftp://localhost/'))).toThrow(
      expect.objectContaining({ code: 'WS_URL_INVALID' }),
    );
  });
});

describe('the client judges the response', () => {
  it.each(vectors)('$name ($source): $expected.kind', ({ status, fields, expected }) => {
    const result = new ExtendedConnectHandshake(url, offer).receiveHead(response(status, fields));
    expect(result.kind).toBe(expected.kind);
    if (result.kind === 'accepted' && expected.kind === 'accepted')
      expect(result.protocol).toBe(expected.protocol);
    if (result.kind === 'failed' && expected.kind === 'failed') {
      expect(result.error).toMatchObject({ code: expected.code, status });
      expect(result.error.message).toContain(expected.says);
    }
  });

  it('tells a refusal with the start of its body, whole or cut off', () => {
    const results: ExtendedConnectResult[] = [];
    for (const isCutOff of [false, true]) {
      const handshake = new ExtendedConnectHandshake(url);
      expect(handshake.receiveHead(response(403, [['content-length', '10']]))).toEqual({
        kind: 'incomplete',
      });
      expect(handshake.receiveBody(new TextEncoder().encode('not '))).toEqual({ kind: 'incomplete' });
      results.push(isCutOff ? handshake.end() : handshake.receiveBody(new TextEncoder().encode('for us')));
      // Once it has said something, it says the same again.
      expect(handshake.end()).toBe(results.at(-1));
    }
    expect(results).toMatchObject([
      { kind: 'failed', error: { status: 403, body: 'not for us' } },
      { kind: 'failed', error: { status: 403, body: 'not ' } },
    ]);
  });

  it('is incomplete when the stream ends without a response', () => {
    expect(new ExtendedConnectHandshake(url).end()).toEqual({ kind: 'incomplete' });
  });
});

it('what comes behind an outcome, or before a response, changes nothing', () => {
  const handshake = new ExtendedConnectHandshake(url);
  expect(handshake.receiveBody(Uint8Array.of(1)).kind).toBe('incomplete');
  const outcome = handshake.receiveHead(response(403, [['content-length', '0']]));
  expect(outcome.kind).toBe('failed');
  expect(handshake.receiveHead(response(200))).toBe(outcome);
  expect(handshake.receiveBody(Uint8Array.of(1))).toBe(outcome);
  expect(handshake.end()).toBe(outcome);
});
