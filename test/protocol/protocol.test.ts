// The Protocol as a whole: closing, sending, pausing, and acting from inside of callbacks.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import type { ClosingState } from '../../src/protocol/closing-handshake.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { Protocol, type ProtocolSink } from '../../src/protocol/protocol.ts';
import type { ProtocolOptions } from '../../src/protocol/protocol-settings.ts';
import { ProtocolError } from '../../src/protocol/protocol-error.ts';
import { Side } from './recording-sink.ts';
import type { WireEvent } from './reference-decoder.ts';
import { fromHex, joined, splitAt, toHex, wire, wireTo } from './wire.ts';

const client = (options: Partial<ProtocolOptions> = {}): Side => new Side({ role: 'client', ...options });
const server = (options: Partial<ProtocolOptions> = {}): Side => new Side({ role: 'server', ...options });
const text = (payload: string): Uint8Array => wire({ opcode: 1, payload });
const closeFrame = wire({ opcode: 8, payload: fromHex('03e8') });
const throwing = (code: string): unknown => expect.objectContaining({ code });
const anyFailure = (): ProtocolError =>
  new ProtocolError('WS_HANDLER_FAILED', 1011, 'RFC 6455 7.4.1', 'test');

describe('options', () => {
  it.each([{ role: 'Server' }, {}, { role: null }])('refuse a role that is none: %o', (options) => {
    expect(() => Reflect.construct(Side, [options])).toThrow(throwing('WS_OPTION_INVALID'));
  });

  it('refuse limits that make no sense', () => {
    expect(() => client({ limits: { maxFragments: 0 } })).toThrow(throwing('WS_OPTION_INVALID'));
  });
});

