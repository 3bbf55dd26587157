// A request of the fallbacks: a POST of JSON to the address of the WebSocket, over http: or https:. No secret is in the address, and
// what is answered is not kept by anybody.

import type { ClientLinkEvents } from '../../link/link.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';

/** What all requests of a client have in common. */
export interface FallbackAddress {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Whether cookies go along. */
  readonly credentials: RequestCredentials;
}

/**
 * Sends a request, written as JSON, and gives the answer. Rejects when there is none, or it is an error.
 * @param received hears the error of our server, if it answers with one, as the goodbye that it is; undefined: nobody asks
 * again, so that the request is sent once more when its connection was cut
 */
export async function ask(
  { url, fetch, credentials }: FallbackAddress,
  body: string,
  signal: AbortSignal,
  received?: ClientLinkEvents['received'],
): Promise<Response> {
  const send = (): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      credentials,
      redirect: 'error',
      signal,
    });
  // A connection that the platform keeps may have been cut while nobody used it.
  const response = await (received === undefined ? send().catch(send) : send());
  if (response.ok) return response;
  try {
    const { error }: { readonly error?: { readonly code?: unknown } } = await response.json();
    if (typeof error?.code === 'string') received?.(writeJson([10, error]));
  } catch {
    // A page of somebody in between: it is no answer of our server.
  }
  throw new Error(`answered with ${response.status}`);
}
