// What one side can send, as values that property tests make up, and what the other side hears of it.

import * as fc from 'fast-check';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import type { Protocol } from '../../src/protocol/protocol.ts';
import type { WireEvent } from './reference-decoder.ts';
import { toHex, utf8 } from './wire.ts';

interface Message {
  readonly kind: 'message';
  readonly data: string | Uint8Array;
  readonly isPrepared: boolean;
}

interface Control {
  readonly kind: 'control';
  readonly name: 'ping' | 'pong';
  readonly bytes: Uint8Array;
}

interface Fragments {
  readonly kind: 'fragments';
  readonly type: 'text' | 'binary';
  readonly bytes: Uint8Array;
  /** Where the message is cut, modulo its length; equal places make empty fragments. */
  readonly places: readonly number[];
  /** Pings between the fragments. */
  readonly pings: readonly Uint8Array[];
}

export type SendOperation = Message | Control | Fragments;

/** Texts of all lengths of characters; sizes around the borders of the length forms are frequent enough. */
function texts(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc
      .tuple(fc.constantFrom('a', 'é', '€'), fc.nat(400))
      .map(([character, count]) => character.repeat(count)),
  );
}

function binaries(): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .constantFrom(125, 126, 8191, 8192, 65_535, 65_536)
      .map((length) => new Uint8Array(length).fill(length)),
  );
}

export function operations(): fc.Arbitrary<SendOperation> {
  const control = fc.uint8Array({ maxLength: 125 });
  const places = fc.array(fc.nat(400), { maxLength: 5 });
  const pings = fc.array(control, { maxLength: 2 });
  const fragments = (type: 'text' | 'binary', bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Fragments> =>
    fc.record({ kind: fc.constant('fragments'), type: fc.constant(type), bytes, places, pings });
  return fc.oneof(
    fc.record({
      kind: fc.constant('message'),
      data: fc.oneof(texts(), binaries()),
      isPrepared: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('control'), name: fc.constantFrom('ping', 'pong'), bytes: control }),
    fragments('binary', binaries()),
    fragments('text', texts().map(utf8)),
  );
}

export function perform(protocol: Protocol, operation: SendOperation): void {
  if (operation.kind === 'fragments') {
    performFragments(protocol, operation);
  } else if (operation.kind === 'control') {
    if (operation.name === 'ping') protocol.ping(operation.bytes);
    else protocol.pong(operation.bytes);
  } else if (operation.isPrepared) {
    protocol.sendPrepared(new PreparedMessage(operation.data));
  } else if (typeof operation.data === 'string') {
    protocol.sendText(operation.data);
  } else {
    protocol.sendBinary(operation.data);
  }
}

function performFragments(protocol: Protocol, operation: Fragments): void {
  const { type, bytes } = operation;
  const places = operation.places.map((place) => place % (bytes.length + 1));
  places.sort((a, b) => a - b);
  let start = 0;
  for (const [index, end] of places.entries()) {
    protocol.sendFragment(type, bytes.subarray(start, end), false);
    const ping = operation.pings.at(index);
    if (ping !== undefined) protocol.ping(ping);
    start = end;
  }
  protocol.sendFragment(type, bytes.subarray(start), true);
}

/** The messages that the operations carry, in order. */
export function messagesOf(script: readonly SendOperation[]): WireEvent[] {
  return script.flatMap((operation): WireEvent[] => {
    if (operation.kind === 'control') return [];
    if (operation.kind === 'message') {
      const { data } = operation;
      return [typeof data === 'string' ? ['text', data] : ['binary', toHex(data)]];
    }
    if (operation.type === 'binary') return [['binary', toHex(operation.bytes)]];
    return [['text', new TextDecoder('utf-8', { ignoreBOM: true }).decode(operation.bytes)]];
  });
}

/** The pings and pongs that the operations carry, in order. */
export function controlsOf(script: readonly SendOperation[]): WireEvent[] {
  return script.flatMap((operation): WireEvent[] => {
    if (operation.kind === 'message') return [];
    if (operation.kind === 'control') return [[operation.name, toHex(operation.bytes)]];
    // perform() sends a ping behind each fragment but the last, as long as there are any.
    return operation.pings.slice(0, operation.places.length).map((ping): WireEvent => ['ping', toHex(ping)]);
  });
}

/** Streamed events put back together as messages; everything else as it is. */
export function wholeMessages(events: readonly WireEvent[]): WireEvent[] {
  const whole: WireEvent[] = [];
  let type: string | number | undefined;
  let bytes = '';
  for (const event of events) {
    const [name, value] = event;
    if (name === 'start') {
      type = value;
      bytes = '';
    } else if (name === 'chunk') {
      bytes += String(value);
    } else if (name === 'end') {
      whole.push(type === 'text' ? ['text', Buffer.from(bytes, 'hex').toString('utf8')] : ['binary', bytes]);
    } else {
      whole.push(event);
    }
  }
  return whole;
}
