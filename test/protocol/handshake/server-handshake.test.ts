import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ExtensionOffer } from '../../../src/protocol/extensions/extension-header.ts';
import { HandshakeError } from '../../../src/protocol/handshake/handshake-error.ts';
import {
  encodeRefusal,
  type HandshakeRefusal,
  refuse,
  refuseWith,
} from '../../../src/protocol/handshake/handshake-refusal.ts';
import { HeaderList } from '../../../src/protocol/handshake/header-list.ts';
import { encodeLatin1 } from '../../../src/protocol/handshake/http-head.ts';
import { RequestHeadParser } from '../../../src/protocol/handshake/http-head-parser.ts';
import {
  type AcceptableRequest,
  ServerHandshake,
  type ServerHandshakeOptions,
} from '../../../src/protocol/handshake/server-handshake.ts';
import { fakeExtension } from '../extensions/fake-extension.ts';
import { feedEveryWay } from './feeding.ts';

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly request: string;
  readonly expected:
    | { kind: 'acceptable'; protocols?: readonly string[]; extensions?: readonly ExtensionOffer[] }
    | { kind: 'refused'; status: number; says: string };
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/handshake-requests.json', import.meta.url), 'utf8'),
);

const sampleRequest: readonly (readonly [string, string])[] = [
  ['Host', 'server.example.com'],
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Version', '13'],
];

/** Parses a request and lets the handshake judge it, as a server does. */
function judge(chunks: readonly Uint8Array[]): AcceptableRequest | HandshakeRefusal {
  const parser = new RequestHeadParser();
  for (const chunk of chunks) {
    const result = parser.receive(chunk);
    if (result.kind === 'invalid') return refuseWith(result.error);
    if (result.kind === 'complete') return new ServerHandshake().receive(result.head);
  }
  throw new Error('the request is incomplete');
}

/** Gives the sample request with more headers as an acceptable one. */
function acceptable(
  options: ServerHandshakeOptions,
  ...more: (readonly [string, string])[]
): AcceptableRequest {
  const headers = HeaderList.from([...sampleRequest, ...more]);
  const result = new ServerHandshake(options).receive({
    method: 'GET',
    target: '/',
    httpVersion: '1.1',
    headers,
  });
  if (result.kind === 'refused') throw result.error;
  return result;
}

describe('the server judges a request', () => {
  it.each(vectors)('$name ($source): $expected.kind', ({ request, expected }) => {
    feedEveryWay(request, (chunks) => {
      const result = judge(chunks);
      expect(result.kind).toBe(expected.kind);
      if (result.kind === 'refused' && expected.kind === 'refused') {
        expect(result.status).toBe(expected.status);
        expect(result.body).toContain(expected.says);
        expect(result.error).toMatchObject({ name: 'HandshakeError', status: expected.status });
        // Whatever the peer sent, the response is one that an HTTP client can read.
        expect(() => encodeRefusal(result)).not.toThrow();
      } else if (result.kind === 'acceptable' && expected.kind === 'acceptable') {
        expect(result.version).toBe(13);
        expect(result.protocols).toEqual(expected.protocols ?? []);
        expect(result.extensionOffers).toEqual(expected.extensions ?? []);
      }
    });
  });

  it('in time in proportion to the size of hostile headers', () => {
    const handshake = new ServerHandshake();
    const names = ['Host', 'Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version'];
    for (const name of [...names, 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'Content-Length']) {
      for (const hostile of ['a', ',', ' ', 'a,', ' ,', ';', 'a;b="', '\\"', 'upgrade, ', '=']) {
        const value = hostile.repeat(200_000 / hostile.length);
        const fields = sampleRequest.filter(([other]) => other !== name).flat();
        const start = performance.now();
        handshake.receive({
          method: 'GET',
          target: '/',
          httpVersion: '1.1',
          headers: HeaderList.fromRaw([...fields, name, value]),
        });
        expect(performance.now() - start).toBeLessThan(1_000);
      }
    }
  });
});

