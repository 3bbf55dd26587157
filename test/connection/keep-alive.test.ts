import { expect, test, vi } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import { FrameCollector, Opcode } from '../../src/protocol.ts';
import { connectionPair, FakeClock } from '../../src/testing.ts';

const onlyServer = { client: { pingIntervalMs: 0 } };

function causeOf(info: { cause?: Error }): string | undefined {
  return info.cause instanceof FullduplexError ? info.cause.code : undefined;
}

test('a peer that vanished is noticed within 45 seconds by default', async () => {
  const clock = new FakeClock();
  const { server, clientTransport } = connectionPair({ clock, ...onlyServer });
  clientTransport.stall();
  await clock.advanceAsync(44_999);
  expect(server.readyState).toBe('open');
  await clock.advanceAsync(1);
  expect(causeOf(await server.closed)).toBe('WS_KEEP_ALIVE_TIMEOUT');
  expect(clock.pendingTimers).toBe(0);
});

test('a peer that answers stays connected and its latency is measured', async () => {
  const clock = new FakeClock();
  const { client, server, clientTransport } = connectionPair({ clock, ...onlyServer });
  expect(server.latencyMs).toBeUndefined();
  await clock.advanceAsync(24_999);
  clientTransport.stall();
  await clock.advanceAsync(1);
  await clock.advanceAsync(120);
  clientTransport.unstall();
  await clock.advanceAsync(0);
  expect(server.latencyMs).toBe(120);
  await clock.advanceAsync(600_000);
  expect(server.readyState).toBe('open');
  expect(client.latencyMs).toBeUndefined();
});

test('a ping goes out every interval', async () => {
  const clock = new FakeClock();
  const { client } = connectionPair({ clock, ...onlyServer });
  const pings: number[] = [];
  client.attach({ ping: () => void pings.push(clock.now()) });
  await clock.advanceAsync(100_000);
  expect(pings).toEqual([25_000, 50_000, 75_000, 100_000]);
});

test('an interval shorter than the deadline is kept, and the deadline too', async () => {
  const clock = new FakeClock();
  const { client, server, clientTransport } = connectionPair({
    clock,
    client: { pingIntervalMs: 0 },
    server: { pingIntervalMs: 2_000, pongTimeoutMs: 20_000 },
  });
  const pings: number[] = [];
  client.attach({ ping: () => void pings.push(clock.now()) });
  await clock.advanceAsync(8_000);
  expect(pings).toEqual([2_000, 4_000, 6_000, 8_000]);
  clientTransport.stall();
  // The ping at 10 s is the first one that nobody hears.
  await clock.advanceAsync(21_999);
  expect(server.readyState).toBe('open');
  await clock.advanceAsync(1);
  expect(causeOf(await server.closed)).toBe('WS_KEEP_ALIVE_TIMEOUT');
});

test('any received byte is life, even when the pings are never answered', async () => {
  const clock = new FakeClock();
  const { client, server } = connectionPair({ clock, client: { pingIntervalMs: 0, autoPong: false } });
  for (let index = 0; index < 20; index++) {
    await clock.advanceAsync(10_000);
    client.send('busy');
  }
  expect(server.readyState).toBe('open');
  await clock.advanceAsync(45_000);
  expect(causeOf(await server.closed)).toBe('WS_KEEP_ALIVE_TIMEOUT');
});

test('the deadline stands still while reading is paused', async () => {
  const clock = new FakeClock();
  const { server, clientTransport } = connectionPair({ clock, ...onlyServer });
  clientTransport.stall();
  server.pause();
  await clock.advanceAsync(600_000);
  expect(server.readyState).toBe('open');
  server.resume();
  await clock.advanceAsync(45_000);
  expect(causeOf(await server.closed)).toBe('WS_KEEP_ALIVE_TIMEOUT');
});

test('progress of what we send is life: a slow link that still takes bytes is not cut', async () => {
  const clock = new FakeClock();
  const { client, server } = connectionPair({
    clock,
    capacityBytes: 1024,
    client: { pingIntervalMs: 0, highWaterMarkBytes: 1024 },
  });
  void server.send(new Uint8Array(64 * 1024));
  client.pause();
  for (let index = 0; index < 20; index++) {
    await clock.advanceAsync(15_000);
    // Long enough for a part of the message, not for all of it.
    client.resume();
    await Promise.resolve();
    await Promise.resolve();
    client.pause();
  }
  expect(server.readyState).toBe('open');
  expect(server.bufferedAmount).toBeGreaterThan(0);
});

test('backpressure from our own replies does not stop the deadline: two peers that block each other are not stuck for ever', async () => {
  const clock = new FakeClock();
  const { client, server, clientTransport } = connectionPair({
    clock,
    capacityBytes: 1024,
    client: { pingIntervalMs: 0 },
    server: { highWaterMarkBytes: 1024 },
  });
  server.attach({ message: (connection, message) => void connection.send(message) });
  client.send('x'.repeat(16 * 1024));
  await clock.advanceAsync(0);
  clientTransport.stall();
  await clock.advanceAsync(90_000);
  expect(causeOf(await server.closed)).toBe('WS_KEEP_ALIVE_TIMEOUT');
});

test('after a late timer one turn of I/O comes before the verdict', async () => {
  const clock = new FakeClock();
  let late: (() => void) | undefined;
  const scheduler = {
    queueTask: (callback: () => void) => {
      late = callback;
    },
    queueFlush: (callback: () => void) => queueMicrotask(callback),
  };
  const { client, server, clientTransport } = connectionPair({ clock, scheduler, ...onlyServer });
  clientTransport.stall();
  await clock.advanceAsync(45_000);
  expect(server.readyState).toBe('open');
  client.send('was there all along');
  await clock.advanceAsync(0);
  late?.();
  expect(server.readyState).toBe('open');
});

test('a pong that answers no ping of ours does not set the latency', async () => {
  const clock = new FakeClock();
  const { client, server } = connectionPair({ clock, ...onlyServer });
  client.pong(new Uint8Array([0, 0, 0, 1]));
  client.pong('');
  await clock.advanceAsync(1);
  expect(server.latencyMs).toBeUndefined();
});

test('with an interval of 0 no ping is sent and no timer runs', async () => {
  const clock = new FakeClock();
  const { server } = connectionPair({ clock, client: { pingIntervalMs: 0 }, server: { pingIntervalMs: 0 } });
  const seen = vi.fn();
  server.observe(new FrameCollector(0, (frame) => seen(frame.header.opcode === Opcode.ping)));
  expect(clock.pendingTimers).toBe(0);
  await clock.advanceAsync(1_000_000);
  expect(seen).not.toHaveBeenCalled();
});

test('closing stops the pings and leaves no timer behind', async () => {
  const clock = new FakeClock();
  const { client, server } = connectionPair({ clock });
  await client.close();
  await server.closed;
  expect(clock.pendingTimers).toBe(0);
});
