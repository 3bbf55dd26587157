// What becomes of frames: whole and streamed messages, limits, and what is retained meanwhile. The assembler is driven
// through Protocol, as it is used.

import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';
import type { ProtocolOptions } from '../../src/protocol/protocol-settings.ts';
import { Side } from './recording-sink.ts';
import { fromHex, joined, toHex, utf8, wire, wireTo } from './wire.ts';

const KiB = 1024;
const MiB = 1024 * 1024;
const client = (options: Partial<ProtocolOptions> = {}): Side => new Side({ role: 'client', ...options });

describe('text', () => {
  it('fails at the first impossible byte, in a frame whose rest has not arrived', () => {
    // Autobahn 6.4: a valid start, then F4 90, which no character begins with.
    const bytes = wire({ opcode: 1, payload: fromHex('cebae1bdb9cf83cebcceb5f4908080656469746564') });
    const side = client();
    side.receive(bytes.slice(0, 2 + 12));
    expect(side.events).toEqual([]);
    side.receive(bytes.slice(14, 15));
    expect(side.events).toEqual([['failure', 'WS_TEXT_INVALID', 1007]]);
  });

  it('fails at the first impossible byte of a fragment, long before the message ends', () => {
    const side = client();
    side.receive(wire({ opcode: 1, fin: false, payload: fromHex('e2') }), wire({ opcode: 9 }));
    side.receive(wire({ opcode: 0, fin: false, payload: fromHex('41') }));
    expect(side.events).toEqual([
      ['ping', ''],
      ['failure', 'WS_TEXT_INVALID', 1007],
    ]);
  });

  it('fails when the message ends inside a character, whole, fragmented, and by an empty fragment', () => {
    const cut = fromHex('41e282');
    const failure = ['failure', 'WS_TEXT_INVALID', 1007];
    expect(client().receive(wire({ opcode: 1, payload: cut })).events).toEqual([failure]);
    const first = wire({ opcode: 1, fin: false, payload: cut });
    expect(client().receive(first, wire({ opcode: 0 })).events).toEqual([failure]);
    const side = client({ isStreamed: true }).receive(first, wire({ opcode: 0 }));
    expect(side.events).toEqual([['start', 'text'], ['chunk', '41e282'], failure]);
  });

  it('is not checked when validation is off, and decoded leniently', () => {
    const side = client({ validateUtf8: false });
    side.receive(wire({ opcode: 1, payload: fromHex('41ff') }));
    side.receive(
      wire({ opcode: 1, fin: false, payload: fromHex('e2') }),
      wire({ opcode: 0, payload: fromHex('41') }),
    );
    expect(side.events).toEqual([
      ['text', 'A\ufffd'],
      ['text', '\ufffdA'],
    ]);
  });

  it('does not carry a cut character into the next message', () => {
    const side = client();
    side.receive(wire({ opcode: 2, fin: false, payload: fromHex('e2') }), wire({ opcode: 0 }));
    side.receive(wire({ opcode: 1, fin: false, payload: 'a' }), wire({ opcode: 0, payload: 'b' }));
    expect(side.events).toEqual([
      ['binary', 'e2'],
      ['text', 'ab'],
    ]);
  });
});

describe('binary messages', () => {
  const received = (side: Side): Uint8Array[] => {
    const messages: Uint8Array[] = [];
    const original = side.sink.binary.bind(side.sink);
    side.sink.binary = (message): void => {
      messages.push(message);
      original(message);
    };
    return messages;
  };

  it('are the user’s to keep: plain arrays that do not share the chunk', () => {
    const side = client();
    const messages = received(side);
    const chunk = Buffer.from(wire({ opcode: 2, payload: fromHex('0102') }));
    side.protocol.receive(chunk);
    chunk.fill(0xdb);
    expect(messages.map(toHex)).toEqual(['0102']);
    expect(messages.map((message) => Object.getPrototypeOf(message) === Uint8Array.prototype)).toEqual([
      true,
    ]);
  });

  it('are views of the chunk when borrowed, and plain arrays all the same', () => {
    const side = client({ binaryMessages: 'borrowed' });
    const messages = received(side);
    const chunk = Buffer.from(wire({ opcode: 2, payload: fromHex('0102') }));
    side.protocol.receive(chunk);
    expect(messages[0].buffer).toBe(chunk.buffer);
    expect(Object.getPrototypeOf(messages[0])).toBe(Uint8Array.prototype);
  });

  it('out of fragments are the user’s to keep, even the empty ones', () => {
    const side = client();
    const messages = received(side);
    side.receive(wire({ opcode: 2, fin: false }), wire({ opcode: 0 }));
    const [message] = messages;
    structuredClone(message, { transfer: [message.buffer] });
    side.receive(wire({ opcode: 2, fin: false }), wire({ opcode: 0, payload: fromHex('07') }));
    side.protocol.ping();
    expect(side.events.at(-1)).toEqual(['binary', '07']);
  });
});