describe('the server judges thousands of headers', () => {
  it.each(['X-Other', 'Connection', 'Upgrade', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'Host'])(
    'in time in proportion to their number when they are %s',
    (name) => {
      const more = Array.from({ length: 50_000 }, (_, index) => [name, `x${index}`]).flat();
      const headers = HeaderList.fromRaw([...sampleRequest.flat(), ...more]);
      const start = performance.now();
      new ServerHandshake().receive({ method: 'GET', target: '/', httpVersion: '1.1', headers });
      expect(performance.now() - start).toBeLessThan(1_000);
    },
  );
});

describe('a refusal', () => {
  const handshake = new ServerHandshake();
  const refused = (method: string, fields: Record<string, string>): HandshakeRefusal => {
    const result = handshake.receive({
      method,
      target: '/',
      httpVersion: '1.1',
      headers: HeaderList.from(fields),
    });
    if (result.kind !== 'refused') throw new Error(result.kind);
    return result;
  };

  it('of a method names the one that is allowed', () => {
    expect([...refused('POST', {}).headers]).toEqual([
      ['Connection', 'close'],
      ['Allow', 'GET'],
    ]);
  });

  it('of a version names the one that we speak', () => {
    const { status, headers } = refused('GET', {
      ...Object.fromEntries(sampleRequest),
      'Sec-WebSocket-Version': '8',
    });
    expect(status).toBe(426);
    expect(headers.get('Sec-WebSocket-Version')).toBe('13');
    expect(headers.get('Upgrade')).toBe('websocket');
    expect(headers.get('Connection')).toBe('Upgrade, close');
  });

  it('is a whole HTTP response whose body names the rule', () => {
    const response = new TextDecoder().decode(encodeRefusal(refused('GET', {})));
    expect(response).toBe(
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n' +
        'Content-Length: 39\r\n\r\nno Host, expected one (RFC 6455 4.2.1)\n',
    );
  });

  it('counts the bytes of its body, not the characters', () => {
    const response = encodeRefusal(refused('GET', { Host: 'caf\u00e9' }));
    const text = new TextDecoder().decode(response);
    const [, length] = /Content-Length: ([0-9]+)/.exec(text) ?? [];
    expect(response.length - encodeLatin1(text.slice(0, text.indexOf('\r\n\r\n') + 4)).length).toBe(
      Number(length),
    );
    expect(text).toContain('caf\u00e9');
  });

  it('has a status and a reason phrase also where nobody gave one', () => {
    const plain = refuseWith(new HandshakeError('WS_HANDSHAKE_INVALID', 'no'));
    expect(plain.status).toBe(400);
    const rare = encodeRefusal(refuse(418, 'I am a teapot'));
    expect(new TextDecoder().decode(rare)).toMatch(/^HTTP\/1\.1 418 Refused\r\n/);
  });

  it('can be written more than once', () => {
    const refusal = refused('GET', {});
    expect(encodeRefusal(refusal)).toEqual(encodeRefusal(refusal));
  });
});

