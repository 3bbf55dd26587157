// A request of the Fetch standard, as Bun, Deno and Workers hand it in, as the request of an opening handshake.

import { HeaderList } from '../protocol/handshake/header-list.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { AbortSource } from './abort-source.ts';
import type { IncomingUpgrade } from './upgrade-request.ts';

/** A request and what the platform says of its sender. */
export interface PlatformArrival {
  readonly request: Request;
  /** The address of the peer; undefined over a unix socket, or where the platform does not tell. */
  readonly remoteAddress: string | undefined;
  /** Whether the server listens on a loopback address only. */
  readonly isOnLoopback: boolean;
  /** Whether the platform may keep the headers of the handshake for itself. @defaultValue false */
  readonly hidesHandshake?: boolean;
}

// What a platform that hides the handshake has checked by itself: any value that keeps the rules stands for it.
const hiddenHeaders: readonly (readonly [string, string])[] = [
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  ['Sec-WebSocket-Version', '13'],
];

/** The head of a request: its lines as far as the platform shows them. */
export function requestHeadOf({ request, hidesHandshake = false }: PlatformArrival): RequestHead {
  const { pathname, search, host } = new URL(request.url);
  const fields: string[] = [];
  for (const [name, value] of request.headers) fields.push(name, value);
  const headers = HeaderList.fromRaw(fields);
  if (!headers.has('Host')) headers.append('Host', host);
  if (hidesHandshake && headers.has('Upgrade')) {
    for (const [name, value] of hiddenHeaders) if (!headers.has(name)) headers.append(name, value);
  }
  return { method: request.method, target: pathname + search, httpVersion: '1.1', headers };
}

/** A request for an upgrade that a platform handed in. */
export class PlatformUpgradeRequest implements IncomingUpgrade {
  readonly head: RequestHead;
  readonly request: Request;
  readonly remoteAddress: string | undefined;
  readonly isOnLoopback: boolean;
  /** Aborts the signal of the upgrade. */
  readonly abortSource: AbortSource = new AbortSource();

  constructor(head: RequestHead, { request, remoteAddress, isOnLoopback }: PlatformArrival) {
    this.head = head;
    this.request = request;
    this.remoteAddress = remoteAddress;
    this.isOnLoopback = isOnLoopback;
  }

  get isSecure(): boolean {
    return this.request.url.startsWith('https:');
  }

  get signal(): AbortSignal {
    return AbortSignal.any([this.abortSource.signal, this.request.signal]);
  }
}
