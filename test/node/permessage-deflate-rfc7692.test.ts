// The requirements of RFC 7692 on messages, through the whole protocol with the codec that Node has; docs/rfc-index.md
// names them one by one. node:zlib is the judge of what is sent, and the peer that sends.

import { readFileSync } from 'node:fs';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { NegotiatedExtension } from '../../src/protocol/extensions/extension.ts';
import { parseExtensions } from '../../src/protocol/extensions/extension-header.ts';
import type { PerMessageDeflateOptions } from '../../src/protocol/extensions/permessage-deflate/options.ts';
import { PerMessageDeflate } from '../../src/protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { cutFrames } from '../protocol/cut-frames.ts';
import { Side } from '../protocol/recording-sink.ts';
import { fromHex, toHex, utf8, wireTo } from '../protocol/wire.ts';
import { bothWays, deflateByZlib, stage, type Way } from './zlib/zlib-stage.ts';

type Role = 'client' | 'server';

interface MessageVector {
  readonly name: string;
  readonly source: string;
  readonly payload: string;
  readonly text: string;
}

const vectors: readonly MessageVector[] = JSON.parse(
  readFileSync(new URL('../vectors/permessage-deflate-messages.json', import.meta.url), 'utf8'),
);
const roles = ['client', 'server'] as const;
const withContexts: PerMessageDeflateOptions = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  thresholdBytes: 0,
};
const hello = 'f248cdc9c90700';
const helloAgain = 'f200110000';

/** A side on which these parameters were agreed, by the header with which a server answers. */
function sideOf(way: Way, role: Role, agreed: string, options = withContexts): Side {
  // All of it at once, so that tests need not wait.
  const { codec } = stage(way, { asyncFromBytes: Infinity, syncOutputBytes: Infinity });
  const extension = negotiated(new PerMessageDeflate(options, codec), role, agreed);
  return new Side({ role, extension });
}

function negotiated(extension: PerMessageDeflate, role: Role, agreed: string): NegotiatedExtension {
  const elements = parseExtensions(`permessage-deflate${agreed}`);
  if (typeof elements === 'string') throw new Error(elements);
  const result = role === 'client' ? extension.confirm(elements[0]) : extension.accept(elements[0]);
  if (result === undefined || typeof result === 'string') throw new Error(result ?? 'declined');
  return result;
}

/** The payloads of what was written, each of them whole in one frame. */
function payloadsOf(side: Side): Uint8Array[] {
  return cutFrames(side.written()).map(({ payload }) => payload);
}

