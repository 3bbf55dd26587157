import { describe, expect, it } from 'vitest';
import { HeaderList } from '../../../src/protocol/handshake/header-list.ts';
import {
  encodeLatin1,
  formatRequestHead,
  formatResponseHead,
} from '../../../src/protocol/handshake/http-head.ts';

const invalid = expect.objectContaining({ code: 'WS_OPTION_INVALID' });
const headers = HeaderList.from({ Host: 'h' });

describe('writing heads', () => {
  it('gives the start line, the headers and the empty line', () => {
    expect(formatRequestHead({ method: 'GET', target: '/a?b', headers })).toBe(
      'GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n',
    );
    expect(formatResponseHead({ status: 404, reason: 'Not Found', headers })).toBe(
      'HTTP/1.1 404 Not Found\r\nHost: h\r\n\r\n',
    );
  });

  it.each(['', 'GET ', 'G\r\nT', 'G\u00c9T'])('refuses the method %j', (method) => {
    expect(() => formatRequestHead({ method, target: '/', headers })).toThrow(invalid);
  });

  it.each(['', '/a b', '/a\r\nX: y', '/\u00e9', '/\u0000', '/ HTTP/1.1\r\n'])(
    'refuses the target %j',
    (target) => {
      expect(() => formatRequestHead({ method: 'GET', target, headers })).toThrow(invalid);
    },
  );

  it.each([0, 99, 1000, 200.5, NaN, -200])('refuses the status %j', (status) => {
    expect(() => formatResponseHead({ status, reason: '', headers })).toThrow(invalid);
  });

  it.each(['a\r\nX: y', 'a\nb', '\u20ac', '\u0000'])('refuses the reason %j', (reason) => {
    expect(() => formatResponseHead({ status: 200, reason, headers })).toThrow(invalid);
  });

  it('gives one byte for each character', () => {
    expect(encodeLatin1('a\u00e9\u00ff')).toEqual(Uint8Array.of(0x61, 0xe9, 0xff));
  });
});
