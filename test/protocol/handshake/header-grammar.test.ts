import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  equalsIgnoringCase,
  isDigits,
  isFieldValue,
  isToken,
  listHasToken,
  listHasUpgradeProtocol,
  quotedStringEnd,
  trimWhitespace,
  unquote,
} from '../../../src/protocol/handshake/header-grammar.ts';

const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));

describe('the header grammar', () => {
  it('takes exactly the characters of RFC 9110 5.6.2 for a token', () => {
    for (let code = 0; code < 0x300; code++) {
      const char = String.fromCharCode(code);
      expect(isToken(char)).toBe(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(char));
    }
    expect(isToken('')).toBe(false);
    expect(isToken('a b')).toBe(false);
  });

  it('takes exactly the characters of RFC 9110 5.5 for a field value', () => {
    for (let code = 0; code < 0x300; code++) {
      const char = String.fromCharCode(code);
      expect(isFieldValue(char)).toBe(code === 0x09 || (code >= 0x20 && code <= 0xff && code !== 0x7f));
    }
    expect(isFieldValue('')).toBe(true);
  });

  it('removes SP and HTAB around a value, and nothing else', () => {
    expect(trimWhitespace(' \t a b \t')).toBe('a b');
    expect(trimWhitespace('\u00a0a\u00a0')).toBe('\u00a0a\u00a0');
    expect(trimWhitespace(' \t ')).toBe('');
  });

  it('compares without the case of ASCII letters only', () => {
    expect(equalsIgnoringCase('Sec-WebSocket-Key', 'sEC-wEBsOCKET-kEY')).toBe(true);
    expect(equalsIgnoringCase('[', '{')).toBe(false);
    expect(equalsIgnoringCase('@', '`')).toBe(false);
    expect(equalsIgnoringCase('\u212aey', 'key')).toBe(false);
    expect(equalsIgnoringCase('a', 'ab')).toBe(false);
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        expect(equalsIgnoringCase(left, right)).toBe(left.toLowerCase() === right.toLowerCase());
        expect(equalsIgnoringCase(left, left.toUpperCase())).toBe(true);
      }),
    );
  });

  it('finds the end of a quoted string and its content', () => {
    const content = fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '\t', '\u00e9') });
    fc.assert(
      fc.property(content, anyText, (text, rest) => {
        const quoted = `"${text.replace(/["\\]/g, '\\$&')}"`;
        expect(quotedStringEnd(`x${quoted}${rest}`, 1)).toBe(quoted.length + 1);
        expect(unquote(`x${quoted}${rest}`, 1, quoted.length + 1)).toBe(text);
        expect(quotedStringEnd(quoted.slice(0, -1), 0)).toBe(-1);
      }),
    );
    expect(quotedStringEnd('"a\u0000"', 0)).toBe(-1);
    expect(quotedStringEnd('"a\\\u0000"', 0)).toBe(-1);
  });

  it('tells decimal digits', () => {
    expect(isDigits('0123456789')).toBe(true);
    for (const text of ['', ' 1', '1 ', '+1', '1e1', '\u0661', '/', ':']) expect(isDigits(text)).toBe(false);
  });
});

describe('a list of tokens', () => {
  it.each(['Upgrade', 'keep-alive, Upgrade', 'UPGRADE,close', ' ,,upgrade\t, ', 'a,b,c,upgrade'])(
    'has upgrade in %j',
    (text) => {
      expect(listHasToken(text, 'upgrade')).toBe(true);
    },
  );

  it.each([
    '',
    ',',
    'no-upgrade',
    'upgrade d',
    'up,grade',
    'upgrade, a b',
    '"upgrade"',
    'upgrade;q=1',
    'upgrade, \u00e9',
  ])('does not have upgrade in %j', (text) => {
    expect(listHasToken(text, 'upgrade')).toBe(false);
  });

  it('has protocols with versions in Upgrade', () => {
    expect(listHasUpgradeProtocol('h2c, IRC/6.9, WebSocket', 'websocket')).toBe(true);
    for (const text of ['websocket/13', 'h2c', 'a/b/c, websocket', '/1, websocket', 'a/, websocket', '']) {
      expect(listHasUpgradeProtocol(text, 'websocket')).toBe(false);
    }
  });

  it('is read in time in proportion to its length', () => {
    for (const hostile of [',', ' ', ' ,', 'a', 'a ', 'upgrade,', '\t\t,']) {
      const text = hostile.repeat(1_000_000 / hostile.length);
      const start = performance.now();
      listHasToken(text, 'upgrade');
      listHasUpgradeProtocol(text, 'websocket');
      expect(performance.now() - start).toBeLessThan(2_000);
    }
  });
});
