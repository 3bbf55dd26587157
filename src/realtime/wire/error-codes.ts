// What can go wrong between a client and a server of the realtime layer, by stable codes that travel on the wire. Each has a
// paragraph in docs/errors.md.

/** The stable codes of realtime errors. Programs compare these; messages are for people and may change. */
export type RealtimeErrorCode =
  // What the other side sent.
  | 'BAD_FRAME'
  | 'UNKNOWN_FRAME'
  | 'TOO_LARGE'
  | 'BAD_DATA'
  | 'UNKNOWN_CHANNEL'
  | 'UNKNOWN_EVENT'
  | 'UNKNOWN_CALL'
  | 'NOT_SUBSCRIBED'
  | 'TOO_MANY'
  | 'RATE_LIMITED'
  // Who it is, and what it may.
  | 'UNAUTHENTICATED'
  | 'TOKEN_EXPIRED'
  | 'FORBIDDEN'
  | 'REVOKED'
  // What became of a request.
  | 'HANDLER_FAILED'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'OUTCOME_UNKNOWN'
  | 'UNAVAILABLE'
  | 'QUEUE_FULL'
  // Why a connection is ended.
  | 'DRAINING'
  | 'DISCONNECTED'
  | 'SESSION_REPLACED'
  | 'SLOW_CONSUMER'
  | 'PROTOCOL_INCOMPATIBLE'
  | 'CONTRACT_INCOMPATIBLE'
  | 'CLOSED';

/** An error as frames carry it. */
export interface WireError {
  readonly code: RealtimeErrorCode;
  readonly message: string;
  /** Whether the same, done again, may succeed. */
  readonly retryable?: boolean;
  /** What the application adds. */
  readonly data?: unknown;
}

/** What the realtime layer throws and reports. */
export class RealtimeError extends Error {
  override readonly name: string = 'RealtimeError';
  /** What went wrong. */
  readonly code: RealtimeErrorCode;
  /** Whether the same, done again, may succeed. */
  readonly retryable: boolean;
  /** What the application added. */
  readonly data: unknown;

  constructor(
    code: RealtimeErrorCode,
    message: string,
    options: { readonly retryable?: boolean; readonly data?: unknown; readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable === true;
    this.data = options.data;
  }

  /** The error as frames carry it. */
  toWire(): WireError {
    return {
      code: this.code,
      message: this.message,
      // What is undefined is not written.
      retryable: this.retryable || undefined,
      data: this.data,
    };
  }

  /** What the other side said. */
  static fromWire(error: WireError): RealtimeError {
    return new RealtimeError(error.code, error.message, error);
  }
}

/** The close code of WebSocket that goes with a goodbye: for logs and for clients that know nothing else. */
export const goodbyeCloseCodes: Readonly<Partial<Record<RealtimeErrorCode, number>>> =
  /* @__PURE__ */ Object.freeze({
    BAD_FRAME: 4000,
    UNAUTHENTICATED: 4001,
    TOKEN_EXPIRED: 4002,
    SESSION_REPLACED: 4003,
    PROTOCOL_INCOMPATIBLE: 4004,
    CONTRACT_INCOMPATIBLE: 4005,
    DISCONNECTED: 4006,
    SLOW_CONSUMER: 4007,
    TOO_LARGE: 1009,
    DRAINING: 1012,
    UNAVAILABLE: 1013,
  });
