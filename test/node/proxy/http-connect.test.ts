import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HttpConnect } from '../../../src/node/proxy/http-connect.ts';
import type { NegotiationStep } from '../../../src/node/proxy/negotiation.ts';
import { HeaderList } from '../../../src/protocol/handshake/header-list.ts';
import { feedEveryWay, textOf } from '../../protocol/handshake/feeding.ts';

interface Vector {
  readonly name: string;
  readonly answer: string;
  readonly withCredentials?: boolean;
  readonly expected: {
    readonly kind: NegotiationStep['kind'];
    readonly remaining?: string;
    readonly code?: string;
    readonly message?: string;
    readonly status?: number;
    readonly body?: string;
  };
}

const file = new URL('../../vectors/http-connect-answers.json', import.meta.url);
const vectors: readonly Vector[] = JSON.parse(readFileSync(file, 'utf8'));

function tunnelTo(authority: string, headers = new HeaderList()): HttpConnect {
  return new HttpConnect({ label: 'the proxy p:1', authority, headers });
}

describe('the request for a tunnel', () => {
  test('has the server as target and as Host, and the headers behind them', () => {
    const headers = new HeaderList().append('Proxy-Authorization', 'Basic x').append('User-Agent', 'me');
    expect(textOf(tunnelTo('[2001:db8::1]:443', headers).start())).toBe(
      'CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n' +
        'Proxy-Authorization: Basic x\r\nUser-Agent: me\r\n\r\n',
    );
  });
});

describe('the answer of an HTTP proxy', () => {
  test.each(vectors)('$name', ({ answer, withCredentials = false, expected }) => {
    feedEveryWay(answer, (chunks) => {
      const headers = new HeaderList();
      if (withCredentials) headers.append('Proxy-Authorization', 'Basic x');
      const tunnel = tunnelTo('example.org:443', headers);
      let step: NegotiationStep = { kind: 'incomplete' };
      const rest: Uint8Array[] = [];
      for (const chunk of chunks) {
        if (step.kind === 'incomplete') {
          step = tunnel.receive(chunk);
          if (step.kind === 'open') rest.push(step.remaining);
        } else {
          rest.push(chunk);
        }
      }
      expect(step.kind).toBe(expected.kind);
      if (step.kind === 'open') expect(textOf(...rest)).toBe(expected.remaining);
      else {
        const { kind: _, ...error } = expected;
        expect(step.kind === 'failed' ? step.error : tunnel.end()).toMatchObject(error);
      }
    });
  });

  test('may not be longer than 16 KiB, nor have interim responses without end', () => {
    const long = tunnelTo('a:1').receive(Buffer.from(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(17_000)}`));
    expect(long).toMatchObject({ kind: 'failed', error: { code: 'WS_PROXY_INVALID' } });
    const interim = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100));
    expect(tunnelTo('a:1').receive(interim)).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringContaining('more than 10 interim responses') },
    });
  });

  test('keeps only the start of a long body', () => {
    const head = 'HTTP/1.1 403 No\r\nContent-Length: 100000\r\n\r\n';
    const step = tunnelTo('a:1').receive(Buffer.from(head + 'x'.repeat(100_000)));
    expect(step).toMatchObject({ kind: 'failed', error: { body: 'x'.repeat(1024) } });
  });

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
        const tunnel = tunnelTo('a:1');
        for (const chunk of chunks) if (tunnel.receive(chunk).kind !== 'incomplete') return;
        tunnel.end();
      }),
    );
  });
});