describe('streamed receiving', () => {
  it('delivers a message piece by piece, control frames between them', () => {
    const side = client({ isStreamed: true });
    side.receive(
      wire({ opcode: 1, fin: false }),
      wire({ opcode: 0, fin: false, payload: fromHex('e282') }),
      wire({ opcode: 9, payload: 'p' }),
      wire({ opcode: 0, payload: fromHex('ac') }),
      wire({ opcode: 2 }),
    );
    expect(side.events).toEqual([
      ['start', 'text'],
      ['chunk', 'e282'],
      ['ping', '70'],
      ['chunk', 'ac'],
      ['end'],
      ['start', 'binary'],
      ['end'],
    ]);
  });

  it('tells the beginning as soon as the header is there, and bytes as they come', () => {
    const side = client({ isStreamed: true });
    side.receive(wire({ opcode: 2, announcedLength: 1000n }));
    expect(side.events).toEqual([['start', 'binary']]);
    side.receive(fromHex('0102'));
    expect(side.events.at(-1)).toEqual(['chunk', '0102']);
    expect(side.protocol.retainedBytes).toBe(0);
  });

  it('has no limit on the message unless one is given, so that it may be longer than memory', () => {
    const side = client({ isStreamed: true, limits: { maxFrameBytes: 16 * MiB } });
    let bytes = 0;
    side.sink.messageChunk = (chunk): void => {
      bytes += chunk.length;
    };
    const header = wire({ opcode: 2, fin: false, announcedLength: BigInt(8 * MiB) });
    const next = wire({ opcode: 0, fin: false, announcedLength: BigInt(8 * MiB) });
    const block = new Uint8Array(MiB);
    for (let frame = 0; frame < 5; frame++) {
      side.receive(frame === 0 ? header : next);
      for (let count = 0; count < 8; count++) side.receive(block);
    }
    side.receive(wire({ opcode: 0 }));
    expect(bytes).toBe(40 * MiB);
    expect(side.events).toEqual([['start', 'binary'], ['end']]);

    const limited = client({ isStreamed: true, limits: { maxMessageBytes: 10 } });
    limited.receive(
      wire({ opcode: 2, fin: false, payload: new Uint8Array(10) }),
      wire({ opcode: 0, payload: 'x' }),
    );
    expect(limited.events.at(-1)).toEqual(['failure', 'WS_MESSAGE_TOO_LARGE', 1009]);
  });

  it('fails text at the first impossible byte and delivers nothing of that piece', () => {
    const side = client({ isStreamed: true });
    side.receive(
      wire({ opcode: 1, fin: false, payload: 'ok' }),
      wire({ opcode: 0, payload: fromHex('61ff') }),
    );
    expect(side.events).toEqual([
      ['start', 'text'],
      ['chunk', '6f6b'],
      ['failure', 'WS_TEXT_INVALID', 1007],
    ]);
  });

  it.each(['start', 'chunk', 'end'])('is over at once when the connection is disposed at %s', (name) => {
    const side = client({ isStreamed: true });
    side.sink.onEvent = (event) => {
      if (event[0] === name) side.protocol.dispose();
    };
    side.receive(joined([wire({ opcode: 1, payload: 'ab' }), wire({ opcode: 1, payload: 'cd' })]));
    expect(side.events.at(-1)?.[0]).toBe(name);
    expect(side.events.filter(([event]) => event === name)).toHaveLength(1);
  });
});