describe('closing', () => {
  it('sends the close frame behind what was sent, and nothing after it', () => {
    const side = server();
    side.protocol.sendText('a');
    side.protocol.close(1001, 'bye');
    side.protocol.sendText('late');
    side.protocol.sendBinary(fromHex('01'));
    side.protocol.sendPrepared(new PreparedMessage('late'));
    side.protocol.sendFragment('text', fromHex('61'), false);
    side.protocol.ping();
    side.protocol.pong();
    side.protocol.close(1000);
    expect(side.answers()).toEqual([
      ['text', 'a'],
      ['close', 1001, 'bye'],
    ]);
    expect(side.protocol.closingState).toBe('closeSent');
  });

  it('sends no code when none is given', () => {
    const side = server();
    side.protocol.close();
    expect(toHex(side.written())).toBe('8800');
  });

  it('still hears messages and pings after its close frame, does not answer them, and ends with the peer’s', () => {
    const side = client();
    side.protocol.close(1000);
    side.written();
    side.receive(text('still here'), wire({ opcode: 9, payload: 'p' }), closeFrame, text('late'));
    expect(side.events).toEqual([
      ['text', 'still here'],
      ['ping', '70'],
      ['close', 1000, ''],
    ]);
    expect(side.written()).toHaveLength(0);
    expect(side.protocol.closingState).toBe('closed');
  });

  it('answers the peer’s close frame with its code before the sink hears of it', () => {
    const side = client();
    side.sink.onEvent = () => expect(side.protocol.closingState).toBe('closed');
    side.receive(wire({ opcode: 8, payload: joined([fromHex('0fa0'), new Uint8Array(123).fill(0x72)]) }));
    expect(side.answers()).toEqual([['close', 4000, '']]);
    side.protocol.sendText('late');
    expect(side.written()).toHaveLength(0);
  });

  it('takes each code from 0 to 5000 that is allowed on the wire and throws for every other, changing nothing', () => {
    for (let code = 0; code <= 5000; code++) {
      const isAllowed =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
      const side = server();
      if (isAllowed) side.protocol.close(code);
      else expect(() => side.protocol.close(code)).toThrow(FullduplexError);
      expect(side.protocol.closingState).toBe(isAllowed ? 'closeSent' : 'open');
      expect(side.protocol.outputBytes).toBe(isAllowed ? 4 : 0);
    }
  });

  it('throws for a wrong argument in every state', () => {
    const side = server();
    side.protocol.dispose();
    expect(() => side.protocol.close(1005)).toThrow(throwing('WS_ARGUMENT_INVALID'));
    expect(() => side.protocol.close(1000, 'r'.repeat(124))).toThrow(throwing('WS_ARGUMENT_INVALID'));
  });

  it.each([new Uint8Array(16), new Float64Array(8), 16, null])(
    'refuses %o as a reason (ws CVE-2026-45736)',
    (reason) => {
      const side = server();
      expect(() => Reflect.apply(side.protocol.close.bind(side.protocol), undefined, [1000, reason])).toThrow(
        throwing('WS_ARGUMENT_INVALID'),
      );
      expect(side.protocol.closingState).toBe('open');
      expect(side.written()).toHaveLength(0);
    },
  );

  it('may close while a fragmented message is being sent', () => {
    const side = server();
    side.protocol.sendFragment('text', fromHex('61'), false);
    side.protocol.close(1000);
    side.protocol.sendFragment('text', fromHex('62'), true);
    expect(side.answers()).toEqual([['close', 1000, '']]);
    expect(side.protocol.isMessageOpen).toBe(true);
  });

  it('fails once, sends one close frame, and discards what follows', () => {
    const side = client();
    side.protocol.fail(anyFailure());
    side.protocol.fail(anyFailure());
    side.receive(text('late'), closeFrame);
    expect(side.events).toEqual([['failure', 'WS_HANDLER_FAILED', 1011]]);
    expect(side.answers()).toEqual([['close', 1011, 'test (RFC 6455 7.4.1)']]);
  });

  it('sends no second close frame when it fails after its own', () => {
    const side = client();
    side.protocol.close(1000);
    side.written();
    side.receive(wire({ opcode: 3 }));
    expect(side.events).toEqual([['failure', 'WS_FRAME_OPCODE_UNKNOWN', 1002]]);
    expect(side.written()).toHaveLength(0);
    expect(side.protocol.closingState).toBe('failed');
  });

  it('does not fail what is closed', () => {
    const side = client().receive(closeFrame);
    side.protocol.fail(anyFailure());
    expect(side.events).toEqual([['close', 1000, '']]);
    expect(side.protocol.closingState).toBe('closed');
  });

  it('throws for a failure whose close code may not be sent, before anything changes', () => {
    const side = client();
    const error = new ProtocolError('WS_HANDLER_FAILED', 1006, 'RFC 6455 7.4.1', 'test');
    expect(() => side.protocol.fail(error)).toThrow(throwing('WS_ARGUMENT_INVALID'));
    expect(side.protocol.closingState).toBe('open');
    side.receive(text('a'));
    expect(side.events).toEqual([['text', 'a']]);
  });

  it('cuts a long message of an error between characters to make a close reason of it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 20, maxLength: 200 }),
        fc.nat(4),
        (message, padding) => {
          const side = server();
          const error = new ProtocolError('WS_CODEC_FAILED', 1011, 'RFC', 'x'.repeat(padding) + message);
          side.protocol.fail(error);
          const [name, code, reason] = side.answers()[0];
          expect([name, code]).toEqual(['close', 1011]);
          const bytes = new TextEncoder().encode(String(reason)).length;
          expect(bytes).toBeLessThanOrEqual(123);
          if (reason === error.message) return;
          expect(error.message.startsWith(String(reason).slice(0, -3))).toBe(true);
          expect(String(reason).endsWith('...')).toBe(true);
          expect(bytes).toBeGreaterThan(60);
        },
      ),
    );
  });
});

