// A stream of bytes in both directions, as TCP, TLS, a unix socket or a pair in memory gives it. It knows nothing
// of frames. Implementations live in node/ (sockets) and testing/ (memory).

/** What a ByteTransport tells its one listener. No call comes before `attach`, none after `closed`. */
export interface ByteTransportEvents {
  /**
   * Bytes arrived. The listener may overwrite them during the call (payloads are unmasked in place) and keeps
   * nothing of them afterwards: the transport may use the memory again.
   * @param byteLength how many bytes of the chunk; @defaultValue all
   * @param isMoreLikely whether the next chunk probably comes before any other work, so that answers may wait for it;
   *   @defaultValue false
   */
  received(chunk: Uint8Array, byteLength?: number, isMoreLikely?: boolean): void;
  /** The peer sends nothing more (FIN); what we write may still reach it. */
  ended(): void;
  /** `bufferedBytes` has come back to 0 after a `write` that left something buffered. */
  drained(): void;
  /** The transport is gone, with the error that ended it if there was one. The last call. */
  closed(error?: Error): void;
}

/** A reliable, ordered stream of bytes in both directions. No method throws, also after the end. */
export interface ByteTransport {
  /** Names the listener; called once, before anything else. Bytes that arrived earlier are delivered in a later task or by `resume`. */
  attach(events: ByteTransportEvents): void;
  /**
   * Takes the chunks, in order and in one system call where possible. The array is valid during the call only.
   * @returns true when the memory of the chunks is not needed any more and may be used again
   */
  write(chunks: readonly Uint8Array[]): boolean;
  /** How many bytes were taken by `write` and not yet by the operating system. */
  readonly bufferedBytes: number;
  /** A number that changes whenever the operating system took more of what was written: a sign that the peer still reads. */
  readonly writeProgress: number;
  /** Stops `received` as soon as it can (one more chunk may come); what arrives is left to flow control. */
  pause(): void;
  /** Lets `received` come again. */
  resume(): void;
  /** Sends FIN after everything written. The peer may go on sending. */
  end(): void;
  /** Gives up at once, dropping what is still buffered; `closed` follows. */
  destroy(): void;
}
