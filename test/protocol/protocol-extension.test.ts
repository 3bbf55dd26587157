// The seam for extensions, with a toy whose codecs finish at once or when the test says so.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import type { ProtocolOptions } from '../../src/protocol/protocol-settings.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';
import { Side } from './recording-sink.ts';
import type { WireEvent } from './reference-decoder.ts';
import { controlsOf, messagesOf, operations, perform, wholeMessages } from './send-operations.ts';
import { ToyExtension, type ToyOptions, toyCipher } from './toy-extension.ts';
import { fromHex, joined, splitAt, toHex, utf8, wire } from './wire.ts';

interface ToySide {
  readonly side: Side;
  readonly toy: ToyExtension;
}

function client(toyOptions: ToyOptions = {}, options: Partial<ProtocolOptions> = {}): ToySide {
  const toy = new ToyExtension(toyOptions);
  return { side: new Side({ role: 'client', extension: toy, ...options }), toy };
}

function server(toyOptions: ToyOptions = {}, options: Partial<ProtocolOptions> = {}): ToySide {
  const toy = new ToyExtension(toyOptions);
  return { side: new Side({ role: 'server', extension: toy, ...options }), toy };
}

/** The frames of the toy's peer, transformed, one payload for each fragment. */
function transformed(opcode: number, payloads: readonly Uint8Array[], cipher = toyCipher()): Uint8Array[] {
  return payloads.map((payload, index) =>
    wire({
      opcode: index === 0 ? opcode : 0,
      rsv: index === 0 ? 0x40 : 0,
      fin: index === payloads.length - 1,
      payload: cipher(payload),
    }),
  );
}

describe('RSV bits with an extension', () => {
  const outcome = (toyOptions: ToyOptions, ...frames: Uint8Array[]): WireEvent | undefined =>
    client(toyOptions)
      .side.receive(...frames)
      .events.at(-1);
  const refused = ['failure', 'WS_FRAME_RSV_UNEXPECTED', 1002];

  it('may stand on the first frame of a message, and only the bit that was negotiated', () => {
    const empty = ['text', ''];
    expect(outcome({}, wire({ opcode: 1, rsv: 0x40 }))).toEqual(empty);
    expect(outcome({ rsvBit: 0x10 }, wire({ opcode: 1, rsv: 0x10 }))).toEqual(empty);
    for (const rsv of [0x20, 0x10, 0x60, 0x50, 0x70])
      expect(outcome({}, wire({ opcode: 1, rsv }))).toEqual(refused);
    expect(outcome({ rsvBit: 0x20 }, wire({ opcode: 2, rsv: 0x40 }))).toEqual(refused);
  });

  it.each([0, 8, 9, 10])('fail the connection on a continuation or control frame (opcode %d)', (opcode) => {
    expect(outcome({}, wire({ opcode: 1, rsv: 0x40, fin: false }), wire({ opcode, rsv: 0x40 }))).toEqual(
      refused,
    );
    expect(outcome({}, wire({ opcode: 1, fin: false }), wire({ opcode, rsv: 0x40 }))).toEqual(refused);
  });
});

