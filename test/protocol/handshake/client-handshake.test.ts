import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RandomSource } from '../../../src/base/random.ts';
import {
  ClientHandshake,
  type ClientHandshakeOptions,
  type ClientHandshakeResult,
} from '../../../src/protocol/handshake/client-handshake.ts';
import { HandshakeError } from '../../../src/protocol/handshake/handshake-error.ts';
import { encodeLatin1 } from '../../../src/protocol/handshake/http-head.ts';
import { RequestHeadParser } from '../../../src/protocol/handshake/http-head-parser.ts';
import { ServerHandshake } from '../../../src/protocol/handshake/server-handshake.ts';
import { fakeExtension } from '../extensions/fake-extension.ts';
import { feedEveryWay, textOf } from './feeding.ts';

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly response: string;
  /** Whether the input ends behind the response. */
  readonly ends?: boolean;
  readonly expected:
    | { kind: 'accepted'; protocol: string; extensions: readonly string[]; remaining: string }
    | { kind: 'failed'; code: string; says: string; status?: number; body?: string };
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/handshake-responses.json', import.meta.url), 'utf8'),
);

/** Gives the nonce of the sample in RFC 6455 1.3: "the sample nonce". */
const sampleNonce: RandomSource = { fill: (target) => target.set(encodeLatin1('the sample nonce')) };

function sampleHandshake(options: ClientHandshakeOptions = {}): ClientHandshake {
  return new ClientHandshake(new URL('ws://server.example.com/chat'), { random: sampleNonce, ...options });
}

/** A handshake that offers what the vectors take for granted. */
function vectorHandshake(): ClientHandshake {
  const extensions = [fakeExtension('x-test'), fakeExtension('x-other', 0x20), fakeExtension('x-clash')];
  return sampleHandshake({ protocols: ['chat', 'superchat'], extensions });
}

/** Feeds chunks until there is a result; gives it with all the bytes that were not used. */
function feed(handshake: ClientHandshake, chunks: readonly Uint8Array[]): [ClientHandshakeResult, string] {
  for (const [index, chunk] of chunks.entries()) {
    const result = handshake.receive(chunk);
    if (result.kind === 'accepted') return [result, textOf(result.remaining, ...chunks.slice(index + 1))];
    if (result.kind === 'failed') return [result, ''];
  }
  return [{ kind: 'incomplete' }, ''];
}

function failure(result: ClientHandshakeResult): HandshakeError {
  if (result.kind !== 'failed') throw new Error(`the handshake is ${result.kind}`);
  return result.error;
}

function requestOf(url: string, options: ClientHandshakeOptions = {}): string {
  return textOf(new ClientHandshake(new URL(url), { random: sampleNonce, ...options }).encodeRequest());
}

describe('the client writes its request', () => {
  it('as in RFC 6455 1.2', () => {
    expect(
      requestOf('ws://server.example.com/chat', {
        protocols: ['chat', 'superchat'],
        headers: { Origin: 'http://example.com' },
      }),
    ).toBe(
      'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.com\r\n\r\n',
    );
  });

  it.each([
    ['ws://h', 'h', '/'],
    ['ws://h:80/', 'h', '/'],
    ['wss://h:443/', 'h', '/'],
    ['ws://h:443/', 'h:443', '/'],
    ['wss://h:80/', 'h:80', '/'],
    ['http://h:8080/a', 'h:8080', '/a'],
    ['https://h/a?b=c&d', 'h', '/a?b=c&d'],
    ['ws://[::1]/', '[::1]', '/'],
    ['ws://[2001:DB8::1]:9000/', '[2001:db8::1]:9000', '/'],
    ['ws://user:secret@h/', 'h', '/'],
    ['ws://h/caf\u00e9 au lait?\u00e9', 'h', '/caf%C3%A9%20au%20lait?%C3%A9'],
    ['ws://b\u00fccher.example/', 'xn--bcher-kva.example', '/'],
    ['ws://h?q', 'h', '/?q'],
  ])('for %s to host %s and target %s', (url, host, target) => {
    const { request } = new ClientHandshake(new URL(url));
    expect(request.headers.get('Host')).toBe(host);
    expect(request.target).toBe(target);
    expect(requestOf(url)).not.toContain('secret');
  });

  it('with every offer of every extension', () => {
    const extensions = [
      fakeExtension('x-test', 0x40, 2),
      fakeExtension('x-none', 0x20, 0),
      fakeExtension('x-other', 0x20),
    ];
    expect(requestOf('ws://h', { extensions })).toContain(
      'Sec-WebSocket-Extensions: x-test; level=1, x-test; level=2, x-other; level=1\r\n',
    );
  });

  it('with a fresh key from the platform by default', () => {
    const url = new URL('ws://h');
    expect(new ClientHandshake(url).key).not.toBe(new ClientHandshake(url).key);
  });

  it.each(['ftp://h/', 'file:///tmp', 'ws://h/#top', 'ws://h/#', 'mailto:a@b', 'ws+unix:///tmp/socket'])(
    'not for %s',
    (url) => {
      expect(() => requestOf(url)).toThrow(expect.objectContaining({ code: 'WS_URL_INVALID' }));
    },
  );

  it.each([
    [{ protocols: ['a', 'a'] }, 'option protocols'],
    [{ protocols: ['a b'] }, 'option protocols'],
    [{ headers: { Host: 'evil' } }, 'option headers'],
    [{ headers: { 'sec-websocket-key': 'x' } }, 'option headers'],
    [{ headers: { 'X-A': 'b\r\nX-Injected: 1' } }, 'header X-A'],
    [{ headers: { 'X-A: b\r\nX-Injected': '1' } }, 'header name'],
    [{ maxBodyBytes: -1 }, 'option maxBodyBytes'],
    [{ maxHeaderBytes: 0 }, 'option maxHeaderBytes'],
    [{ maxHeaderCount: NaN }, 'option maxHeaderCount'],
  ])('not with the options %j', (options, named) => {
    expect(() => sampleHandshake(options)).toThrow(
      expect.objectContaining({ code: 'WS_OPTION_INVALID', message: expect.stringContaining(named) }),
    );
  });
});

