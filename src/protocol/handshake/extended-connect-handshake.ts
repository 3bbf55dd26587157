// The client's side of the opening handshake in HTTP/2 (RFC 8441 5): the request for a URL, and what the response means.
// Whether the server allows extended CONNECT (SETTINGS_ENABLE_CONNECT_PROTOCOL, RFC 8441 3) is asked by whoever opens the
// stream; falling back to HTTP/1.1 is theirs too.

import {
  type Agreement,
  ClientOffer,
  type ClientOfferOptions,
  invalidResponseError,
  type Refusal,
  refusedError,
  requireRequestUrl,
} from './client-offer.ts';
import { isConnectionField } from './extended-connect.ts';
import type { HandshakeError } from './handshake-error.ts';
import { HeaderList } from './header-list.ts';
import type { RequestHead, ResponseHead } from './http-head.ts';
import { RefusalBody } from './refusal-body.ts';

/** What a handshake says after the response's head, a part of its body, or the end of the stream. */
export type ExtendedConnectResult =
  | { readonly kind: 'incomplete' }
  | ({ readonly kind: 'accepted'; readonly response: ResponseHead } & Agreement)
  /** Code `WS_HANDSHAKE_REFUSED`: another status than 2xx, with the headers and the start of the body. */
  | { readonly kind: 'failed'; readonly error: HandshakeError };

const incomplete: ExtendedConnectResult = Object.freeze({ kind: 'incomplete' });

/** One opening handshake of a client over a stream of HTTP/2. */
export class ExtendedConnectHandshake {
  /** The request as it is sent; its authority stands in `extendedConnect`, not in a Host. */
  readonly request: RequestHead;
  readonly #connect: { readonly protocol: string; readonly scheme: string; readonly authority: string };
  readonly #offer: ClientOffer;
  #refusal: Refusal | undefined;
  #result: ExtendedConnectResult = incomplete;

  /**
   * @param url `ws:`, `wss:`, `http:` or `https:`; credentials in it are not sent (see the option headers)
   * @throws FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`
   */
  constructor(url: URL, options: ClientOfferOptions = {}) {
    requireRequestUrl(url);
    this.#offer = new ClientOffer(options);
    const all = new HeaderList().append('Sec-WebSocket-Version', '13');
    this.#offer.appendTo(all);
    const headers = new HeaderList();
    for (const [name, value] of all) {
      // RFC 9113 8.2: names are lowercase. 8.2.2: what belongs to a connection of HTTP/1.1 is not sent.
      if (!isConnectionField(name)) headers.append(name.toLowerCase(), value);
    }
    // RFC 8441 5: "https" for wss, "http" for ws.
    const isSecure = url.protocol === 'wss:' || url.protocol === 'https:';
    this.#connect = { protocol: 'websocket', scheme: isSecure ? 'https' : 'http', authority: url.host };
    this.request = {
      method: 'CONNECT',
      target: url.pathname + url.search,
      httpVersion: '2',
      headers,
      extendedConnect: this.#connect,
    };
  }

  /** All fields of the request in their order, pseudo-header fields first (RFC 9113 8.3). */
  requestFields(): [string, string][] {
    const { method, target, headers } = this.request;
    const { protocol, scheme, authority } = this.#connect;
    return [
      [':method', method],
      [':protocol', protocol],
      [':scheme', scheme],
      [':path', target],
      [':authority', authority],
      ...headers,
    ];
  }

  /** Judges the head of the final response. */
  receiveHead(response: ResponseHead): ExtendedConnectResult {
    if (this.#result.kind !== 'incomplete') return this.#result;
    this.#result = this.#judge(response);
    return this.#result;
  }

  /** Reads on in the body of a refusal. */
  receiveBody(chunk: Uint8Array): ExtendedConnectResult {
    const refusal = this.#refusal;
    if (refusal === undefined || this.#result.kind !== 'incomplete') return this.#result;
    refusal.body.receive(chunk);
    return refusal.body.isDone ? this.#refused(refusal) : incomplete;
  }

  /**
   * The stream has ended, or nobody waits any longer: a refusal is told with as much of its body as there is; still
   * incomplete when there was no response.
   */
  end(): ExtendedConnectResult {
    if (this.#result.kind !== 'incomplete' || this.#refusal === undefined) return this.#result;
    return this.#refused(this.#refusal);
  }

  #judge(response: ResponseHead): ExtendedConnectResult {
    const { status, headers } = response;
    // RFC 8441 5.1 answers with 200; any 2xx makes a tunnel of a CONNECT (RFC 9110 9.3.6).
    if (status >= 200 && status < 300) {
      const agreement = this.#offer.confirm(response);
      if (typeof agreement === 'string')
        return { kind: 'failed', error: invalidResponseError(agreement, response) };
      return { kind: 'accepted', response, ...agreement };
    }
    this.#refusal = { response, body: new RefusalBody(status, headers, this.#offer.maxBodyBytes) };
    return this.receiveBody(new Uint8Array());
  }

  #refused(refusal: Refusal): ExtendedConnectResult {
    this.#result = { kind: 'failed', error: refusedError(refusal, '2xx (RFC 8441 5)') };
    return this.#result;
  }
}
