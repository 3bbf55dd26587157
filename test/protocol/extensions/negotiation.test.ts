import { describe, expect, it } from 'vitest';
import { parseExtensions } from '../../../src/protocol/extensions/extension-header.ts';
import type { ExtensionOffer } from '../../../src/protocol/extensions/extension-header.ts';
import {
  closeExtensions,
  confirmExtensions,
  negotiateExtensions,
  requireExtensions,
} from '../../../src/protocol/extensions/negotiation.ts';
import { fakeExtension } from './fake-extension.ts';

function offersOf(header: string): ExtensionOffer[] {
  const offers = parseExtensions(header);
  if (typeof offers === 'string') throw new Error(offers);
  return offers;
}

describe('the server negotiates extensions', () => {
  const first = fakeExtension('x-first', 0x40);
  const second = fakeExtension('x-second', 0x20);
  const clash = fakeExtension('x-clash', 0x40);

  function agreedOn(header: string): string[] {
    return negotiateExtensions(offersOf(header), [first, second, clash]).map(
      ({ name, parameters }) => name + parameters.map(({ value }) => `=${value}`).join(''),
    );
  }

  it("in the client's order", () => {
    expect(agreedOn('x-second, x-first')).toEqual(['x-second', 'x-first']);
  });

  it('leaving out what it does not know', () => {
    expect(agreedOn('x-unknown, x-first, X-Second')).toEqual(['x-first']);
  });

  it('taking the first of several offers of one extension that it accepts', () => {
    expect(agreedOn('x-first; level=9, x-first; level=2, x-first; level=3')).toEqual(['x-first=2']);
  });

  it('leaving out an extension whose RSV bit is taken', () => {
    expect(agreedOn('x-first, x-clash, x-second')).toEqual(['x-first', 'x-second']);
    expect(agreedOn('x-clash, x-first, x-second')).toEqual(['x-clash', 'x-second']);
  });

  it('not letting a declined offer take an RSV bit', () => {
    expect(agreedOn('x-first; level=0, x-clash')).toEqual(['x-clash']);
  });

  it('passing repeated and unknown parameters on to the extension to judge', () => {
    expect(agreedOn('x-first; level=1; level=2')).toEqual(['x-first=1=2']);
    expect(agreedOn('x-first; strange')).toEqual([]);
  });

  it('agreeing on nothing when it has none', () => {
    expect(negotiateExtensions(offersOf('x-first'), [])).toEqual([]);
  });
});

describe('the client confirms extensions', () => {
  const offered = [
    fakeExtension('x-first', 0x40),
    fakeExtension('x-second', 0x20),
    fakeExtension('x-clash', 0x40),
  ];

  it("in the server's order", () => {
    const agreed = confirmExtensions(offersOf('x-second; level=1, x-first'), offered);
    if (typeof agreed === 'string') throw new Error(agreed);
    expect(agreed.map(({ name }) => name)).toEqual(['x-second', 'x-first']);
  });

  it.each([
    ['x-first, x-unsolicited', 'extension "x-unsolicited" was not offered'],
    ['X-First', 'extension "X-First" was not offered'],
    ['x-first, x-first', 'extension x-first stands there twice'],
    ['x-first, x-clash', 'extension x-clash claims an RSV bit that one before it has taken'],
    ['x-first; level=7', 'extension x-first: a parameter other than level=1 to 5'],
  ])('refusing %s', (header, problem) => {
    expect(confirmExtensions(offersOf(header), offered)).toBe(problem);
  });

  it('closing the codecs of what was confirmed before the failure', () => {
    const first = fakeExtension('x-first');
    expect(confirmExtensions(offersOf('x-first, x-unsolicited'), [first])).toEqual(expect.any(String));
    expect(first.closedCodecs).toBe(2);
  });
});

describe('configured extensions', () => {
  it('close all their codecs when the connection does not come about', () => {
    const extension = fakeExtension('x-first');
    closeExtensions(negotiateExtensions(offersOf('x-first'), [extension]));
    expect(extension.closedCodecs).toBe(2);
  });

  it.each([['not a token'], ['']])('may not be named %j', (name) => {
    expect(() => requireExtensions([fakeExtension(name)])).toThrow(
      expect.objectContaining({
        code: 'WS_OPTION_INVALID',
        message: expect.stringContaining('option extensions'),
      }),
    );
  });

  it('may not have the same name twice', () => {
    expect(() => requireExtensions([fakeExtension('x'), fakeExtension('x')])).toThrow(
      /option extensions .*"x"/,
    );
  });
});
