import { describe, expect, it } from 'vitest';
import { CloseCode, isApplicationCloseCode, isWireCloseCode } from '../../src/protocol/close-code.ts';

const codes = Array.from({ length: 65_537 }, (_, code) => code);

describe('close codes', () => {
  it('may stand on the wire: 1000-1003, 1007-1014 and 3000-4999, no other', () => {
    const allowed = codes.filter(isWireCloseCode);
    const registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    expect(allowed.slice(0, 12)).toEqual(registered);
    expect(allowed.slice(12)).toEqual(Array.from({ length: 2000 }, (_, index) => 3000 + index));
  });

  it('may be given by a browser application: 1000 and 3000-4999, no other', () => {
    const allowed = codes.filter(isApplicationCloseCode);
    expect(allowed).toEqual([1000, ...Array.from({ length: 2000 }, (_, index) => 3000 + index)]);
  });

  it.each([Number.NaN, 1000.5, -1000, Infinity])('are integers, which %d is not', (code) => {
    expect(isWireCloseCode(code)).toBe(false);
    expect(isApplicationCloseCode(code)).toBe(false);
  });

  it('have names, of which just three never stand on the wire', () => {
    const internal = Object.values(CloseCode).filter((code) => !isWireCloseCode(code));
    expect(internal).toEqual([CloseCode.noStatusReceived, CloseCode.abnormalClosure, CloseCode.tlsHandshake]);
  });
});
