// What connections take turns with: whatever arrives and is sent on many of them, cut anywhere and interleaved, each
// behaves as one that shares nothing.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AssembledSink } from '../../src/protocol/message-assembler.ts';
import { Protocol } from '../../src/protocol/protocol.ts';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';
import { type ProtocolOptions, ProtocolSettings } from '../../src/protocol/protocol-settings.ts';
import { RecordingSink, Side } from './recording-sink.ts';
import { operations, perform } from './send-operations.ts';
import { ToyExtension } from './toy-extension.ts';
import { joined, splitAt, toHex, utf8, wireTo } from './wire.ts';

/** One connection of many. */
class Member {
  readonly sink = new RecordingSink();
  readonly protocol: Protocol;

  constructor(settings: ProtocolSettings | ProtocolOptions, extension?: ToyExtension) {
    this.protocol = new Protocol(settings, this.sink, extension);
  }

  written(): string {
    let hex = '';
    this.protocol.flush({
      write: (chunks) => {
        hex = toHex(joined(chunks));
        return true;
      },
    });
    return hex;
  }
}

function inputOf(script: Parameters<typeof perform>[1][], isToy: boolean): Uint8Array {
  const extension = isToy ? new ToyExtension() : undefined;
  const sender = new Side({ role: 'client', ...(extension === undefined ? {} : { extension }) });
  const parts: Uint8Array[] = [];
  for (const operation of script) {
    perform(sender.protocol, operation);
    parts.push(sender.written());
  }
  return joined(parts);
}

function misused(): never {
  throw new Error('nothing was received');
}

const unheard: AssembledSink = {
  text: misused,
  textBytes: misused,
  binary: misused,
  messageStart: misused,
  messageChunk: misused,
  messageEnd: misused,
  messageInflated: misused,
  control: misused,
  codecPending: misused,
  codecDone: misused,
  assemblyError: misused,
};

const act = fc.constantFrom(
  'receive',
  'receive',
  'receive',
  'pause',
  'resume',
  'send',
  'flush',
  'fail',
  'dispose',
);
const person = fc.record({
  isToy: fc.boolean(),
  isBroken: fc.boolean(),
  script: fc.array(operations(), { maxLength: 4 }),
  places: fc.array(fc.nat(2000), { maxLength: 12 }),
});

