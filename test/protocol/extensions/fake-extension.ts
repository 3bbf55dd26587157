// An extension that transforms nothing, for tests of the negotiation: it knows the parameter `level` from 1 to 5.

import type {
  Deflater,
  Extension,
  Inflater,
  NegotiatedExtension,
  RsvBit,
} from '../../../src/protocol/extensions/extension.ts';
import type { ExtensionOffer } from '../../../src/protocol/extensions/extension-header.ts';

export interface FakeExtension extends Extension {
  /** How many codecs of it have been closed. */
  readonly closedCodecs: number;
}

export function fakeExtension(name: string, rsvBit: RsvBit = 0x40, offerCount = 1): FakeExtension {
  let closedCodecs = 0;
  const close = (): void => {
    closedCodecs++;
  };
  const deflater: Deflater = {
    deflate: (input, _isFinal, done) => done(undefined, input),
    reset: () => undefined,
    close,
  };
  const inflater: Inflater = { inflate: (input, _isFinal, _max, done) => done(undefined, input), close };
  const agree = ({ parameters }: ExtensionOffer): NegotiatedExtension => ({
    name,
    parameters,
    rsvBit,
    shouldDeflate: () => true,
    deflater,
    inflater,
  });
  const fits = ({ parameters }: ExtensionOffer): boolean =>
    parameters.every((parameter) => parameter.name === 'level' && /^[1-5]$/.test(parameter.value ?? ''));
  return {
    name,
    rsvBit,
    offers: () =>
      Array.from({ length: offerCount }, (_, index) => [{ name: 'level', value: `${index + 1}` }]),
    accept: (offer) => (fits(offer) ? agree(offer) : undefined),
    confirm: (response) => (fits(response) ? agree(response) : 'a parameter other than level=1 to 5'),
    get closedCodecs() {
      return closedCodecs;
    },
  };
}