describe('sending through a codec', () => {
  it('marks the first frame of a transformed message, and none of the others', () => {
    const { side, toy } = server({ shouldDeflate: (type) => type === 'text' });
    side.protocol.sendText('ab');
    side.protocol.sendFragment('text', utf8('c'), false);
    side.protocol.sendFragment('text', utf8('d'), true);
    side.protocol.sendBinary(utf8('ef'));
    side.protocol.sendPrepared(new PreparedMessage('g'));
    side.protocol.ping();
    const cipher = toyCipher();
    expect(toHex(side.written())).toBe(
      toHex(
        joined([
          ...transformed(1, [utf8('ab')], cipher),
          ...transformed(1, [utf8('c'), utf8('d')], cipher),
          wire({ opcode: 2, payload: 'ef' }),
          ...transformed(1, [utf8('g')], cipher),
          wire({ opcode: 9 }),
        ]),
      ),
    );
    expect(toy.deflater.isPending).toBe(false);
    expect([side.protocol.queuedBytes, side.sink.outputReadyCalls]).toEqual([0, 0]);
  });

  it('asks how long a message is, and counts one of fragments as long', () => {
    const asked: [string, number][] = [];
    const { side } = server({
      shouldDeflate: (type, byteLength) => {
        asked.push([type, byteLength]);
        return false;
      },
    });
    side.protocol.sendText('é');
    side.protocol.sendBinary(new Uint8Array(3));
    side.protocol.sendPrepared(new PreparedMessage('€'));
    side.protocol.sendFragment('text', utf8('a'), true);
    side.protocol.sendFragment('binary', utf8('a'), false);
    side.protocol.sendFragment('binary', utf8('b'), true);
    expect(asked).toEqual([
      ['text', 2],
      ['binary', 3],
      ['text', 3],
      ['text', 1],
      ['binary', Number.MAX_SAFE_INTEGER],
    ]);
    expect(side.answers()).toHaveLength(5);
  });

  it('keeps the order when the codec takes its time: what needs no codec waits too, a ping does not', () => {
    const { side, toy } = server({ isAsync: true, shouldDeflate: (type) => type === 'text' });
    side.protocol.sendText('abc');
    side.protocol.sendBinary(fromHex('01'));
    side.protocol.sendText('d');
    side.protocol.close(1000);
    expect([side.protocol.queuedBytes, side.protocol.closingState]).toEqual([5 + 2 * 256, 'open']);
    side.protocol.ping();
    side.protocol.sendText('refused: close was called');
    side.protocol.close(1001);
    expect(toHex(side.written())).toBe('8900');
    toy.deflater.release();
    const cipher = toyCipher();
    const [first, last] = [transformed(1, [utf8('abc')], cipher), transformed(1, [utf8('d')], cipher)];
    expect(toHex(side.written())).toBe(
      toHex(joined([...first, wire({ opcode: 2, payload: fromHex('01') })])),
    );
    expect([side.protocol.queuedBytes, side.sink.outputReadyCalls]).toEqual([1, 1]);
    toy.deflater.release();
    expect(toHex(side.written())).toBe(
      toHex(joined([...last, wire({ opcode: 8, payload: fromHex('03e8') })])),
    );
    expect([side.protocol.closingState, side.sink.outputReadyCalls]).toEqual(['closeSent', 2]);
  });

  it('answers the peer’s close frame when the codec has finished what was sent before', () => {
    const { side, toy } = client({ isAsync: true });
    side.protocol.sendText('a');
    side.receive(wire({ opcode: 8, payload: fromHex('0fa0') }));
    expect(side.events).toEqual([['close', 4000, '']]);
    expect([side.protocol.closingState, side.protocol.outputBytes]).toEqual(['closeReceived', 0]);
    side.protocol.sendText('late');
    toy.deflater.release();
    expect(side.protocol.closingState).toBe('closed');
    const written = side.written();
    expect(new Side({ role: 'server', extension: new ToyExtension() }).receive(written).events).toEqual([
      ['text', 'a'],
      ['close', 4000, ''],
    ]);
  });

  it('sends one close frame when both sides close while the codec is busy', () => {
    const { side, toy } = client({ isAsync: true });
    side.protocol.sendText('a');
    side.protocol.close(3000, 'mine');
    side.receive(wire({ opcode: 8, payload: fromHex('0fa0') }));
    toy.deflater.release();
    const receiver = new Side({ role: 'server', extension: new ToyExtension() }).receive(side.written());
    expect(receiver.events).toEqual([
      ['text', 'a'],
      ['close', 3000, 'mine'],
    ]);
    expect(side.protocol.closingState).toBe('closed');
  });

  it.each([false, true])(
    'fails with 1011 when the codec fails (asynchronous: %s), and writes nothing more',
    (isAsync) => {
      const { side, toy } = server({ isAsync });
      side.protocol.sendText('fine');
      if (isAsync) toy.deflater.release();
      toy.deflater.failure = new Error('out of memory');
      side.written();
      side.protocol.sendText('a');
      side.protocol.sendText('b');
      side.protocol.close(1000);
      if (isAsync) toy.deflater.release();
      expect(side.events).toEqual([['failure', 'WS_CODEC_FAILED', 1011]]);
      expect(side.sink.lastError?.cause).toBe(toy.deflater.failure);
      expect(side.answers()).toMatchObject([['close', 1011, expect.stringContaining('out of memory')]]);
      expect(side.protocol.queuedBytes).toBe(0);
      expect(side.sink.outputReadyCalls).toBeGreaterThan(0);
    },
  );

  it('fails with 1011 also when the peer’s close frame is waiting for its answer', () => {
    const { side, toy } = client({ isAsync: true });
    side.protocol.sendText('a');
    side.receive(wire({ opcode: 8 }));
    toy.deflater.failure = new Error('broken');
    toy.deflater.release();
    expect(side.answers()).toMatchObject([['close', 1011, expect.any(String)]]);
    expect(side.protocol.closingState).toBe('failed');
  });

  it('keeps the order of what an observer sends while the queue advances', () => {
    const { side, toy } = server({ isAsync: true, shouldDeflate: (type) => type === 'text' });
    let hasSent = false;
    side.protocol.observe({
      header: () => {
        if (hasSent) return;
        hasSent = true;
        side.protocol.sendBinary(fromHex('03'));
        side.protocol.close(1000);
      },
      payload: () => undefined,
    });
    side.protocol.sendText('a');
    side.protocol.sendBinary(fromHex('01'));
    side.protocol.sendBinary(fromHex('02'));
    toy.deflater.release();
    const receiver = new Side({ role: 'client', extension: new ToyExtension() }).receive(side.written());
    expect(receiver.events).toEqual([
      ['text', 'a'],
      ['binary', '01'],
      ['binary', '02'],
      ['binary', '03'],
      ['close', 1000, ''],
    ]);
  });

  it('takes a queue of very many messages in its stride', () => {
    const { side, toy } = server({ isAsync: true, shouldDeflate: (type) => type === 'text' });
    side.protocol.sendText('a');
    for (let count = 0; count < 300_000; count++) side.protocol.sendBinary(fromHex('01'));
    const started = performance.now();
    toy.deflater.release();
    expect(performance.now() - started).toBeLessThan(3000);
    expect(side.written()).toHaveLength(3 + 3 * 300_000);
  });
});

