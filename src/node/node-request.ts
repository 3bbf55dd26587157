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
  /** Whether the handshake was counted when the connection was accepted. */
  readonly isCounted: boolean;
  readonly #socket: Duplex;

  constructor(request: RequestHead, socket: Duplex, isCounted = false) {
    this.head = request;
    this.isCounted = isCounted;
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
    return placeOf(this.#socket) === 'loopback';
  }

  get isUnixSocket(): boolean {
    // Not by the address that is missing: a TCP socket whose peer is gone already has none either.
    return placeOf(this.#socket) === 'unix';
  }

  get signal(): AbortSignal {
    return this.abortSource.signal;
  }
}

type Place = 'loopback' | 'unix' | 'elsewhere';

// Asking a server for its address is a system call; it changes only when the server stops listening.
const placesOfServers = new WeakMap<Server, Place>();

// Where the server of a socket listens.
function placeOf(socket: Duplex): Place {
  const server = 'server' in socket ? socket.server : undefined;
  if (!(server instanceof Server)) return 'elsewhere';
  const known = placesOfServers.get(server);
  if (known !== undefined) return known;
  const address = server.address();
  let place: Place = 'elsewhere';
  if (typeof address === 'string') place = 'unix';
  else if (address !== null && isLoopbackAddress(address.address)) place = 'loopback';
  placesOfServers.set(server, place);
  server.once('close', () => placesOfServers.delete(server));
  return place;
}
