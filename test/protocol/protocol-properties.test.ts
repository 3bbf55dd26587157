// What holds for any input: round trips, the reference decoder on valid, mutated and arbitrary bytes, and bounds.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProtocolLimits } from '../../src/protocol/limits.ts';
import { MemoryBudget } from '../../src/protocol/memory-budget.ts';
import { Side } from './recording-sink.ts';
import { decodeAll, type WireEvent } from './reference-decoder.ts';
import {
  controlsOf,
  messagesOf,
  operations,
  perform,
  type SendOperation,
  wholeMessages,
} from './send-operations.ts';
import { ToyExtension } from './toy-extension.ts';
import { splitAt, wireTo } from './wire.ts';

type Role = 'client' | 'server';
const roles = ['client', 'server'] as const;
const peerOf = (role: Role): Role => (role === 'client' ? 'server' : 'client');
const isControl = ([name]: WireEvent): boolean => name === 'ping' || name === 'pong';

/** Single frames, right and wrong in every field, as the peer of the receiver sends them. */
function frames(receiver: Role): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      opcode: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(0, 1, 2, 8, 9, 10) },
        { weight: 1, arbitrary: fc.nat(15) },
      ),
      fin: fc.boolean(),
      rsv: fc.oneof(
        { weight: 20, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constantFrom(0x40, 0x20, 0x10) },
      ),
      payload: fc.oneof(
        fc.uint8Array({ maxLength: 140 }),
        fc.string({ unit: 'binary', maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
        fc.constantFrom(1000, 1005, 3000).map((code) => Uint8Array.of(code >> 8, code & 0xff)),
      ),
      lengthBits: fc.oneof(
        { weight: 12, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom<16 | 64>(16, 64) },
      ),
      isForPeer: fc.oneof(
        { weight: 20, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
    })
    .map(({ lengthBits, isForPeer, ...frame }) =>
      wireTo(
        isForPeer ? peerOf(receiver) : receiver,
        lengthBits === undefined ? frame : { ...frame, lengthBits },
      ),
    );
}

interface Mutation {
  readonly kind: 'flip' | 'insert' | 'remove' | 'repeat' | 'cut';
  readonly place: number;
  readonly value: number;
}

function mutations(): fc.Arbitrary<Mutation[]> {
  const mutation = fc.record({
    kind: fc.constantFrom<Mutation['kind']>('flip', 'flip', 'flip', 'insert', 'remove', 'repeat', 'cut'),
    // Many near the start, where headers are dense.
    place: fc.oneof(fc.nat(40), fc.nat(5000)),
    value: fc.oneof(fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128), fc.nat(255)),
  });
  return fc.array(mutation, { minLength: 1, maxLength: 4 });
}

function mutate(bytes: Uint8Array, list: readonly Mutation[]): Uint8Array {
  let mutated = Array.from(bytes);
  for (const { kind, place, value } of list) {
    const at = mutated.length === 0 ? 0 : place % mutated.length;
    if (kind === 'flip' && mutated.length > 0) mutated[at] ^= value;
    else if (kind === 'insert') mutated.splice(at, 0, value);
    else if (kind === 'remove') mutated.splice(at, 1 + (value % 4));
    else if (kind === 'repeat') mutated.splice(at, 0, ...mutated.slice(at, at + (value % 32)));
    else if (kind === 'cut') mutated = mutated.slice(0, at);
  }
  return Uint8Array.from(mutated);
}

function encoded(sender: Role, script: readonly SendOperation[], hasClose: boolean): Uint8Array {
  const side = new Side({ role: sender });
  for (const operation of script) perform(side.protocol, operation);
  if (hasClose) side.protocol.close(1000, 'end');
  return side.written();
}

const smallLimits: Partial<ProtocolLimits> = {
  maxMessageBytes: 200,
  maxFrameBytes: 150,
  maxFragments: 4,
  maxRetainedBytes: 4096,
};

/** Feeds the pieces, holding the receiver to what must be true after each. */
function receiveAll(side: Side, pieces: readonly Uint8Array[], maxRetainedBytes: number): void {
  for (const piece of pieces) {
    side.protocol.receive(piece);
    expect(side.protocol.retainedBytes).toBeLessThanOrEqual(maxRetainedBytes);
  }
  const ends = side.events.filter(([name]) => name === 'failure' || name === 'close');
  expect(ends.length).toBeLessThanOrEqual(1);
  if (ends.length === 1) {
    expect(side.events.at(-1)).toEqual(ends[0]);
    expect(side.protocol.retainedBytes).toBe(0);
  }
}

