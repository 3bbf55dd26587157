// How messages are decompressed: over live zlib contexts (live-inflation.ts) or over the public API of node:zlib
// (one-shot-inflation.ts). The rest is the same for both (zlib-inflater.ts).

/** Decompresses the messages of one connection, piece by piece, into an InflatedMessage. */
export interface Inflation {
  /**
   * Decompresses a piece of at least one byte, or the empty last piece of a message that had others. `over` is called
   * once, within the call or later, unless `close` comes before.
   * @returns how many bytes were made on the event loop in vain, because the piece has to be done again elsewhere
   */
  run(input: Uint8Array, isFinal: boolean, over: (error: Error | undefined) => void): number;
  /** Gives back what the message needed: it is complete, or `over` has told an error. Harmless when repeated. */
  end(): void;
  /** As `end`, while a piece may be under way: when that is over. */
  close(): void;
}

/** What both ways are told about when to leave the event loop. */
export interface InflationThresholds {
  /** Input of this many bytes or more is decompressed off the event loop. */
  readonly asyncFromBytes: number;
  /** What follows so much output of one piece is decompressed off the event loop. */
  readonly syncOutputBytes: number;
}
