// Text handed on as its bytes, copies made by somebody else, and an answer that repeats the reason of a close frame.

import { describe, expect, it } from 'vitest';
import { Protocol, type ProtocolSink } from '../../src/protocol/protocol.ts';
import type { ProtocolOptions } from '../../src/protocol/protocol-settings.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { fromHex, joined, splitAt, toHex, wire } from './wire.ts';

interface Stage {
  readonly protocol: Protocol;
  readonly heard: string[];
}

function stage(options: Partial<ProtocolOptions> = {}): Stage {
  const heard: string[] = [];
  const nothing = (): void => undefined;
  const sink: ProtocolSink = {
    text: (message) => void heard.push(`string ${message}`),
    textBytes: (message) => void heard.push(`text ${toHex(message)}`),
    binary: (message) => void heard.push(`binary ${toHex(message)}`),
    failure: (error) => void heard.push(error.code),
    messageStart: nothing,
    messageChunk: nothing,
    messageEnd: nothing,
    ping: nothing,
    pong: nothing,
    close: nothing,
    outputReady: nothing,
  };
  return { protocol: new Protocol({ role: 'client', textMessages: 'bytes', ...options }, sink), heard };
}

const hello = wire({ opcode: 1, payload: 'hé' });
const fragments = joined([
  wire({ opcode: 1, payload: fromHex('68c3'), fin: false }),
  wire({ opcode: 0, payload: fromHex('a9') }),
]);

describe('text as bytes', () => {
  it.each([
    ['in one frame', hello],
    ['in fragments that cut a character', fragments],
  ])('comes %s, whole or byte by byte', (_, bytes) => {
    for (const pieces of [[bytes], splitAt(bytes, [...bytes.keys()].slice(1))]) {
      const { protocol, heard } = stage();
      for (const piece of pieces) protocol.receive(piece.slice());
      expect(heard).toEqual(['text 68c3a9']);
    }
  });

  it.each([
    ['in one frame', wire({ opcode: 1, payload: fromHex('ff') })],
    ['of more than a few bytes', wire({ opcode: 1, payload: new Uint8Array(100).fill(0xff) })],
    [
      'in fragments',
      joined([wire({ opcode: 1, payload: 'a', fin: false }), wire({ opcode: 0, payload: fromHex('c3') })]),
    ],
  ])('is checked all the same, %s', (_, bytes) => {
    const { protocol, heard } = stage();
    protocol.receive(bytes.slice());
    expect(heard).toEqual(['WS_TEXT_INVALID']);
  });

  it('is not checked when that is off', () => {
    const { protocol, heard } = stage({ validateUtf8: false });
    protocol.receive(wire({ opcode: 1, payload: fromHex('ff') }));
    expect(heard).toEqual(['text ff']);
  });

  it('is a string unless it is asked for', () => {
    const { protocol, heard } = stage({ textMessages: 'strings' });
    protocol.receive(hello.slice());
    expect(heard).toEqual(['string hé']);
  });
});

describe('the option copy', () => {
  it('makes what is handed out to keep, text and binary', () => {
    const copied: string[] = [];
    const { protocol, heard } = stage({
      copy: (bytes, start, end) => {
        copied.push(toHex(bytes.subarray(start, end)));
        return Uint8Array.of(1);
      },
    });
    protocol.receive(joined([hello, wire({ opcode: 2, payload: fromHex('07') })]));
    expect(copied).toEqual(['68c3a9', '07']);
    expect(heard).toEqual(['text 01', 'binary 01']);
  });

  it('is not asked for messages that are borrowed', () => {
    const { protocol, heard } = stage({ binaryMessages: 'borrowed', copy: () => Uint8Array.of(1) });
    protocol.receive(hello.slice());
    expect(heard).toEqual(['text 68c3a9']);
  });
});

describe('the answer to a close frame', () => {
  const close = wire({ opcode: 8, payload: joined([fromHex('03e8'), new TextEncoder().encode('bye')]) });

  it.each([
    [true, '03e8627965'],
    [false, '03e8'],
  ])('repeats its reason: %s', (repeatsCloseReason, expected) => {
    const { protocol } = stage({ role: 'server', repeatsCloseReason });
    const masked = joined([Uint8Array.of(0x88, 0x85, 0, 0, 0, 0), close.subarray(2)]);
    protocol.receive(masked);
    let written = '';
    protocol.flush({
      write: (chunks) => {
        written += chunks.map(toHex).join('');
        return true;
      },
    });
    expect(written.slice(4)).toBe(expected);
  });
});

it('a message for many can be text that is given as bytes', () => {
  const bytes = fromHex('68c3a9');
  const message = new PreparedMessage(bytes, { type: 'text' });
  expect([message.type, message.text, toHex(message.frame)]).toEqual(['text', 'hé', '810368c3a9']);
  expect(new PreparedMessage(bytes).type).toBe('binary');
});
