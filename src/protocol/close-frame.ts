// The body of a close frame (RFC 6455 5.5.1): nothing, or a code of two bytes and a reason in UTF-8.

import { noBytes } from '../base/bytes.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import type { TextCodec } from '../base/text-codec.ts';
import { CloseCode, isWireCloseCode, maxCloseReasonBytes } from './close-code.ts';
import { ProtocolError } from './protocol-error.ts';

/** What a close frame says; code 1005 stands for an empty body (RFC 6455 7.1.5). */
export interface CloseBody {
  readonly code: number;
  readonly reason: string;
}

/** Reads the body of the peer's close frame, or says which rule it breaks. */
export function parseCloseBody(bytes: Uint8Array, text: TextCodec): CloseBody | ProtocolError {
  if (bytes.length === 0) return { code: CloseCode.noStatusReceived, reason: '' };
  if (bytes.length === 1) {
    return new ProtocolError(
      'WS_CLOSE_BODY_INVALID',
      1002,
      'RFC 6455 5.5.1',
      'close frame with a body of 1 byte, expected none or at least the 2 bytes of a code',
    );
  }
  const code = (bytes[0] << 8) | bytes[1];
  if (!isWireCloseCode(code)) {
    return new ProtocolError(
      'WS_CLOSE_CODE_INVALID',
      1002,
      'RFC 6455 7.4',
      `close frame with code ${code}, expected 1000-1003, 1007-1014 or 3000-4999`,
    );
  }
  const reason = text.decodeStrict(bytes, 2, bytes.length);
  if (reason === undefined) {
    return new ProtocolError(
      'WS_CLOSE_REASON_INVALID',
      1007,
      'RFC 6455 5.5.1',
      'close frame with a reason that is not UTF-8',
    );
  }
  return { code, reason };
}

/**
 * Writes the body of a close frame. Without a code the body is empty.
 * @throws FullduplexError `WS_ARGUMENT_INVALID` when the code may not be sent or the reason is too long
 */
export function encodeCloseBody(code: number | undefined, reason: string, text: TextCodec): Uint8Array {
  if (code === undefined) {
    if (reason === '') return noBytes;
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `close reason ${describe(reason)} without a code, expected a code with it`,
    );
  }
  if (!isWireCloseCode(code)) {
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `close code ${describe(code)}, expected 1000-1003, 1007-1014 or 3000-4999 (RFC 6455 7.4)`,
    );
  }
  // JavaScript callers can pass anything: a typed array as a reason has leaked memory elsewhere (CVE-2026-45736).
  if (typeof reason !== 'string') {
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `close reason is ${describe(reason)}, expected a string`,
    );
  }
  const reasonBytes = text.byteLength(reason);
  if (reasonBytes > maxCloseReasonBytes) {
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `close reason of ${reasonBytes} bytes, at most ${maxCloseReasonBytes} (RFC 6455 5.5)`,
    );
  }
  const body = new Uint8Array(2 + reasonBytes);
  body[0] = code >>> 8;
  body[1] = code;
  text.encodeInto(reason, body, 2);
  return body;
}
