import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ExtensionOffer,
  formatExtensions,
  maxExtensionOffers,
  maxExtensionParameters,
  parseExtensions,
} from '../../../src/protocol/extensions/extension-header.ts';

interface Vector {
  readonly header: string;
  readonly source: string;
  readonly expected: readonly ExtensionOffer[] | null;
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/handshake-extensions.json', import.meta.url), 'utf8'),
);

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
const parameter = fc.oneof(fc.record({ name: token }), fc.record({ name: token, value: token }));
const offers = fc.array(fc.record({ name: token, parameters: fc.array(parameter, { maxLength: 4 }) }), {
  minLength: 1,
  maxLength: 6,
});

describe('parseExtensions', () => {
  it.each(vectors)('reads $header as in $source', ({ header, expected }) => {
    const parsed = parseExtensions(header);
    if (expected === null) expect(parsed).toEqual(expect.any(String));
    else expect(parsed).toEqual(expected);
  });

  it('says what was found, where, and what was expected', () => {
    expect(parseExtensions('foo; a=')).toBe('the end at offset 7, expected a value that is a token');
    expect(parseExtensions('foo bar')).toBe('"bar" at offset 4, expected ";", "," or the end');
  });

  it('reads whatever formatExtensions writes', () => {
    fc.assert(
      fc.property(offers, (list) => {
        expect(parseExtensions(formatExtensions(list))).toEqual(list);
      }),
    );
  });

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom('foo', ';', ',', '=', '"', '\\', ' ', '\t', '\u0000', '\u00e9', '\u20ac');
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        const parsed = parseExtensions(given);
        if (typeof parsed !== 'string') expect(parseExtensions(formatExtensions(parsed))).toEqual(parsed);
      }),
      { numRuns: 2000 },
    );
  });

  it('bounds the number of extensions and of parameters', () => {
    const atMost = Array.from({ length: maxExtensionOffers }, () => 'x').join(',');
    expect(parseExtensions(atMost)).toHaveLength(maxExtensionOffers);
    expect(parseExtensions(`${atMost},x`)).toBe('more than 32 extensions');
    expect(parseExtensions(`x${';p'.repeat(maxExtensionParameters)}`)).toHaveLength(1);
    expect(parseExtensions(`x${';p'.repeat(maxExtensionParameters + 1)}`)).toBe('more than 32 parameters');
  });

  it('takes time in proportion to the length of hostile headers', () => {
    for (const hostile of ['x; a="\\', ',', ' ', '"', '\\', 'x;', 'a="b', ' \t,', 'x']) {
      const text = `x; a="${hostile.repeat(1_000_000 / hostile.length)}`;
      const start = performance.now();
      parseExtensions(text);
      parseExtensions(hostile.repeat(1_000_000 / hostile.length));
      // A quadratic parser would need minutes; the bound only has to tell the two apart.
      expect(performance.now() - start).toBeLessThan(2_000);
    }
  });
});

describe('formatExtensions', () => {
  it('writes parameters with and without values', () => {
    const list = [
      { name: 'permessage-deflate', parameters: [{ name: 'client_max_window_bits' }] },
      { name: 'foo', parameters: [{ name: 'bar', value: '2' }] },
    ];
    expect(formatExtensions(list)).toBe('permessage-deflate; client_max_window_bits, foo; bar=2');
    expect(formatExtensions([])).toBe('');
  });

  it.each(['', 'a b', 'a\r\nX: y', '"a"', 'caf\u00e9'])('refuses %j as a name or a value', (text) => {
    const invalid = expect.objectContaining({ code: 'WS_OPTION_INVALID' });
    expect(() => formatExtensions([{ name: text, parameters: [] }])).toThrow(invalid);
    expect(() => formatExtensions([{ name: 'x', parameters: [{ name: text }] }])).toThrow(invalid);
    expect(() => formatExtensions([{ name: 'x', parameters: [{ name: 'p', value: text }] }])).toThrow(
      invalid,
    );
  });
});