describe('receiving through a codec', () => {
  it('delivers whole and fragmented messages, control frames between not touching the codec', () => {
    const frames = (cipher: (bytes: Uint8Array) => Uint8Array): Uint8Array[] => {
      const binary = transformed(2, [fromHex('0102')], cipher);
      const [first, second, third] = transformed(
        1,
        [utf8('a€').slice(0, 2), new Uint8Array(0), utf8('a€').slice(2)],
        cipher,
      );
      return [
        ...binary,
        first,
        wire({ opcode: 9, payload: 'p' }),
        second,
        wire({ opcode: 10, payload: 'q' }),
        third,
        wire({ opcode: 1, payload: 'plain' }),
        ...transformed(1, [utf8('end')], cipher),
      ];
    };
    const expected = [
      ['binary', '0102'],
      ['ping', '70'],
      ['pong', '71'],
      ['text', 'a€'],
      ['text', 'plain'],
      ['text', 'end'],
    ];
    const stream = joined(frames(toyCipher()));
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length)), fc.boolean(), (places, isStreamed) => {
        const { side } = client({}, { isStreamed });
        side.receive(...splitAt(stream, places));
        expect(wholeMessages(side.events)).toEqual(expected);
        expect(side.protocol.retainedBytes).toBe(0);
      }),
    );
  });

  it('checks text after the codec, not before', () => {
    // What the wire carries here is not UTF-8, and need not be.
    const wireBytes = toyCipher()(utf8('é'));
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(wireBytes)).toThrow(TypeError);
    for (const isStreamed of [false, true]) {
      const good = client({}, { isStreamed }).side.receive(...transformed(1, [utf8('é')]));
      expect(wholeMessages(good.events)).toEqual([['text', 'é']]);
      for (const bad of ['48ff', '48e282']) {
        const side = client({}, { isStreamed }).side.receive(...transformed(1, [fromHex(bad)]));
        expect(side.events.at(-1)).toEqual(['failure', 'WS_TEXT_INVALID', 1007]);
      }
      const lenient = client({}, { isStreamed, validateUtf8: false }).side.receive(
        ...transformed(1, [fromHex('48ff')]),
      );
      expect(wholeMessages(lenient.events)).toEqual([['text', 'H\ufffd']]);
    }
  });

  it.each([false, true])(
    'delivers nothing of what follows before the codec is done (streamed: %s)',
    (isStreamed) => {
      const { side, toy } = client({ isAsync: true }, { isStreamed });
      const cipher = toyCipher();
      const [first, second] = [transformed(1, [utf8('one')], cipher), transformed(1, [utf8('two')], cipher)];
      const chunk = joined([...first, ...second, wire({ opcode: 8, payload: fromHex('03e8') })]);
      side.protocol.receive(chunk);
      chunk.fill(0xdb);
      expect(wholeMessages(side.events)).toEqual([]);
      expect(side.protocol.hasWaitingInput).toBe(true);
      while (toy.inflater.isPending) toy.inflater.release();
      expect(wholeMessages(side.events)).toEqual([
        ['text', 'one'],
        ['text', 'two'],
        ['close', 1000, ''],
      ]);
      expect(side.sink.outputReadyCalls).toBeGreaterThan(0);
      expect(side.answers()).toEqual([['close', 1000, '']]);
      expect(side.protocol.retainedBytes).toBe(0);
    },
  );

  it('delivers the message that a codec holds although receiving was paused, and nothing behind it', () => {
    const { side, toy } = client({ isAsync: true });
    const cipher = toyCipher();
    side.receive(...transformed(1, [utf8('one')], cipher), ...transformed(1, [utf8('two')], cipher));
    side.protocol.pause();
    toy.inflater.release();
    expect(side.events).toEqual([['text', 'one']]);
    expect(toy.inflater.isPending).toBe(false);
    side.protocol.resume();
    expect(toy.inflater.isPending).toBe(true);
    side.protocol.resume();
    toy.inflater.release();
    expect(side.events).toEqual([
      ['text', 'one'],
      ['text', 'two'],
    ]);
  });

  it('counts what the codec holds as retained, and gives it back when it is done or the connection over', () => {
    const budget = new MemoryBudget(100_000);
    for (const isStreamed of [false, true]) {
      for (const ending of ['done', 'disposed', 'failed'] as const) {
        const { side, toy } = client({ isAsync: true }, { isStreamed, budget });
        side.receive(...transformed(2, [new Uint8Array(3000)]));
        expect([side.protocol.retainedBytes, budget.retainedBytes]).toEqual([3000, 3000]);
        if (ending === 'disposed') side.protocol.dispose();
        if (ending === 'failed') toy.inflater.failure = new Error('bad block');
        while (toy.inflater.isPending) toy.inflater.release();
        expect([side.protocol.retainedBytes, budget.retainedBytes]).toEqual([0, 0]);
      }
    }
  });

  it('refuses a piece that the codec would hold beyond the limit', () => {
    const { side } = client({ isAsync: true }, { isStreamed: true, limits: { maxRetainedBytes: 1024 } });
    side.receive(...transformed(2, [new Uint8Array(1025)]));
    expect(side.events).toEqual([
      ['start', 'binary'],
      ['failure', 'WS_MEMORY_EXHAUSTED', 1009],
    ]);
  });

  it('bounds the input that waits behind the codec', () => {
    const { side, toy } = client({ isAsync: true }, { limits: { maxRetainedBytes: 2048 } });
    side.receive(...transformed(2, [new Uint8Array(1000)]));
    side.receive(new Uint8Array(1000));
    expect(side.events).toEqual([]);
    side.receive(new Uint8Array(100));
    expect(side.events).toEqual([['failure', 'WS_MEMORY_EXHAUSTED', 1009]]);
    toy.inflater.release();
    expect(side.events).toHaveLength(1);
    expect(side.protocol.retainedBytes).toBe(0);
  });

  it('holds the output to the limit of a message, telling the codec what is left', () => {
    const limits = { maxMessageBytes: 100 };
    const whole = client({ expansion: 10 }, { limits });
    whole.side.receive(...transformed(2, [new Uint8Array(10)]));
    expect(whole.side.events).toHaveLength(1);
    whole.side.receive(...transformed(2, [new Uint8Array(11)]));
    expect(whole.side.events.at(-1)).toEqual(['failure', 'WS_MESSAGE_TOO_LARGE', 1009]);
    expect(whole.toy.inflater.allowances).toEqual([100, 100]);

    const streamed = client({ expansion: 10 }, { limits, isStreamed: true });
    streamed.side.receive(...transformed(2, [new Uint8Array(4), new Uint8Array(6), new Uint8Array(1)]));
    expect(streamed.toy.inflater.allowances).toEqual([100, 60, 0]);
    expect(streamed.side.events.at(-1)).toEqual(['failure', 'WS_MESSAGE_TOO_LARGE', 1009]);
  });

  it('does not let a streamed piece grow beyond what may be retained, though the message has no limit', () => {
    const { side, toy } = client({}, { isStreamed: true, limits: { maxRetainedBytes: 5000 } });
    side.receive(...transformed(2, [new Uint8Array(4000), new Uint8Array(4000), new Uint8Array(4000)]));
    expect(toy.inflater.allowances).toEqual([5000, 5000, 5000, 5000]);
    expect(side.events.at(-1)).toEqual(['end']);
  });

  it.each([false, true])(
    'does not trust a codec that gives more than allowed (streamed: %s)',
    (isStreamed) => {
      const { side } = client(
        { expansion: 10, isCareless: true },
        { isStreamed, limits: { maxMessageBytes: 100 } },
      );
      side.receive(...transformed(2, [new Uint8Array(11)]));
      expect(side.events.at(-1)).toEqual(['failure', 'WS_MESSAGE_TOO_LARGE', 1009]);
    },
  );

  it('holds the input to the limit too, with a little for the overhead of the codec', () => {
    const limits = { maxMessageBytes: 10_000 };
    const within = client({}, { limits }).side.receive(
      wire({ opcode: 2, rsv: 0x40, announcedLength: 11_034n }),
    );
    expect(within.events).toEqual([]);
    const beyond = client({}, { limits }).side.receive(
      wire({ opcode: 2, rsv: 0x40, announcedLength: 11_035n }),
    );
    expect(beyond.events).toEqual([['failure', 'WS_MESSAGE_TOO_LARGE', 1009]]);
  });

  it.each([false, true])(
    'fails with 1007 when the codec cannot read the message (asynchronous: %s)',
    (isAsync) => {
      const { side, toy } = client({ isAsync });
      const cause = new Error('bad block');
      toy.inflater.failure = cause;
      side.receive(...transformed(1, [utf8('a')]), ...transformed(1, [utf8('b')]));
      if (isAsync) toy.inflater.release();
      expect(side.events).toEqual([['failure', 'WS_CODEC_FAILED', 1007]]);
      expect(side.sink.lastError?.cause).toBe(cause);
      expect(side.answers()).toMatchObject([['close', 1007, expect.stringContaining('bad block')]]);
      // An asynchronous failure is news: somebody has to flush the close frame.
      expect(side.sink.outputReadyCalls).toBe(isAsync ? 1 : 0);
    },
  );

  it('reports the codec’s own protocol error as it is', () => {
    const { side, toy } = client();
    toy.inflater.failure = new ProtocolError('WS_MESSAGE_TOO_LARGE', 1009, 'RFC 7692 8', 'bomb');
    side.receive(...transformed(1, [utf8('a')]));
    expect(side.sink.lastError).toBe(toy.inflater.failure);
  });

  it('gives plain arrays for what a codec gives as a Buffer', () => {
    for (const isStreamed of [false, true]) {
      const { side, toy } = client({}, { isStreamed });
      toy.inflater.inflate = (input, _isFinal, _most, done): void => done(undefined, Buffer.from(input));
      const classes: unknown[] = [];
      const keep = (bytes: Uint8Array): unknown => classes.push(Object.getPrototypeOf(bytes));
      side.sink.binary = keep;
      side.sink.messageChunk = keep;
      side.receive(...transformed(2, [fromHex('01')]));
      expect(classes.map((prototype) => prototype === Uint8Array.prototype)).toEqual([true]);
    }
  });
});

