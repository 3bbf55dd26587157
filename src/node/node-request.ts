// Node's IncomingMessage and its socket as the server floor wants them: a request head and who is asking. Nothing is
// copied: rawHeaders has the shape of a HeaderList.

import type { IncomingMessage } from 'node:http';
import { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { AbortSource } from '../server/abort-source.ts';
import { isLoopbackAddress } from '../server/origin.ts';
import type { IncomingUpgrade } from '../server/upgrade-request.ts';

/** The head of a request that Node has parsed. */
export function requestHeadOf(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    httpVersion: request.httpVersion,
    headers: HeaderList.fromRaw(request.rawHeaders),
  };
}

/** A request for an upgrade on a socket of Node. */
export class NodeUpgrade implements IncomingUpgrade {
  readonly head: RequestHead;
  /** Aborts the request's signal. */
  readonly abortSource: AbortSource = new AbortSource();
  readonly #socket: Duplex;

  constructor(request: IncomingMessage, socket: Duplex) {
    this.head = requestHeadOf(request);
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket instanceof Socket ? this.#socket.remoteAddress : undefined;
  }

  get isSecure(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get isOnLoopback(): boolean {
    // Where the server listens, not where this connection arrived: a proxy on the same machine passes on a public
    // Host to a server that listens on all addresses.
    const server = 'server' in this.#socket ? this.#socket.server : undefined;
    if (!(server instanceof Server)) return false;
    const address = server.address();
    return typeof address === 'object' && address !== null && isLoopbackAddress(address.address);
  }

  get signal(): AbortSignal {
    return this.abortSource.signal;
  }
}
