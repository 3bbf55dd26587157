// A request of node:http, or of node:http2, as a Request of the Fetch standard. The body is read as it is asked for, so that
// its reader's bounds hold.

import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { ignoreError } from '../ending-sockets.ts';

/** A request as Node hands it in. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

// Undici's name for a request whose body is sent while the answer is awaited (Fetch 5.4); lib.dom has not got it.
interface StreamedRequestInit extends RequestInit {
  readonly duplex: 'half';
}

/** Whether the connection that a request came over is encrypted. */
export function isEncrypted({ socket }: NodeRequest): boolean {
  return 'encrypted' in socket && socket.encrypted;
}

/**
 * Makes a Request.
 * @throws TypeError when the request has no URL, or a method that no Request may have
 */
export function fetchRequestOf(message: NodeRequest): Request {
  const { method = 'GET', url = '/', rawHeaders } = message;
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    // The pseudo-headers of HTTP/2.
    if (!rawHeaders[index].startsWith(':')) headers.append(rawHeaders[index], rawHeaders[index + 1]);
  }
  const authority = headers.get('Host') ?? String(message.headers[':authority'] ?? '');
  if (!headers.has('Host')) headers.set('Host', authority);
  // RFC 9112 3.2.2: the host of an absolute target overrides Host.
  const address = url.startsWith('/')
    ? `${isEncrypted(message) ? 'https' : 'http'}://${authority}${url}`
    : url;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const init: StreamedRequestInit = {
    method,
    headers,
    duplex: 'half',
    ...(hasBody ? { body: bodyOf(message) } : {}),
  };
  return new Request(address, init);
}

function bodyOf(message: NodeRequest): ReadableStream<Uint8Array> {
  let isOver = false;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const end = (finish: () => void): void => {
          if (isOver) return;
          isOver = true;
          finish();
        };
        message.on('error', ignoreError);
        message.on('data', (chunk: Uint8Array) => {
          if (isOver) return;
          message.pause();
          controller.enqueue(chunk);
        });
        message.once('end', () => end(() => controller.close()));
        message.once('close', () => end(() => controller.error(new Error('the client went away'))));
        message.pause();
      },
      pull: () => {
        message.resume();
      },
      cancel: () => {
        isOver = true;
        message.pause();
      },
    },
    { highWaterMark: 0 },
  );
}
