import { describe, expect, test } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import type { Connection } from '../../src/connection/connection.ts';
import { type Dial, type ReconnectOptions, reconnectBy } from '../../src/connection/reconnect.ts';
import { HandshakeError } from '../../src/protocol/handshake/handshake-error.ts';
import { HeaderList } from '../../src/protocol/handshake/header-list.ts';
import { connectionPair, FakeClock, settle } from '../../src/testing.ts';

const networkError = new FullduplexError('WS_CONNECT_FAILED', 'could not connect');

function refusal(status: number, headers: Record<string, string> = {}): HandshakeError {
  return new HandshakeError('WS_HANDSHAKE_REFUSED', 'no', { status, headers: HeaderList.from(headers) });
}

/** Always the same chance: 0 is the shortest wait, 255 nearly the longest. */
const chance = (byte: number) => ({ fill: (target: Uint8Array): void => void target.fill(byte) });

/** A loop on virtual time over dial outcomes: an error to fail with, or `open` for a connection. */
class Loop {
  readonly clock = new FakeClock();
  /** When each attempt began, in milliseconds. */
  readonly attemptsAtMs: number[] = [];
  /** The server's end of each connection. */
  readonly servers: Connection[] = [];
  readonly clients: Connection[] = [];
  readonly ended: Promise<unknown>;

  constructor(
    outcomes: (Error | 'open')[],
    options: ReconnectOptions = {},
    byte = 0,
    body: (connection: Connection) => unknown = (connection) => connection.closed,
  ) {
    const dial: Dial = async () => {
      this.attemptsAtMs.push(this.clock.now());
      const outcome = outcomes.shift() ?? new Error('no outcome is left');
      if (outcome !== 'open') throw outcome;
      const { client, server } = connectionPair({ clock: this.clock });
      this.servers.push(server);
      this.clients.push(client);
      return client;
    };
    const run = async (): Promise<unknown> => {
      for await (const connection of reconnectBy(dial, options, {
        clock: this.clock,
        random: chance(byte),
      })) {
        if ((await body(connection)) === 'break') break;
      }
      return 'quiet';
    };
    this.ended = run().catch((error: unknown) => error);
  }

  /** Lets the time pass and gives how many attempts there were. */
  async attemptsAfter(durationMs: number): Promise<number> {
    await this.clock.advanceAsync(durationMs);
    return this.attemptsAtMs.length;
  }
}

describe('waiting', () => {
  test('takes at least minDelayMs each time', async () => {
    const loop = new Loop([networkError, networkError, networkError, 'open'], { minDelayMs: 100 });
    expect(await loop.attemptsAfter(1000)).toBe(4);
    expect(loop.attemptsAtMs).toEqual([0, 100, 200, 300]);
  });

  test('is drawn up to a bound that doubles until maxDelayMs', async () => {
    const failures = Array.from({ length: 7 }, () => networkError);
    const loop = new Loop(failures, { minDelayMs: 100, maxDelayMs: 3000 }, 255);
    await loop.attemptsAfter(12_000);
    const waits = loop.attemptsAtMs
      .slice(1)
      .map((atMs, index) => Math.round(atMs - (loop.attemptsAtMs[index] ?? 0)));
    expect(waits).toEqual([400, 800, 1600, 3000, 3000, 3000]);
  });

  test('starts over behind a connection that lived long enough, not behind a short one', async () => {
    const loop = new Loop(
      [networkError, networkError, 'open', 'open', networkError],
      { minDelayMs: 100, stableAfterMs: 5000 },
      255,
    );
    await loop.attemptsAfter(1200);
    expect(loop.servers).toHaveLength(1);
    void loop.servers[0]?.close(1012);
    await loop.attemptsAfter(1590);
    expect(loop.servers).toHaveLength(1);
    await loop.attemptsAfter(10);
    expect(loop.servers).toHaveLength(2);
    await loop.attemptsAfter(5000);
    void loop.servers[1]?.close(1012);
    expect(await loop.attemptsAfter(390)).toBe(4);
    expect(await loop.attemptsAfter(10)).toBe(5);
  });

  test.each([
    [429, { 'Retry-After': '7' }, 7000],
    [503, { 'Retry-After': '0' }, 0],
    [503, { 'Retry-After': 'Fri, 31 Dec 1999 23:59:59 GMT', Date: 'Fri, 31 Dec 1999 23:59:39 GMT' }, 20_000],
    [503, { 'Retry-After': 'Fri, 31 Dec 1999 23:59:59 GMT' }, 0],
    [503, { 'Retry-After': 'soon' }, 0],
    [500, { 'Retry-After': '7' }, 0],
  ])('is as much longer as Retry-After of %i asks for: %j', async (status, headers, longerMs) => {
    const loop = new Loop([refusal(status, headers), 'open'], { minDelayMs: 100 });
    expect(await loop.attemptsAfter(longerMs + 99)).toBe(1);
    expect(await loop.attemptsAfter(1)).toBe(2);
  });
});

