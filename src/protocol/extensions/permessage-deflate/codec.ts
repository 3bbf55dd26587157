// What permessage-deflate needs from its platform: DEFLATE in both directions (RFC 1951), as RFC 7692 7.2 uses it. Node
// has it in node:zlib, other platforms in CompressionStream; what a codec cannot do is not negotiated.

import type { Deflater, Inflater, SharedDeflater } from '../extension.ts';

/** How messages are compressed. */
export interface DeflateParameters {
  /** The base-2 logarithm of the window that the peer's inflater has, 8 to 15; a smaller one may be used. */
  readonly windowBits: number;
  /** zlib's level, 1 (fast) to 9 (small). */
  readonly level: number;
  /** zlib's memLevel, 1 to 9. */
  readonly memLevel: number;
}

/** How messages are decompressed. */
export interface InflateParameters {
  /** The base-2 logarithm of the window that the peer's compressor uses at most, 8 to 15. */
  readonly windowBits: number;
  /** Whether a message may refer to those before it. */
  readonly hasTakeover: boolean;
  /** How many times its compressed size a message may have, once it is longer than 1 MiB. */
  readonly maxInflationRatio: number;
}

/** The abilities of a codec. */
export interface DeflateCodecFeatures {
  /** The smallest window that what it compresses can be held to, 8 to 15. */
  readonly minDeflateWindowBits: number;
  /** Whether messages may refer to those before them, in either direction. */
  readonly takeover: boolean;
}

/** DEFLATE for permessage-deflate. What it creates holds no memory before its first message. */
export interface DeflateCodec {
  readonly supports: DeflateCodecFeatures;
  /**
   * Whether the budget has room for one more inflating context that lives as long as its connection; without it
   * the peer is asked not to take contexts over.
   */
  hasRoomForContext(windowBits: number): boolean;
  /** Makes the compressor of one connection. */
  createDeflater(parameters: DeflateParameters & { readonly hasTakeover: boolean }): Deflater;
  /** Makes the decompressor of one connection. */
  createInflater(parameters: InflateParameters): Inflater;
  /**
   * Gives the compressor that connections with these parameters share: one and the same object for equal
   * parameters, because what it makes is kept under its identity.
   */
  sharedDeflater(parameters: DeflateParameters): SharedDeflater;
}
