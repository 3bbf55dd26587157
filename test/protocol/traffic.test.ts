import { describe, expect, it } from 'vitest';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { Traffic } from '../../src/protocol/traffic.ts';
import { Side } from './recording-sink.ts';
import { ToyExtension } from './toy-extension.ts';

function trafficOf(side: Side): Traffic {
  const traffic = new Traffic();
  side.protocol.addTrafficTo(traffic);
  return traffic;
}

describe('what a protocol has carried', () => {
  it('is nothing at first', () => {
    expect(trafficOf(new Side({ role: 'server' }))).toEqual(new Traffic());
  });

  it('counts whole messages, their bytes as UTF-8, and every byte on the wire, alike on both sides', () => {
    const [client, server] = [new Side({ role: 'client' }), new Side({ role: 'server' })];
    client.protocol.sendText('grüße');
    client.protocol.sendBinary(new Uint8Array(300));
    client.protocol.ping(new Uint8Array(3));
    client.protocol.sendPrepared(new PreparedMessage('ok'));
    client.protocol.sendText('x'.repeat(200));
    const bytes = client.written();
    server.protocol.receive(Buffer.from(bytes));
    const payloadBytes = 7 + 300 + 2 + 200;
    // Masked: 6 bytes of header for the short ones, 8 for the two longer ones.
    const wireBytes = payloadBytes + 3 + 3 * 6 + 2 * 8;
    expect(bytes).toHaveLength(wireBytes);
    expect(trafficOf(client)).toMatchObject({
      messagesOut: 4,
      payloadBytesOut: payloadBytes,
      wireBytesOut: wireBytes,
      messagesIn: 0,
      wireBytesIn: 0,
    });
    expect(trafficOf(server)).toMatchObject({
      messagesIn: 4,
      payloadBytesIn: payloadBytes,
      wireBytesIn: wireBytes,
      messagesOut: 0,
    });
    // The pong is no message.
    expect(server.written()).toHaveLength(5);
    expect(trafficOf(server)).toMatchObject({ messagesOut: 0, payloadBytesOut: 0, wireBytesOut: 5 });
  });

  it.each([true, false])('counts a fragmented message once, received as a stream: %s', (isStreamed) => {
    const [client, server] = [new Side({ role: 'client' }), new Side({ role: 'server', isStreamed })];
    client.protocol.sendFragment('binary', new Uint8Array(10), false);
    expect(trafficOf(client)).toMatchObject({ messagesOut: 0, payloadBytesOut: 10 });
    client.protocol.sendFragment('binary', new Uint8Array(20), true);
    expect(trafficOf(client)).toMatchObject({ messagesOut: 1, payloadBytesOut: 30 });
    server.protocol.receive(Buffer.from(client.written()));
    expect(trafficOf(server)).toMatchObject({ messagesIn: 1, payloadBytesIn: 30 });
  });

  it('counts what an extension has transformed, before and after, and only that', () => {
    const [client, server] = [
      new Side({ role: 'client', extension: new ToyExtension() }),
      new Side({ role: 'server', extension: new ToyExtension() }),
    ];
    client.protocol.sendBinary(new Uint8Array(100), true);
    client.protocol.sendBinary(new Uint8Array(50), false);
    server.protocol.receive(Buffer.from(client.written()));
    const [sent, received] = [trafficOf(client), trafficOf(server)];
    expect(sent).toMatchObject({ messagesOut: 2, payloadBytesOut: 150, plainBytesOut: 100 });
    expect(received).toMatchObject({ messagesIn: 2, payloadBytesIn: 150, plainBytesIn: 100 });
    expect(received.deflatedBytesIn).toBe(sent.deflatedBytesOut);
    expect(sent.deflatedBytesOut).toBeGreaterThan(0);
  });

  it('stays exact beyond what fits into a small integer', () => {
    const server = new Side({ role: 'server', limits: { maxMessageBytes: 1024, maxFrameBytes: 1024 } });
    // The first frame breaks a rule; what follows is discarded, and was on the wire all the same.
    const chunk = Buffer.alloc(64 * 1024 * 1024, 0xff);
    for (let index = 0; index < 40; index++) server.protocol.receive(chunk);
    expect(trafficOf(server).wireBytesIn).toBe(40 * 64 * 1024 * 1024);
    const sender = new Side({ role: 'server' });
    for (let index = 0; index < 40; index++) {
      sender.protocol.sendBinary(chunk);
      sender.protocol.flush({ write: () => true });
    }
    // Each with a header of ten bytes.
    expect(trafficOf(sender).wireBytesOut).toBe(40 * (64 * 1024 * 1024 + 10));
    expect(trafficOf(sender).payloadBytesOut).toBe(40 * 64 * 1024 * 1024);
  });

  it('stays exact so far out, too', () => {
    const server = new Side({ role: 'server' });
    // Passed on by reference and never touched: no memory is behind it.
    const large = new Uint8Array(512 * 1024 * 1024);
    for (let count = 0; count < 5; count++) {
      server.protocol.sendBinary(large);
      server.protocol.flush({ write: () => true });
    }
    expect(trafficOf(server).wireBytesOut).toBe(5 * (10 + 512 * 1024 * 1024));
  });
});