describe('a server that closes', () => {
  test.each([
    [1012, 'come back in 7000 ms', {}, 7000],
    [1013, 'busy; come back in 7000 ms', {}, 7000],
    [1012, 'restarting', {}, 0],
    [1000, 'come back in 7000 ms', {}, 0],
    [1012, 'come back in 999999 ms', {}, 300_000],
    [1012, 'come back in 7000 ms', { maxComeBackMs: 1000 }, 1000],
    [1012, 'come back in 7000 ms', { maxComeBackMs: 0 }, 0],
  ])(
    'with %i and %j is left alone as long as it asks for, within bounds: %j',
    async (code, reason, options, longerMs) => {
      const loop = new Loop(['open', 'open'], { minDelayMs: 100, ...options });
      await loop.attemptsAfter(20_000);
      void loop.servers[0]?.close(code, reason);
      expect(await loop.attemptsAfter(longerMs + 99)).toBe(1);
      expect(await loop.attemptsAfter(1)).toBe(2);
    },
  );

  test('is left alone so long once, and not after the next connection', async () => {
    const loop = new Loop(['open', 'open', 'open'], { minDelayMs: 100, stableAfterMs: 0 });
    await loop.attemptsAfter(0);
    void loop.servers[0]?.close(1012, 'come back in 7000 ms');
    expect(await loop.attemptsAfter(7_100)).toBe(2);
    loop.servers[1]?.terminate();
    expect(await loop.attemptsAfter(100)).toBe(3);
  });
});

describe('a failure', () => {
  const timeout = new FullduplexError('WS_HANDSHAKE_TIMEOUT', 'too late');
  test.each<[string, Error]>([
    ['the network', networkError],
    ['the deadline', timeout],
    ...[408, 425, 429, 500, 502, 503, 504].map((status): [string, Error] => [`${status}`, refusal(status)]),
  ])('of %s is followed by another attempt', async (_what, error) => {
    const loop = new Loop([error, 'open']);
    expect(await loop.attemptsAfter(60_000)).toBe(2);
  });

  test.each<[string, Error]>([
    ...[200, 301, 400, 401, 403, 404, 426].map((status): [string, Error] => [`${status}`, refusal(status)]),
    ['an answer that is no handshake', new HandshakeError('WS_HANDSHAKE_INVALID', 'x', { status: 101 })],
    ['a certificate', new FullduplexError('WS_CERTIFICATE_INVALID', 'x')],
    ['a URL', new FullduplexError('WS_URL_INVALID', 'x')],
    ['an option', new FullduplexError('WS_OPTION_INVALID', 'x')],
    ['the program', new TypeError('x is not a function')],
  ])('of %s is thrown out of the loop', async (_what, error) => {
    const loop = new Loop([error, 'open']);
    expect(await loop.ended).toBe(error);
    expect(loop.clock.pendingTimers).toBe(0);
  });

  test('is judged by shouldRetry when there is one', async () => {
    const asked: unknown[] = [];
    const fatal = refusal(404);
    const loop = new Loop([refusal(403), networkError, fatal], {
      shouldRetry: (error) => {
        asked.push(error);
        return error !== fatal;
      },
    });
    await loop.attemptsAfter(60_000);
    expect(await loop.ended).toBe(fatal);
    expect(asked).toHaveLength(3);
  });
});

