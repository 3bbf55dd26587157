// permessage-deflate (RFC 7692 7) as an extension: what a client offers, what a server accepts, what a client takes for
// an answer, and the codecs that follow from it. The four parameters constrain two compressors; a decompressor only has
// to be able to follow, so nothing is agreed that the codec cannot do.

import type {
  Deflater,
  Extension,
  Inflater,
  NegotiatedExtension,
  RsvBit,
  SharedDeflater,
} from '../extension.ts';
import type { ExtensionOffer, ExtensionParameter } from '../extension-header.ts';
import type { DeflateCodec } from './codec.ts';
import { type PerMessageDeflateOptions, resolvePerMessageDeflateOptions } from './options.ts';
import {
  largestWindowBits,
  type NegotiationParameters,
  readParameters,
  writeParameters,
} from './parameters.ts';

const extensionName = 'permessage-deflate';
/** The "Per-Message Compressed" bit (RFC 7692 6). */
const rsv1: RsvBit = 0x40;
/** The smallest window that a peer may ask for (RFC 7692 7.1.2). */
const smallestWindowBits = 8;

/** One direction of the traffic as it was agreed. */
interface Direction {
  readonly windowBits: number;
  readonly hasTakeover: boolean;
}

/** permessage-deflate, ready to be negotiated in either role. */
export class PerMessageDeflate implements Extension {
  readonly name: string = extensionName;
  readonly rsvBit: RsvBit = rsv1;
  readonly #options: Readonly<Required<PerMessageDeflateOptions>>;
  readonly #codec: DeflateCodec;

