// What a client offers in an opening handshake, and whether the server's answer fits it (RFC 6455 4.1): subprotocols and
// extensions, which are the same in HTTP/1.1 and HTTP/2. How the head around them looks is the matter of each handshake.

import { describe, FullduplexError } from '../../base/errors.ts';
import type { Extension, NegotiatedExtension } from '../extensions/extension.ts';
import { formatExtensions, parseExtensions } from '../extensions/extension-header.ts';
import { confirmExtensions, requireExtensions } from '../extensions/negotiation.ts';
import { requireInteger } from '../limits.ts';
import { HandshakeError } from './handshake-error.ts';
import { type HeaderInit, type HeaderList, requireExtraHeaders } from './header-list.ts';
import type { ResponseHead } from './http-head.ts';
import type { RefusalBody } from './refusal-body.ts';
import { requireSubprotocols } from './subprotocol.ts';

/** What a client asks for, in every version of HTTP. */
export interface ClientOfferOptions {
  /** The subprotocols to offer, in order of preference. @defaultValue none */
  readonly protocols?: readonly string[];
  /**
   * Whether the handshake fails when subprotocols were offered and the server picked none. RFC 6455 allows that, the
   * WHATWG standard does not, and browsers follow it. @defaultValue true
   */
  readonly requireProtocol?: boolean;
  /** The extensions to offer, in order of preference. @defaultValue none */
  readonly extensions?: readonly Extension[];
  /** Headers beside those of the handshake, such as Origin, Cookie and Authorization. @defaultValue none */
  readonly headers?: HeaderInit;
  /** The most bytes that are kept of the body of a refusal. @defaultValue 1024 */
  readonly maxBodyBytes?: number;
}

/** What holds unless an option says otherwise. */
export const defaultClientOfferOptions: Readonly<{ requireProtocol: boolean; maxBodyBytes: number }> =
  Object.freeze({ requireProtocol: true, maxBodyBytes: 1024 });

/** What a server's answer agrees to. */
export interface Agreement {
  /** The subprotocol that the server picked; '' for none. */
  readonly protocol: string;
  /** The extensions that were agreed. */
  readonly extensions: readonly NegotiatedExtension[];
  /** What was agreed, as it stands in Sec-WebSocket-Extensions; '' for nothing. */
  readonly extensionsHeader: string;
}

/** The part of a client's handshake that every version of HTTP shares. */
export class ClientOffer {
  /** The user's headers, checked. */
  readonly extraHeaders: HeaderList;
  readonly maxBodyBytes: number;
  readonly #protocols: readonly string[];
  readonly #extensionsHeader: string;
  readonly #offeredExtensions: readonly Extension[];
  readonly #requireProtocol: boolean;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: ClientOfferOptions) {
    const defaults = defaultClientOfferOptions;
    this.#protocols = requireSubprotocols(options.protocols ?? []);
    const extensions = requireExtensions(options.extensions ?? []);
    this.extraHeaders = requireExtraHeaders(options.headers);
    this.#requireProtocol = options.requireProtocol ?? defaults.requireProtocol;
    this.maxBodyBytes = requireInteger(
      'maxBodyBytes',
      options.maxBodyBytes ?? defaults.maxBodyBytes,
      0,
      1 << 20,
    );
    const offers = extensions.flatMap((extension) =>
      extension.offers().map((parameters) => ({ name: extension.name, parameters })),
    );
    this.#offeredExtensions = extensions.filter(({ name }) => offers.some((offer) => offer.name === name));
    this.#extensionsHeader = formatExtensions(offers);
  }

  /** Adds the headers of the offer, and then the user's. */
  appendTo(headers: HeaderList): void {
    if (this.#protocols.length > 0) headers.append('Sec-WebSocket-Protocol', this.#protocols.join(', '));
    if (this.#extensionsHeader !== '') headers.append('Sec-WebSocket-Extensions', this.#extensionsHeader);
    for (const [name, value] of this.extraHeaders) headers.append(name, value);
  }

  /** Checks what the server agreed to; a string is the sentence that says what is wrong, and no codec stays behind. */
  confirm({ headers }: ResponseHead): Agreement | string {
    // RFC 6455 4.1, item 6, before item 5: it leaves no codec behind when it fails.
    const protocol = headers.joined('Sec-WebSocket-Protocol');
    const protocolProblem = this.#findProtocolProblem(protocol);
    if (protocolProblem !== undefined) return protocolProblem;
    // Item 5.
    const extensionsHeader = headers.joined('Sec-WebSocket-Extensions');
    const extensions = this.#confirmExtensions(extensionsHeader);
    if (typeof extensions === 'string') return `Sec-WebSocket-Extensions: ${extensions} (RFC 6455 4.1)`;
    return { protocol: protocol ?? '', extensions, extensionsHeader: extensionsHeader ?? '' };
  }

  #findProtocolProblem(protocol: string | undefined): string | undefined {
    if (protocol === undefined) {
      if (this.#protocols.length === 0 || !this.#requireProtocol) return undefined;
      return 'no Sec-WebSocket-Protocol, expected one of those offered (WHATWG WebSockets, option requireProtocol)';
    }
    // RFC 6455 11.3.4: the header MUST NOT appear more than once; two join to what was not offered.
    if (this.#protocols.includes(protocol)) return undefined;
    return `Sec-WebSocket-Protocol is ${describe(protocol)}, expected one that was offered (RFC 6455 4.1)`;
  }

  #confirmExtensions(header: string | undefined): readonly NegotiatedExtension[] | string {
    if (header === undefined) return [];
    const responses = parseExtensions(header);
    return typeof responses === 'string' ? responses : confirmExtensions(responses, this.#offeredExtensions);
  }
}

/** A final response that is no acceptance, whose body is being read. */
export interface Refusal {
  readonly response: ResponseHead;
  readonly body: RefusalBody;
}

/** The error for a refusal, with as much of its body as there is. */
export function refusedError({ response, body }: Refusal, expected: string): HandshakeError {
  const { status, reason, headers } = response;
  const message = `the server refused the handshake with ${status}${reason === '' ? '' : ` ${describe(reason)}`}`;
  return new HandshakeError('WS_HANDSHAKE_REFUSED', `${message}, expected ${expected}`, {
    status,
    headers,
    body: body.text,
  });
}

/** The error for a response that breaks a rule. */
export function invalidResponseError(message: string, response?: ResponseHead): HandshakeError {
  return new HandshakeError('WS_HANDSHAKE_INVALID', message, {
    status: response?.status,
    headers: response?.headers,
  });
}

/** RFC 6455 3 and WHATWG WebSockets: the scheme says WebSocket or HTTP, and there is no fragment. */
export function requireRequestUrl(url: URL): void {
  const isSupported = ['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol);
  if (isSupported && url.hostname !== '' && !url.href.includes('#')) return;
  throw new FullduplexError(
    'WS_URL_INVALID',
    `URL is ${describe(url.href)}, expected ws:, wss:, http: or https: without a fragment (RFC 6455 3)`,
  );
}