function inflateByZlib(payloads: readonly Uint8Array[], windowBits = 15): Buffer {
  const flushed = payloads.flatMap((payload) => [payload, fromHex('0000ffff')]);
  // zlib holds a reference to the window only where it leaves what one call gives: the smallest calls it has.
  return inflateRawSync(Buffer.concat(flushed), {
    windowBits,
    chunkSize: 64,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
}

function compressed(side: Side, payload: Uint8Array, opcode = 2): Uint8Array {
  return wireTo(side.role, { opcode, rsv: 0x40, payload });
}

/** Words in new orders: whatever the window, something just inside of it comes again, and something just outside. */
function wordsOf(byteLength: number): Uint8Array {
  let state = 1;
  const next = (below: number): number => {
    state = (state * 48_271) % 0x7fffffff;
    return state % below;
  };
  const words = Array.from({ length: 400 }, () => Buffer.from(`${next(1e9)}-${next(1e9)}`));
  const parts: Buffer[] = [];
  for (let length = 0; length < byteLength; length += parts[parts.length - 1].length) {
    parts.push(words[next(words.length)]);
  }
  return new Uint8Array(Buffer.concat(parts).subarray(0, byteLength));
}

describe.each(bothWays)('with %s contexts', (way) => {
  describe.each(roles)('a %s', (role) => {
    it('sends a compressed message as one frame of its kind that is marked, without the end of the flush', () => {
      const side = sideOf(way, role, '');
      side.protocol.sendText('Hello');
      side.protocol.sendBinary(utf8('Hello'));
      const frames = cutFrames(side.written());
      expect(frames.map(({ fin, rsv, opcode }) => [fin, rsv, opcode])).toEqual([
        [true, 0x40, 1],
        [true, 0x40, 2],
      ]);
      // RFC 7692 7.2.3.1 and 7.2.3.2
      expect(frames.map(({ payload }) => toHex(payload))).toEqual([hello, helloAgain]);
    });

    it('sends an uncompressed message as it is and unmarked, without touching the window', () => {
      const side = sideOf(way, role, '', { ...withContexts, thresholdBytes: 5 });
      side.protocol.sendText('Hello');
      side.protocol.sendText('Hell');
      side.protocol.sendText('Hello', false);
      side.protocol.sendText('Hello');
      const frames = cutFrames(side.written());
      expect(frames.map(({ rsv }) => rsv)).toEqual([0x40, 0, 0, 0x40]);
      expect(frames.map(({ payload }) => toHex(payload))).toEqual([
        hello,
        toHex(utf8('Hell')),
        toHex(utf8('Hello')),
        helloAgain,
      ]);
    });

    it('marks the first fragment only and no control frame, and ends a flush in all fragments but the last', () => {
      const side = sideOf(way, role, '');
      side.protocol.sendFragment('text', utf8('Hel'), false);
      side.protocol.ping(utf8('ping'));
      side.protocol.sendFragment('text', utf8('lo, '), false);
      side.protocol.sendFragment('text', utf8('Hello'), true);
      const frames = cutFrames(side.written());
      expect(frames.map(({ fin, rsv, opcode }) => [fin, rsv, opcode])).toEqual([
        [false, 0x40, 1],
        [true, 0, 9],
        [false, 0, 0],
        [true, 0, 0],
      ]);
      const pieces = frames.filter(({ opcode }) => opcode !== 9).map(({ payload }) => toHex(payload));
      expect(pieces.map((piece) => piece.endsWith('0000ffff'))).toEqual([true, true, false]);
      expect(inflateByZlib([fromHex(pieces.join(''))]).toString()).toBe('Hello, Hello');
    });

    it('ends a message that has nothing more to say with the byte 00', () => {
      const side = sideOf(way, role, '');
      side.protocol.sendText('');
      side.protocol.sendFragment('text', utf8('Hello'), false);
      side.protocol.sendFragment('text', utf8(''), true);
      expect(payloadsOf(side).map(toHex)).toEqual(['00', `${hello}0000ffff`, '00']);
    });

    it.each(vectors)('receives $name ($source), whole and in fragments', ({ payload, text }) => {
      const bytes = fromHex(payload);
      for (let place = 0; place < bytes.length; place++) {
        const side = sideOf(way, role, '');
        const fragments = [bytes.subarray(0, place), bytes.subarray(place)];
        side.receive(
          wireTo(role, { opcode: 1, rsv: 0x40, payload: bytes }),
          wireTo(role, { opcode: 1, rsv: 0x40, fin: false, payload: fragments[0] }),
          wireTo(role, { opcode: 9, payload: 'between' }),
          wireTo(role, { opcode: 0, payload: fragments[1] }),
        );
        expect(side.events).toEqual([
          ['text', text],
          ['ping', toHex(utf8('between'))],
          ['text', text],
        ]);
      }
    });

    it('receives an uncompressed message as it is, without touching the window', () => {
      const side = sideOf(way, role, '');
      side.receive(
        compressed(side, fromHex(hello), 1),
        wireTo(role, { opcode: 1, payload: 'Hi' }),
        wireTo(role, { opcode: 2, payload: fromHex(hello) }),
        compressed(side, fromHex(helloAgain), 1),
      );
      expect(side.events).toEqual([
        ['text', 'Hello'],
        ['text', 'Hi'],
        ['binary', hello],
        ['text', 'Hello'],
      ]);
    });

    it('checks text once it is decompressed', () => {
      const side = sideOf(way, role, '');
      const payload = deflateRawSync(fromHex('48ff'), { finishFlush: constants.Z_SYNC_FLUSH });
      side.receive(
        compressed(side, payload.subarray(0, -4), 2),
        compressed(side, payload.subarray(0, -4), 1),
      );
      expect(side.events).toEqual([
        ['binary', '48ff'],
        ['failure', 'WS_TEXT_INVALID', 1007],
      ]);
    });

    it('takes the window over only where the agreed parameters let it', () => {
      const own = role === 'client' ? '; client_no_context_takeover' : '; server_no_context_takeover';
      const other = role === 'client' ? '; server_no_context_takeover' : '; client_no_context_takeover';
      for (const [agreed, second] of [
        ['', helloAgain],
        [own, hello],
        [other, helloAgain],
        [own + other, hello],
      ]) {
        const side = sideOf(way, role, agreed);
        side.protocol.sendText('Hello');
        side.protocol.sendText('Hello');
        expect(payloadsOf(side).map(toHex)).toEqual([hello, second]);
      }
    });

    it('does not take over what it offered not to take over, or what its own option forbids', () => {
      const options = { ...withContexts, clientNoContextTakeover: true, serverNoContextTakeover: true };
      const side = sideOf(way, role, '', options);
      side.protocol.sendText('Hello');
      side.protocol.sendText('Hello');
      expect(payloadsOf(side).map(toHex)).toEqual([hello, hello]);
    });

    it('follows a peer that takes its window over, unless that was agreed not to happen', () => {
      const others = role === 'client' ? '; server_no_context_takeover' : '; client_no_context_takeover';
      const side = sideOf(way, role, '');
      side.receive(compressed(side, fromHex(hello), 1), compressed(side, fromHex(helloAgain), 1));
      expect(side.events).toEqual([
        ['text', 'Hello'],
        ['text', 'Hello'],
      ]);
      const forgetful = sideOf(way, role, others);
      forgetful.receive(
        compressed(forgetful, fromHex(hello), 1),
        compressed(forgetful, fromHex(hello), 1),
        compressed(forgetful, fromHex(helloAgain), 1),
      );
      expect(forgetful.events).toEqual([
        ['text', 'Hello'],
        ['text', 'Hello'],
        ['failure', 'WS_CODEC_FAILED', 1007],
      ]);
    });

    it.each([8, 9, 10, 11, 12, 13, 14, 15])('keeps to an agreed window of %d bits when it sends', (bits) => {
      const name = role === 'client' ? 'client_max_window_bits' : 'server_max_window_bits';
      const side = sideOf(way, role, `; ${name}=${bits}`, { ...withContexts, level: 9 });
      const messages = [wordsOf(100_000), wordsOf(3_000), wordsOf(40_000)];
      for (const message of messages) side.protocol.sendBinary(message);
      const sent = payloadsOf(side);
      expect(inflateByZlib(sent, bits).equals(Buffer.concat(messages))).toBe(true);
      // The judge: it refuses what a larger window compresses.
      const larger = deflateRawSync(messages[0], {
        windowBits: Math.max(9, bits) + 1 > 15 ? 15 : Math.max(9, bits) + 1,
        level: 9,
      });
      if (bits < 15)
        expect(() => inflateRawSync(larger, { windowBits: bits, chunkSize: 64 })).toThrow('too far');
    });

    it.each([8, 9, 10, 11, 12, 13, 14, 15])(
      'receives what an agreed window of %d bits made',
      async (bits) => {
        const name = role === 'client' ? 'server_max_window_bits' : 'client_max_window_bits';
        const side = sideOf(way, role, `; ${name}=${bits}`);
        const messages = [wordsOf(100_000), wordsOf(3_000), wordsOf(40_000)];
        const settings = { windowBits: bits, level: 9, memLevel: 8, hasTakeover: true };
        for (const payload of await deflateByZlib(messages, settings))
          side.receive(compressed(side, payload));
        expect(side.events).toEqual(messages.map((message) => ['binary', toHex(message)]));
      },
    );

    it('receives what a window of 32,768 bytes made when none was agreed', async () => {
      const side = sideOf(way, role, '', { ...withContexts, serverMaxWindowBits: 8, clientMaxWindowBits: 8 });
      // As far back as zlib goes, and across messages.
      const start = wordsOf(5_000);
      const messages = [Buffer.concat([start, new Uint8Array(27_000), start]), new Uint8Array(27_000), start];
      const settings = { windowBits: 15, level: 9, memLevel: 8, hasTakeover: true };
      for (const payload of await deflateByZlib(messages, settings)) side.receive(compressed(side, payload));
      expect(side.events).toEqual(messages.map((message) => ['binary', toHex(message)]));
    });

    it.each([
      ['is not DEFLATE', '07'],
      ['refers to before its beginning', helloAgain],
      ['is cut', 'f248'],
    ])('fails the connection with 1007 over data that %s', (_, payload) => {
      const side = sideOf(way, role, '');
      side.receive(compressed(side, fromHex(payload)), wireTo(role, { opcode: 1, payload: 'too late' }));
      expect(side.events).toEqual([['failure', 'WS_CODEC_FAILED', 1007]]);
    });
  });

  it('both sides talk, whatever they agreed on', () => {
    const messages = ['Hello', 'Hello', '', 'x'.repeat(3000), 'Hello'];
    for (const takeover of [true, false]) {
      for (const bits of [8, 11, 15]) {
        const options = {
          serverNoContextTakeover: !takeover,
          clientNoContextTakeover: !takeover,
          serverMaxWindowBits: bits,
          clientMaxWindowBits: bits,
          thresholdBytes: 0,
        };
        const { codec } = stage(way);
        const offered = new PerMessageDeflate(options, codec);
        const accepted = new PerMessageDeflate(options, codec).accept({
          name: offered.name,
          parameters: offered.offers()[0],
        });
        if (accepted === undefined) throw new Error('declined');
        const confirmed = offered.confirm(accepted);
        if (typeof confirmed === 'string') throw new Error(confirmed);
        const server = new Side({ role: 'server', extension: accepted });
        const client = new Side({ role: 'client', extension: confirmed });
        for (const [from, to] of [
          [server, client],
          [client, server],
        ]) {
          for (const message of messages) from.protocol.sendText(message);
          to.receive(from.written());
          expect(to.events).toEqual(messages.map((message) => ['text', message]));
        }
      }
    }
  });
});
