// How an endpoint gives its connections their rates. What rates do stands in test/connection/receive-rates.test.ts.

import { describe, expect, test } from 'vitest';
import { portableSha1 } from '../../src/protocol/handshake/sha1.ts';
import { resolveConnectionOptions } from '../../src/connection/connection-options.ts';
import { Connection } from '../../src/connection/connection.ts';
import { Endpoint } from '../../src/server/endpoint.ts';
import type { EndpointOptions } from '../../src/server/server-options.ts';
import { FakeClock, immediateScheduler, memoryTransportPair } from '../../src/testing.ts';
import { framed, incomingUpgrade, newTopics } from './server-pair.ts';

const clientOptions = resolveConnectionOptions({ pingIntervalMs: 0 });

interface Stage {
  readonly clock: FakeClock;
  readonly errors: unknown[];
  readonly heard: string[];
  /** Connects as the user; gives the client, or the status of the refusal. */
  readonly connect: (user?: string) => Connection | number;
}

function stage(options: EndpointOptions<unknown>): Stage {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const heard: string[] = [];
  const endpoint = new Endpoint(
    '/*',
    { pingIntervalMs: 0, ...options },
    { message: (_, message) => void heard.push(String(message)) },
    {
      sha1: portableSha1,
      deflateCodec: () => {
        throw new Error('nobody asked for compression');
      },
      scheduler: immediateScheduler,
      clock,
      topics: newTopics(),
      onError: (error) => errors.push(error),
      opened: () => undefined,
      closed: () => undefined,
    },
  );
  return {
    clock,
    errors,
    heard,
    connect(user) {
      const outcome = endpoint.decide(incomingUpgrade({ 'X-User': user }), {});
      if (outcome instanceof Promise) throw new Error('the outcome takes its time, expected it at once');
      if (outcome.kind === 'refused') return outcome.status;
      if (outcome.kind === 'answered') return outcome.response.status;
      const [clientTransport, serverTransport] = memoryTransportPair();
      outcome.connect(framed(serverTransport, 'server', endpoint.connectionOptions));
      return new Connection(framed(clientTransport, 'client', clientOptions), undefined, clientOptions, {
        clock,
        scheduler: immediateScheduler,
      });
    },
  };
}

function connected(outcome: Connection | number): Connection {
  if (typeof outcome === 'number') throw new Error(`refused with ${outcome}, expected a connection`);
  return outcome;
}

const messageRate = { perSecond: 1, burst: 3, exceeded: 'close' } as const;

test('each connection has rates of its own', async () => {
  const { clock, connect, heard } = stage({ messageRate });
  for (let index = 0; index < 2; index++) {
    const client = connected(connect());
    for (let sent = 0; sent < 5; sent++) client.send('x');
    await clock.advanceAsync(0);
    expect(client.peerClose?.code).toBe(1008);
  }
  expect(heard).toHaveLength(6);
});

describe('with rateKey', () => {
  const keyed = {
    messageRate,
    rateKey: ({ headers }: { headers: Headers }) => headers.get('x-user') ?? undefined,
  };

  test('those of one key share them, also one that comes back, and those without a key do not', async () => {
    const { clock, connect, heard } = stage(keyed);
    const first = connected(connect('ada'));
    for (const text of ['1', '2']) first.send(text);
    await clock.advanceAsync(0);
    await first.close();
    await clock.advanceAsync(0);
    const second = connected(connect('ada'));
    const other = connected(connect('bob'));
    for (const client of [second, other]) for (const text of ['3', '4']) client.send(text);
    await clock.advanceAsync(0);
    expect(heard).toEqual(['1', '2', '3', '3', '4']);
    expect(second.peerClose?.code).toBe(1008);
    expect(other.readyState).toBe('open');
    for (let index = 0; index < 2; index++) {
      const nobody = connected(connect());
      for (const text of ['5', '6', '7']) nobody.send(text);
      await clock.advanceAsync(0);
      expect(nobody.readyState).toBe('open');
    }
  });

  test('one that throws, or gives something else, is an error of the server', () => {
    const throwing = stage({
      messageRate,
      rateKey: () => {
        throw new Error('no key');
      },
    });
    expect(throwing.connect()).toBe(500);
    expect(throwing.errors).toMatchObject([{ message: 'no key' }]);
    const wrong = stage({ messageRate, rateKey: () => 7 as never });
    expect(wrong.connect()).toBe(500);
    expect(wrong.errors).toMatchObject([
      { code: 'WS_OPTION_INVALID', message: 'option rateKey returned 7, expected a string or undefined' },
    ]);
  });
});

test.each<[object, string]>([
  [{ messageRate: 5 }, 'option messageRate is 5, expected { perSecond, burst }'],
  [
    { messageRate: { perSecond: 0, burst: 1 } },
    'option messageRate.perSecond is 0, expected a number above 0',
  ],
  [{ byteRate: { perSecond: 1, burst: 0 } }, 'option byteRate.burst is 0, expected a number of at least 1'],
  [
    { byteRate: { perSecond: 1, burst: 1, exceeded: 'drop' } },
    "option byteRate.exceeded is \"drop\", expected 'delay' or 'close'",
  ],
  [{ rateKey: 'ip' }, 'option rateKey is "ip", expected a function'],
])('%j is refused before anything listens', (options, message) => {
  expect(() => stage(options)).toThrow(message);
});