describe('ending while a codec is pending', () => {
  it.each([false, true])(
    'is silent: nothing is delivered and nothing written (streamed: %s)',
    (isStreamed) => {
      const { side, toy } = client({ isAsync: true }, { isStreamed });
      side.protocol.sendText('out');
      side.protocol.sendText('queued');
      side.protocol.close(1000);
      side.receive(...transformed(1, [utf8('in')]), ...transformed(1, [utf8('waiting')]));
      const before = side.events.length;
      side.protocol.dispose();
      side.protocol.dispose();
      toy.deflater.release();
      toy.inflater.release();
      expect(side.events).toHaveLength(before);
      expect([side.written().length, side.sink.outputReadyCalls]).toEqual([0, 0]);
      expect([toy.deflater.closedCount, toy.inflater.closedCount]).toEqual([1, 1]);
      expect([side.protocol.retainedBytes, side.protocol.queuedBytes]).toEqual([0, 0]);
    },
  );

  it('by a failure delivers nothing more either', () => {
    const { side, toy } = client({ isAsync: true });
    side.protocol.sendText('out');
    side.receive(...transformed(1, [utf8('in')]));
    side.protocol.fail(new ProtocolError('WS_HANDLER_FAILED', 1011, 'RFC 6455 7.4.1', 'test'));
    toy.deflater.release();
    toy.inflater.release();
    expect(side.events).toEqual([['failure', 'WS_HANDLER_FAILED', 1011]]);
    expect(side.answers()).toHaveLength(1);
  });

  it('is silent about the rest of a streamed message when a handler disposes of the connection at a piece of it', () => {
    const { side, toy } = client({ isAsync: true }, { isStreamed: true });
    side.sink.onEvent = ([name]) => {
      if (name === 'chunk') side.protocol.dispose();
    };
    side.receive(...transformed(1, [utf8('in')]));
    toy.inflater.release();
    expect(side.events).toEqual([
      ['start', 'text'],
      ['chunk', '696e'],
    ]);
    expect([toy.inflater.isPending, side.sink.outputReadyCalls]).toEqual([false, 0]);
  });

  it('asks for no flush when a handler disposes of the connection on hearing the message', () => {
    const { side, toy } = client({ isAsync: true });
    side.sink.onEvent = () => side.protocol.dispose();
    side.receive(...transformed(1, [utf8('in')]));
    toy.inflater.release();
    expect(side.events).toEqual([['text', 'in']]);
    expect(side.sink.outputReadyCalls).toBe(0);
  });
});

