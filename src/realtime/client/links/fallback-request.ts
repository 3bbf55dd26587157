// A request of the fallbacks: a POST of JSON to the address of the WebSocket, over http: or https:. No secret is in the address, and
// what is answered is not kept by anybody.

import type { ClientLinkEvents, LinkEnd } from '../../link/link.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';

/** What all requests of a client have in common. */
export interface FallbackAddress {
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Whether cookies go along. */
  readonly credentials: RequestCredentials;
}

/** What became of a request: its answer, or the end of the link. */
export type Asked = { readonly response: Response } | LinkEnd;

/**
 * Sends a request, written as JSON. Rejects when there is no answer.
 * @param received hears the error of our server, if it answers with one, as the goodbye that it is
 */
export async function ask(
  { url, fetch, credentials }: FallbackAddress,
  body: string,
  signal: AbortSignal,
  received?: ClientLinkEvents['received'],
): Promise<Asked> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    credentials,
    redirect: 'error',
    signal,
  });
  if (response.ok) return { response };
  try {
    const { error }: { readonly error?: { readonly code?: unknown } } = await response.json();
    if (typeof error?.code === 'string') received?.(writeJson([10, error]));
  } catch {
    // A page of somebody in between: it is no answer of our server.
  }
  return { cause: new Error(`answered with ${response.status}`) };
}
