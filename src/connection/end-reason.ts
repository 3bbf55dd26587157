// Why a connection ended, as a value: 1006 alone says nothing, so the code comes with who ended it and the cause.

/** The structured reason for the end of a connection. */
export interface ClosedInfo {
  /**
   * The close code: the peer's when it closed, ours when we did or failed the connection, 1005 when the close
   * frame had none, 1006 when there was no close frame at all.
   */
  readonly code: number;
  /** The reason that came with the code, or the empty string. */
  readonly reason: string;
  /** Whether both close frames were exchanged (RFC 6455 7.1.4: closed cleanly). */
  readonly clean: boolean;
  /** Who ended it: this side, the peer by its close frame, or the transport under both. */
  readonly by: 'local' | 'remote' | 'transport';
  /** What went wrong, when something did: a ProtocolError, a FullduplexError or the transport's own error. */
  readonly cause?: Error;
}
