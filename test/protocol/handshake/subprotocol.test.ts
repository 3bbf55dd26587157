import { describe, expect, it } from 'vitest';
import {
  chooseSubprotocol,
  parseSubprotocols,
  requireSubprotocols,
} from '../../../src/protocol/handshake/subprotocol.ts';

describe('subprotocols', () => {
  it("are chosen by the server's preference, not the client's", () => {
    expect(chooseSubprotocol(['a', 'b', 'c'], ['c', 'b'])).toBe('c');
    expect(chooseSubprotocol(['a'], ['b'])).toBe('');
    expect(chooseSubprotocol([], ['b'])).toBe('');
    expect(chooseSubprotocol(['a'], [])).toBe('');
    expect(chooseSubprotocol(['Chat'], ['chat'])).toBe('');
  });

  it("are read in the client's order", () => {
    expect(parseSubprotocols('superchat ,chat,\t v1.json')).toEqual(['superchat', 'chat', 'v1.json']);
    expect(parseSubprotocols('chat, Chat')).toEqual(['chat', 'Chat']);
  });

  it.each([
    ['chat, chat', '"chat" stands there twice'],
    ['my chat', '"my chat" is not a token'],
    ['chat, "a"', '"\\"a\\"" is not a token'],
    ['caf\u00e9', '"caf\u00e9" is not a token'],
    ['', 'no subprotocol, expected at least one'],
    [' , ', 'no subprotocol, expected at least one'],
  ])('are refused as %j', (text, problem) => {
    expect(parseSubprotocols(text)).toBe(problem);
  });

  it('are read in time in proportion to their number', () => {
    const names = Array.from({ length: 200_000 }, (_, index) => `p${index}`);
    const start = performance.now();
    expect(parseSubprotocols(names.join(','))).toHaveLength(names.length);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it.each([[['a', 'a']], [['']], [['a b']], [['a', 'caf\u00e9']], [['a,b']], [['a\r\nX: y']]])(
    'that an application configures are refused as %j',
    (protocols) => {
      expect(() => requireSubprotocols(protocols)).toThrow(
        expect.objectContaining({
          code: 'WS_OPTION_INVALID',
          message: expect.stringMatching(/^option protocols has /),
        }),
      );
    },
  );
});
