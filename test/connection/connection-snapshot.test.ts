import { describe, expect, test } from 'vitest';
import { sharedDeflateCodec } from '../../src/node/deflate-codec.ts';
import { PerMessageDeflate } from '../../src/protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { type ConnectionPair, connectionPair, FakeClock, settle } from '../../src/testing.ts';

function deflatePair(): ConnectionPair {
  const extension = new PerMessageDeflate({}, sharedDeflateCodec());
  const server = extension.accept({ name: extension.name, parameters: [] });
  const client = server && extension.confirm(server);
  if (server === undefined || client === undefined || typeof client === 'string')
    throw new Error('nothing was agreed');
  return connectionPair({ extensions: { client, server } });
}

describe('the snapshot of a connection', () => {
  test('survives JSON unchanged, also without a message', () => {
    const { server } = connectionPair({ clock: new FakeClock(), protocol: 'chat' });
    const snapshot = server.snapshot();
    expect(JSON.parse(JSON.stringify(server))).toEqual(snapshot);
    expect(snapshot).toMatchObject({
      readyState: 'open',
      protocol: 'chat',
      extensions: '',
      ageMs: 0,
      messages: { in: 0, out: 0 },
      wireBytes: { in: 0, out: 0 },
      compressionRatio: { in: null, out: null },
      queuedBytes: 0,
      heldBytes: 0,
      retainedBytes: 0,
      pausedBy: [],
      latencyMs: null,
      closed: null,
    });
    expect(Math.abs(Date.parse(snapshot.openedAt) - Date.now())).toBeLessThan(60_000);
  });

  test('each connection of the process has a number of its own', () => {
    const { client, server } = connectionPair();
    expect(client.snapshot().id).toBe(client.id);
    expect(client.id).not.toBe(server.id);
  });

  test('counts what was carried, tells rates, age and the measured latency', async () => {
    const clock = new FakeClock();
    const { client, server } = connectionPair({ clock, server: { pingIntervalMs: 1_000 } });
    server.attach({ message: (connection, message) => void connection.send(message) });
    client.attach({ message: () => undefined });
    for (let index = 0; index < 20; index++) client.send('four');
    await clock.advanceAsync(5_000);
    expect(server.snapshot()).toMatchObject({
      ageMs: 5_000,
      messages: { in: 20, out: 20 },
      payloadBytes: { in: 80, out: 80 },
      rates: {
        overMs: 5_000,
        messagesPerSecond: { in: 4, out: 4 },
        payloadBytesPerSecond: { in: 16, out: 16 },
      },
      latencyMs: 0,
    });
    const { wireBytes } = server.snapshot();
    // Masked frames of 10 bytes and the pongs came in, frames of 6 bytes and the pings went out.
    expect(wireBytes?.in).toBeGreaterThan(200);
    expect(wireBytes?.out).toBeGreaterThan(120);
    expect(client.snapshot().wireBytes).toEqual({ in: wireBytes?.out, out: wireBytes?.in });
  });

  test('names why receiving is paused, and what is held, queued and retained', async () => {
    const { client, server, clientTransport } = connectionPair({
      capacityBytes: 1024,
      server: { highWaterMarkBytes: 2048, pingIntervalMs: 0 },
      client: { pingIntervalMs: 0 },
    });
    server.pause();
    expect(server.snapshot().pausedBy).toEqual(['user']);
    server.resume();
    for (let index = 0; index < 3; index++) client.send('x'.repeat(1000));
    await settle();
    const held = server.snapshot();
    expect(held.pausedBy).toEqual(['queue']);
    expect(held.heldBytes).toBeGreaterThan(2048);
    clientTransport.stall();
    void server.send('y'.repeat(9_000));
    await settle();
    expect(server.snapshot().queuedBytes).toBeGreaterThan(7_000);
    expect(server.snapshot().queuedBytes).toBe(server.bufferedAmount);
  });

  test('names backpressure as the cause while replies wait', async () => {
    const { client, server, clientTransport } = connectionPair({
      capacityBytes: 1024,
      server: { highWaterMarkBytes: 2048, pingIntervalMs: 0 },
    });
    server.attach({ message: (connection) => void connection.send('y'.repeat(9_000)) });
    clientTransport.stall();
    client.send('give me more than I read');
    await settle();
    expect(server.snapshot().pausedBy).toEqual(['backpressure']);
  });

  test('counts bytes of a message that has not arrived whole', async () => {
    const { client, server } = connectionPair();
    client.sendFragment('x'.repeat(500), { fin: false });
    await settle();
    expect(server.snapshot()).toMatchObject({ messages: { in: 0, out: 0 } });
    expect(server.snapshot().retainedBytes).toBeGreaterThanOrEqual(500);
  });

  test('says how it ended, with the stable code of the cause', async () => {
    const { client, server } = connectionPair();
    await client.close(4000, 'enough');
    await server.closed;
    expect(client.snapshot()).toMatchObject({
      readyState: 'closed',
      queuedBytes: 0,
      closed: { code: 4000, reason: 'enough', clean: true, by: 'local', cause: null },
    });
    const cut = connectionPair();
    cut.server.terminate();
    await cut.server.closed;
    expect(JSON.parse(JSON.stringify(cut.server)).closed).toEqual({
      code: 1006,
      reason: '',
      clean: false,
      by: 'local',
      cause: { code: 'WS_TERMINATED', message: 'terminate() was called' },
    });
  });

  test('tells how much compression saves in each direction', async () => {
    const { client, server } = deflatePair();
    server.attach({ message: () => undefined });
    client.send('abc'.repeat(2_000));
    await settle();
    const { in: ratio } = server.snapshot().compressionRatio;
    expect(ratio).toBeGreaterThan(10);
    expect(client.snapshot().compressionRatio).toEqual({ in: null, out: ratio });
    expect(server.snapshot().payloadBytes.in).toBe(6_000);
    expect(server.snapshot().wireBytes?.in).toBeLessThan(600);
  });
});

describe('close() with a time of its own', () => {
  test('gives what was sent before longer than closeTimeoutMs', async () => {
    const clock = new FakeClock();
    const { server, clientTransport } = connectionPair({ clock, server: { closeTimeoutMs: 1_000 } });
    clientTransport.stall();
    let isOver = false;
    void server.close(1012, '', { timeoutMs: 8_000 }).then(() => {
      isOver = true;
    });
    await clock.advanceAsync(7_999);
    expect(isOver).toBe(false);
    await clock.advanceAsync(1);
    expect(isOver).toBe(true);
    expect(server.closedInfo).toMatchObject({ code: 1006, cause: { code: 'WS_CLOSE_TIMEOUT' } });
    expect(server.closedInfo?.cause?.message).toContain('within 8000 ms');
  });

  test('refuses a time that is none, and stays open', () => {
    const { server } = connectionPair();
    expect(() => server.close(1000, '', { timeoutMs: 0 })).toThrow('option timeoutMs is 0');
    expect(server.readyState).toBe('open');
  });
});
