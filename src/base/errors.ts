// The one base of all errors of the library and the list of their stable codes. Each code has a paragraph in
// docs/errors.md and a test that provokes it. Floors derive their own classes where an error carries more than
// a code and a sentence.

/** The stable codes of errors. Programs compare these; messages are for people and may change. */
export type ErrorCode =
  // The peer broke the protocol; the connection was failed (see ProtocolError).
  | 'WS_FRAME_RSV_UNEXPECTED'
  | 'WS_FRAME_OPCODE_UNKNOWN'
  | 'WS_FRAME_MASK_MISSING'
  | 'WS_FRAME_MASK_UNEXPECTED'
  | 'WS_FRAME_LENGTH_INVALID'
  | 'WS_FRAME_TOO_LARGE'
  | 'WS_CONTROL_FRAME_FRAGMENTED'
  | 'WS_CONTROL_FRAME_TOO_LARGE'
  | 'WS_CONTINUATION_UNEXPECTED'
  | 'WS_CONTINUATION_EXPECTED'
  | 'WS_MESSAGE_TOO_LARGE'
  | 'WS_MESSAGE_TOO_FRAGMENTED'
  | 'WS_MEMORY_EXHAUSTED'
  | 'WS_TEXT_INVALID'
  | 'WS_CLOSE_BODY_INVALID'
  | 'WS_CLOSE_CODE_INVALID'
  | 'WS_CLOSE_REASON_INVALID'
  | 'WS_CODEC_FAILED'
  // Why a connection ended although nobody broke the protocol.
  | 'WS_CLOSE_TIMEOUT'
  | 'WS_KEEP_ALIVE_TIMEOUT'
  | 'WS_SEND_QUEUE_OVERFLOW'
  | 'WS_MEMORY_SHED'
  | 'WS_RATE_EXCEEDED'
  | 'WS_RECEIVE_QUEUE_OVERFLOW'
  | 'WS_HANDLER_FAILED'
  | 'WS_TRANSPORT_FAILED'
  | 'WS_TRANSPORT_ENDED'
  | 'WS_TERMINATED'
  // The opening handshake.
  | 'WS_HANDSHAKE_INVALID'
  | 'WS_HANDSHAKE_REFUSED'
  | 'WS_HANDSHAKE_TIMEOUT'
  | 'WS_HANDSHAKE_HEADER_INVALID'
  | 'WS_HANDSHAKE_HEADERS_TOO_LARGE'
  | 'WS_CONNECT_FAILED'
  | 'WS_CERTIFICATE_INVALID'
  | 'WS_PROXY_REFUSED'
  | 'WS_PROXY_INVALID'
  | 'WS_REDIRECT_REFUSED'
  | 'WS_ABORTED'
  // The caller's own mistakes, thrown before anything changes.
  | 'WS_ARGUMENT_INVALID'
  | 'WS_OPTION_INVALID'
  | 'WS_URL_INVALID'
  | 'WS_STATE_INVALID'
  | 'WS_CONSUMER_EXISTS'
  | 'WS_UNSUPPORTED'
  // Starting a server.
  | 'WS_PORT_IN_USE'
  | 'WS_LISTEN_FAILED';

/** The base of every error that the library throws or reports. */
export class FullduplexError extends Error {
  override readonly name: string = 'FullduplexError';
  /** The stable code of what went wrong; docs/errors.md has a paragraph for each. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Shortens a value for an error message: what was found, readable and bounded. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'function') return 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return `an object (${Object.prototype.toString.call(value).slice(8, -1)})`;
}
