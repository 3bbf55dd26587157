// A request of the fallbacks: a POST of JSON to the address of the WebSocket, over http: or https:. No secret is in the address, and
// what is answered is not kept by anybody.

import type { ClientLinkEvents, LinkEnd } from '../../link/link.ts';
import { FrameType, type FallbackRequest } from '../../wire/frames.ts';
import { writeJson } from '../../wire/json-codec.ts';

/** What all requests of a client have in common. */
export interface FallbackAddress {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Whether cookies go along. */
  readonly credentials: RequestCredentials;
}

/** Sends a request; `body` is written already. */
export async function post(
  { url, fetch, credentials }: FallbackAddress,
  body: string,
  signal: AbortSignal,
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    credentials,
    cache: 'no-store',
    redirect: 'error',
    signal,
  });
}

/** Writes a request. */
export function writeRequest(request: FallbackRequest): string {
  return writeJson(request);
}

/** The end of a link whose request was refused. An error of our server is told before, as the goodbye that it is. */
export async function refusal(
  response: Response,
  events: Pick<ClientLinkEvents, 'received'>,
): Promise<LinkEnd> {
  const text = await response.text();
  const error = errorIn(text);
  if (error !== undefined) events.received(JSON.stringify([FrameType.goodbye, error]));
  return {
    cause: new Error(`the server answered ${response.status} ${response.statusText}`),
    isRefused: response.status < 500,
  };
}

function errorIn(text: string): unknown {
  try {
    const body: { readonly error?: { readonly code?: unknown } } | null = JSON.parse(text);
    return typeof body?.error?.code === 'string' ? body.error : undefined;
  } catch {
    // A page of somebody in between: it is no answer of our server.
    return undefined;
  }
}