describe('what is retained', () => {
  it('is nothing between messages, and the message as it arrives within one', () => {
    const side = client();
    side.receive(wire({ opcode: 2, payload: new Uint8Array(5000) }));
    expect(side.protocol.retainedBytes).toBe(0);
    side.receive(wire({ opcode: 2, fin: false, payload: new Uint8Array(5000) }));
    expect(side.protocol.retainedBytes).toBeGreaterThanOrEqual(5000);
    expect(side.protocol.retainedBytes).toBeLessThanOrEqual(10_000);
    side.receive(wire({ opcode: 0 }));
    expect(side.protocol.retainedBytes).toBe(0);
  });

  it('is almost nothing for a header that announces 16 MiB, and grows with what follows', () => {
    const side = client();
    side.receive(wire({ opcode: 2, announcedLength: BigInt(16 * MiB) }));
    expect(side.protocol.retainedBytes).toBe(0);
    side.receive(new Uint8Array(1));
    expect(side.protocol.retainedBytes).toBeLessThanOrEqual(64 * KiB);
    for (let count = 0; count < 16; count++) side.receive(new Uint8Array(64 * KiB));
    expect(side.protocol.retainedBytes).toBeLessThanOrEqual(4 * MiB + 4);
  });

  // ws CVE-2026-48779: 200 unfinished messages in tiny fragments held nine times what they carried.
  it('is what many tiny and empty fragments carry, not an object for each', () => {
    const side = client();
    side.receive(wire({ opcode: 2, fin: false }));
    const tiny = joined(
      Array.from({ length: 1000 }, (_, n) =>
        wire({ opcode: 0, fin: false, payload: n % 2 === 0 ? 'x' : '' }),
      ),
    );
    for (let count = 0; count < 100; count++) side.receive(tiny);
    expect(side.protocol.retainedBytes).toBeLessThanOrEqual(100 * KiB);
    expect(side.events).toEqual([]);
  });

  it('does not make a peer expensive who sends 16 MiB in the most fragments that are allowed', () => {
    const side = client();
    const header = wire({ opcode: 2, fin: false, payload: new Uint8Array(128) });
    const fragment = wire({ opcode: 0, fin: false, payload: new Uint8Array(128) });
    const read = joined(Array.from({ length: 32 }, () => fragment));
    const started = performance.now();
    side.receive(header, ...Array.from({ length: 31 }, () => fragment));
    for (let count = 1; count < 131_072 / 32; count++) side.receive(read);
    expect(side.events).toEqual([]);
    side.receive(wire({ opcode: 8 }));
    // A copy of the whole for each fragment would be hundreds of gigabytes.
    expect(performance.now() - started).toBeLessThan(5000);
    expect(side.events).toEqual([['close', 1005, '']]);
  });

  it('is bounded for a connection: 1009 when the unfinished message is too much', () => {
    const side = client({ limits: { maxRetainedBytes: 10 * KiB } });
    side.receive(wire({ opcode: 2, fin: false, payload: new Uint8Array(10 * KiB) }));
    expect(side.events).toEqual([]);
    side.receive(wire({ opcode: 0, fin: false, payload: 'x' }));
    expect(side.events).toEqual([['failure', 'WS_MEMORY_EXHAUSTED', 1009]]);
    expect(side.protocol.retainedBytes).toBe(0);
  });

  it('is bounded for all connections together: 1013, and the others go on', () => {
    const budget = new MemoryBudget(20 * KiB);
    const [one, two] = [client({ budget }), client({ budget })];
    const unfinished = wire({ opcode: 2, fin: false, payload: new Uint8Array(10 * KiB) });
    one.receive(unfinished);
    expect(budget.retainedBytes).toBe(one.protocol.retainedBytes);
    two.receive(unfinished);
    expect(two.events).toEqual([['failure', 'WS_MEMORY_EXHAUSTED', 1013]]);
    one.receive(wire({ opcode: 0, payload: 'x' }));
    expect(one.events).toEqual([['binary', `${'00'.repeat(10 * KiB)}78`]]);
    expect(budget.retainedBytes).toBe(0);
  });

  it('goes back to the budget on every path', () => {
    const budget = new MemoryBudget(MiB);
    const unfinished = wireTo('server', { opcode: 2, fin: false, payload: new Uint8Array(5000) });
    const endings: Record<string, (side: Side) => void> = {
      finished: (side) => side.receive(wireTo('server', { opcode: 0 })),
      failed: (side) => side.receive(wireTo('server', { opcode: 3 })),
      'closed by the peer': (side) => side.receive(wireTo('server', { opcode: 8 })),
      'disposed of': (side) => side.protocol.dispose(),
      'disposed of twice': (side) => {
        side.protocol.dispose();
        side.protocol.dispose();
      },
      'failed with input waiting': (side) => {
        side.protocol.pause();
        side.receive(new Uint8Array(3000));
        side.receive(new Uint8Array(MiB));
      },
      'disposed of with input waiting': (side) => {
        side.protocol.pause();
        side.receive(new Uint8Array(3000));
        side.protocol.dispose();
      },
      'closed by the peer with input waiting': (side) => {
        side.protocol.pause();
        side.receive(wireTo('server', { opcode: 8 }), unfinished);
        side.protocol.resume();
      },
    };
    for (const [name, end] of Object.entries(endings)) {
      const side = new Side({ role: 'server', budget });
      side.receive(unfinished);
      expect(budget.retainedBytes).toBeGreaterThanOrEqual(5000);
      end(side);
      expect([name, budget.retainedBytes, side.protocol.retainedBytes]).toEqual([name, 0, 0]);
      side.receive(unfinished);
      if (name !== 'finished') expect([name, budget.retainedBytes]).toEqual([name, 0]);
      side.protocol.dispose();
    }
  });
});

describe('control frames', () => {
  it('split anywhere come whole, between the fragments that they do not touch', () => {
    const side = new Side({ role: 'server' });
    const ping = wireTo('server', { opcode: 9, payload: new Uint8Array(125).fill(7) });
    side.receive(wireTo('server', { opcode: 1, fin: false, payload: utf8('€').slice(0, 1) }));
    side.receiveByteByByte(ping);
    side.receive(wireTo('server', { opcode: 0, payload: utf8('€').slice(1) }));
    expect(side.events).toEqual([
      ['ping', '07'.repeat(125)],
      ['text', '€'],
    ]);
  });
});
