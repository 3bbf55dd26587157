// WebSockets over HTTP/2 (RFC 8441) for a server of ws: each extended CONNECT looks like the upgrade that the program knows from
// HTTP/1.1, and is answered on its stream.

import { type IncomingHttpHeaders, IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../base/clock.ts';
import { serverProbe } from '../node/diagnostics.ts';
import { EndingSockets } from '../node/ending-sockets.ts';
import { ConnectStreams, isHttp2Server } from '../node/http2/connect-streams.ts';
import type { UpgradeArrival } from '../node/upgrade-handler.ts';
import type { UpgradeAnswers } from '../node/upgrade-answers.ts';
import { asksForExtendedConnect } from '../protocol/handshake/extended-connect.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import type { HandshakeAcceptance } from '../protocol/handshake/server-handshake.ts';
import { UpgradeLog } from '../server/upgrade-log.ts';
import { setTransport } from './byte-transports.ts';

// What programs ask the socket of a request for; a stream has none of it.
const ofTheSocket: readonly string[] = Object.freeze([
  'authorizationError',
  'authorized',
  'encrypted',
  'localAddress',
  'localFamily',
  'localPort',
  'remoteAddress',
  'remoteFamily',
  'remotePort',
]);

const upgrades = new WeakMap<Duplex, ConnectUpgrade>();
let streamsOnTheirWayOut: EndingSockets | undefined;

/** An extended CONNECT that waits for its answer. */
export class ConnectUpgrade {
  readonly head: RequestHead;
  readonly #stream: Duplex;
  readonly #answers: UpgradeAnswers;

  constructor(head: RequestHead, stream: Duplex, answers: UpgradeAnswers) {
    this.head = head;
    this.#stream = stream;
    this.#answers = answers;
  }

  /** Says no. A status that would accept (RFC 8441 5: any 2xx), or is none, resets the stream. */
  refuse(status: number, message: string, headers: OutgoingHttpHeaders = {}): void {
    this.#respond(status, message, headers).catch(() => this.#stream.destroy());
  }

  /**
   * Says yes, with the fields that stand in the lines behind the status.
   * @returns false when the client is gone
   */
  accept(acceptance: HandshakeAcceptance, lines: readonly string[], head: Uint8Array): boolean {
    const fields = new HeaderList();
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(':');
      if (colon > 0) fields.append(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const transport = this.#answers.accept(this.#stream, { ...acceptance, fields }, head);
    if (transport !== undefined) setTransport(this.#stream, transport);
    return transport !== undefined;
  }

  async #respond(status: number, message: string, headers: OutgoingHttpHeaders): Promise<void> {
    const all = new Headers();
    for (const [name, value] of Object.entries(headers)) {
      for (const single of Array.isArray(value) ? value : [value])
        if (single !== undefined) all.append(name, String(single));
    }
    const respond = await this.#answers.prepare(new Response(message, { status, headers: all }), 'CONNECT');
    streamsOnTheirWayOut ??= new EndingSockets(
      systemClock,
      new UpgradeLog(() => systemClock.now(), serverProbe),
    );
    respond(this.#stream, streamsOnTheirWayOut);
  }
}

/** Gives the extended CONNECT that a stream began with; undefined for a socket of HTTP/1.1. */
export function connectUpgradeOf(stream: Duplex): ConnectUpgrade | undefined {
  return upgrades.get(stream);
}

/**
 * Takes the extended CONNECTs of a server, if it is one of node:http2.
 * @param arrived told of each, as of an upgrade of HTTP/1.1: the request has the method GET and the Host that was asked for
 * @returns what ends that
 */
export function takeConnects(
  server: NetServer,
  arrived: (request: IncomingMessage, stream: Duplex, head: Uint8Array) => void,
): () => void {
  if (!isHttp2Server(server)) return () => undefined;
  let isOver = false;
  const streams = new ConnectStreams(server, (arrival) => {
    if (isOver || !asksForExtendedConnect(arrival.request)) return false;
    arrived(requestOf(arrival), arrival.socket, arrival.head);
    return true;
  });
  streams.start();
  return () => {
    isOver = true;
    streams.stop();
  };
}

function requestOf({ request, socket: stream, answers }: UpgradeArrival): IncomingMessage {
  if (answers !== undefined) upgrades.set(stream, new ConnectUpgrade(request, stream, answers));
  showSocket(stream);
  const made = messageOver(stream);
  made.method = 'GET';
  made.url = request.target;
  made.httpVersion = '2.0';
  made.httpVersionMajor = 2;
  made.httpVersionMinor = 0;
  made.complete = true;
  showHeaders(made, request.headers);
  return made;
}

/** Makes a message of node:http, request or response, whose socket is a stream of HTTP/2. */
export function messageOver(stream: Duplex): IncomingMessage {
  return Reflect.construct(IncomingMessage, [stream]);
}

/** Gives a message its headers, in the form of node:http. */
export function showHeaders(message: IncomingMessage, list: HeaderList): void {
  const values = new Map<string, string[]>();
  for (const [name, value] of list) {
    const lowercase = name.toLowerCase();
    const before = values.get(lowercase);
    if (before === undefined) values.set(lowercase, [value]);
    else before.push(value);
  }
  const headers: IncomingHttpHeaders = {};
  for (const [name, all] of values) {
    // RFC 9113 8.2.3: cookies may come in several fields.
    const joined = name === 'set-cookie' ? all : all.join(name === 'cookie' ? '; ' : ', ');
    Object.defineProperty(headers, name, {
      configurable: true,
      enumerable: true,
      value: joined,
      writable: true,
    });
  }
  message.rawHeaders = [...list].flat();
  message.headers = headers;
  message.headersDistinct = Object.fromEntries(values);
}

// Read now, because behind the end of the session there is nothing to ask.
function showSocket(stream: Duplex): void {
  const session: unknown = Reflect.get(stream, 'session');
  const socket: unknown = isObject(session) ? Reflect.get(session, 'socket') : undefined;
  if (!isObject(socket)) return;
  for (const name of ofTheSocket) {
    const value: unknown = Reflect.get(socket, name);
    if (value !== undefined) Object.defineProperty(stream, name, { configurable: true, value });
  }
  const certificate: unknown = Reflect.get(socket, 'getPeerCertificate');
  if (typeof certificate === 'function')
    Object.defineProperty(stream, 'getPeerCertificate', {
      configurable: true,
      value: certificate.bind(socket),
    });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
