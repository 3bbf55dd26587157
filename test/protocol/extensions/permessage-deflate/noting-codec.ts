// A codec that transforms nothing and notes what was asked of it, for tests of the negotiation.

import type {
  DeflateCodec,
  DeflateCodecFeatures,
  DeflateParameters,
  InflateParameters,
} from '../../../../src/protocol/extensions/permessage-deflate/codec.ts';
import type { Deflater, Inflater, SharedDeflater } from '../../../../src/protocol/extensions/extension.ts';

type ContextParameters = DeflateParameters & { readonly hasTakeover: boolean };

export class NotingCodec implements DeflateCodec {
  readonly supports: DeflateCodecFeatures;
  /** Whether the budget has room. */
  hasRoom = true;
  readonly askedWindowBits: number[] = [];
  readonly deflaters: ContextParameters[] = [];
  readonly inflaters: InflateParameters[] = [];
  readonly shared: DeflateParameters[] = [];
  readonly #sharedDeflater: SharedDeflater = { deflate: (input, done) => done(undefined, input) };

  constructor(supports: Partial<DeflateCodecFeatures> = {}) {
    this.supports = { minDeflateWindowBits: 8, takeover: true, ...supports };
  }

  hasRoomForContext(windowBits: number): boolean {
    this.askedWindowBits.push(windowBits);
    return this.hasRoom;
  }

  createDeflater(parameters: ContextParameters): Deflater {
    this.deflaters.push(parameters);
    return {
      deflate: (input, _isFinal, done) => done(undefined, input),
      reset: () => undefined,
      close: () => undefined,
    };
  }

  createInflater(parameters: InflateParameters): Inflater {
    this.inflaters.push(parameters);
    return { inflate: (input, _isFinal, _most, done) => done(undefined, input), close: () => undefined };
  }

  sharedDeflater(parameters: DeflateParameters): SharedDeflater {
    this.shared.push(parameters);
    return this.#sharedDeflater;
  }
}
