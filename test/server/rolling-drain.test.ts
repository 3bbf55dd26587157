import { describe, expect, test } from 'vitest';
import {
  defaultRollingDrainOptions,
  requireRollingDrain,
  RollingDrain,
  type RollingDrainOptions,
} from '../../src/server/rolling-drain.ts';
import { FakeClock, settle } from '../../src/testing.ts';
import { newTopics, type ServerPair, serverPair } from './server-pair.ts';

interface Stage {
  readonly clock: FakeClock;
  readonly pairs: readonly ServerPair[];
  /** When the client of each pair heard of its close, in the order in which they heard. */
  readonly closedAtMs: number[];
  readonly order: number[];
  readonly drain: RollingDrain;
  readonly report: ReturnType<RollingDrain['run']>;
}

/** Starts to drain some connections on virtual time. */
function drained(
  count: number,
  options: RollingDrainOptions = {},
  prepare: (pairs: readonly ServerPair[]) => void = () => undefined,
): Stage {
  const clock = new FakeClock();
  const pairs = Array.from({ length: count }, () => serverPair(newTopics(), {}, clock));
  prepare(pairs);
  const [closedAtMs, order]: number[][] = [[], []];
  for (const [index, { client }] of pairs.entries()) {
    void client.closed.then(() => {
      closedAtMs.push(clock.now());
      order.push(index);
    });
  }
  const connections = new Set(pairs.map(({ server }) => server));
  const drain = new RollingDrain(connections, requireRollingDrain(options), clock);
  return { clock, pairs, closedAtMs, order, drain, report: drain.run() };
}

