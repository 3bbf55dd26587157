// A Response of the Fetch standard as the answer to a request of node:http, or of node:http2: as fast as the client reads, and
// no faster.

import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { ignoreError } from '../ending-sockets.ts';
import type { NodeRequest } from './fetch-request.ts';

/** A response as Node hands it in. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

// How long a client that still sends a request which is answered already may go on, before it is cut (RFC 9112 9.6).
const lingerMs = 1_000;

/** Sends a response. It never rejects: when the client goes away, the body is cancelled. */
export async function sendFetchResponse(
  request: NodeRequest,
  answer: NodeResponse,
  response: Response,
): Promise<void> {
  answer.on('error', ignoreError);
  answer.statusCode = response.status;
  for (const [name, value] of response.headers) answer.setHeader(name, value);
  const { body } = response;
  if (!request.complete) {
    // What remains of the request is dropped, and the connection with it.
    if (request.httpVersionMajor < 2) answer.setHeader('Connection', 'close');
    const bytes = body === null ? new Uint8Array(0) : new Uint8Array(await response.arrayBuffer());
    answer.setHeader('Content-Length', bytes.byteLength);
    writeTo(answer, bytes);
    await remainderOf(request);
    endOf(answer);
    return;
  }
  if (body === null) endOf(answer);
  else await copy(body, answer);
}

async function copy(body: ReadableStream<Uint8Array>, answer: NodeResponse): Promise<void> {
  const reader = body.getReader();
  const closed = (): void => {
    reader.cancel().catch(ignoreError);
  };
  answer.once('close', closed);
  if (answer.destroyed) closed();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (answer.destroyed) break;
      if (!writeTo(answer, read.value)) await drained(answer);
    }
    endOf(answer);
  } catch {
    // The body was cut: so is the response, for an end would look like all of it.
    answer.destroy();
  } finally {
    answer.removeListener('close', closed);
  }
}

function drained(answer: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      answer.removeListener('drain', settle);
      answer.removeListener('close', settle);
      resolve();
    };
    answer.on('drain', settle);
    answer.on('close', settle);
  });
}

function remainderOf(request: NodeRequest): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(settle, lingerMs);
    function settle(): void {
      clearTimeout(timer);
      resolve();
    }
    request.once('end', settle);
    request.once('close', settle);
    request.resume();
  });
}

// The two classes of Node agree in what they do here, not in their types.
function writeTo(answer: NodeResponse, bytes: Uint8Array): boolean {
  return 'stream' in answer ? answer.write(bytes) : answer.write(bytes);
}

function endOf(answer: NodeResponse): void {
  if ('stream' in answer) answer.end();
  else answer.end();
}
