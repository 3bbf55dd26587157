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

/** Who asks, and over what. */
export type RequestPeer = Required<
  Pick<IncomingUpgrade, 'remoteAddress' | 'isSecure' | 'isOnLoopback' | 'isUnixSocket'>
>;

/** A request for an upgrade on a socket of Node, or on a stream whose peer is known from elsewhere. */
export class NodeUpgrade implements IncomingUpgrade {
  readonly head: RequestHead;
  /** Aborts the request's signal. */
  readonly abortSource: AbortSource = new AbortSource();
  /** Whether the handshake was counted when the connection was accepted. */
  readonly isCounted: boolean;
  readonly #socket: Duplex;
  readonly #peer: RequestPeer | undefined;

  constructor(request: RequestHead, socket: Duplex, isCounted = false, peer?: RequestPeer) {
    this.head = request;
    this.isCounted = isCounted;
    this.#socket = socket;
    this.#peer = peer;
  }

  get remoteAddress(): string | undefined {
    if (this.#peer !== undefined) return this.#peer.remoteAddress;
    return this.#socket instanceof Socket ? this.#socket.remoteAddress : undefined;
  }

  get isSecure(): boolean {
    if (this.#peer !== undefined) return this.#peer.isSecure;
    // Bun's sockets of TLS are of another class, and say so only here.
    const socket = this.#socket;
    return socket instanceof TLSSocket || ('encrypted' in socket && socket.encrypted === true);
  }

  get isOnLoopback(): boolean {
    if (this.#peer !== undefined) return this.#peer.isOnLoopback;
    // Where the server listens, not where this connection arrived: a proxy on the same machine passes on a public
    // Host to a server that listens on all addresses.
    return placeOf(this.#socket) === 'loopback';
  }

  get isUnixSocket(): boolean {
    if (this.#peer !== undefined) return this.#peer.isUnixSocket;
    // Not by the address that is missing: a TCP socket whose peer is gone already has none either.
    return placeOf(this.#socket) === 'unix';
  }

  get signal(): AbortSignal {
    return this.abortSource.signal;
  }
}

/** Where a server listens: for this machine, in the file system, or for others too. */
export type Place = 'loopback' | 'unix' | 'elsewhere';

// Asking a server for its address is a system call; it changes only when the server stops listening.
const placesOfServers = new WeakMap<Server, Place>();

// Where the server of a socket listens.
function placeOf(socket: Duplex): Place {
  const server = 'server' in socket ? socket.server : undefined;
  return server instanceof Server ? placeOfServer(server) : 'elsewhere';
}

/** Where a server listens. */
export function placeOfServer(server: Server): Place {
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
