// The errors of a WebSocket whose peer broke the protocol, with the codes that ws gives them. What we know beyond that
// (the section of the RFC, what was found) is the cause.

import type { ErrorCode } from '../base/errors.ts';
import { CloseCode } from '../protocol/close-code.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';

interface Wording {
  readonly code: string;
  readonly message: string;
}

// The codes that ws documents, each with the sentence that it uses. Its sentences about an opcode or a length name the number,
// which ours do in the cause.
const wordings: Partial<Record<ErrorCode, Wording>> = Object.freeze({
  WS_FRAME_RSV_UNEXPECTED: inFrame('WS_ERR_UNEXPECTED_RSV_1', 'RSV1 must be clear'),
  WS_FRAME_OPCODE_UNKNOWN: inFrame('WS_ERR_INVALID_OPCODE', 'invalid opcode'),
  WS_CONTINUATION_UNEXPECTED: inFrame('WS_ERR_INVALID_OPCODE', 'invalid opcode 0'),
  WS_CONTINUATION_EXPECTED: inFrame('WS_ERR_INVALID_OPCODE', 'invalid opcode'),
  WS_FRAME_MASK_MISSING: inFrame('WS_ERR_EXPECTED_MASK', 'MASK must be set'),
  WS_FRAME_MASK_UNEXPECTED: inFrame('WS_ERR_UNEXPECTED_MASK', 'MASK must be clear'),
  WS_CONTROL_FRAME_FRAGMENTED: inFrame('WS_ERR_EXPECTED_FIN', 'FIN must be set'),
  WS_CONTROL_FRAME_TOO_LARGE: inFrame('WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', 'invalid payload length'),
  WS_CLOSE_BODY_INVALID: inFrame('WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', 'invalid payload length 1'),
  WS_CLOSE_CODE_INVALID: inFrame('WS_ERR_INVALID_CLOSE_CODE', 'invalid status code'),
  WS_TEXT_INVALID: inFrame('WS_ERR_INVALID_UTF8', 'invalid UTF-8 sequence'),
  WS_CLOSE_REASON_INVALID: inFrame('WS_ERR_INVALID_UTF8', 'invalid UTF-8 sequence'),
  WS_FRAME_LENGTH_INVALID: {
    code: 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
    message: 'Unsupported WebSocket frame: payload length',
  },
  WS_FRAME_TOO_LARGE: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', message: 'Max payload size exceeded' },
  WS_MESSAGE_TOO_LARGE: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', message: 'Max payload size exceeded' },
  WS_MESSAGE_TOO_FRAGMENTED: {
    code: 'WS_ERR_TOO_MANY_BUFFERED_PARTS',
    message: 'Too many message fragments',
  },
  WS_MEMORY_EXHAUSTED: { code: 'WS_ERR_TOO_MANY_BUFFERED_PARTS', message: 'Too many buffered chunks' },
});

// Of these ws makes plain errors, of all others a RangeError.
const plainErrors: ReadonlySet<ErrorCode> = new Set([
  'WS_CODEC_FAILED',
  'WS_CLOSE_REASON_INVALID',
  'WS_TEXT_INVALID',
]);

function inFrame(code: string, message: string): Wording {
  return { code, message: `Invalid WebSocket frame: ${message}` };
}

/** An error with a code that programs compare. */
export type CodedError = Error & { readonly code: string };

/** Gives what the 'error' event of a WebSocket is emitted with. */
export function errorOf(error: ProtocolError): CodedError {
  const wording = wordingOf(error);
  const made = plainErrors.has(error.code)
    ? new Error(wording.message, { cause: error })
    : new RangeError(wording.message, { cause: error });
  return Object.assign(made, { code: wording.code });
}

function wordingOf(error: ProtocolError): Wording {
  if (error.code === 'WS_FRAME_RSV_UNEXPECTED' && /RSV[23]/.test(error.message))
    return inFrame('WS_ERR_UNEXPECTED_RSV_2_3', 'RSV2 and RSV3 must be clear');
  // What zlib says of compressed data that is none.
  if (
    error.code === 'WS_CODEC_FAILED' &&
    error.closeCode === CloseCode.invalidPayload &&
    error.cause instanceof Error
  )
    return { code: 'Z_DATA_ERROR', message: error.cause.message };
  return wordings[error.code] ?? { code: error.code, message: error.message };
}
