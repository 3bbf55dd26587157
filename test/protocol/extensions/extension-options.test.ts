import { describe, expect, it, vi } from 'vitest';
import { extensionsOf } from '../../../src/protocol/extensions/extension-options.ts';
import type { DeflateCodec } from '../../../src/protocol/extensions/permessage-deflate/codec.ts';
import { PerMessageDeflate } from '../../../src/protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { fakeExtension } from './fake-extension.ts';
import { NotingCodec } from './permessage-deflate/noting-codec.ts';

describe('the options that choose an extension', () => {
  const codec = vi.fn((): DeflateCodec => new NotingCodec());

  it('ask for none, or for one of the application, without making a codec', () => {
    const own = fakeExtension('x-own', 0x40);
    expect(extensionsOf({}, codec)).toEqual([]);
    expect(extensionsOf({ perMessageDeflate: false }, codec)).toEqual([]);
    expect(extensionsOf({ extension: own }, codec)).toEqual([own]);
    expect(extensionsOf({ perMessageDeflate: false, extension: own }, codec)).toEqual([own]);
    expect(codec).not.toHaveBeenCalled();
  });

  it('ask for permessage-deflate by its defaults, or with some of them changed', () => {
    const [byDefault] = extensionsOf({ perMessageDeflate: true }, codec);
    const [changed] = extensionsOf({ perMessageDeflate: { serverMaxWindowBits: 10 } }, codec);
    if (!(byDefault instanceof PerMessageDeflate)) throw new Error('another extension');
    if (!(changed instanceof PerMessageDeflate)) throw new Error('another extension');
    expect(JSON.stringify(byDefault.offers())).not.toContain('server_max_window_bits');
    expect(JSON.stringify(changed.offers())).toContain('{"name":"server_max_window_bits","value":"10"}');
  });

  it('cannot ask for both, or for something else', () => {
    const both = { perMessageDeflate: true, extension: fakeExtension('x-own', 0x40) };
    expect(() => extensionsOf(both, codec)).toThrow('both given, expected one of them');
    for (const wrong of [1, 'on', null, Symbol('on')]) {
      const options = { perMessageDeflate: wrong as never };
      expect(() => extensionsOf(options, codec)).toThrow('expected true, false or an object');
    }
  });
});
