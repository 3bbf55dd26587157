import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NegotiationStep } from '../../../src/node/proxy/negotiation.ts';
import { Socks5, type Socks5Options } from '../../../src/node/proxy/socks5.ts';
import { feedEveryWay, textOf } from '../../protocol/handshake/feeding.ts';

interface Vector {
  readonly name: string;
  /** The proxy's messages in hexadecimal, parted by "|". */
  readonly answer: string;
  readonly withCredentials?: boolean;
  readonly isWholeOnly?: boolean;
  readonly expected: {
    readonly kind: NegotiationStep['kind'];
    readonly remaining?: string;
    readonly requests?: number;
    readonly code?: string;
    readonly message?: string;
    readonly socksReply?: number;
  };
}

const file = new URL('../../vectors/socks5-answers.json', import.meta.url);
const vectors: readonly Vector[] = JSON.parse(readFileSync(file, 'utf8'));
const credentials = { username: 'ann', password: 'secret' };

function socks(options: Partial<Socks5Options> = {}): Socks5 {
  return new Socks5({
    label: 'the proxy p:1',
    host: 'example.org',
    port: 443,
    credentials: undefined,
    ...options,
  });
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
}

/** What is written after the proxy has picked no authentication. */
function requestFor(host: string, port = 443): string | undefined {
  const step = socks({ host, port }).receive(Uint8Array.of(5, 0));
  return step.kind === 'incomplete' ? hex(step.reply) : step.kind;
}

describe('what a SOCKS client says', () => {
  test('it offers user and password only when it has some', () => {
    expect(hex(socks().start())).toBe('050100');
    expect(hex(socks({ credentials }).start())).toBe('05020002');
  });

  test('user and password go out in UTF-8 when they are picked', () => {
    const step = socks({ credentials: { username: 'jörg', password: '' } }).receive(Uint8Array.of(5, 2));
    expect(step).toEqual({
      kind: 'incomplete',
      reply: new Uint8Array(Buffer.concat([Buffer.from([1, 5]), Buffer.from('jörg'), Buffer.from([0])])),
    });
  });

  test.each([
    ['127.0.0.1', 8080, '05010001 7f000001 1f90'],
    ['2001:db8::1:2', 443, '05010004 20010db8000000000000000000010002 01bb'],
    ['::', 1, '05010004 00000000000000000000000000000000 0001'],
    ['1:2:3:4:5:6:7:8', 65_535, '05010004 00010002000300040005000600070008 ffff'],
    ['::ffff:1.2.3.4', 80, '05010004 00000000000000000000ffff01020304 0050'],
    ['fe80::1%eth0', 80, '05010004 fe800000000000000000000000000001 0050'],
    ['a.example', 80, '05010003 09 612e6578616d706c65 0050'],
  ])('it asks for %s:%i', (host, port, request) => {
    expect(requestFor(host, port)).toBe(request.replaceAll(' ', ''));
  });

  test('a name that is too long is refused before anything is said', () => {
    expect(() => socks({ host: 'a'.repeat(256) })).toThrow(
      expect.objectContaining({ code: 'WS_URL_INVALID' }),
    );
    expect(requestFor('a'.repeat(255))).toContain('ff6161');
  });
});

describe('the answer of a SOCKS proxy', () => {
  test.each(vectors)('$name', ({ answer, withCredentials = false, isWholeOnly = false, expected }) => {
    const messages = answer.split('|').map((message) => Buffer.from(message.replaceAll(' ', ''), 'hex'));
    const play = (cut: (message: Uint8Array) => Uint8Array[]): void => {
      const proxy = socks(withCredentials ? { credentials } : {});
      let step: NegotiationStep = { kind: 'incomplete' };
      let requests = 0;
      const rest: Uint8Array[] = [];
      for (const chunk of messages.flatMap(cut)) {
        if (step.kind !== 'incomplete') {
          rest.push(chunk);
          continue;
        }
        step = proxy.receive(chunk);
        if (step.kind === 'incomplete' && step.reply !== undefined) requests++;
        if (step.kind === 'open') rest.push(step.remaining);
      }
      expect(step.kind).toBe(expected.kind);
      if (step.kind === 'open') {
        expect({ remaining: hex(Buffer.concat(rest)), requests }).toEqual({
          remaining: expected.remaining,
          requests: expected.requests,
        });
      } else {
        const { kind: _, ...error } = expected;
        expect(step.kind === 'failed' ? step.error : proxy.end()).toMatchObject(error);
      }
    };
    play((message) => [message]);
    if (isWholeOnly) return;
    play((message) => Array.from(message, (byte) => Uint8Array.of(byte)));
    const last = textOf(messages.at(-1) ?? new Uint8Array());
    feedEveryWay(last, (chunks) => play((message) => (message === messages.at(-1) ? chunks : [message])));
  });

  test.each([
    [1, 'general SOCKS server failure'],
    [2, 'connection not allowed by ruleset'],
    [3, 'network unreachable'],
    [4, 'host unreachable'],
    [5, 'connection refused'],
    [6, 'TTL expired'],
    [7, 'command not supported'],
    [8, 'address type not supported'],
  ])('reply %i means %s', (reply, meaning) => {
    const proxy = socks({ host: '2001:db8::1' });
    proxy.receive(Uint8Array.of(5, 0));
    expect(proxy.receive(Uint8Array.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0))).toMatchObject({
      error: {
        name: 'ProxyError',
        socksReply: reply,
        message: `the proxy p:1 refused a connection to [2001:db8::1]:443: ${meaning} (SOCKS reply ${reply}, RFC 1928 6)`,
      },
    });
  });

  test('never throws, whatever it is', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(
        Uint8Array.of(5, 0),
        Uint8Array.of(5, 2),
        Uint8Array.of(1, 0),
        Uint8Array.of(5, 0, 0, 3),
      ),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), (chunks) => {
        const proxy = socks({ credentials });
        for (const bytes of chunks) if (proxy.receive(bytes).kind !== 'incomplete') return;
        proxy.end();
      }),
    );
  });
});
