// The fallbacks of WebSocket, for networks that let none through: a response that streams, polling, and requests that
// bring what the client says beside them. Every request is a POST of JSON from a page that may send it; the currency is the
// Request and Response of the Fetch standard, and a platform brings them.

import type { LinkAcceptor, LinkPeer } from '../link-acceptor.ts';
import { requestHeadOf } from '../../../server/platform-request.ts';
import { authorityOf, type IncomingUpgrade } from '../../../server/upgrade-request.ts';
import { answerPreflight, checkCrossSite } from './cross-site-check.ts';
import {
  type FallbackOptions,
  type ResolvedFallbackOptions,
  resolveFallbackOptions,
} from './fallback-options.ts';
import { type ReadFallbackRequest, readFallbackRequest } from './fallback-request.ts';
import { readJsonBody, requireJsonPost } from './json-body.ts';
import { PollLink } from './poll-link.ts';
import {
  jsonResponse,
  refuseRequest,
  responseHeaders,
  responseOfFailure,
  textResponse,
} from './refused-request.ts';
import { StreamLink } from './stream-link.ts';
import { UpstreamTurns } from './upstream-turns.ts';

/** What a platform knows of who sends a request. */
export interface RequestSender {
  /** The address of the peer; undefined over a unix socket, or where the platform does not tell. */
  readonly remoteAddress: string | undefined;
  /** Whether the server listens on a loopback address only. */
  readonly isOnLoopback: boolean;
  /** Whether the peer came over a unix socket. @defaultValue false */
  readonly isUnixSocket?: boolean;
  /**
   * Aborted when the client goes away. Node's Request passes a signal on only as long as somebody holds the Request itself.
   * @defaultValue that of the request
   */
  readonly signal?: AbortSignal;
}

/** Serves the fallbacks of one hub. */
export class FallbackEndpoint {
  readonly #acceptor: LinkAcceptor;
  readonly #options: ResolvedFallbackOptions;
  readonly #turns = new UpstreamTurns();
  readonly #links = new Set<StreamLink | PollLink>();

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(acceptor: LinkAcceptor, options: FallbackOptions = {}) {
    this.#acceptor = acceptor;
    this.#options = resolveFallbackOptions(options);
  }

  /** How many streams and polls are open. */
  get linkCount(): number {
    return this.#links.size;
  }

  /**
   * Answers a request; it never rejects. Whoever sends the response aborts the signal when the client goes away, and cancels the body.
   */
  async handle(request: Request, sender: RequestSender): Promise<Response> {
    let pageHeaders: Readonly<Record<string, string>> = {};
    let response: Response;
    try {
      const incoming = this.#incomingOf(request, sender);
      const { allowedOrigins } = this.#options;
      if (request.method === 'OPTIONS') return answerPreflight(incoming, allowedOrigins);
      pageHeaders = checkCrossSite(incoming, allowedOrigins).headers;
      this.#options.admission.count(incoming.remoteAddress);
      requireJsonPost(request, this.#options.maxBodyBytes);
      const read = readFallbackRequest(await readJsonBody(request, this.#options));
      response = await this.#serve(read, incoming);
    } catch (failure) {
      response = responseOfFailure(failure, (error) => this.#report(error, sender.signal ?? request.signal));
    }
    for (const [name, value] of Object.entries(pageHeaders)) response.headers.set(name, value);
    return response;
  }

  /** Ends all links, each behind what was sent on it. */
  closeAll(): void {
    for (const link of this.#links) link.close();
  }

  /** Cuts all links at once. */
  cutAll(): void {
    for (const link of this.#links) link.cut();
  }

  #serve(read: ReadFallbackRequest, incoming: IncomingUpgrade): Promise<Response> {
    if (read.link === 'send') return this.#send(read, incoming);
    if (this.#links.size >= this.#options.maxLinks) {
      const message = 'the server has as many links as it may have';
      throw refuseRequest(503, 'UNAVAILABLE', message, { 'Retry-After': '10' });
    }
    return read.link === 'stream' ? this.#stream(read.hello, incoming) : this.#poll(read, incoming);
  }

  async #send(
    { session, frames }: Extract<ReadFallbackRequest, { readonly link: 'send' }>,
    incoming: IncomingUpgrade,
  ): Promise<Response> {
    const peer = peerOf(incoming, 'poll');
    const answers = await this.#turns.run(session, () =>
      this.#acceptor.upstream(session, frames, peer, incoming.signal),
    );
    return jsonResponse(200, { frames: answers });
  }

  async #stream(hello: string, incoming: IncomingUpgrade): Promise<Response> {
    const leave = this.#options.admission.open(incoming.remoteAddress);
    const link = new StreamLink(this.#options, () => {
      this.#links.delete(link);
      leave();
    });
    this.#open(link, hello, incoming);
    return new Response(link.body, {
      status: 200,
      headers: { ...responseHeaders, 'Content-Type': 'text/event-stream; charset=utf-8' },
    });
  }

  async #poll(
    { hello, isUrgent }: Extract<ReadFallbackRequest, { readonly hello: string }>,
    incoming: IncomingUpgrade,
  ): Promise<Response> {
    const leave = this.#options.admission.open(incoming.remoteAddress);
    const link = new PollLink(this.#options, isUrgent);
    this.#open(link, hello, incoming);
    const answer = await link.answer;
    this.#links.delete(link);
    leave();
    return textResponse(200, answer);
  }

  #open(link: StreamLink | PollLink, hello: string, incoming: IncomingUpgrade): void {
    this.#links.add(link);
    const events = this.#acceptor.accept(link, peerOf(incoming, link.kind));
    link.attach(events);
    if (incoming.signal.aborted) {
      link.cut();
      return;
    }
    incoming.signal.addEventListener('abort', () => link.cut(), { once: true });
    events.received(hello);
  }

  #incomingOf(request: Request, sender: RequestSender): IncomingUpgrade {
    const { remoteAddress, isOnLoopback, isUnixSocket = false, signal = request.signal } = sender;
    const incoming: IncomingUpgrade = {
      head: requestHeadOf({ request, remoteAddress, isOnLoopback }),
      remoteAddress,
      isUnixSocket,
      isOnLoopback,
      isSecure: request.url.startsWith('https:'),
      signal,
      request,
    };
    return this.#options.trustedProxies?.resolve(incoming) ?? incoming;
  }

  // What fails because the client went away is nobody's mistake.
  #report(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    try {
      this.#options.onError(error);
    } catch (reportError) {
      // The console is the last resort.
      console.error(reportError);
    }
  }
}

function peerOf(incoming: IncomingUpgrade, kind: LinkPeer['kind']): LinkPeer {
  const { head, isSecure, remoteAddress } = incoming;
  return {
    kind,
    remoteAddress,
    url: `${isSecure ? 'https' : 'http'}://${authorityOf(incoming)}${head.target}`,
    header: (name) => head.headers.joined(name),
  };
}
