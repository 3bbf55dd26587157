import { describe, expect, it } from 'vitest';
import { PerMessageDeflate } from '../../../../src/protocol/extensions/permessage-deflate/per-message-deflate.ts';
import {
  defaultPerMessageDeflateOptions,
  type PerMessageDeflateOptions,
  resolvePerMessageDeflateOptions,
} from '../../../../src/protocol/extensions/permessage-deflate/options.ts';
import { NotingCodec } from './noting-codec.ts';

describe('options of permessage-deflate', () => {
  it('have safe defaults: no context outlives its message', () => {
    expect(resolvePerMessageDeflateOptions()).toEqual({
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
      thresholdBytes: 1024,
      level: 3,
      memLevel: 8,
      maxInflationRatio: 200,
    });
    expect(resolvePerMessageDeflateOptions({})).toEqual(defaultPerMessageDeflateOptions);
  });

  it('are the defaults where they are undefined', () => {
    expect(resolvePerMessageDeflateOptions({ level: undefined, serverNoContextTakeover: undefined })).toEqual(
      defaultPerMessageDeflateOptions,
    );
  });

  it.each<[PerMessageDeflateOptions]>([
    [{ serverNoContextTakeover: false }],
    [{ clientNoContextTakeover: false }],
    [{ serverMaxWindowBits: 8 }],
    [{ serverMaxWindowBits: 15 }],
    [{ clientMaxWindowBits: 8 }],
    [{ clientMaxWindowBits: 15 }],
    [{ thresholdBytes: 0 }],
    [{ thresholdBytes: Number.MAX_SAFE_INTEGER }],
    [{ level: 1 }],
    [{ level: 9 }],
    [{ memLevel: 1 }],
    [{ memLevel: 9 }],
    [{ maxInflationRatio: 1 }],
    [{ maxInflationRatio: Infinity }],
  ])('may be %j', (given) => {
    expect(resolvePerMessageDeflateOptions(given)).toEqual({ ...defaultPerMessageDeflateOptions, ...given });
  });

  it.each<[object, string]>([
    [
      { serverMaxWindowBits: 7 },
      'option perMessageDeflate.serverMaxWindowBits is 7, expected an integer from 8 to 15',
    ],
    [
      { serverMaxWindowBits: 16 },
      'option perMessageDeflate.serverMaxWindowBits is 16, expected an integer from 8 to 15',
    ],
    [
      { clientMaxWindowBits: 7 },
      'option perMessageDeflate.clientMaxWindowBits is 7, expected an integer from 8 to 15',
    ],
    [
      { clientMaxWindowBits: 16 },
      'option perMessageDeflate.clientMaxWindowBits is 16, expected an integer from 8 to 15',
    ],
    [
      { clientMaxWindowBits: true },
      'option perMessageDeflate.clientMaxWindowBits is true, expected an integer from 8 to 15',
    ],
    [
      { serverMaxWindowBits: '15' },
      'option perMessageDeflate.serverMaxWindowBits is "15", expected an integer from 8 to 15',
    ],
    [
      { thresholdBytes: -1 },
      'option perMessageDeflate.thresholdBytes is -1, expected an integer from 0 to 9007199254740991',
    ],
    [
      { thresholdBytes: Infinity },
      'option perMessageDeflate.thresholdBytes is Infinity, expected an integer from 0 to 9007199254740991',
    ],
    [{ level: 0 }, 'option perMessageDeflate.level is 0, expected an integer from 1 to 9'],
    [{ level: 10 }, 'option perMessageDeflate.level is 10, expected an integer from 1 to 9'],
    [{ level: 1.5 }, 'option perMessageDeflate.level is 1.5, expected an integer from 1 to 9'],
    [{ memLevel: 0 }, 'option perMessageDeflate.memLevel is 0, expected an integer from 1 to 9'],
    [{ memLevel: 10 }, 'option perMessageDeflate.memLevel is 10, expected an integer from 1 to 9'],
    [
      { maxInflationRatio: 0 },
      'option perMessageDeflate.maxInflationRatio is 0, expected an integer of at least 1',
    ],
    [
      { maxInflationRatio: NaN },
      'option perMessageDeflate.maxInflationRatio is NaN, expected an integer of at least 1',
    ],
    [
      { serverNoContextTakeover: 1 },
      'option perMessageDeflate.serverNoContextTakeover is 1, expected true or false',
    ],
    [
      { clientNoContextTakeover: 'no' },
      'option perMessageDeflate.clientNoContextTakeover is "no", expected true or false',
    ],
  ])('may not be %j', (given, message) => {
    const wrong = expect.objectContaining({ code: 'WS_OPTION_INVALID', message });
    expect(() => resolvePerMessageDeflateOptions(given)).toThrow(wrong);
    expect(() => new PerMessageDeflate(given, new NotingCodec())).toThrow(wrong);
  });

  it.each([[null], [true], ['permessage-deflate']])('are an object, not %j', (given) => {
    // What JavaScript can pass and TypeScript cannot.
    const options: unknown = given;
    expect(() => Reflect.apply(resolvePerMessageDeflateOptions, undefined, [options])).toThrow(
      expect.objectContaining({
        code: 'WS_OPTION_INVALID',
        message: expect.stringContaining('option perMessageDeflate is'),
      }),
    );
  });
});
