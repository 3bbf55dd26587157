// What both kinds of transports over a platform's WebSocket rely on; what is theirs is tested beside them.

import { expect, test } from 'vitest';
import { PlatformTransport } from '../../src/connection/platform-transport.ts';
import type { MessageTransportEvents, TransportFeatures } from '../../src/connection/message-transport.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';
import { Traffic } from '../../src/protocol/traffic.ts';

class RecordingTransport extends PlatformTransport {
  readonly supports: TransportFeatures = {
    ping: false,
    pause: false,
    fragments: false,
    observe: false,
    terminate: false,
  };
  readonly protocol = '';
  readonly extensions = '';
  readonly bufferedBytes = 0;
  readonly calls: string[] = [];

  sendText(text: string, compress?: boolean): void {
    this.sent(text);
    this.calls.push(`text ${text} ${compress}`);
  }

  sendBinary(bytes: Uint8Array): void {
    this.sent(bytes);
  }

  sendPing(): void {}

  sendPong(): void {}

  sendClose(code: number | undefined, reason: string): void {
    this.calls.push(`close ${code} ${reason}`);
  }

  terminate(): void {}

  arrive(message: string | Uint8Array): void {
    this.received(message);
  }

  end(): void {
    this.detach()?.closed(undefined);
  }
}

function attached(maxMessageBytes: number, events: Partial<MessageTransportEvents> = {}) {
  const transport = new RecordingTransport(maxMessageBytes);
  const heard: string[] = [];
  const nothing = (): void => {};
  transport.attach({
    received: (byteLength) => void heard.push(`received ${byteLength}`),
    message: (message) => void heard.push(`message ${String(message)}`),
    messageStart: nothing,
    messageChunk: nothing,
    messageEnd: nothing,
    ping: nothing,
    pong: nothing,
    peerClosed: nothing,
    failed: ({ code }) => void heard.push(`failed ${code}`),
    drained: nothing,
    ended: nothing,
    closed: () => void heard.push('closed'),
    ...events,
  });
  return { transport, heard };
}

function trafficOf(transport: PlatformTransport): Traffic {
  const total = new Traffic();
  transport.addTrafficTo(total);
  return total;
}

test('messages are counted in both directions by their bytes in UTF-8', () => {
  const { transport, heard } = attached(10);
  transport.sendText('é');
  transport.sendBinary(new Uint8Array(3));
  transport.arrive('éé');
  transport.arrive(Uint8Array.of(1));
  expect(heard).toEqual(['received 4', 'message éé', 'received 1', 'message 1']);
  expect(trafficOf(transport)).toMatchObject({
    messagesOut: 2,
    payloadBytesOut: 5,
    messagesIn: 2,
    payloadBytesIn: 5,
  });
});

test('a message that is too long closes with 1009, and nothing behind it is heard or counted', () => {
  const { transport, heard } = attached(3);
  transport.arrive('éé');
  transport.arrive('a');
  expect(heard).toEqual(['received 4', 'failed WS_MESSAGE_TOO_LARGE']);
  expect(transport.calls).toEqual(['close 1009 message of 4 bytes, at most 3 (RFC 6455 10.4)']);
  expect(trafficOf(transport).messagesIn).toBe(0);
});

test('who fails it when hearing of the bytes does not get the message', () => {
  const heard: string[] = [];
  const { transport } = attached(10, {
    received: () => transport.fail(new ProtocolError('WS_RATE_EXCEEDED', 1008, 'ours', 'too much')),
    message: () => void heard.push('message'),
  });
  transport.arrive('a');
  expect(heard).toEqual([]);
});

test('nothing is told after the end', () => {
  const { transport, heard } = attached(10);
  transport.end();
  transport.end();
  transport.arrive('late');
  expect(heard).toEqual(['closed']);
});

test('what concerns single frames is refused', () => {
  const { transport } = attached(10);
  for (const act of ['sendFragment', 'pause', 'resume', 'observe'] as const)
    expect(() => transport[act]()).toThrow(expect.objectContaining({ code: 'WS_UNSUPPORTED' }));
});
