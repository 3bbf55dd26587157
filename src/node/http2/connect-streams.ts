// Finds the CONNECT requests on the HTTP/2 connections of a server, before anybody else sees them: node:http2 hands every
// stream of a session to one listener of its own, which we stand before. Streams that are not for us go on to it, so that
// ordinary requests reach the user's handler as ever.

import type {
  Http2SecureServer,
  Http2Server,
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import { Server as NetServer } from 'node:net';
import { versions } from 'node:process';
import { noBytes } from '../../base/bytes.ts';
import { readHttp2Request } from '../../protocol/handshake/extended-connect.ts';
import { ignoreError } from '../ending-sockets.ts';
import { placeOfServer, type RequestPeer } from '../node-request.ts';
import type { UpgradeArrival } from '../upgrade-handler.ts';
import { incomingFields } from './http2-fields.ts';
import { StreamAnswers } from './stream-answers.ts';

/** A server of node:http2, with or without TLS. */
export type AnyHttp2Server = Http2SecureServer | Http2Server;

/** Whether a server is one of node:http2, whose classes are not exported. */
export function isHttp2Server(server: unknown): server is AnyHttp2Server {
  return (
    server instanceof NetServer && 'updateSettings' in server && typeof server.updateSettings === 'function'
  );
}

/** Takes over a CONNECT; false leaves it to the server's other listeners. */
export type ConnectListener = (arrival: UpgradeArrival) => boolean;

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: unknown,
) => void;

function isStreamListener(listener: unknown): listener is StreamListener {
  return typeof listener === 'function';
}

/** The CONNECT requests of one server. */
export class ConnectStreams {
  readonly #server: AnyHttp2Server;
  readonly #arrived: ConnectListener;
  #isStopped = false;
  #isBeforeServer = false;

  constructor(server: AnyHttp2Server, arrived: ConnectListener) {
    this.#server = server;
    this.#arrived = arrived;
  }

  /** Looks at all sessions that begin from here on. */
  start(): void {
    this.#isStopped = false;
    // RFC 8441 3: without this setting no client may ask. Once sent it is never taken back: it stays on when we stop.
    this.#server.updateSettings({ enableConnectProtocol: true });
    if (versions.bun === undefined) this.#server.on('session', this.#begun);
    else this.#standBeforeServer();
  }

  /** Leaves all sessions that begin from here on alone. */
  stop(): void {
    this.#isStopped = true;
    this.#server.removeListener('session', this.#begun);
  }

  readonly #begun = (session: ServerHttp2Session): void => {
    const nodes: unknown = session.listeners('stream').at(0);
    if (!isStreamListener(nodes)) return;
    const peer = this.#peerOf(session);
    const found: StreamListener = (stream, headers, flags, rawHeaders) => {
      if (headers[':method'] === 'CONNECT' && this.#take(stream, headers, rawHeaders, peer)) return;
      Reflect.apply(nodes, session, [stream, headers, flags, rawHeaders]);
    };
    session.removeListener('stream', nodes);
    session.on('stream', found);
  };

  /** Bun (1.4.5) has no listener on the session: it hands streams to the server, whose own listener is the first. */
  #standBeforeServer(): void {
    const server = this.#server;
    if (this.#isBeforeServer) return;
    this.#isBeforeServer = true;
    const own: unknown = server.listeners('stream').at(0);
    const found: StreamListener = (stream, headers, flags, rawHeaders) => {
      const { session } = stream;
      const isOurs = headers[':method'] === 'CONNECT' && !this.#isStopped && session !== undefined;
      if (isOurs && this.#take(stream, headers, rawHeaders, this.#peerOf(session))) return;
      if (isStreamListener(own)) Reflect.apply(own, server, [stream, headers, flags, rawHeaders]);
    };
    if (isStreamListener(own)) server.removeListener('stream', own);
    server.prependListener('stream', found);
  }

  #peerOf(session: Http2Session): RequestPeer {
    const place = placeOfServer(this.#server);
    return {
      remoteAddress: session.socket.remoteAddress,
      isSecure: session.encrypted === true,
      isOnLoopback: place === 'loopback',
      isUnixSocket: place === 'unix',
    };
  }

  #take(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: unknown,
    peer: RequestPeer,
  ): boolean {
    stream.on('error', ignoreError);
    const request = readHttp2Request(incomingFields(headers, rawHeaders));
    const isTaken = this.#arrived({
      request,
      socket: stream,
      head: noBytes,
      answers: new StreamAnswers(stream),
      peer,
    });
    if (!isTaken) stream.removeListener('error', ignoreError);
    return isTaken;
  }
}
