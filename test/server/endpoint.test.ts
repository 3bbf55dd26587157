import { describe, expect, test } from 'vitest';
import { portableSha1 } from '../../src/protocol/handshake/sha1.ts';
import { resolveConnectionOptions } from '../../src/connection/connection-options.ts';
import { Endpoint } from '../../src/server/endpoint.ts';
import { EndpointTable } from '../../src/server/endpoint-table.ts';
import type { ServerConnection } from '../../src/server/server-connection.ts';
import type { EndpointOptions, ServerHandlers } from '../../src/server/server-options.ts';
import type { UpgradeOutcome } from '../../src/server/upgrade-decision.ts';
import type { UpgradeRequest } from '../../src/server/upgrade-request.ts';
import { immediateScheduler, memoryTransportPair, settle } from '../../src/testing.ts';
import { framed, incomingUpgrade, newTopics } from './server-pair.ts';

interface Made {
  readonly endpoint: Endpoint;
  readonly errors: unknown[];
  readonly connections: Set<ServerConnection<unknown>>;
}

function make(
  options: EndpointOptions<unknown> = {},
  handlers: ServerHandlers<unknown> = {},
  path = '/*',
): Made {
  const errors: unknown[] = [];
  const connections = new Set<ServerConnection<unknown>>();
  const endpoint = new Endpoint(path, options, handlers, {
    sha1: portableSha1,
    deflateCodec: () => {
      throw new Error('nobody asked for compression');
    },
    scheduler: immediateScheduler,
    topics: newTopics(),
    onError: (error) => errors.push(error),
    opened: (connection) => connections.add(connection),
    closed: (connection) => connections.delete(connection),
  });
  return { endpoint, errors, connections };
}

function statusOf(outcome: UpgradeOutcome | Promise<UpgradeOutcome>): number {
  if (outcome instanceof Promise) throw new Error('the outcome takes its time, expected it at once');
  return outcome.kind === 'accepted'
    ? 101
    : outcome.kind === 'answered'
      ? outcome.response.status
      : outcome.status;
}

describe('deciding', () => {
  test('is synchronous unless upgrade is not', async () => {
    expect(statusOf(make().endpoint.decide(incomingUpgrade(), {}))).toBe(101);
    expect(statusOf(make({ upgrade: () => undefined }).endpoint.decide(incomingUpgrade(), {}))).toBe(101);
    const later = make({ upgrade: async () => Promise.resolve() }).endpoint.decide(incomingUpgrade(), {});
    expect(later).toBeInstanceOf(Promise);
    expect(statusOf(await later)).toBe(101);
  });

  test('asks upgrade only about requests that keep the rules and have an allowed origin', () => {
    let asked = 0;
    const { endpoint } = make({ upgrade: () => void asked++ });
    expect(statusOf(endpoint.decide(incomingUpgrade({ 'Sec-WebSocket-Key': undefined }), {}))).toBe(400);
    expect(statusOf(endpoint.decide(incomingUpgrade({ Host: 'a:99999' }), {}))).toBe(400);
    expect(statusOf(endpoint.decide(incomingUpgrade({ Host: '[::x]' }), {}))).toBe(400);
    expect(statusOf(endpoint.decide(incomingUpgrade({ Origin: 'https://evil.example' }), {}))).toBe(403);
    expect(asked).toBe(0);
    expect(statusOf(endpoint.decide(incomingUpgrade({ Origin: 'https://example.com' }), {}))).toBe(101);
    expect(asked).toBe(1);
  });

  test('several Origin headers are nobody’s origin', () => {
    const upgrade = incomingUpgrade({ Origin: 'https://example.com', origin: 'https://example.com' });
    expect(statusOf(make().endpoint.decide(upgrade, {}))).toBe(403);
  });

  test('a refused request never makes a codec', () => {
    const accepted: string[] = [];
    const extension = {
      name: 'x-test',
      rsvBit: 0x40,
      offers: () => [],
      accept: () => {
        accepted.push('accepted');
        return undefined;
      },
      confirm: () => 'no client',
    } as const;
    const offer = { 'Sec-WebSocket-Extensions': 'x-test' };
    const refusing = make({ extension, upgrade: () => new Response(null, { status: 403 }) });
    expect(statusOf(refusing.endpoint.decide(incomingUpgrade(offer), {}))).toBe(403);
    expect(accepted).toEqual([]);
    expect(statusOf(make({ extension }).endpoint.decide(incomingUpgrade(offer), {}))).toBe(101);
    expect(accepted).toEqual(['accepted']);
  });

  test('what upgrade looks at is made once, and only then', () => {
    let seen: UpgradeRequest | undefined;
    const { endpoint } = make({
      upgrade: (request) => {
        seen = request;
      },
    });
    void endpoint.decide(incomingUpgrade({ Cookie: 'a=b' }, { target: '/x/../y?q', isSecure: true }), {
      id: '7',
    });
    expect(seen?.params).toEqual({ id: '7' });
    expect(seen?.url.href).toBe('wss://example.com/y?q');
    expect(seen?.path).toBe('/y');
    expect(seen?.request.url).toBe('https://example.com/y?q');
    expect(seen?.request.headers.get('cookie')).toBe('a=b');
    expect(seen?.request).toBe(seen?.request);
    expect(seen?.headers).toBe(seen?.headers);
    expect(seen?.signal.aborted).toBe(false);
  });

  test('a Response of another realm refuses too', () => {
    class ForeignResponse extends EventTarget {
      readonly status = 418;
      get [Symbol.toStringTag](): string {
        return 'Response';
      }
    }
    const { endpoint } = make({ upgrade: () => new ForeignResponse() as unknown as Response });
    expect(statusOf(endpoint.decide(incomingUpgrade(), {}))).toBe(418);
  });
});