describe('connections of one ProtocolSettings', () => {
  it.each([false, true])('never mix, whatever happens on them (streamed: %s)', (isStreamed) => {
    fc.assert(
      fc.property(
        fc.array(person, { minLength: 2, maxLength: 5 }),
        fc.array(fc.record({ who: fc.nat(4), what: act }), { maxLength: 80 }),
        (people, steps) => {
          const budget = new MemoryBudget(64 * 1024 * 1024);
          const options: ProtocolOptions = { role: 'server', isStreamed };
          const settings = new ProtocolSettings({ ...options, budget });
          const members = people.map(({ isToy, isBroken, script, places }) => {
            const valid = inputOf(script, isToy);
            const bytes = isBroken ? joined([valid, Uint8Array.of(0xff, 0xff)]) : valid;
            const toys = [0, 1].map(() => (isToy ? new ToyExtension() : undefined));
            return {
              shared: new Member(settings, toys[0]),
              own: new Member(options, toys[1]),
              chunks: splitAt(
                bytes,
                places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
              ),
            };
          });
          const both = (who: number, run: (member: Member) => void): void => {
            const { shared, own } = members[who % members.length];
            run(shared);
            run(own);
            expect(shared.sink.events).toEqual(own.sink.events);
            expect(shared.protocol.closingState).toBe(own.protocol.closingState);
            expect(shared.protocol.retainedBytes).toBe(own.protocol.retainedBytes);
          };
          for (const { who, what } of steps) {
            if (what === 'receive') {
              const chunk = members[who % members.length].chunks.shift();
              if (chunk !== undefined) both(who, ({ protocol }) => protocol.receive(chunk.slice()));
            } else if (what === 'flush') {
              const { shared, own } = members[who % members.length];
              expect(shared.written()).toBe(own.written());
            } else {
              both(who, ({ protocol }) => {
                if (what === 'send') protocol.sendText(`from ${who}`);
                else if (what === 'fail') protocol.close(4000 + who);
                else protocol[what]();
              });
            }
          }
          for (const [who, { chunks, shared, own }] of members.entries()) {
            both(who, ({ protocol }) => protocol.resume());
            for (const chunk of chunks) both(who, ({ protocol }) => protocol.receive(chunk.slice()));
            expect(shared.written()).toBe(own.written());
          }
          for (const who of members.keys()) both(who, ({ protocol }) => protocol.dispose());
          expect(budget.retainedBytes).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('hand nothing on: neither an observer, nor a stop, nor the extension that was agreed', () => {
    const settings = new ProtocolSettings({ role: 'server' });
    const first = new Member(settings, new ToyExtension());
    const seen: string[] = [];
    first.protocol.observe({
      header: (direction) => seen.push(direction),
      payload: () => undefined,
    });
    first.sink.onEvent = () => first.protocol.pause();
    first.protocol.receive(wireTo('server', { opcode: 2, payload: utf8('a') }));
    first.protocol.sendText('x', false);
    first.written();
    expect(seen).toEqual(['in', 'out']);

    const second = new Member(settings);
    const frame = wireTo('server', { opcode: 2, payload: utf8('b') });
    second.protocol.receive(joined([frame, frame]));
    second.protocol.sendText('y');
    expect(second.written()).toBe('810179');
    expect(second.sink.events).toEqual([
      ['binary', '62'],
      ['binary', '62'],
    ]);
    second.protocol.receive(wireTo('server', { opcode: 2, rsv: 0x40, payload: utf8('c') }));
    expect(second.sink.events.at(-1)).toEqual(['failure', 'WS_FRAME_RSV_UNEXPECTED', 1002]);
    expect(seen).toEqual(['in', 'out']);
    expect(first.protocol.isPaused).toBe(true);
  });

  it('keep what a burst of them needed up to a bound, and use what is kept again', () => {
    const settings = new ProtocolSettings({ role: 'server' });
    const receivers = Array.from({ length: 65 }, () => settings.takeReceiver(unheard, undefined));
    for (const receiver of receivers) settings.giveReceiver(receiver);
    const again = Array.from({ length: 65 }, () => settings.takeReceiver(unheard, undefined));
    expect(again.filter((receiver) => receivers.includes(receiver))).toHaveLength(64);
    const writers = Array.from({ length: 1025 }, () => settings.takeWriter());
    for (const writer of writers) settings.giveWriter(writer);
    const known = new Set(writers);
    const more = Array.from({ length: 1025 }, () => settings.takeWriter());
    expect(more.filter((writer) => known.has(writer))).toHaveLength(1024);
  });

  it('keep their own when a flush causes sends on them and on others, and further flushes', () => {
    const settings = new ProtocolSettings({ role: 'server' });
    const [a, b] = [new Member(settings), new Member(settings)];
    const wire: Record<'a' | 'b', string> = { a: '', b: '' };
    a.protocol.sendText('1');
    a.protocol.flush({
      write: (chunks) => {
        wire.a += toHex(joined(chunks));
        b.protocol.sendText('2');
        a.protocol.sendText('3');
        a.protocol.flush({
          write: (more) => {
            wire.a += toHex(joined(more));
            b.protocol.sendText('4');
            return true;
          },
        });
        a.protocol.sendText('5');
        b.protocol.sendText('6');
        return true;
      },
    });
    wire.a += a.written();
    wire.b += b.written();
    expect(wire).toEqual({ a: '810131810133810135', b: '810132810134810136' });
  });

  it('drop what belongs to a connection that ends while a codec is at work, and to no other', () => {
    const settings = new ProtocolSettings({ role: 'server' });
    const toy = new ToyExtension({ isAsync: true });
    const first = new Member(settings, toy);
    first.protocol.receive(wireTo('server', { opcode: 1, rsv: 0x40, payload: utf8('aaa') }));
    first.protocol.sendText('late');
    expect(toy.inflater.isPending).toBe(true);
    first.protocol.dispose();
    const second = new Member(settings);
    second.protocol.receive(wireTo('server', { opcode: 1, payload: 'hello' }).subarray(0, 8));
    toy.inflater.release();
    toy.deflater.release();
    second.protocol.receive(wireTo('server', { opcode: 1, payload: 'hello' }).subarray(8));
    expect(first.sink.events).toEqual([]);
    expect(first.written()).toBe('');
    expect(second.sink.events).toEqual([['text', 'hello']]);
  });
});
