import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderList, requireExtraHeaders } from '../../../src/protocol/handshake/header-list.ts';

const invalid = expect.objectContaining({ code: 'WS_OPTION_INVALID' });

describe('HeaderList', () => {
  const list = HeaderList.fromRaw(['Host', 'h', 'X-A', '1', 'x-a', '2', 'X-B', '']);

  it('finds values by name without case', () => {
    expect(list.get('HOST')).toBe('h');
    expect(list.get('X-A')).toBe('1');
    expect(list.getAll('x-A')).toEqual(['1', '2']);
    expect(list.joined('X-a')).toBe('1, 2');
    expect(list.count('x-a')).toBe(2);
  });

  it('tells an empty value from a missing one', () => {
    expect(list.get('X-B')).toBe('');
    expect(list.has('x-b')).toBe(true);
    expect(list.joined('x-b')).toBe('');
    expect(list.get('X-C')).toBeUndefined();
    expect(list.joined('X-C')).toBeUndefined();
    expect(list.getAll('X-C')).toEqual([]);
    expect(list.has('X-C')).toBe(false);
    expect(list.count('X-C')).toBe(0);
  });

  it('keeps the order and the case of names', () => {
    expect([...list]).toEqual([
      ['Host', 'h'],
      ['X-A', '1'],
      ['x-a', '2'],
      ['X-B', ''],
    ]);
    expect(list.size).toBe(4);
    expect(new Headers([...list]).get('x-a')).toBe('1, 2');
  });

  it('is made of pairs, of a WHATWG Headers, of another list, or of an object with repeated values', () => {
    expect([...HeaderList.from([['A', '1']])]).toEqual([['A', '1']]);
    expect([...HeaderList.from(new Headers({ A: '1' }))]).toEqual([['a', '1']]);
    expect([...HeaderList.from(new Map([['A', '1']]))]).toEqual([['A', '1']]);
    expect([...HeaderList.from(HeaderList.fromRaw(['A', '1']))]).toEqual([['A', '1']]);
    expect([...HeaderList.from({ A: '1', B: ['2', '3'] })]).toEqual([
      ['A', '1'],
      ['B', '2'],
      ['B', '3'],
    ]);
    expect(HeaderList.from().size).toBe(0);
  });

  it('removes whitespace around values that are written', () => {
    expect(new HeaderList().append('A', ' \tb c ').format()).toBe('A: b c\r\n');
  });

  it.each(['', ' ', 'a b', 'a:', 'a\r\nB', 'a\u0000', '\u00e9', 'a\n', '(a)'])(
    'refuses the name %j',
    (name) => {
      expect(() => new HeaderList().append(name, 'x')).toThrow(invalid);
      expect(() => HeaderList.from({ [name]: 'x' })).toThrow(invalid);
      expect(() => HeaderList.fromRaw([name, 'x']).format()).toThrow(invalid);
    },
  );

  it.each([
    'a\r\nSet-Cookie: b',
    'a\nb',
    'a\rb',
    '\r\n',
    'a\u0000',
    'a\u007f',
    '\u20ac',
    '\ud83d\ude00',
    'a\u000b',
  ])('refuses the value %j', (value) => {
    expect(() => new HeaderList().append('A', value)).toThrow(invalid);
    expect(() => HeaderList.from([['A', value]])).toThrow(invalid);
    expect(() => HeaderList.from({ A: ['fine', value] })).toThrow(invalid);
    expect(() => HeaderList.fromRaw(['A', value]).format()).toThrow(invalid);
  });

  it('names the header, what was given and what is allowed', () => {
    expect(() => new HeaderList().append('X-User', 'a\r\nb')).toThrow(
      'value of header X-User is "a\\r\\nb", expected Latin-1 text without control characters (RFC 9110 5.5)',
    );
  });

  it('writes exactly one line for each field, whatever is appended', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))),
        (pairs) => {
          const headers = new HeaderList();
          for (const [name, value] of pairs) {
            try {
              headers.append(name, value);
            } catch (error) {
              expect(error).toEqual(invalid);
            }
          }
          const lines = headers.format().split(/\r\n|\r|\n/);
          expect(lines).toHaveLength(headers.size + 1);
          expect(lines.at(-1)).toBe('');
        },
      ),
    );
  });
});

describe('extra headers of a handshake', () => {
  it('are taken as they are', () => {
    expect([...requireExtraHeaders({ Cookie: 'a=b', 'Set-Cookie': ['a', 'b'] })]).toHaveLength(3);
    expect(requireExtraHeaders(undefined).size).toBe(0);
  });

  it.each([
    'Host',
    'upgrade',
    'CONNECTION',
    'Content-Length',
    'Transfer-Encoding',
    'Sec-WebSocket-Key',
    'sec-websocket-accept',
    'SEC-WEBSOCKET-VERSION',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Extensions',
    'Sec-WebSocket-Anything',
  ])('may not have %s, which belongs to the handshake', (name) => {
    expect(() => requireExtraHeaders({ [name]: 'x' })).toThrow(
      expect.objectContaining({
        code: 'WS_OPTION_INVALID',
        message: expect.stringContaining(`option headers has "${name}"`),
      }),
    );
  });
});
