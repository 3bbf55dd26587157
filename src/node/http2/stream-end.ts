// How a stream of HTTP/2 is ended at once, and why one has ended, in words: by a reset, with its session, or by itself.

import { constants, type Http2Stream } from 'node:http2';

const codeNames: ReadonlyMap<number, string> = new Map(
  [
    'NO_ERROR',
    'PROTOCOL_ERROR',
    'INTERNAL_ERROR',
    'FLOW_CONTROL_ERROR',
    'SETTINGS_TIMEOUT',
    'STREAM_CLOSED',
    'FRAME_SIZE_ERROR',
    'REFUSED_STREAM',
    'CANCEL',
    'COMPRESSION_ERROR',
    'CONNECT_ERROR',
    'ENHANCE_YOUR_CALM',
    'INADEQUATE_SECURITY',
    'HTTP_1_1_REQUIRED',
  ].map((name, code) => [code, name]),
);

/** The name of an error code of HTTP/2 (RFC 9113 7). */
export function errorCodeName(code: number): string {
  return codeNames.get(code) ?? `0x${code.toString(16)}`;
}

/**
 * The error that ended a stream.
 * @param error what the stream itself has reported
 * @param hasPeerEnded whether the peer had ended the stream in order before
 * @returns undefined for an end without one
 */
export function streamEnd(
  { rstCode }: Http2Stream,
  error: Error | undefined,
  hasPeerEnded: boolean,
): Error | undefined {
  // Undefined where the stream was destroyed before it was closed, whatever its type says.
  const code: number | undefined = rstCode;
  if (code !== undefined && code !== constants.NGHTTP2_NO_ERROR) {
    return new Error(`the HTTP/2 stream was reset with ${errorCodeName(code)}`, { cause: error });
  }
  if (error !== undefined || hasPeerEnded) return error;
  return new Error('the HTTP/2 connection of the stream has ended');
}

/** RFC 8441 5: what a reset is to TCP is RST_STREAM with CANCEL. */
export function cancelStream(stream: Http2Stream): void {
  if (stream.destroyed) return;
  if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
  // In the same turn: closing alone would send END_STREAM first, which looks like an end in order.
  stream.destroy();
}