describe('connecting', () => {
  test('makes a connection with data, tells the server, calls open, and tells it of the end', async () => {
    const opened: unknown[] = [];
    const { endpoint, connections, errors } = make(
      { upgrade: () => ({ data: { id: 1 } }), maxMessageBytes: 100 },
      {
        open: (connection) => {
          opened.push(connection.data, connections.has(connection));
        },
        message: () => {
          throw new Error('failed');
        },
      },
    );
    const outcome = endpoint.decide(incomingUpgrade(), {});
    if (outcome instanceof Promise || outcome.kind !== 'accepted') throw new Error('not accepted');
    const [near, far] = memoryTransportPair();
    const connection = outcome.connect(framed(near, 'server', endpoint.connectionOptions));
    expect(opened).toEqual([{ id: 1 }, true]);
    const client = framed(far, 'client', resolveConnectionOptions());
    const closed: number[] = [];
    client.attach({
      received: () => undefined,
      message: () => undefined,
      messageStart: () => undefined,
      messageChunk: () => undefined,
      messageEnd: () => undefined,
      ping: () => undefined,
      pong: () => undefined,
      peerClosed: (code) => closed.push(code),
      failed: () => undefined,
      drained: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    });
    client.sendText('boom');
    await connection.closed;
    await settle();
    expect(closed).toEqual([1011]);
    expect(errors).toEqual([new Error('failed')]);
    expect(connections.size).toBe(0);
  });
});

describe('the table of endpoints', () => {
  test('finds the most specific one, and forgets those that are removed', () => {
    const table = new EndpointTable<Endpoint>();
    expect(table.isEmpty).toBe(true);
    expect(table.find('/a')).toBeUndefined();
    const [all, param, literal] = ['/*', '/:x', '/a'].map((path) => make({}, {}, path).endpoint);
    for (const endpoint of [all, param, literal]) table.add(endpoint);
    expect(table.first).toBe(literal);
    expect(table.find('/a')?.entry).toBe(literal);
    expect(table.find('/b')).toEqual({ entry: param, params: { x: 'b' } });
    expect(table.find('/b/c')).toEqual({ entry: all, params: { '*': 'b/c' } });
    table.remove(literal);
    expect(table.find('/a')?.entry).toBe(param);
    expect(() => table.add(make({}, {}, '/:y').endpoint)).toThrow('option path is "/:y"');
  });
});
