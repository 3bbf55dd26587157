import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readParameters,
  writeParameters,
} from '../../../../src/protocol/extensions/permessage-deflate/parameters.ts';

const windowBits = fc.option(fc.integer({ min: 8, max: 15 }), { nil: undefined });
const negotiated = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: windowBits,
  clientMaxWindowBits: windowBits,
});

describe('the parameters of permessage-deflate', () => {
  it('are read as they were written, in an offer and in an answer', () => {
    fc.assert(
      fc.property(negotiated, fc.constantFrom('offer', 'answer'), (parameters, place) => {
        expect(readParameters(writeParameters(parameters, place), place)).toEqual(parameters);
      }),
    );
  });

  it('may come in any order', () => {
    fc.assert(
      fc.property(
        negotiated.chain((parameters) => {
          const written = writeParameters(parameters, 'answer');
          return fc.tuple(
            fc.constant(parameters),
            fc.shuffledSubarray(written, { minLength: written.length, maxLength: written.length }),
          );
        }),
        ([parameters, shuffled]) => {
          expect(readParameters(shuffled, 'answer')).toEqual(parameters);
        },
      ),
    );
  });

  it('say in an offer without a value that the client can be limited', () => {
    const offered = [{ name: 'client_max_window_bits' }];
    expect(readParameters(offered, 'offer')).toMatchObject({ clientMaxWindowBits: 15 });
    expect(readParameters(offered, 'answer')).toBe(
      'parameter client_max_window_bits has no value, expected 8 to 15 without leading zeros (RFC 7692 7.1.2.2)',
    );
    expect(readParameters([{ name: 'server_max_window_bits' }], 'offer')).toEqual(expect.any(String));
  });

  it.each(['server_max_window_bits', 'client_max_window_bits'])('take exactly 8 to 15 for %s', (name) => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(20).map(String), fc.string({ maxLength: 4 })),
        fc.constantFrom('offer', 'answer'),
        (value, place) => {
          const isAllowed = ['8', '9', '10', '11', '12', '13', '14', '15'].includes(value);
          expect(typeof readParameters([{ name, value }], place)).toBe(isAllowed ? 'object' : 'string');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are refused with the name, what was found, what was expected and the section', () => {
    expect(readParameters([{ name: 'mem_level', value: '8' }], 'offer')).toBe(
      'parameter "mem_level", expected one of server_no_context_takeover, client_no_context_takeover, ' +
        'server_max_window_bits, client_max_window_bits (RFC 7692 7)',
    );
    expect(readParameters([{ name: 'server_max_window_bits', value: '16' }], 'offer')).toBe(
      'parameter server_max_window_bits is "16", expected 8 to 15 without leading zeros (RFC 7692 7.1.2.1)',
    );
  });
});