/** The receiver agrees with the reference decoder, whole, byte by byte and split. */
function checkAgainstReference(
  role: Role,
  bytes: Uint8Array,
  places: readonly number[],
  limits?: Partial<ProtocolLimits>,
): void {
  const expected = decodeAll(bytes, { receiver: role, ...limits });
  const options = limits === undefined ? { role } : { role, limits };
  for (const pieces of [[bytes.slice()], splitAt(bytes, [...bytes.keys()]), splitAt(bytes, places)]) {
    const side = new Side(options);
    receiveAll(side, pieces, limits?.maxRetainedBytes ?? 17 * 1024 * 1024);
    expect(side.events).toEqual(expected);
  }
}

describe.each(roles)('a %s', (role) => {
  it('reads whatever the encoder of its peer makes, whole and streamed, however it is split', () => {
    fc.assert(
      fc.property(
        fc.array(operations(), { maxLength: 10 }),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.nat(200_000)),
        (script, isStreamed, hasClose, places) => {
          const bytes = encoded(peerOf(role), script, hasClose);
          const side = new Side({ role, isStreamed });
          receiveAll(side, splitAt(bytes, places), 17 * 1024 * 1024);
          const heard = wholeMessages(side.events);
          const close: WireEvent[] = hasClose ? [['close', 1000, 'end']] : [];
          expect(heard.filter((event) => !isControl(event))).toEqual([...messagesOf(script), ...close]);
          expect(heard.filter(isControl)).toEqual(controlsOf(script));
          expect(side.protocol.retainedBytes).toBe(0);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('hears of sequences of frames, right and wrong, what the RFC says', () => {
    fc.assert(
      fc.property(fc.array(frames(role), { maxLength: 8 }), fc.array(fc.nat(1500)), (list, places) => {
        const bytes = Uint8Array.from(list.flatMap((frame) => [...frame]));
        checkAgainstReference(role, bytes, places);
        checkAgainstReference(role, bytes, places, smallLimits);
      }),
      { numRuns: 300 },
    );
  });

  it('hears of mutated streams what the RFC says', () => {
    fc.assert(
      fc.property(
        fc.array(operations(), { minLength: 1, maxLength: 4 }),
        mutations(),
        fc.array(fc.nat(1500), { maxLength: 5 }),
        (script, list, places) => {
          const bytes = mutate(encoded(peerOf(role), script, true).subarray(0, 3000), list);
          checkAgainstReference(role, bytes, places);
          checkAgainstReference(role, bytes, places, smallLimits);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('hears of arbitrary bytes what the RFC says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300)), (bytes, places) => {
        checkAgainstReference(role, bytes, places);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws and never retains more than the limit, whatever comes in, is paused and is transformed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(frames(role), fc.uint8Array({ maxLength: 30 })), { maxLength: 30 }),
        mutations(),
        fc.array(fc.nat(3000)),
        fc.array(fc.nat(5), { minLength: 1, maxLength: 40 }),
        fc.record({ isStreamed: fc.boolean(), isAsync: fc.boolean(), hasExtension: fc.boolean() }),
        (list, changes, places, actions, { isStreamed, isAsync, hasExtension }) => {
          const budget = new MemoryBudget(3000);
          const toy = new ToyExtension({ isAsync, expansion: 2 });
          const side = new Side({
            role,
            isStreamed,
            budget,
            limits: { ...smallLimits, maxRetainedBytes: 2000 },
            ...(hasExtension ? { extension: toy } : {}),
          });
          const act = (action: number): void => {
            if (action === 0) side.protocol.pause();
            else if (action === 1) side.protocol.resume();
            else if (action === 2 && toy.inflater.isPending) toy.inflater.release();
          };
          let turn = 0;
          side.sink.onEvent = () => act(actions[turn++ % actions.length] % 2);
          const bytes = mutate(Uint8Array.from(list.flatMap((part) => [...part])), changes);
          for (const piece of splitAt(bytes, places)) {
            side.protocol.receive(piece);
            expect(side.protocol.retainedBytes).toBeLessThanOrEqual(2000);
            expect(budget.retainedBytes).toBe(side.protocol.retainedBytes);
            act(actions[turn++ % actions.length]);
          }
          side.written();
          side.protocol.dispose();
          expect(budget.retainedBytes).toBe(0);
        },
      ),
      { numRuns: 250 },
    );
  });
});