describe('any codec timing', () => {
  it('neither reorders, loses nor spoils anything, in either direction, and Close never overtakes', () => {
    fc.assert(
      fc.property(
        fc.array(operations(), { maxLength: 8 }),
        fc.array(fc.nat(6), { minLength: 1, maxLength: 200 }),
        fc.array(fc.nat(5000), { minLength: 1, maxLength: 20 }),
        fc.record({
          isStreamed: fc.boolean(),
          isMixed: fc.boolean(),
          sender: fc.constantFrom('client', 'server'),
        }),
        (script, schedule, sizes, { isStreamed, isMixed, sender: senderRole }) => {
          const shouldDeflate = (_type: string, byteLength: number): boolean =>
            !isMixed || byteLength % 3 !== 0;
          const isClient = senderRole === 'client';
          const sender = (isClient ? client : server)({ isAsync: true, shouldDeflate });
          const receiver = (isClient ? server : client)({ isAsync: true }, { isStreamed });
          const remaining = [...script];
          let hasClosed = false;
          let onWire = new Uint8Array(0);
          let deliveries = 0;
          const deliver = (count: number): void => {
            const chunk = onWire.slice(0, count);
            onWire = onWire.slice(count);
            receiver.side.protocol.receive(chunk);
            chunk.fill(0xdb);
          };
          const step = (choice: number): void => {
            const operation = remaining.at(0);
            if (choice === 0 && operation !== undefined) {
              remaining.shift();
              perform(sender.side.protocol, operation);
            } else if (choice === 0 && !hasClosed) {
              hasClosed = true;
              sender.side.protocol.close(1000, 'done');
            } else if (choice === 1 && sender.toy.deflater.isPending) sender.toy.deflater.release();
            else if (choice === 2) onWire = Uint8Array.from(joined([onWire, sender.side.written()]));
            else if (choice === 3) deliver(1 + sizes[deliveries++ % sizes.length]);
            else if (choice === 4 && receiver.toy.inflater.isPending) receiver.toy.inflater.release();
            else if (choice === 5) receiver.side.protocol.pause();
            else if (choice === 6) receiver.side.protocol.resume();
          };
          for (const choice of schedule) step(choice);
          for (let round = 0; receiver.side.protocol.closingState !== 'closed'; round++) {
            if (round > 10_000) throw new Error('the connection does not come to its end');
            for (const choice of [0, 1, 2, 3, 3, 3, 4, 6]) step(choice);
            // Long messages would take for ever byte by byte.
            if (round > 100) deliver(onWire.length);
          }
          const heard = wholeMessages(receiver.side.events);
          const isControl = ([name]: WireEvent): boolean => name === 'ping' || name === 'pong';
          expect(heard.filter((event) => !isControl(event))).toEqual([
            ...messagesOf(script),
            ['close', 1000, 'done'],
          ]);
          // Pings overtake messages, but neither each other nor the close frame.
          expect(heard.filter(isControl)).toEqual(controlsOf(script));
          expect(receiver.side.protocol.retainedBytes).toBe(0);
          sender.side.receive(receiver.side.written());
          expect(sender.side.protocol.closingState).toBe('closed');
        },
      ),
      { numRuns: 250 },
    );
  });
});
