import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cryptoRandom } from '../../../src/base/random.ts';
import { computeAccept, isKey, makeKey } from '../../../src/protocol/handshake/accept-key.ts';
import { encodeBase64, portableSha1 } from '../../../src/protocol/handshake/sha1.ts';

const vectors: readonly { source: string; key: string; accept: string }[] = JSON.parse(
  readFileSync(new URL('../../vectors/handshake-accept-key.json', import.meta.url), 'utf8'),
);

function nodeSha1(ascii: string): string {
  return createHash('sha1').update(ascii, 'latin1').digest('base64');
}

describe('Sec-WebSocket-Accept', () => {
  it.each(vectors)('of $key is $accept: $source', ({ key, accept }) => {
    expect(isKey(key)).toBe(true);
    expect(computeAccept(key)).toBe(accept);
    expect(computeAccept(key, nodeSha1)).toBe(accept);
  });

  it('comes from the injected digest', () => {
    expect(computeAccept('key', (text) => `digest of ${text}`)).toBe(
      'digest of key258EAFA5-E914-47DA-95CA-C5AB0DC85B11',
    );
  });
});

describe('the portable SHA-1', () => {
  it("gives the digests of RFC 3174's test program", () => {
    expect(portableSha1('abc')).toBe(
      Buffer.from('a9993e364706816aba3e25717850c26c9cd0d89d', 'hex').toString('base64'),
    );
    expect(portableSha1('0123456701234567012345670123456701234567012345670123456701234567'.repeat(10))).toBe(
      Buffer.from('dea356a2cddd90c7a7ecedc5ebb563934f460452', 'hex').toString('base64'),
    );
  });

  it("agrees with node:crypto at every length around the block's end", () => {
    for (let length = 0; length <= 200; length++) {
      const text = 'x'.repeat(length);
      expect(portableSha1(text)).toBe(nodeSha1(text));
    }
  });

  it('agrees with node:crypto on any ASCII text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 300 }), (text) => {
        expect(portableSha1(text)).toBe(nodeSha1(text));
      }),
    );
  });
});

describe('base64', () => {
  it("agrees with Buffer's on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
  });
});

describe('Sec-WebSocket-Key', () => {
  it('is made of 16 bytes from the random source', () => {
    const key = makeKey({ fill: (target) => target.set(Array.from(target, (_, index) => index + 1)) });
    expect(key).toBe('AQIDBAUGBwgJCgsMDQ4PEA==');
    expect(isKey(makeKey(cryptoRandom))).toBe(true);
    expect(makeKey(cryptoRandom)).not.toBe(makeKey(cryptoRandom));
  });

  it('is valid for any 16 bytes in base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => isKey(encodeBase64(bytes))),
    );
  });

  it('is invalid for any other number of bytes', () => {
    const others = fc.uint8Array({ maxLength: 40 }).filter((bytes) => bytes.length !== 16);
    fc.assert(fc.property(others, (bytes) => !isKey(encodeBase64(bytes))));
  });

  it.each([
    '',
    'AAAAAAAAAAAAAAAAAAAAAA=A',
    'AAAAAAAAAAAAAAAAAAAAAAA=',
    'AAAAAAAAAA AAAAAAAAAAA==',
    '=AAAAAAAAAAAAAAAAAAAAA==',
    'AAAAAAAAAAAAAAAAAAAAA.==',
    '-AAAAAAAAAAAAAAAAAAAAA==',
  ])('is invalid as %j', (text) => {
    expect(isKey(text)).toBe(false);
  });
});
