// How a request over HTTP is refused: a status, and an error of the realtime layer as the body. Responses of the
// fallbacks all carry the same headers: nothing on the way may keep, change or collect them.

import { writeJson } from '../../wire/json-codec.ts';
import { type RealtimeErrorCode, RealtimeError, type WireError } from '../../wire/error-codes.ts';

/** The headers of every response: not kept, not changed (RFC 9111 5.2.2), not collected by nginx, and taken for nothing else. */
export const responseHeaders: Readonly<Record<string, string>> = Object.freeze({
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
});

/** A request that is not served. */
export class RefusedRequest extends Error {
  override readonly name: string = 'RefusedRequest';
  readonly status: number;
  readonly error: WireError;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: WireError, headers: Readonly<Record<string, string>> = {}) {
    super(error.message);
    this.status = status;
    this.error = error;
    this.headers = headers;
  }

  /** What is answered. */
  toResponse(): Response {
    return jsonResponse(this.status, { error: this.error }, this.headers);
  }
}

/** Refuses a request. */
export function refuseRequest(
  status: number,
  code: RealtimeErrorCode,
  message: string,
  headers?: Readonly<Record<string, string>>,
): RefusedRequest {
  // What the server lacks at the moment it may have later: what the client did wrong stays wrong.
  const isRetryable = status === 408 || status === 429 || status === 503;
  return new RefusedRequest(status, { code, message, ...(isRetryable ? { retryable: true } : {}) }, headers);
}

// What an error of the application's rules is in HTTP; all others are 400.
const statuses: Readonly<Partial<Record<RealtimeErrorCode, number>>> = {
  TOO_LARGE: 413,
  UNKNOWN_CHANNEL: 404,
  UNKNOWN_EVENT: 404,
  UNKNOWN_CALL: 404,
  UNAUTHENTICATED: 401,
  TOKEN_EXPIRED: 401,
  FORBIDDEN: 403,
  TOO_MANY: 429,
  RATE_LIMITED: 429,
  HANDLER_FAILED: 500,
  DEADLINE_EXCEEDED: 504,
  OUTCOME_UNKNOWN: 504,
  UNAVAILABLE: 503,
  DRAINING: 503,
  CLOSED: 503,
};

/** The status that goes with an error. */
export function statusOf(code: RealtimeErrorCode): number {
  return statuses[code] ?? 400;
}

/**
 * The response to a request that failed. What is no error of this layer is told to `report` and to the client only as a failure.
 */
export function responseOfFailure(failure: unknown, report: (error: unknown) => unknown): Response {
  if (failure instanceof RefusedRequest) return failure.toResponse();
  if (failure instanceof RealtimeError)
    return jsonResponse(statusOf(failure.code), { error: failure.toWire() });
  report(failure);
  const error: WireError = { code: 'HANDLER_FAILED', message: 'the server failed', retryable: true };
  return jsonResponse(500, { error });
}

/** A response of JSON. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return textResponse(status, writeJson(value), headers);
}

/** A response whose JSON is written already. */
export function textResponse(
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(json, {
    status,
    headers: { ...responseHeaders, 'Content-Type': 'application/json', ...headers },
  });
}
