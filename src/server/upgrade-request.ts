// What an upgrade decision sees of a request. Everything that costs something (Headers, URL, the WHATWG Request, the
// AbortSignal) is made when it is first asked for, so that a server that looks at nothing pays for nothing.

import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { type PathParams, pathOf } from './path-pattern.ts';

/** What is known of a request that came through trusted proxies. */
export interface ForwardedFacts {
  /** The address of the peer itself, the nearest of the proxies; undefined over a unix socket. */
  readonly peerAddress: string | undefined;
  /** The host that the client asked for; undefined when the proxies do not say. */
  readonly host: string | undefined;
}

/** A request for an upgrade as a platform hands it in. */
export interface IncomingUpgrade {
  readonly head: RequestHead;
  /** The address of the peer; undefined over a unix socket. */
  readonly remoteAddress: string | undefined;
  /** Whether the peer came over a unix socket, for which it has no address. @defaultValue false */
  readonly isUnixSocket?: boolean;
  /** Whether this handshake was counted when the connection was accepted. @defaultValue false */
  readonly isCounted?: boolean;
  /** What else is known when `remoteAddress` and `isSecure` are what trusted proxies say. */
  readonly forwarded?: ForwardedFacts | undefined;
  /** Whether the connection is encrypted. */
  readonly isSecure: boolean;
  /** Whether the server listens on a loopback address only. */
  readonly isOnLoopback: boolean;
  /** Aborted when the client goes away or the handshake is cut. */
  readonly signal: AbortSignal;
  /** The request itself, where the platform hands in requests of the Fetch standard. @defaultValue made of the head */
  readonly request?: Request;
}

/** The version of HTTP that carries a connection: one of its own, or a stream of an HTTP/2 connection (RFC 8441). */
export type HttpVersion = '1.1' | '2';

/** Which version of HTTP a request came in. */
export function httpVersionOf({ extendedConnect }: RequestHead): HttpVersion {
  return extendedConnect === undefined ? '1.1' : '2';
}

/** The host and port that the client asked for; the empty string when it named none. */
export function authorityOf({ head: { target, headers }, forwarded }: IncomingUpgrade): string {
  if (target.startsWith('/')) return forwarded?.host ?? headers.get('Host') ?? '';
  // RFC 9112 3.2.2: the host of an absolute target overrides Host.
  const start = target.indexOf('//') + 2;
  const end = target.slice(start).search(/[/?#]/);
  return end === -1 ? target.slice(start) : target.slice(start, start + end);
}

/** The address of the immediate peer; undefined over a unix socket. */
export function peerAddressOf({ forwarded, remoteAddress }: IncomingUpgrade): string | undefined {
  return forwarded === undefined ? remoteAddress : forwarded.peerAddress;
}

/** Where a client connected to, in parts: a connection keeps it, and most are never asked. */
export interface RequestedUrl {
  readonly isSecure: boolean;
  readonly authority: string;
  readonly target: string;
}

/** The URL that a client connected to: `ws:` or `wss:`, with its query. */
export function urlOf({ isSecure, authority, target }: RequestedUrl): string {
  const scheme = isSecure ? 'wss' : 'ws';
  return target.startsWith('/')
    ? `${scheme}://${authority}${target}`
    : target.replace(/^https?:/, `${scheme}:`);
}

/** A request that wants to become a WebSocket, for the application to decide about. */
export class UpgradeRequest<Path extends string = string> {
  /** The parameters of the endpoint's path, percent-decoded. */
  readonly params: PathParams<Path>;
  /** The subprotocols that the client offers, in its order of preference. */
  readonly protocols: readonly string[];
  readonly #incoming: IncomingUpgrade;
  #headers: Headers | undefined;
  #url: URL | undefined;
  #request: Request | undefined;

  constructor(incoming: IncomingUpgrade, params: PathParams<Path>, protocols: readonly string[]) {
    this.#incoming = incoming;
    this.params = params;
    this.protocols = protocols;
  }

  /** The headers of the request. */
  get headers(): Headers {
    this.#headers ??= new Headers([...this.#incoming.head.headers]);
    return this.#headers;
  }

  /** The URL that the client connected to, with the scheme `ws:` or `wss:`. */
  get url(): URL {
    const { head, isSecure } = this.#incoming;
    this.#url ??= new URL(urlOf({ isSecure, authority: authorityOf(this.#incoming), target: head.target }));
    return this.#url;
  }

  /**
   * The request as a WHATWG Request: its URL is that of `url` with the scheme `http:` or `https:`. Its signal is
   * `signal`, or the platform's own where the platform hands in requests (Bun, Deno, Workers).
   */
  get request(): Request {
    this.#request ??=
      this.#incoming.request ??
      new Request(this.url.href.replace(/^ws/, 'http'), {
        headers: this.headers,
        signal: this.signal,
      });
    return this.#request;
  }

  /** The version of HTTP in which the request came; over `2` many connections may share one of TCP. */
  get httpVersion(): HttpVersion {
    return httpVersionOf(this.#incoming.head);
  }

  /** The path of the URL, still percent-encoded. */
  get path(): string {
    return pathOf(this.#incoming.head.target);
  }

  /**
   * The address of the client: what the `trustedProxies` say, or else that of the peer. Undefined over a unix socket, if
   * nobody who is trusted says more.
   */
  get remoteAddress(): string | undefined {
    return this.#incoming.remoteAddress;
  }

  /** The address of the immediate peer: that of a proxy, if there is one; undefined over a unix socket. */
  get peerAddress(): string | undefined {
    return peerAddressOf(this.#incoming);
  }

  /** Whether the client's connection is encrypted, by what the `trustedProxies` say, or else the one to this server. */
  get isSecure(): boolean {
    return this.#incoming.isSecure;
  }

  /** Aborted when the client goes away, the handshake's deadline passes or the server closes. */
  get signal(): AbortSignal {
    return this.#incoming.signal;
  }
}
