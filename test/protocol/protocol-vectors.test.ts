// Every frame and closing vector against a Protocol: whole, byte by byte, and split at random.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Side } from './recording-sink.ts';
import { decodeAll } from './reference-decoder.ts';
import { bytesOf, eventsOf, type FrameVector, readFrameVectors } from './vector-files.ts';
import { splitAt } from './wire.ts';

function play(vector: FrameVector, pieces: readonly Uint8Array[]): Side {
  const side = new Side({
    role: vector.receiver,
    ...(vector.limits === undefined ? {} : { limits: vector.limits }),
  });
  side.receive(...pieces);
  return side;
}

function check(vector: FrameVector, side: Side): void {
  const expected = eventsOf(vector.events);
  expect(side.events).toEqual(expected);
  const last = expected.at(-1);
  const answers = side.answers();
  if (last?.[0] === 'failure') {
    const [name, code, reason] = answers.at(-1) ?? [];
    expect([name, code]).toEqual(['close', last[2]]);
    // What was found is told, cut where a close reason ends.
    expect(side.sink.lastError?.message.slice(0, 110)).toBe(String(reason).slice(0, 110));
    expect(side.protocol.closingState).toBe('failed');
  } else if (vector.answers !== undefined) {
    expect(answers).toEqual(vector.answers);
  }
  if (last?.[0] === 'close') expect(side.protocol.closingState).toBe('closed');
  expect(side.protocol.retainedBytes).toBe(0);
}

describe.each(['frames-valid.json', 'frames-invalid.json', 'close-frames.json'])('%s', (file) => {
  it.each(readFrameVectors(file))('$receiver: $name ($source)', (vector) => {
    const bytes = bytesOf(vector.bytes);
    expect(vector.source).not.toBe('');
    check(vector, play(vector, [bytes]));
    check(vector, play(vector, splitAt(bytes, [...bytes.keys()])));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (places) => {
        check(vector, play(vector, splitAt(bytes, places)));
      }),
      { numRuns: bytes.length > 1000 ? 3 : 10 },
    );
  });

  it('is read by the reference decoder of the property tests in the same way', () => {
    for (const vector of readFrameVectors(file)) {
      const events = decodeAll(bytesOf(vector.bytes), { receiver: vector.receiver, ...vector.limits });
      expect([vector.name, ...events]).toEqual([vector.name, ...eventsOf(vector.events)]);
    }
  });
});