describe('the closing handshake as a model', () => {
  type Step =
    | 'close'
    | 'peerClose'
    | 'peerText'
    | 'peerPing'
    | 'peerWrong'
    | 'text'
    | 'ping'
    | 'fail'
    | 'dispose';
  const steps: Step[] = [
    'close',
    'peerClose',
    'peerText',
    'peerPing',
    'peerWrong',
    'text',
    'ping',
    'fail',
    'dispose',
  ];

  /** What RFC 6455 5.5.1, 7.1 and 1.4 say, written down without the code’s table. */
  class Model {
    hasSentClose = false;
    hasReceivedClose = false;
    hasFailed = false;
    isDisposed = false;
    readonly heard: WireEvent[] = [];
    sent: WireEvent[] = [];

    get state(): ClosingState {
      if (this.hasSentClose && this.hasReceivedClose) return 'closed';
      if (this.hasFailed || this.isDisposed) return 'failed';
      return this.hasSentClose ? 'closeSent' : 'open';
    }

    apply(step: Step): void {
      const isOver = this.state === 'closed' || this.state === 'failed';
      const maySend = !isOver && !this.hasSentClose;
      if (step === 'dispose') {
        this.isDisposed = true;
        this.sent = [];
      } else if (isOver) {
        return;
      } else if (step === 'close') {
        this.#sendClose(1000);
      } else if (step === 'peerClose') {
        this.#sendClose(1001);
        this.hasReceivedClose = true;
        this.heard.push(['close', 1001, '']);
      } else if (step === 'peerText') {
        this.heard.push(['text', 'in']);
      } else if (step === 'peerPing') {
        this.heard.push(['ping', '']);
        if (maySend) this.sent.push(['pong', '']);
      } else if (step === 'text') {
        if (maySend) this.sent.push(['text', 'out']);
      } else if (step === 'ping') {
        if (maySend) this.sent.push(['ping', '']);
      } else {
        const code = step === 'fail' ? 1011 : 1002;
        this.heard.push([
          'failure',
          step === 'fail' ? 'WS_HANDLER_FAILED' : 'WS_CONTINUATION_UNEXPECTED',
          code,
        ]);
        const wasSent = this.hasSentClose;
        this.#sendClose(code);
        this.hasSentClose = wasSent;
        this.hasFailed = true;
      }
    }

    #sendClose(code: number): void {
      if (!this.hasSentClose) this.sent.push(['close', code]);
      this.hasSentClose = true;
    }
  }

  function apply(side: Side, step: Step): void {
    const { protocol, role } = side;
    if (step === 'close') protocol.close(1000);
    else if (step === 'text') protocol.sendText('out');
    else if (step === 'ping') protocol.ping();
    else if (step === 'fail') protocol.fail(anyFailure());
    else if (step === 'dispose') protocol.dispose();
    else if (step === 'peerClose') side.receive(wireTo(role, { opcode: 8, payload: fromHex('03e9') }));
    else if (step === 'peerText') side.receive(wireTo(role, { opcode: 1, payload: 'in' }));
    else if (step === 'peerPing') side.receive(wireTo(role, { opcode: 9 }));
    else side.receive(wireTo(role, { opcode: 0 }));
  }

  it.each(['client', 'server'] as const)('holds for a %s in any order of events', (role) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...steps), { maxLength: 12 }), (script) => {
        const side = new Side({ role });
        const model = new Model();
        for (const step of script) {
          apply(side, step);
          model.apply(step);
          expect(side.protocol.closingState).toBe(model.state);
        }
        expect(side.events).toEqual(model.heard);
        const sent = side.answers().map((event) => (event[0] === 'close' ? event.slice(0, 2) : event));
        expect(sent).toEqual(model.sent);
        expect(side.protocol.retainedBytes).toBe(0);
      }),
      { numRuns: 400 },
    );
  });
});

