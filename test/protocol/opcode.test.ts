import { describe, expect, it } from 'vitest';
import { isControlOpcode, isKnownOpcode, Opcode, opcodeName } from '../../src/protocol/opcode.ts';

describe('opcodes', () => {
  it('are the six of RFC 6455 5.2, the control frames having the highest bit set', () => {
    const known = Array.from({ length: 16 }, (_, opcode) => opcode).filter(isKnownOpcode);
    expect(known).toEqual([0, 1, 2, 8, 9, 10]);
    expect(known).toEqual(Object.values(Opcode));
    expect(known.filter(isControlOpcode)).toEqual([8, 9, 10]);
  });

  it('have names for people, the reserved ones too', () => {
    expect([0, 1, 2, 8, 9, 10].map(opcodeName)).toEqual([
      'continuation',
      'text',
      'binary',
      'close',
      'ping',
      'pong',
    ]);
    expect(opcodeName(0x3)).toBe('reserved 0x3');
    expect(opcodeName(0xf)).toBe('reserved 0xf');
  });
});
