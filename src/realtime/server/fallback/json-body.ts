// The body of a request as JSON: declared as such, bounded in bytes and in time. That it must be `application/json` is a
// defence: a page of another site can send that only after asking (Fetch 4.8, CORS preflight), a form of it never.

import { concat } from '../../../base/bytes.ts';
import type { Clock } from '../../../base/clock.ts';
import { describe } from '../../../base/errors.ts';
import { readClientJson } from '../../wire/client-text.ts';
import { RefusedRequest, refuseRequest } from './refused-request.ts';

/** The bounds of a body. */
export interface BodyBounds {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly clock: Clock;
}

const jsonType = /^application\/json[ \t]*(?:;[ \t]*charset=("?)utf-8\1[ \t]*)?$/i;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Checks that a request is a POST of JSON, by its head alone.
 * @throws RefusedRequest 405, 415 or 413
 */
export function requireJsonPost(request: Request, maxBodyBytes: number): void {
  if (request.method !== 'POST') {
    throw refuseRequest(405, 'BAD_FRAME', `method ${describe(request.method)}, expected POST`, {
      Allow: 'POST',
    });
  }
  const type = request.headers.get('Content-Type');
  if (type === null || !jsonType.test(type)) {
    throw refuseRequest(415, 'BAD_FRAME', `Content-Type ${describe(type)}, expected application/json`);
  }
  const encoding = request.headers.get('Content-Encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw refuseRequest(415, 'BAD_FRAME', `Content-Encoding ${describe(encoding)}, expected none`);
  }
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
}

/**
 * Reads the body of a request, with bytes in the place of their tags.
 * @throws RefusedRequest 413, 408 or 400; RealtimeError `BAD_FRAME`: it is no JSON, too deep, or has a key `__proto__`
 */
export async function readJsonBody(request: Request, bounds: BodyBounds): Promise<unknown> {
  const bytes = await readBytes(request, bounds);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    // What exactly is wrong is of no use to who sent it.
    throw refuseRequest(400, 'BAD_FRAME', `a body of ${bytes.length} bytes that is no UTF-8`);
  }
  return readClientJson(text);
}

async function readBytes(request: Request, bounds: BodyBounds): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  const { maxBodyBytes, bodyTimeoutMs, clock } = bounds;
  const reader = request.body.getReader();
  let isTimeUp = false;
  const deadline = clock.setTimer(() => {
    isTimeUp = true;
    // Ends the read below.
    reader.cancel().catch(ignoreFailure);
  }, bodyTimeoutMs);
  const chunks: Uint8Array[] = [];
  let byteLength = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      byteLength += read.value.length;
      if (byteLength > maxBodyBytes) {
        reader.cancel().catch(ignoreFailure);
        throw tooLarge(maxBodyBytes);
      }
      chunks.push(read.value);
    }
  } catch (failure) {
    if (failure instanceof RefusedRequest) throw failure;
    // Nobody will read this, and nobody else has to hear of it.
    throw refuseRequest(400, 'CANCELLED', 'the body broke off');
  } finally {
    deadline.cancel();
  }
  if (isTimeUp) {
    const message = `the body was not complete within ${bodyTimeoutMs} ms`;
    throw refuseRequest(408, 'DEADLINE_EXCEEDED', message);
  }
  return chunks.length === 0 ? new Uint8Array(0) : concat(chunks);
}

function tooLarge(maxBodyBytes: number): Error {
  return refuseRequest(413, 'TOO_LARGE', `a body of more than ${maxBodyBytes} bytes`);
}

function ignoreFailure(): void {
  // The client is gone, or its body is: there is nothing left to cancel.
}