describe('sending', () => {
  it('lets fragments of one message through, control frames between, and nothing else', () => {
    const side = client();
    side.protocol.sendFragment('text', fromHex('c3'), false);
    expect(side.protocol.isMessageOpen).toBe(true);
    side.protocol.ping(fromHex('01'));
    const open = throwing('WS_STATE_INVALID');
    expect(() => side.protocol.sendText('x')).toThrow(open);
    expect(() => side.protocol.sendBinary(fromHex('00'))).toThrow(open);
    expect(() => side.protocol.sendPrepared(new PreparedMessage('x'))).toThrow(open);
    expect(() => side.protocol.sendFragment('binary', fromHex('00'), true)).toThrow(open);
    side.protocol.sendFragment('text', new Uint8Array(0), false);
    side.protocol.sendFragment('text', fromHex('a9'), true);
    expect(side.protocol.isMessageOpen).toBe(false);
    side.protocol.sendText('next');
    expect(side.answers()).toEqual([
      ['ping', '01'],
      ['text', 'é'],
      ['text', 'next'],
    ]);
  });

  it('sends a single final fragment as a whole message', () => {
    const side = server();
    side.protocol.sendFragment('binary', fromHex('07'), true);
    expect(toHex(side.written())).toBe('820107');
  });

  it('refuses pings and pongs of more than 125 bytes, changing nothing', () => {
    const side = server();
    const tooLong = new Uint8Array(126);
    expect(() => side.protocol.ping(tooLong)).toThrow(throwing('WS_ARGUMENT_INVALID'));
    expect(() => side.protocol.pong(tooLong)).toThrow(throwing('WS_ARGUMENT_INVALID'));
    expect(side.written()).toHaveLength(0);
    side.protocol.ping(new Uint8Array(125));
    expect(side.written()).toHaveLength(127);
  });

  it('answers pings with the same payload, unless auto-pong is off', () => {
    const ping = wire({ opcode: 9, payload: 'same' });
    const side = client().receive(ping);
    expect(side.answers()).toEqual([['pong', toHex(new TextEncoder().encode('same'))]]);
    const silent = client({ autoPong: false }).receive(ping);
    expect(silent.events).toEqual(side.events);
    expect(silent.written()).toHaveLength(0);
  });

  it('does not answer a pong', () => {
    expect(
      client()
        .receive(wire({ opcode: 10 }))
        .written(),
    ).toHaveLength(0);
  });
});

describe('a borrowed message that a handler passes on', () => {
  it.each(['back', 'to another connection'])(
    '%s is what it was, although the transport reads on',
    (where) => {
      const silent: ProtocolSink = {
        text: () => undefined,
        binary: () => undefined,
        messageStart: () => undefined,
        messageChunk: () => undefined,
        messageEnd: () => undefined,
        ping: () => undefined,
        pong: () => undefined,
        close: () => undefined,
        failure: () => undefined,
        outputReady: () => undefined,
      };
      const other = new Protocol({ role: 'server' }, silent);
      const protocol: Protocol = new Protocol(
        { role: 'server', binaryMessages: 'borrowed' },
        { ...silent, binary: (message) => (where === 'back' ? protocol : other).sendBinary(message) },
      );
      const length = 40_000;
      const chunk = new Uint8Array(8 + length).fill(7);
      chunk.set([0x82, 0xfe, length >> 8, length & 0xff, 0, 0, 0, 0]);
      protocol.receive(chunk);
      chunk.fill(9);
      const written: number[] = [];
      (where === 'back' ? protocol : other).flush({
        write: (chunks) => {
          for (const bytes of chunks) written.push(...bytes);
          return true;
        },
      });
      expect(written).toHaveLength(4 + length);
      expect(written.slice(4).every((byte) => byte === 7)).toBe(true);
    },
  );
});

