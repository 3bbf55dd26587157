import { describe, expect, test } from 'vitest';
import { connectionPair, FakeClock, settle } from '../../src/testing.ts';

const pingBytes = 131;

describe('a flood of pings', () => {
  test('by a peer that reads no pongs is bounded: it is not read any more until it reads', async () => {
    const { client, server, clientTransport } = connectionPair();
    let pings = 0;
    server.attach({ ping: () => pings++ });
    clientTransport.stall();
    for (let sent = 0; sent < 20_000; sent++) client.ping(new Uint8Array(125));
    await settle();
    expect(server.bufferedAmount).toBeGreaterThan(0);
    expect(server.bufferedAmount).toBeLessThan(256 * 1024);
    expect(client.bufferedAmount).toBeGreaterThan(15_000 * pingBytes);
    clientTransport.unstall();
    while (client.bufferedAmount > 0 || server.bufferedAmount > 0) await settle();
    expect(pings).toBe(20_000);
    expect(server.readyState).toBe('open');
  });

  test('does not keep the connection from being closed', async () => {
    const { client, server, clientTransport } = connectionPair();
    clientTransport.stall();
    for (let sent = 0; sent < 3000; sent++) client.ping(new Uint8Array(125));
    void client.close(4000);
    await settle();
    const closed = server.close(1001);
    clientTransport.unstall();
    expect((await closed).clean).toBe(true);
  });

  test('by a peer that never reads ends with the keep-alive', async () => {
    const clock = new FakeClock();
    const { client, server, clientTransport } = connectionPair({ clock, client: { pingIntervalMs: 0 } });
    clientTransport.stall();
    for (let sent = 0; sent < 20_000; sent++) client.ping(new Uint8Array(125));
    await clock.advanceAsync(46_000);
    expect(server.closedInfo?.cause).toMatchObject({ code: 'WS_KEEP_ALIVE_TIMEOUT' });
  });
});