describe('the server accepts a request', () => {
  it('with the response of RFC 6455 1.2', () => {
    const request = acceptable({ protocols: ['chat'] }, ['Sec-WebSocket-Protocol', 'chat, superchat']);
    expect(request.preferredProtocol).toBe('chat');
    expect(request.accept()).toEqual({
      head:
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n',
      protocol: 'chat',
      extensions: [],
      extensionsHeader: '',
    });
  });

  it('with the digest that was injected', () => {
    expect(acceptable({ sha1: () => 'digest' }).accept().head).toContain('Sec-WebSocket-Accept: digest\r\n');
  });

  it("with a subprotocol by the server's preference", () => {
    const request = acceptable({ protocols: ['c', 'b'] }, ['Sec-WebSocket-Protocol', 'a, b, c']);
    expect(request.accept().protocol).toBe('c');
  });

  it('without a subprotocol when none fits or none is wanted', () => {
    const offer = ['Sec-WebSocket-Protocol', 'a, b'] as const;
    expect(acceptable({ protocols: ['x'] }, offer).accept().head).not.toContain('Protocol:');
    expect(acceptable({ protocols: ['a'] }, offer).accept({ protocol: '' }).head).not.toContain('Protocol:');
    expect(acceptable({ protocols: ['a'] }).accept().protocol).toBe('');
  });

  it('with no subprotocol of the application when the client offered none', () => {
    expect(() => acceptable({}).accept({ protocol: 'chat' })).toThrow(
      'option protocol is "chat", expected none: the client offered none',
    );
  });

  it('with a subprotocol of the application that was offered, and with no other', () => {
    const request = acceptable({ protocols: ['a'] }, ['Sec-WebSocket-Protocol', 'a, b']);
    expect(request.accept({ protocol: 'b' }).head).toContain('Sec-WebSocket-Protocol: b\r\n');
    for (const protocol of ['c', 'a, b', 'A', 'a\r\nX: y']) {
      expect(() => request.accept({ protocol })).toThrow(
        expect.objectContaining({
          code: 'WS_OPTION_INVALID',
          message: expect.stringContaining('option protocol'),
        }),
      );
    }
  });

  it('with extra headers behind its own', () => {
    const { head } = acceptable({}).accept({
      headers: { 'Set-Cookie': ['a=1', 'b=2'], 'X-Name': 'caf\u00e9' },
    });
    expect(head.endsWith('xOo=\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Name: caf\u00e9\r\n\r\n')).toBe(
      true,
    );
  });

  it.each([
    [{ 'Sec-WebSocket-Accept': 'x' }],
    [{ Upgrade: 'h2c' }],
    [{ connection: 'close' }],
    [{ 'Content-Length': '5' }],
    [{ 'X-A': 'b\r\nX-Injected: 1' }],
    [{ 'X-A\r\nX-Injected': '1' }],
    [{ 'X-A': 'b\u0000' }],
  ])('refusing the extra headers %j before it holds a codec', (headers) => {
    const extension = fakeExtension('x-test');
    let accepted = 0;
    const counting = {
      ...extension,
      accept: (offer: ExtensionOffer) => (accepted++, extension.accept(offer)),
    };
    const request = acceptable({ extensions: [counting] }, ['Sec-WebSocket-Extensions', 'x-test']);
    expect(() => request.accept({ headers })).toThrow(expect.objectContaining({ code: 'WS_OPTION_INVALID' }));
    expect(accepted).toBe(0);
  });

  it('with the extensions that it negotiates', () => {
    const extensions = [fakeExtension('x-test'), fakeExtension('x-clash'), fakeExtension('x-other', 0x20)];
    const request = acceptable({ extensions }, [
      'Sec-WebSocket-Extensions',
      'x-unknown, x-test; level=9, x-test; level=3, x-clash, x-other',
    ]);
    expect(request.extensionOffers).toHaveLength(5);
    const acceptance = request.accept();
    expect(acceptance.extensionsHeader).toBe('x-test; level=3, x-other');
    expect(acceptance.extensions.map(({ name }) => name)).toEqual(['x-test', 'x-other']);
    expect(acceptance.head).toContain('Sec-WebSocket-Extensions: x-test; level=3, x-other\r\n');
  });
});

describe('wrong options of a server handshake', () => {
  it('throw at construction and name the option', () => {
    expect(() => new ServerHandshake({ protocols: ['a b'] })).toThrow(/option protocols/);
    expect(() => new ServerHandshake({ protocols: ['a', 'a'] })).toThrow(/option protocols/);
    expect(() => new ServerHandshake({ extensions: [fakeExtension('a b')] })).toThrow(/option extensions/);
  });
});