describe('pausing', () => {
  const three = joined([text('1'), text('2'), text('3')]);
  const all: WireEvent[] = [
    ['text', '1'],
    ['text', '2'],
    ['text', '3'],
  ];

  it('keeps what follows the message at hand, and resuming delivers it in order', () => {
    const side = client();
    side.sink.onEvent = () => side.protocol.pause();
    side.receive(three);
    expect(side.events).toEqual(all.slice(0, 1));
    expect(side.protocol.hasWaitingInput).toBe(true);
    side.receive(text('4'));
    side.protocol.resume();
    expect(side.events).toEqual(all.slice(0, 2));
    side.sink.onEvent = undefined;
    side.protocol.resume();
    expect(side.events).toEqual([...all, ['text', '4']]);
    expect([side.protocol.hasWaitingInput, side.protocol.retainedBytes]).toEqual([false, 0]);
    side.receive(text('5'));
    expect(side.events.at(-1)).toEqual(['text', '5']);
  });

  it('copies what waits: the chunk was borrowed for the call', () => {
    const side = client();
    side.protocol.pause();
    const chunk = three.slice();
    side.protocol.receive(chunk);
    chunk.fill(0xdb);
    side.protocol.resume();
    expect(side.events).toEqual(all);
  });

  it('loses nothing when a handler pauses and resumes at once', () => {
    const side = client();
    side.sink.onEvent = () => {
      side.protocol.pause();
      side.protocol.resume();
    };
    side.receive(three);
    expect(side.events).toEqual(all);
    side.receive(three);
    expect(side.events).toEqual([...all, ...all]);
    expect(side.protocol.hasWaitingInput).toBe(false);
  });

  it('keeps order when a handler hands in more input, paused or not', () => {
    for (const doesPause of [false, true]) {
      const side = client();
      side.sink.onEvent = (event) => {
        if (event[1] !== '1') return;
        side.receive(text('4'));
        if (doesPause) side.protocol.pause();
      };
      side.receive(three);
      expect(side.events).toHaveLength(doesPause ? 1 : 4);
      side.receive(text('5'));
      side.protocol.resume();
      expect(side.events).toEqual([...all, ['text', '4'], ['text', '5']]);
    }
  });

  it('delivers everything in order, whatever is paused, resumed and handed in between and within', () => {
    const count = 30;
    const stream = joined(Array.from({ length: count }, (_, n) => text(String(n))));
    const actions = fc.array(fc.constantFrom('pause', 'resume', 'both', 'none'), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(actions, actions, fc.array(fc.nat(stream.length)), (between, within, places) => {
        const side = client();
        const act = (action: string): void => {
          if (action === 'pause' || action === 'both') side.protocol.pause();
          if (action === 'resume' || action === 'both') side.protocol.resume();
        };
        let turn = 0;
        side.sink.onEvent = () => act(within[turn++ % within.length]);
        for (const [index, piece] of splitAt(stream, places).entries()) {
          side.receive(piece);
          act(between[index % between.length]);
        }
        for (let tries = 0; tries <= count; tries++) side.protocol.resume();
        expect(side.events).toEqual(Array.from({ length: count }, (_, n) => ['text', String(n)]));
        expect([side.protocol.hasWaitingInput, side.protocol.retainedBytes]).toEqual([false, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it('costs no copy of all that waits for each message', () => {
    const side = client();
    let delivered = 0;
    side.sink.text = (): void => {
      delivered++;
      side.protocol.pause();
    };
    const count = 200_000;
    const small = text('0123456789');
    const stream = new Uint8Array(count * small.length);
    for (let at = 0; at < stream.length; at += small.length) stream.set(small, at);
    const started = performance.now();
    side.protocol.receive(stream);
    while (side.protocol.hasWaitingInput) side.protocol.resume();
    // A copy for each would be 240 gigabytes.
    expect(performance.now() - started).toBeLessThan(5000);
    expect(delivered).toBe(count);
  });

  it('stops within a streamed message', () => {
    const side = client({ isStreamed: true });
    const frames = [text('ab'), text('cd')];
    side.sink.onEvent = (event) => {
      if (event[0] === 'start') side.protocol.pause();
    };
    side.receive(frames[0].slice(0, 2));
    expect(side.events).toEqual([['start', 'text']]);
    side.receive(frames[0].slice(2), frames[1]);
    expect(side.events).toEqual([['start', 'text']]);
    side.protocol.resume();
    side.protocol.resume();
    expect(side.events).toEqual([
      ['start', 'text'],
      ['chunk', '6162'],
      ['end'],
      ['start', 'text'],
      ['chunk', '6364'],
      ['end'],
    ]);
  });

  it('ends when the transport is gone: finishing delivers all that waits, though every handler pauses', () => {
    const side = client();
    side.sink.onEvent = () => side.protocol.pause();
    side.receive(three, text('4').slice(0, 2));
    expect(side.events).toHaveLength(1);
    let isFinished = false;
    side.protocol.finish(() => {
      isFinished = true;
    });
    expect(isFinished).toBe(true);
    expect(side.events).toEqual(all);
    expect(side.protocol.hasWaitingInput).toBe(false);
  });

  it('is bounded: too much waiting input fails the connection and asks for a flush', () => {
    const side = client({ limits: { maxRetainedBytes: 1024 } });
    side.protocol.pause();
    side.receive(new Uint8Array(1024));
    expect(side.events).toEqual([]);
    side.receive(new Uint8Array(1));
    expect(side.events).toEqual([['failure', 'WS_MEMORY_EXHAUSTED', 1009]]);
    expect(side.sink.outputReadyCalls).toBe(1);
    expect(side.answers()).toMatchObject([['close', 1009, expect.any(String)]]);
    side.protocol.resume();
    expect(side.events).toHaveLength(1);
  });

  it('fails also when the rest of one read is too much', () => {
    const side = client({ limits: { maxRetainedBytes: 1024 } });
    side.sink.onEvent = () => side.protocol.pause();
    side.receive(joined([text('1'), new Uint8Array(1025)]));
    expect(side.events).toEqual([
      ['text', '1'],
      ['failure', 'WS_MEMORY_EXHAUSTED', 1009],
    ]);
  });
});

describe('inside of callbacks', () => {
  it('closing, failing and disposing take effect at once', () => {
    for (const action of ['close', 'fail', 'dispose'] as const) {
      const side = client();
      side.sink.onEvent = (event) => {
        if (event[0] !== 'text') return;
        if (action === 'close') side.protocol.close(1000);
        else if (action === 'fail') side.protocol.fail(anyFailure());
        else side.protocol.dispose();
      };
      side.receive(joined([text('1'), text('2')]));
      expect(side.events.filter(([name]) => name === 'text')).toHaveLength(action === 'close' ? 2 : 1);
      expect(side.protocol.retainedBytes).toBe(0);
    }
  });

  it('replies leave in the order of the messages, in one write', () => {
    const side = server();
    side.sink.onEvent = (event) => {
      if (event[0] === 'text') side.protocol.sendText(`re ${event[1]}`);
    };
    side.receive(
      joined([
        wireTo('server', { opcode: 1, payload: 'a' }),
        wireTo('server', { opcode: 9 }),
        wireTo('server', { opcode: 1, payload: 'b' }),
      ]),
    );
    let writes = 0;
    side.protocol.flush({
      write: (chunks) => {
        writes += chunks.length;
        expect(toHex(joined(chunks))).toBe('8104726520618a00810472652062');
        return true;
      },
    });
    expect(writes).toBe(1);
  });

  it('a handler that throws is its owner’s to catch: the protocol can be failed and disposed of afterwards', () => {
    const side = client();
    side.sink.onEvent = (event) => {
      if (event[0] === 'text') throw new Error('handler');
    };
    expect(() => side.receive(joined([text('1'), text('2')]))).toThrow('handler');
    side.protocol.fail(anyFailure());
    expect(side.events).toEqual([
      ['text', '1'],
      ['failure', 'WS_HANDLER_FAILED', 1011],
    ]);
    side.protocol.dispose();
    expect(side.protocol.retainedBytes).toBe(0);
  });
});

describe('disposing', () => {
  it('forgets output and input, and nothing happens afterwards', () => {
    const side = client();
    side.protocol.pause();
    side.receive(text('1'));
    side.protocol.sendText('x');
    side.protocol.dispose();
    side.protocol.resume();
    side.protocol.sendText('y');
    side.protocol.ping();
    side.receive(text('2'));
    side.protocol.fail(anyFailure());
    expect(side.events).toEqual([]);
    expect(side.written()).toHaveLength(0);
    expect(side.protocol.closingState).toBe('failed');
  });

  it('leaves a finished closing handshake finished', () => {
    const side = client().receive(closeFrame);
    side.protocol.dispose();
    expect(side.protocol.closingState).toBe('closed');
  });
});