describe('the pace', () => {
  test('is even over the stated time, in an order that is not that of opening', async () => {
    const { clock, closedAtMs, order, report } = drained(100, { overMs: 10_000 });
    await clock.advanceAsync(10_000);
    expect(closedAtMs).toEqual(Array.from({ length: 100 }, (_, index) => index * 100));
    expect(order).not.toEqual(order.toSorted((one, other) => one - other));
    expect(await report).toMatchObject({ closed: 100, clean: 100, cut: 0, lost: 0, perCode: { 1012: 100 } });
    expect((await report).durationMs).toBe(9_900);
    expect(clock.pendingTimers).toBe(0);
  });

  test('keeps to the time with more connections than milliseconds', async () => {
    const { clock, closedAtMs, report } = drained(300, { overMs: 100 });
    await clock.advanceAsync(50);
    expect(closedAtMs.length).toBeGreaterThanOrEqual(147);
    expect(closedAtMs.length).toBeLessThanOrEqual(156);
    await clock.advanceAsync(50);
    expect((await report).closed).toBe(300);
  });

  test('of 0 closes all at once', async () => {
    const { closedAtMs, report } = drained(20, { overMs: 0 });
    await report;
    expect(closedAtMs).toEqual(Array.from({ length: 20 }, () => 0));
  });

  test('with nobody there it is over at once', async () => {
    const { clock, report } = drained(0);
    expect(await report).toEqual({
      closed: 0,
      clean: 0,
      cut: 0,
      lost: 0,
      durationMs: 0,
      perCode: {},
      cutConnections: [],
    });
    expect(clock.pendingTimers).toBe(0);
  });

  test('does not wait for those that leave before their turn, and counts them', async () => {
    const { clock, pairs, report } = drained(10, { overMs: 10_000 });
    await settle();
    for (const { client } of pairs) void client.close(1000);
    await settle();
    expect(await report).toMatchObject({
      closed: 10,
      clean: 10,
      perCode: { 1000: 9, 1012: 1 },
      durationMs: 0,
    });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('each connection', () => {
  test('is told when to come back, behind the reason', async () => {
    const { pairs, report } = drained(1, { code: 1013, reason: 'deploying', reconnectAfterMs: 1500 });
    await report;
    expect(pairs[0].client.closedInfo).toEqual({
      code: 1013,
      reason: 'deploying; come back in 1500 ms',
      clean: true,
      by: 'remote',
    });
  });

  test('gets what was sent to it before', async () => {
    const messages = Array.from({ length: 50 }, (_, index) => `${index} ${'x'.repeat(500)}`);
    const { pairs, report } = drained(1, {}, ([{ server }]) => {
      for (const message of messages) void server.send(message);
    });
    expect(await report).toMatchObject({ clean: 1 });
    expect(pairs[0].received).toEqual(messages);
  });

  test('gets the rest of a message that is being sent in fragments', async () => {
    const { clock, pairs, report } = drained(1, { overMs: 0 }, ([{ server }]) => {
      server.sendFragment('first, ', { fin: false });
    });
    await clock.advanceAsync(1_000);
    expect(pairs[0].server.readyState).toBe('open');
    pairs[0].server.sendFragment('last', { fin: true });
    await clock.advanceAsync(50);
    expect(await report).toMatchObject({ clean: 1 });
    expect(pairs[0].received).toEqual(['first, last']);
  });

  test('has timeoutMs from its own turn, longer than closeTimeoutMs if need be, and is then cut and reported', async () => {
    const { clock, pairs, report } = drained(2, { overMs: 4_000, timeoutMs: 7_000 }, (both) => {
      for (const { server, clientTransport } of both) {
        clientTransport.stall();
        void server.send('x'.repeat(5_000));
      }
    });
    const gone = (): number => pairs.filter(({ server }) => server.readyState === 'closed').length;
    await clock.advanceAsync(6_999);
    expect(gone()).toBe(0);
    await clock.advanceAsync(1);
    expect(gone()).toBe(1);
    await clock.advanceAsync(2_000);
    const { cutConnections, ...rest } = await report;
    expect(rest).toEqual({ closed: 2, clean: 0, cut: 2, lost: 0, durationMs: 9_000, perCode: { 1006: 2 } });
    expect(new Set(cutConnections.map(({ id }) => id))).toEqual(
      new Set(pairs.map(({ server }) => server.id)),
    );
    for (const { url, queuedBytes, readyState } of cutConnections) {
      expect(url).toBe('ws://example.com/chat');
      expect(queuedBytes).toBeGreaterThan(3_000);
      expect(readyState).toBe('closing');
    }
  });

  test('that the network loses is told apart from those that were cut', async () => {
    const { pairs, report } = drained(3, { overMs: 60_000 });
    for (const { clientTransport } of pairs) clientTransport.fail(new Error('reset'));
    expect(await report).toMatchObject({ closed: 3, clean: 0, cut: 0, lost: 3, perCode: { 1006: 3 } });
  });
});

describe('the end of the patience', () => {
  test('by hurry() closes who is left at once, and cuts after the time that it is given', async () => {
    const { clock, pairs, drain, report } = drained(10, { overMs: 60_000 }, (all) =>
      all[9].clientTransport.stall(),
    );
    await clock.advanceAsync(6_000);
    drain.hurry(500);
    await settle();
    expect(pairs.filter(({ client }) => client.readyState === 'closed').length).toBeGreaterThanOrEqual(9);
    await clock.advanceAsync(500);
    expect(await report).toMatchObject({ closed: 10, clean: 9, cut: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  test('by the signal still sends everybody a close frame', async () => {
    const controller = new AbortController();
    const { clock, pairs, report } = drained(5, { overMs: 60_000, signal: controller.signal });
    await settle();
    controller.abort();
    await clock.advanceAsync(0);
    expect((await report).closed).toBe(5);
    for (const { client } of pairs) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(clock.pendingTimers).toBe(0);
  });

  test('may have come before the beginning', async () => {
    const { clock, report } = drained(5, { overMs: 60_000, signal: AbortSignal.abort() });
    await clock.advanceAsync(0);
    expect((await report).closed).toBe(5);
  });

  test('also ends the wait for a message in fragments', async () => {
    const { clock, drain, report } = drained(1, { overMs: 0 }, ([{ server }]) => {
      server.sendFragment('never ends', { fin: false });
    });
    await settle();
    drain.hurry(1_000);
    await clock.advanceAsync(0);
    expect(await report).toMatchObject({ clean: 1, perCode: { 1012: 1 } });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the options', () => {
  test('have defaults', () => {
    expect(requireRollingDrain({})).toEqual({
      ...defaultRollingDrainOptions,
      signal: undefined,
      retryAfterSeconds: 10,
    });
    expect(requireRollingDrain({ reconnectAfterMs: 1_500 }).retryAfterSeconds).toBe(2);
    expect(requireRollingDrain({ overMs: 0 }).retryAfterSeconds).toBe(1);
  });

  test.each<[RollingDrainOptions, string]>([
    [{ overMs: -1 }, 'option overMs is -1'],
    [{ timeoutMs: Number.NaN }, 'option timeoutMs is NaN'],
    [{ reconnectAfterMs: 1.5 }, 'option reconnectAfterMs is 1.5'],
    [{ code: 1006 }, 'close code 1006'],
    [{ reason: 'x'.repeat(124) }, '124 bytes'],
  ])('are checked: %j', (options, message) => {
    expect(() => requireRollingDrain(options)).toThrow(message);
  });

  test('count the hint as part of the reason', () => {
    expect(() => requireRollingDrain({ reason: 'x'.repeat(110), reconnectAfterMs: 1_000 })).toThrow(
      '132 bytes',
    );
  });

  test('are checked also where only a cast could have let them pass', () => {
    const wrong: object = { stopListening: 'yes' };
    expect(() => requireRollingDrain(wrong)).toThrow('option stopListening is "yes"');
    const signal: object = { signal: 'no signal' };
    expect(() => requireRollingDrain(signal)).toThrow('option signal');
  });
});