describe('a connection', () => {
  test('is closed with 1000 when the body of the loop comes back before its end', async () => {
    const loop = new Loop(['open', 'open'], { minDelayMs: 100 }, 0, () => undefined);
    expect(await loop.attemptsAfter(0)).toBe(1);
    expect(await loop.servers[0]?.closed).toMatchObject({ code: 1000, by: 'remote' });
    expect(await loop.attemptsAfter(100)).toBe(2);
  });

  test('is closed with 1000 when the loop is left', async () => {
    const loop = new Loop(['open', 'open'], {}, 0, () => 'break');
    expect(await loop.ended).toBe('quiet');
    expect(await loop.servers[0]?.closed).toMatchObject({ code: 1000, by: 'remote' });
    expect(loop.attemptsAtMs).toEqual([0]);
  });

  test('is closed with 1000 when the body throws, and the error goes on', async () => {
    const error = new Error('the body failed');
    const loop = new Loop(['open', 'open'], {}, 0, () => Promise.reject(error));
    expect(await loop.ended).toBe(error);
    expect(await loop.servers[0]?.closed).toMatchObject({ code: 1000, by: 'remote' });
  });

  test('that the peer does not help to close holds the loop no longer than closeTimeoutMs', async () => {
    const loop = new Loop(['open'], {}, 0, (connection) => {
      loop.servers[0]?.pause();
      return connection.readyState === 'open' ? 'break' : undefined;
    });
    await loop.clock.advanceAsync(5000);
    expect(await loop.ended).toBe('quiet');
    expect(loop.clients[0]?.closedInfo).toMatchObject({ cause: { code: 'WS_CLOSE_TIMEOUT' } });
  });
});

describe('the signal', () => {
  test('ends the loop before it has begun', async () => {
    const loop = new Loop([], { signal: AbortSignal.abort() });
    expect(await loop.ended).toBe('quiet');
    expect(loop.attemptsAtMs).toEqual([]);
  });

  test('ends an attempt', async () => {
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const dial: Dial = (signal) => {
      signals.push(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new FullduplexError('WS_ABORTED', 'aborted')));
      });
    };
    const next = reconnectBy(dial, { signal: controller.signal })[Symbol.asyncIterator]().next();
    await settle();
    expect(signals).toEqual([controller.signal]);
    controller.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('ends a wait', async () => {
    const controller = new AbortController();
    const loop = new Loop([networkError], { signal: controller.signal });
    await loop.attemptsAfter(1);
    expect(loop.clock.pendingTimers).toBe(1);
    controller.abort();
    expect(await loop.ended).toBe('quiet');
    expect(loop.clock.pendingTimers).toBe(0);
  });

  test('closes the connection that the loop is at', async () => {
    const controller = new AbortController();
    const loop = new Loop(['open', 'open'], { signal: controller.signal });
    await loop.attemptsAfter(20_000);
    controller.abort();
    expect(await loop.ended).toBe('quiet');
    expect(await loop.servers[0]?.closed).toMatchObject({ code: 1000, by: 'remote' });
    expect(loop.attemptsAtMs).toEqual([0]);
  });

  test('closes a connection that opened in the same moment, and does not hand it out', async () => {
    const controller = new AbortController();
    const { client, server } = connectionPair();
    const dial: Dial = async () => {
      controller.abort();
      return client;
    };
    const next = reconnectBy(dial, { signal: controller.signal })[Symbol.asyncIterator]().next();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await server.closed).toMatchObject({ code: 1000 });
  });
});

describe('wrong options', () => {
  test.each<[ReconnectOptions, string]>([
    [{ minDelayMs: 0 }, 'option minDelayMs is 0, expected an integer from 1'],
    [{ minDelayMs: 100, maxDelayMs: 99 }, 'option maxDelayMs is 99, expected an integer from 100'],
    [{ stableAfterMs: 0.5 }, 'option stableAfterMs is 0.5'],
    [{ shouldRetry: true as unknown as () => boolean }, 'option shouldRetry is true, expected a function'],
  ])('throw at once: %j', (options, message) => {
    expect(() => reconnectBy(() => Promise.reject(networkError), options)).toThrow(message);
  });
});
