// The seam for extensions (RFC 6455 9): what an extension is while it is negotiated, and what is left of it on a
// connection: a name, the RSV bits it owns, and a codec for each direction. permessage-deflate is one of them.

import type { ExtensionOffer, ExtensionParameter } from './extension-header.ts';

/** Told by a codec when one piece is done: the error, or the output (which the receiver owns from then on). */
export type CodecCallback = (error: Error | undefined, output: Uint8Array) => void;

/**
 * Transforms outgoing message payloads, piece by piece and in order.
 * `deflate` is called again only after `done`; `done` is called exactly once, inside the call when the codec is
 * synchronous. The input is borrowed until then and must not be changed.
 */
export interface Deflater {
  /** Transforms a piece; `isFinal` marks the end of the message. */
  deflate(input: Uint8Array, isFinal: boolean, done: CodecCallback): void;
  /**
   * A message that this deflater did not make went out in its stream: what it makes next refers to nothing before.
   * Called between messages only.
   */
  reset(): void;
  /** Gives back what the codec holds; `done` of a piece under way may then never be called. */
  close(): void;
}

/**
 * Transforms whole messages so that they refer to nothing before them: one output serves every connection that has
 * this very object, whatever its own deflater has sent. Messages under way may overlap, unlike those of a Deflater.
 */
export interface SharedDeflater {
  /** Transforms a whole message; the same rules for `done` and the input as for Deflater. The output is not changed. */
  deflate(input: Uint8Array, done: CodecCallback): void;
}

/** Transforms incoming message payloads; the same rules as for Deflater. */
export interface Inflater {
  /**
   * Transforms a piece; `isFinal` marks the end of the message. Output beyond `maxOutputBytes` is the
   * ProtocolError `WS_MESSAGE_TOO_LARGE` (1009), raised while transforming, not after (decompression bombs); any
   * other error fails the connection with 1007.
   */
  inflate(input: Uint8Array, isFinal: boolean, maxOutputBytes: number, done: CodecCallback): void;
  /** Gives back what the codec holds; `done` of a piece under way may then never be called. */
  close(): void;
}

/** The bit of the first header byte that an extension may own: RSV1, RSV2 or RSV3 (RFC 6455 5.2). */
export type RsvBit = 0x40 | 0x20 | 0x10;

/** An extension as it works on one connection. */
export interface NegotiatedExtension {
  /** The registered token, such as `permessage-deflate`. */
  readonly name: string;
  /** The parameters that were agreed, as they stand in the server's response. */
  readonly parameters: readonly ExtensionParameter[];
  /** The RSV bit that marks a transformed message on its first frame. */
  readonly rsvBit: RsvBit;
  /** Whether an outgoing message of this kind and size is worth transforming. */
  shouldDeflate(type: 'text' | 'binary', byteLength: number): boolean;
  /** Transforms what is sent. */
  readonly deflater: Deflater;
  /** Transforms what is received. */
  readonly inflater: Inflater;
  /** Transforms what is sent to many; without it every connection does that work by itself. */
  readonly shared?: SharedDeflater;
}

/** An extension that this side is ready to use; makes a NegotiatedExtension for each connection. */
export interface Extension {
  /** The registered token, such as `permessage-deflate`. */
  readonly name: string;
  /** The RSV bit that it claims; of two that claim the same bit only the first one agreed is used. */
  readonly rsvBit: RsvBit;
  /** Client: the offers to send, in order of preference (each a list of parameters). */
  offers(): readonly (readonly ExtensionParameter[])[];
  /** Server: accepts the offer (giving what to answer with) or declines it with undefined. */
  accept(offer: ExtensionOffer): NegotiatedExtension | undefined;
  /**
   * Client: takes the server's response, which has to fit one of the offers.
   * Gives a sentence (what was found, what was expected) when it does not: the handshake then fails.
   */
  confirm(response: ExtensionOffer): NegotiatedExtension | string;
}