  /**
   * @param options undefined: the defaults
   * @param codec does the work; what it cannot do is not negotiated
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  constructor(options: PerMessageDeflateOptions | undefined, codec: DeflateCodec) {
    this.#options = resolvePerMessageDeflateOptions(options);
    this.#codec = codec;
  }

  offers(): readonly (readonly ExtensionParameter[])[] {
    const { serverMaxWindowBits } = this.#options;
    const plain = this.#offer(largestWindowBits);
    // A server declines what it does not support (RFC 7692 7.1.2.1), and many do not support a smaller window of
    // their own: a second offer goes without, as RFC 7692 7.1.3 advises.
    return serverMaxWindowBits === largestWindowBits ? [plain] : [this.#offer(serverMaxWindowBits), plain];
  }

  accept(offer: ExtensionOffer): NegotiatedExtension | undefined {
    const offered = readParameters(offer.parameters, 'offer');
    if (typeof offered === 'string') return undefined;
    const options = this.#options;
    const { minDeflateWindowBits, takeover } = this.#codec.supports;
    // RFC 7692 7: an offer that we do not support is declined.
    const limitBits = offered.serverMaxWindowBits ?? largestWindowBits;
    if (limitBits < minDeflateWindowBits) return undefined;
    const sent: Direction = {
      windowBits: Math.max(Math.min(limitBits, options.serverMaxWindowBits), minDeflateWindowBits),
      hasTakeover: takeover && !offered.serverNoContextTakeover && !options.serverNoContextTakeover,
    };
    // RFC 7692 7.1.2.2: only a client that says it can be limited may be limited.
    const receivedBits = Math.min(
      offered.clientMaxWindowBits ?? largestWindowBits,
      offered.clientMaxWindowBits === undefined ? largestWindowBits : options.clientMaxWindowBits,
    );
    const received: Direction = {
      windowBits: receivedBits,
      // A client that is not going to take over is taken at its word, so that no memory is kept for nothing.
      hasTakeover:
        !offered.clientNoContextTakeover &&
        !options.clientNoContextTakeover &&
        this.#canKeepContext(receivedBits),
    };
    const agreed: NegotiationParameters = {
      serverNoContextTakeover: !sent.hasTakeover,
      clientNoContextTakeover: !received.hasTakeover,
      // RFC 7692 7.1.2.1 allows it in any answer, but there are clients that fail on one that they did not offer, as
      // Firefox did (bugzilla 1137008). Unsaid, a smaller window may be used all the same.
      serverMaxWindowBits: offered.serverMaxWindowBits === undefined ? undefined : sent.windowBits,
      clientMaxWindowBits: receivedBits === largestWindowBits ? undefined : receivedBits,
    };
    return this.#agree(writeParameters(agreed, 'answer'), sent, received);
  }

  confirm(response: ExtensionOffer): NegotiatedExtension | string {
    const agreed = readParameters(response.parameters, 'answer');
    if (typeof agreed === 'string') return agreed;
    const options = this.#options;
    const { minDeflateWindowBits, takeover } = this.#codec.supports;
    if (agreed.clientMaxWindowBits !== undefined && !this.#canBeLimited) {
      return 'parameter client_max_window_bits was not offered (RFC 7692 7.1.2.2)';
    }
    // A server that takes over although it was asked not to breaks RFC 7692 7.1.1.1. It can be followed; an answer
    // that only forgets to say so must not cost the connection.
    if (!agreed.serverNoContextTakeover && !takeover) {
      return 'no parameter server_no_context_takeover, expected it as it was offered (RFC 7692 7.1.1.1)';
    }
    const limitBits = agreed.clientMaxWindowBits ?? largestWindowBits;
    const sent: Direction = {
      windowBits: Math.max(Math.min(limitBits, options.clientMaxWindowBits), minDeflateWindowBits),
      hasTakeover: takeover && !agreed.clientNoContextTakeover && !options.clientNoContextTakeover,
    };
    const received: Direction = {
      // It may be larger than the one asked for: then the server has taken the offer without that parameter.
      windowBits: agreed.serverMaxWindowBits ?? largestWindowBits,
      hasTakeover: !agreed.serverNoContextTakeover,
    };
    return this.#agree(response.parameters, sent, received);
  }

  /** Client: one of the offers. */
  #offer(serverWindowBits: number): ExtensionParameter[] {
    const options = this.#options;
    const offered: NegotiationParameters = {
      serverNoContextTakeover: options.serverNoContextTakeover || !this.#canKeepContext(serverWindowBits),
      clientNoContextTakeover: options.clientNoContextTakeover || !this.#codec.supports.takeover,
      serverMaxWindowBits: serverWindowBits === largestWindowBits ? undefined : serverWindowBits,
      clientMaxWindowBits: this.#canBeLimited ? options.clientMaxWindowBits : undefined,
    };
    return writeParameters(offered, 'offer');
  }

  /** Client: whether the server may limit our window. Who says so has to keep to any limit down to 8. */
  get #canBeLimited(): boolean {
    return this.#codec.supports.minDeflateWindowBits <= smallestWindowBits;
  }

  /** Whether the peer may refer to earlier messages: then its window stays in our memory. */
  #canKeepContext(windowBits: number): boolean {
    return this.#codec.supports.takeover && this.#codec.hasRoomForContext(windowBits);
  }

  #agree(
    parameters: readonly ExtensionParameter[],
    sent: Direction,
    received: Direction,
  ): NegotiatedExtension {
    const { level, memLevel, maxInflationRatio, thresholdBytes } = this.#options;
    const { windowBits, hasTakeover } = sent;
    return new NegotiatedDeflate(
      parameters,
      thresholdBytes,
      this.#codec.createDeflater({ windowBits, hasTakeover, level, memLevel }),
      this.#codec.createInflater({ ...received, maxInflationRatio }),
      this.#codec.sharedDeflater({ windowBits, level, memLevel }),
    );
  }
}

/** permessage-deflate on one connection. */
class NegotiatedDeflate implements NegotiatedExtension {
  readonly name: string = extensionName;
  readonly rsvBit: RsvBit = rsv1;
  readonly parameters: readonly ExtensionParameter[];
  readonly deflater: Deflater;
  readonly inflater: Inflater;
  readonly shared: SharedDeflater;
  readonly #thresholdBytes: number;

  constructor(
    parameters: readonly ExtensionParameter[],
    thresholdBytes: number,
    deflater: Deflater,
    inflater: Inflater,
    shared: SharedDeflater,
  ) {
    this.parameters = parameters;
    this.#thresholdBytes = thresholdBytes;
    this.deflater = deflater;
    this.inflater = inflater;
    this.shared = shared;
  }

  shouldDeflate(_type: 'text' | 'binary', byteLength: number): boolean {
    return byteLength >= this.#thresholdBytes;
  }
}
