import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FrameCollector,
  type FrameDirection,
  type FrameObserver,
  type ObservedFrame,
} from '../../src/protocol/frame-observer.ts';
import type { FrameHeader } from '../../src/protocol/frame-header.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { Side } from './recording-sink.ts';
import { operations, perform } from './send-operations.ts';
import { fromHex, joined, splitAt, toHex, wire, wireTo } from './wire.ts';

/** Keeps all that it is given, without copying: it was promised that the bytes are its own. */
class WireTap implements FrameObserver {
  readonly #bytes: Record<FrameDirection, Uint8Array[]> = { in: [], out: [] };
  readonly headers: FrameHeader[] = [];

  header(direction: FrameDirection, header: FrameHeader): void {
    this.headers.push(header);
    this.#bytes[direction].push(header.bytes);
  }

  payload(direction: FrameDirection, bytes: Uint8Array): void {
    this.#bytes[direction].push(bytes);
  }

  seen(direction: FrameDirection): string {
    return toHex(joined(this.#bytes[direction]));
  }
}

describe('frame observer', () => {
  it.each(['client', 'server'] as const)(
    'of a %s sees exactly the bytes on the wire, however they are split',
    (role) => {
      fc.assert(
        fc.property(
          fc.array(operations(), { maxLength: 10 }),
          fc.array(fc.nat(100_000)),
          (script, places) => {
            const sender = new Side({ role });
            const receiver = new Side({ role: role === 'client' ? 'server' : 'client' });
            const [sent, received] = [new WireTap(), new WireTap()];
            sender.protocol.observe(sent);
            receiver.protocol.observe(received);
            for (const operation of script) perform(sender.protocol, operation);
            const bytes = sender.written();
            expect(sent.seen('out')).toBe(toHex(bytes));
            for (const piece of splitAt(bytes, places)) {
              const read = Buffer.from(piece);
              receiver.protocol.receive(read);
              read.fill(0xdb);
            }
            expect(received.seen('in')).toBe(toHex(bytes));
            expect(received.seen('out')).toBe(toHex(receiver.written()));
            expect(received.headers.filter(({ opcode }) => opcode === 9).map(({ fin }) => fin)).not.toContain(
              false,
            );
          },
        ),
        { numRuns: 30 },
      );
    },
  );

  it('hears the fields of a header', () => {
    const side = new Side({ role: 'server' });
    const tap = new WireTap();
    side.protocol.observe(tap);
    side.receive(wireTo('server', { opcode: 1, fin: false, payload: 'abc' }));
    side.protocol.ping();
    expect(tap.headers).toEqual([
      {
        fin: false,
        rsv: 0,
        opcode: 1,
        maskKey: 0x37fa_213d,
        payloadLength: 3,
        bytes: fromHex('018337fa213d'),
      },
      { fin: true, rsv: 0, opcode: 9, maskKey: undefined, payloadLength: 0, bytes: fromHex('8900') },
    ]);
  });

  it('sees a prepared message and bytes passed by reference as copies', () => {
    const side = new Side({ role: 'server' });
    const tap = new WireTap();
    side.protocol.observe(tap);
    const large = Buffer.alloc(10_000, 1);
    side.protocol.sendBinary(large);
    side.protocol.sendPrepared(new PreparedMessage(large));
    side.protocol.sendPrepared(new PreparedMessage(''));
    const written = toHex(side.written());
    large.fill(0xdb);
    expect(tap.seen('out')).toBe(written);
  });

  it('sees the frames that control frames, failures and closes cause', () => {
    const side = new Side({ role: 'server' });
    const tap = new WireTap();
    side.protocol.observe(tap);
    side.receive(wireTo('server', { opcode: 9, payload: 'x' }), wireTo('server', { opcode: 0 }));
    expect(tap.seen('out')).toBe(toHex(side.written()));
    expect(tap.headers.map(({ opcode }) => opcode)).toEqual([9, 10, 0, 8]);
  });

  it('sees what is sent behind what waits already, when it is attached between', () => {
    const side = new Side({ role: 'server' });
    const tap = new WireTap();
    side.protocol.sendText('a');
    side.protocol.observe(tap);
    side.protocol.sendText('b');
    side.protocol.observe(undefined);
    side.protocol.sendText('c');
    expect(toHex(side.written())).toBe('810161810162810163');
    expect(tap.seen('out')).toBe('810162');
  });

  it('sees nothing before it is attached and after it is detached', () => {
    const side = new Side({ role: 'client' });
    const tap = new WireTap();
    side.receive(wire({ opcode: 1, payload: 'a' }));
    side.protocol.observe(tap);
    side.receive(wire({ opcode: 1, payload: 'b' }));
    side.protocol.observe(undefined);
    side.receive(wire({ opcode: 1, payload: 'c' }));
    expect(tap.seen('in')).toBe('810162');
  });
});

describe('FrameCollector', () => {
  const collect = (maxPayloadBytes: number): { frames: ObservedFrame[]; collector: FrameCollector } => {
    const frames: ObservedFrame[] = [];
    return { frames, collector: new FrameCollector(maxPayloadBytes, (frame) => frames.push(frame)) };
  };

  it('gives whole frames of both directions, which interleave', () => {
    const { frames, collector } = collect(100);
    const side = new Side({ role: 'client' });
    side.protocol.observe(collector);
    side.receive(wire({ opcode: 1, payload: 'Hello' }).slice(0, 4));
    side.protocol.ping(fromHex('0102'));
    side.receive(wire({ opcode: 1, payload: 'Hello' }).slice(4), wire({ opcode: 2 }));
    expect(frames.map(({ direction, header }) => `${direction} ${header.opcode}`)).toEqual([
      'out 9',
      'in 1',
      'in 2',
    ]);
    expect(frames.map(({ payload }) => payload.length)).toEqual([2, 5, 0]);
    expect(toHex(frames[1].payload)).toBe('48656c6c6f');
  });

  it('keeps the start of a long payload and no more', () => {
    const { frames, collector } = collect(3);
    const side = new Side({ role: 'client' });
    side.protocol.observe(collector);
    side.receiveByteByByte(wire({ opcode: 1, payload: 'Hello' }));
    side.receive(wire({ opcode: 1, payload: 'World' }), wire({ opcode: 1, payload: 'ab' }));
    expect(frames.map(({ payload }) => toHex(payload))).toEqual(['48656c', '576f72', '6162']);
    expect(frames[0].header.payloadLength).toBe(5);
  });

  it('leaves out a frame whose header it has not seen', () => {
    const { frames, collector } = collect(10);
    const side = new Side({ role: 'client' });
    const frame = wire({ opcode: 1, payload: 'Hello' });
    side.receive(frame.slice(0, 4));
    side.protocol.observe(collector);
    side.receive(frame.slice(4), frame);
    expect(frames.map(({ payload }) => toHex(payload))).toEqual(['48656c6c6f']);
  });
});
