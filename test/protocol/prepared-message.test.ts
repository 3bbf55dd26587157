import { describe, expect, it } from 'vitest';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { Side } from './recording-sink.ts';
import { toHex, utf8, wire } from './wire.ts';

describe('PreparedMessage', () => {
  it.each(['', 'Hello', '€'.repeat(42), 'x'.repeat(65_536)])(
    'holds a text of any length as a whole frame',
    (text) => {
      const message = new PreparedMessage(text);
      expect(message.type).toBe('text');
      expect(toHex(message.frame)).toBe(toHex(wire({ opcode: 1, payload: text })));
      expect(toHex(message.payload)).toBe(toHex(utf8(text)));
    },
  );

  it('holds a copy of the bytes that a view shows', () => {
    const bytes = Buffer.from([9, 1, 2, 3, 9]);
    const message = new PreparedMessage(new DataView(bytes.buffer, bytes.byteOffset + 1, 3));
    bytes.fill(0);
    expect(message.type).toBe('binary');
    expect(toHex(message.frame)).toBe('8203010203');
  });

  it('refuses what is neither text nor bytes', () => {
    expect(() => Reflect.construct(PreparedMessage, [5])).toThrow(
      expect.objectContaining({ code: 'WS_ARGUMENT_INVALID' }),
    );
  });

  it.each([3, 5000, 20_000])(
    'of %d bytes goes from a server as it is, and from a client masked anew',
    (length) => {
      const message = new PreparedMessage(new Uint8Array(length).fill(7));
      const server = new Side({ role: 'server' });
      server.protocol.sendPrepared(message);
      server.protocol.sendPrepared(message);
      const written = server.written();
      expect(Buffer.compare(written, Buffer.concat([message.frame, message.frame]))).toBe(0);

      const client = new Side({ role: 'client' });
      client.protocol.sendPrepared(message);
      const first = client.written();
      client.protocol.sendPrepared(message);
      const second = client.written();
      expect(Buffer.compare(first, second)).not.toBe(0);
      const receiver = new Side({ role: 'server' }).receive(first, second);
      expect(receiver.events).toEqual([
        ['binary', '07'.repeat(length)],
        ['binary', '07'.repeat(length)],
      ]);
      expect(message.payload.every((byte) => byte === 7)).toBe(true);
    },
  );
});
