import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  asksForExtendedConnect,
  formatExtendedConnect,
  readHttp2Request,
} from '../../../src/protocol/handshake/extended-connect.ts';
import { HeaderList } from '../../../src/protocol/handshake/header-list.ts';
import type { HandshakeRefusal } from '../../../src/protocol/handshake/handshake-refusal.ts';
import {
  type AcceptableRequest,
  ServerHandshake,
  type ServerHandshakeOptions,
} from '../../../src/protocol/handshake/server-handshake.ts';
import { fakeExtension } from '../extensions/fake-extension.ts';

type Fields = readonly (readonly [string, string])[];

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly fields: Fields;
  readonly expected:
    | { kind: 'acceptable'; protocols?: readonly string[] }
    | { kind: 'refused'; status: number; says: string };
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/handshake-extended-connects.json', import.meta.url), 'utf8'),
);

const sampleFields: Fields = vectors[1].fields;

function judge(fields: Fields, options: ServerHandshakeOptions = {}): AcceptableRequest | HandshakeRefusal {
  return new ServerHandshake(options).receive(readHttp2Request(fields.flat()));
}

function acceptable(options: ServerHandshakeOptions, ...more: Fields): AcceptableRequest {
  const judged = judge([...sampleFields, ...more], options);
  if (judged.kind === 'refused') throw judged.error;
  return judged;
}

describe('the server judges an extended CONNECT', () => {
  it.each(vectors)('$name ($source): $expected.kind', ({ fields, expected }) => {
    const judged = judge(fields);
    expect(judged.kind).toBe(expected.kind);
    if (judged.kind === 'refused' && expected.kind === 'refused') {
      expect(judged.status).toBe(expected.status);
      expect(judged.body).toContain(expected.says);
    }
    if (judged.kind === 'acceptable' && expected.kind === 'acceptable') {
      expect(judged.protocols).toEqual(expected.protocols ?? []);
      expect(judged.key).toBeUndefined();
    }
  });

  it('names the version that it speaks to a client of another, without an Upgrade', () => {
    const judged = judge([...sampleFields.slice(0, -1), ['sec-websocket-version', '8']]);
    if (judged.kind !== 'refused') throw new Error('accepted');
    expect(judged.headers.get('Sec-WebSocket-Version')).toBe('13');
    expect(judged.headers.has('Upgrade')).toBe(false);
  });

  it.each([
    ['a CONNECT for a WebSocket', sampleFields, true],
    ['a CONNECT without a protocol', [[':method', 'CONNECT']] as Fields, false],
    [
      'a GET',
      [
        [':method', 'GET'],
        [':protocol', 'websocket'],
      ] as Fields,
      false,
    ],
  ])('tells whether it is asked for a WebSocket: %s', (_name, fields, isAsked) => {
    expect(asksForExtendedConnect(readHttp2Request(fields.flat()))).toBe(isAsked);
  });

  it('gives the authority as Host, for whoever looks for that', () => {
    expect(readHttp2Request(sampleFields.flat()).headers.get('host')).toBe('server.example.com');
  });
});

describe('the server accepts an extended CONNECT', () => {
  it('with the subprotocol, the extensions and the headers, and nothing of an upgrade', () => {
    const extension = fakeExtension('x-fake');
    const offers: Fields = [
      ['sec-websocket-protocol', 'a, b'],
      ['sec-websocket-extensions', 'x-fake'],
    ];
    const { fields, head, protocol, extensionsHeader } = acceptable(
      { protocols: ['b'], extensions: [extension] },
      ...offers,
    ).accept({ headers: { 'Set-Cookie': 'a=1', 'Keep-Alive': 'timeout=5' } });
    expect([...(fields ?? [])]).toEqual([
      ['sec-websocket-protocol', 'b'],
      ['sec-websocket-extensions', 'x-fake'],
      ['set-cookie', 'a=1'],
    ]);
    expect(head).toBe(
      ':status: 200\r\nsec-websocket-protocol: b\r\nsec-websocket-extensions: x-fake\r\nset-cookie: a=1\r\n\r\n',
    );
    expect([protocol, extensionsHeader]).toEqual(['b', 'x-fake']);
  });

  it('only with a subprotocol that was offered', () => {
    const request = acceptable({ protocols: ['b'] });
    expect(() => request.accept({ protocol: 'b' })).toThrow(/protocol is "b"/);
  });

  it('and the request can be written down as it came, without the Host that stands for the authority', () => {
    expect(formatExtendedConnect(readHttp2Request(sampleFields.flat()))).toBe(
      ':method: CONNECT\r\n:protocol: websocket\r\n:scheme: https\r\n:path: /chat\r\n' +
        ':authority: server.example.com\r\nsec-websocket-version: 13\r\n\r\n',
    );
  });
});

describe('a head that is not made of fields of HTTP/2', () => {
  const extendedConnect = { protocol: 'websocket', scheme: 'https', authority: 'a.example' };

  it('is refused without a Host beside its authority', () => {
    const headers = HeaderList.from([['sec-websocket-version', '13']]);
    const judged = new ServerHandshake().receive({
      method: 'CONNECT',
      target: '/',
      httpVersion: '2',
      headers,
      extendedConnect,
    });
    expect(judged).toMatchObject({ kind: 'refused', status: 400 });
  });

  it('is written with what there is of it', () => {
    const headers = HeaderList.from([['Host', 'b']]);
    const head = { method: 'GET', target: '/', httpVersion: '1.1', headers };
    expect(formatExtendedConnect(head)).toBe(':method: GET\r\n:path: /\r\nHost: b\r\n\r\n');
  });
});

describe('the acceptance', () => {
  const extension = fakeExtension('x-fake');

  it('names what was agreed, and only that', () => {
    const bare = acceptable({}).accept();
    expect([...(bare.fields ?? [])]).toEqual([]);
    const options = { protocols: ['chat'], extensions: [extension] };
    const full = acceptable(
      options,
      ['sec-websocket-protocol', 'chat'],
      ['sec-websocket-extensions', 'x-fake'],
    ).accept({ headers: { 'X-More': '1', 'Keep-Alive': 'timeout=5' } });
    expect(full.fields?.get('sec-websocket-protocol')).toBe('chat');
    expect(full.fields?.has('sec-websocket-extensions')).toBe(true);
    expect(full.fields?.get('x-more')).toBe('1');
  });
});