describe('the client reads the response', () => {
  it.each(vectors)('$name ($source): $expected.kind', ({ response, ends, expected }) => {
    feedEveryWay(response, (chunks) => {
      const handshake = vectorHandshake();
      const [early, remaining] = feed(handshake, chunks);
      expect(early.kind === 'incomplete').toBe(ends ?? false);
      const result = early.kind === 'incomplete' ? handshake.end() : early;
      if (expected.kind === 'accepted') {
        if (result.kind !== 'accepted') throw new Error(JSON.stringify(result));
        expect(result.protocol).toBe(expected.protocol);
        expect(result.extensions.map(({ name }) => name)).toEqual(expected.extensions);
        expect(result.response.status).toBe(101);
        expect(remaining).toBe(expected.remaining);
      } else {
        const error = failure(result);
        expect(error).toBeInstanceOf(HandshakeError);
        expect(error.code).toBe(expected.code);
        expect(error.message).toContain(expected.says);
        if (expected.status !== undefined) expect(error.status).toBe(expected.status);
        if (expected.body !== undefined) expect(error.body).toBe(expected.body);
      }
    });
  });

  it('and gives the headers of a refusal', () => {
    const [result] = feed(sampleHandshake(), [
      encodeLatin1('HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n'),
    ]);
    expect(failure(result).headers?.get('location')).toBe('/there');
    expect(failure(result).message).toBe(
      'the server refused the handshake with 302 "Found", expected 101 (RFC 6455 4.1)',
    );
  });

  it('and keeps at most maxBodyBytes of a body, without half a character', () => {
    const response = 'HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\nab\u00c3\u00a9\u00c3\u00a9';
    feedEveryWay(response, (chunks) => {
      expect(failure(feed(sampleHandshake({ maxBodyBytes: 5 }), chunks)[0]).body).toBe('ab\u00e9');
    });
    expect(failure(feed(sampleHandshake({ maxBodyBytes: 0 }), [encodeLatin1(response)])[0]).body).toBe('');
    const long = encodeLatin1(`HTTP/1.1 500 Oops\r\n\r\n${'x'.repeat(100_000)}`);
    expect(failure(feed(sampleHandshake(), [long])[0]).body).toHaveLength(1024);
  });

  it('and takes no subprotocol for an answer only when it is told to', () => {
    const accepted = [
      encodeLatin1(
        'HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
      ),
    ];
    expect(failure(feed(sampleHandshake({ protocols: ['chat'] }), accepted)[0]).message).toContain(
      'requireProtocol',
    );
    expect(feed(sampleHandshake({ protocols: ['chat'], requireProtocol: false }), accepted)[0]).toMatchObject(
      {
        kind: 'accepted',
        protocol: '',
        extensionsHeader: '',
      },
    );
    expect(feed(sampleHandshake(), accepted)[0].kind).toBe('accepted');
  });

  it('and fails on a subprotocol or an extension when it offered none', () => {
    const head =
      'HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n';
    for (const line of ['Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Extensions: permessage-deflate']) {
      const [result] = feed(sampleHandshake(), [encodeLatin1(`${head}${line}\r\n\r\n`)]);
      expect(failure(result).code).toBe('WS_HANDSHAKE_INVALID');
    }
    const silent = fakeExtension('x-silent', 0x40, 0);
    const [result] = feed(sampleHandshake({ extensions: [silent] }), [
      encodeLatin1(`${head}Sec-WebSocket-Extensions: x-silent\r\n\r\n`),
    ]);
    expect(failure(result).message).toContain('was not offered');
  });

  it('and waits for no body of a redirect that will be followed', () => {
    const head = 'HTTP/1.1 302 Found\r\nContent-Length: 5\r\n';
    const redirect = encodeLatin1(`${head}Location: /there\r\n\r\n`);
    const [followed] = feed(sampleHandshake({ followsRedirects: true }), [redirect]);
    expect(failure(followed)).toMatchObject({ status: 302, body: '' });
    expect(feed(sampleHandshake(), [redirect])[0].kind).toBe('incomplete');
    // Without a Location there is nothing to follow, and another status is no redirect.
    for (const other of [`${head}\r\n`, `${head.replace('302', '404')}Location: /there\r\n\r\n`]) {
      const [result] = feed(sampleHandshake({ followsRedirects: true }), [encodeLatin1(other)]);
      expect(result.kind).toBe('incomplete');
    }
  });

  it('within the limits on its head', () => {
    const endless = encodeLatin1('HTTP/1.1 200 OK\r\nA: '.padEnd(20_000, 'x'));
    expect(failure(feed(sampleHandshake(), [endless])[0])).toMatchObject({
      code: 'WS_HANDSHAKE_HEADERS_TOO_LARGE',
    });
    const many = encodeLatin1(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(1_000)}`);
    expect(failure(feed(sampleHandshake(), [many])[0])).toMatchObject({
      code: 'WS_HANDSHAKE_HEADERS_TOO_LARGE',
    });
    expect(
      failure(feed(sampleHandshake({ maxHeaderCount: 1000, maxHeaderBytes: 1000 }), [many])[0]).message,
    ).toContain('maxHeaderBytes');
  });

  it('and says how far it came when the input ends in the head', () => {
    const handshake = sampleHandshake();
    handshake.receive(encodeLatin1('HTTP/1.1 101 Swi'));
    expect(failure(handshake.end()).message).toBe(
      'the input ended after 16 bytes of the response head, expected an empty line (RFC 9112 8)',
    );
    expect(failure(sampleHandshake().end())).toMatchObject({
      code: 'WS_TRANSPORT_ENDED',
      status: undefined,
    });
  });

  it('and says the same again when it is fed or ended after its result', () => {
    const handshake = sampleHandshake();
    const first = handshake.receive(encodeLatin1('\u0000'));
    expect(handshake.receive(encodeLatin1('HTTP/1.1 200 OK\r\n\r\n'))).toBe(first);
    expect(handshake.end()).toBe(first);
  });

  it('without ever throwing, whatever the bytes', () => {
    const piece = fc.constantFrom(
      'HTTP/1.1 101 Switching Protocols\r\n',
      'HTTP/1.1 100\r\n\r\n',
      'HTTP/1.1 500 Oops\r\n',
      'Upgrade: websocket\r\n',
      'Connection: Upgrade\r\n',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n',
      'Sec-WebSocket-Protocol: chat\r\n',
      'Sec-WebSocket-Extensions: x-test; level=1\r\n',
      'Sec-WebSocket-Extensions: "\\\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Content-Length: 3\r\n',
      '\r\n',
      '5\r\nabcde\r\n',
      '0\r\n\r\n',
      '\u00ff',
      '\u0000',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.uint8Array({ maxLength: 8 }), (pieces, bytes) => {
        const handshake = vectorHandshake();
        const [result] = feed(handshake, [encodeLatin1(pieces.join('')), bytes]);
        if (result.kind === 'incomplete') expect(handshake.end().kind).toBe('failed');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the error of a handshake', () => {
  it('keeps what caused it', () => {
    const cause = new Error('out of order');
    expect(new HandshakeError('WS_TRANSPORT_FAILED', 'no connection', { cause }).cause).toBe(cause);
    expect('cause' in new HandshakeError('WS_TRANSPORT_FAILED', 'no connection')).toBe(false);
  });
});

describe('our client and our server', () => {
  it('agree on subprotocol and extensions', () => {
    const make = (): ReturnType<typeof fakeExtension>[] => [
      fakeExtension('x-a', 0x40, 2),
      fakeExtension('x-b', 0x20),
    ];
    const client = new ClientHandshake(new URL('ws://h:1234/p?q'), {
      protocols: ['one', 'two'],
      extensions: make(),
      headers: { Cookie: 'a=b' },
    });
    const parsed = new RequestHeadParser().receive(client.encodeRequest());
    if (parsed.kind !== 'complete') throw new Error(parsed.kind);
    expect([...parsed.head.headers]).toEqual([...client.request.headers]);
    const judged = new ServerHandshake({ protocols: ['two', 'one'], extensions: make() }).receive(
      parsed.head,
    );
    if (judged.kind !== 'acceptable') throw judged.error;
    const acceptance = judged.accept({ headers: { 'Set-Cookie': 'c=d' } });
    const result = client.receive(encodeLatin1(acceptance.head));
    if (result.kind !== 'accepted') throw new Error(JSON.stringify(result));
    expect(result.protocol).toBe('two');
    expect(result.extensionsHeader).toBe('x-a; level=1, x-b; level=1');
    expect(result.extensionsHeader).toBe(acceptance.extensionsHeader);
    expect(result.response.headers.get('set-cookie')).toBe('c=d');
    expect(result.remaining).toHaveLength(0);
  });
});
