// The client's side of the opening handshake (RFC 6455 4.1): writes the request for a URL, reads the response as its
// bytes arrive, and says whether there is a connection, or why not. Dialling, TLS, redirects, cookies, credentials
// and the deadline belong to others.

import { type RandomSource, cryptoRandom } from '../../base/random.ts';
import { describe, FullduplexError } from '../../base/errors.ts';
import type { Extension, NegotiatedExtension } from '../extensions/extension.ts';
import { formatExtensions, parseExtensions } from '../extensions/extension-header.ts';
import { confirmExtensions, requireExtensions } from '../extensions/negotiation.ts';
import { requireInteger } from '../limits.ts';
import { computeAccept, makeKey } from './accept-key.ts';
import { HandshakeError } from './handshake-error.ts';
import { equalsIgnoringCase, listHasToken } from './header-grammar.ts';
import { type HeaderInit, HeaderList, requireExtraHeaders } from './header-list.ts';
import { encodeLatin1, formatRequestHead, type RequestHead, type ResponseHead } from './http-head.ts';
import { defaultHeadLimits, type HeadLimits, ResponseHeadParser } from './http-head-parser.ts';
import { isRedirectStatus } from './redirect-status.ts';
import { RefusalBody } from './refusal-body.ts';
import { portableSha1, type Sha1 } from './sha1.ts';
import { requireSubprotocols } from './subprotocol.ts';

/** What a client asks for, and how much it is willing to read for an answer. */
export interface ClientHandshakeOptions extends Partial<HeadLimits> {
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
  /** Whether the caller follows redirects, so that nobody waits for the body of one. @defaultValue false */
  readonly followsRedirects?: boolean;
  /** Where the key comes from. @defaultValue cryptoRandom */
  readonly random?: RandomSource;
  /** The digest for Sec-WebSocket-Accept. @defaultValue portableSha1 */
  readonly sha1?: Sha1;
}

/** What holds unless an option says otherwise. */
export const defaultClientHandshakeOptions: Readonly<
  { requireProtocol: boolean; maxBodyBytes: number } & HeadLimits
> = Object.freeze({ ...defaultHeadLimits, requireProtocol: true, maxBodyBytes: 1024 });

/** What a client handshake says after a chunk, or after the end of the input. */
export type ClientHandshakeResult =
  | { readonly kind: 'incomplete' }
  | {
      readonly kind: 'accepted';
      readonly response: ResponseHead;
      /** The subprotocol that the server picked; '' for none. */
      readonly protocol: string;
      /** The extensions that were agreed. */
      readonly extensions: readonly NegotiatedExtension[];
      /** What was agreed, as it stands in Sec-WebSocket-Extensions; '' for nothing. */
      readonly extensionsHeader: string;
      /** The bytes behind the 101, which belong to the first frame: a view of the chunk, without a copy. */
      readonly remaining: Uint8Array;
    }
  /**
   * Code `WS_HANDSHAKE_REFUSED`: the server answered with another status; the error has it, the headers and the start
   * of the body. `WS_TRANSPORT_ENDED`: the input ended before the head did. Any other code: the server broke a rule.
   */
  | { readonly kind: 'failed'; readonly error: HandshakeError };

/** A response that opens the connection. */
export type AcceptedHandshake = Extract<ClientHandshakeResult, { kind: 'accepted' }>;

const incomplete: ClientHandshakeResult = Object.freeze({ kind: 'incomplete' });
/** How many 1xx responses may come before the final one; a server that sends more wants to keep us busy. */
const maxInterimResponses = 10;

/** A final response other than 101, whose body is being read. */
interface Refusal {
  readonly response: ResponseHead;
  readonly body: RefusalBody;
}

/** One opening handshake of a client. */
export class ClientHandshake {
  /** The Sec-WebSocket-Key of this handshake. */
  readonly key: string;
  /** The request as it is sent. */
  readonly request: RequestHead;
  readonly #protocols: readonly string[];
  readonly #offeredExtensions: readonly Extension[];
  readonly #requireProtocol: boolean;
  readonly #limits: HeadLimits;
  readonly #maxBodyBytes: number;
  readonly #followsRedirects: boolean;
  readonly #sha1: Sha1;
  #parser: ResponseHeadParser;
  #interimResponses = 0;
  #refusal: Refusal | undefined;
  #result: ClientHandshakeResult = incomplete;

  /**
   * @param url `ws:`, `wss:`, `http:` or `https:`; credentials in it are not sent (see the option headers)
   * @throws FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`
   */
  constructor(url: URL, options: ClientHandshakeOptions = {}) {
    requireUrl(url);
    const defaults = defaultClientHandshakeOptions;
    this.#protocols = requireSubprotocols(options.protocols ?? []);
    const extensions = requireExtensions(options.extensions ?? []);
    const extraHeaders = requireExtraHeaders(options.headers);
    this.#requireProtocol = options.requireProtocol ?? defaults.requireProtocol;
    this.#maxBodyBytes = requireInteger(
      'maxBodyBytes',
      options.maxBodyBytes ?? defaults.maxBodyBytes,
      0,
      1 << 20,
    );
    this.#followsRedirects = options.followsRedirects ?? false;
    this.#limits = {
      maxHeaderBytes: options.maxHeaderBytes ?? defaults.maxHeaderBytes,
      maxHeaderCount: options.maxHeaderCount ?? defaults.maxHeaderCount,
    };
    this.#parser = new ResponseHeadParser(this.#limits);
    this.#sha1 = options.sha1 ?? portableSha1;
    this.key = makeKey(options.random ?? cryptoRandom);

    const offers = extensions.flatMap((extension) =>
      extension.offers().map((parameters) => ({ name: extension.name, parameters })),
    );
    this.#offeredExtensions = extensions.filter(({ name }) => offers.some((offer) => offer.name === name));
    this.request = {
      method: 'GET',
      target: url.pathname + url.search,
      httpVersion: '1.1',
      headers: requestHeaders(url, this.key, this.#protocols, formatExtensions(offers), extraHeaders),
    };
  }

  /** Gives the bytes of the request. */
  encodeRequest(): Uint8Array {
    return encodeLatin1(formatRequestHead(this.request));
  }

  /** Reads on. Once it has said something else than incomplete, it says the same again. */
  receive(chunk: Uint8Array): ClientHandshakeResult {
    if (this.#result.kind !== 'incomplete') return this.#result;
    this.#result =
      this.#refusal === undefined ? this.#receiveHead(chunk) : this.#receiveBody(this.#refusal, chunk);
    return this.#result;
  }

  /** The input has ended, or nobody waits any longer: a refusal is told with as much of its body as there is. */
  end(): ClientHandshakeResult {
    if (this.#result.kind !== 'incomplete') return this.#result;
    this.#result = this.#refusal === undefined ? cutOff(this.#parser.receivedBytes) : refused(this.#refusal);
    return this.#result;
  }

  #receiveHead(chunk: Uint8Array): ClientHandshakeResult {
    for (;;) {
      const result = this.#parser.receive(chunk);
      if (result.kind === 'incomplete') return incomplete;
      if (result.kind === 'invalid') return { kind: 'failed', error: result.error };
      const { head, remaining } = result;
      if (head.status === 101) return this.#checkAcceptance(head, remaining);
      if (head.status >= 200) {
        const isFollowed =
          this.#followsRedirects && isRedirectStatus(head.status) && head.headers.has('Location');
        this.#refusal = {
          response: head,
          body: new RefusalBody(head.status, head.headers, isFollowed ? 0 : this.#maxBodyBytes),
        };
        return this.#receiveBody(this.#refusal, remaining);
      }
      // RFC 9110 15.2: a client MUST be able to parse 1xx responses before the final one, and may ignore them.
      if (++this.#interimResponses > maxInterimResponses) {
        return invalid(
          `more than ${maxInterimResponses} interim responses, expected a final one (RFC 9110 15.2)`,
          head,
        );
      }
      this.#parser = new ResponseHeadParser(this.#limits);
      chunk = remaining;
    }
  }

  #receiveBody(refusal: Refusal, chunk: Uint8Array): ClientHandshakeResult {
    refusal.body.receive(chunk);
    return refusal.body.isDone ? refused(refusal) : incomplete;
  }

  /** RFC 6455 4.1: what the client MUST check in the server's response, numbered as there. */
  #checkAcceptance(response: ResponseHead, remaining: Uint8Array): ClientHandshakeResult {
    const { headers } = response;
    if (response.httpVersion !== '1.1') {
      return invalid(`a 101 of HTTP/${response.httpVersion}, expected HTTP/1.1 (RFC 6455 4.2.2)`, response);
    }
    // 2. Upgrade
    const upgrade = headers.joined('Upgrade');
    if (upgrade === undefined || !equalsIgnoringCase(upgrade, 'websocket')) {
      return invalid(`Upgrade is ${describe(upgrade)}, expected "websocket" (RFC 6455 4.1)`, response);
    }
    // 3. Connection
    const connection = headers.joined('Connection');
    if (connection === undefined || !listHasToken(connection, 'upgrade')) {
      return invalid(
        `Connection is ${describe(connection)}, expected "Upgrade" in it (RFC 6455 4.1)`,
        response,
      );
    }
    // 4. Sec-WebSocket-Accept; two of them join to something else than the one expected.
    const accept = headers.joined('Sec-WebSocket-Accept');
    const expected = computeAccept(this.key, this.#sha1);
    if (accept !== expected) {
      return invalid(
        `Sec-WebSocket-Accept is ${describe(accept)}, expected "${expected}" (RFC 6455 4.1)`,
        response,
      );
    }
    // 6. Sec-WebSocket-Protocol, before 5: it leaves no codec behind when it fails.
    const protocol = headers.joined('Sec-WebSocket-Protocol');
    const protocolProblem = this.#findProtocolProblem(protocol);
    if (protocolProblem !== undefined) return invalid(protocolProblem, response);
    // 5. Sec-WebSocket-Extensions
    const extensionsHeader = headers.joined('Sec-WebSocket-Extensions');
    const extensions = this.#confirmExtensions(extensionsHeader);
    if (typeof extensions === 'string') {
      return invalid(`Sec-WebSocket-Extensions: ${extensions} (RFC 6455 4.1)`, response);
    }
    return {
      kind: 'accepted',
      response,
      protocol: protocol ?? '',
      extensions,
      extensionsHeader: extensionsHeader ?? '',
      remaining,
    };
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

function refused({ response: { status, reason, headers }, body }: Refusal): ClientHandshakeResult {
  const message = `the server refused the handshake with ${status}${reason === '' ? '' : ` ${describe(reason)}`}`;
  const error = new HandshakeError('WS_HANDSHAKE_REFUSED', `${message}, expected 101 (RFC 6455 4.1)`, {
    status,
    headers,
    body: body.text,
  });
  return { kind: 'failed', error };
}

function cutOff(receivedBytes: number): ClientHandshakeResult {
  const found = `the input ended after ${receivedBytes} bytes of the response head`;
  return {
    kind: 'failed',
    error: new HandshakeError('WS_TRANSPORT_ENDED', `${found}, expected an empty line (RFC 9112 8)`),
  };
}

function invalid(message: string, response?: ResponseHead): ClientHandshakeResult {
  const error = new HandshakeError('WS_HANDSHAKE_INVALID', message, {
    status: response?.status,
    headers: response?.headers,
  });
  return { kind: 'failed', error };
}

/** RFC 6455 3 and WHATWG WebSockets: the scheme says WebSocket or HTTP, and there is no fragment. */
function requireUrl(url: URL): void {
  const isSupported = ['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol);
  if (isSupported && url.hostname !== '' && !url.href.includes('#')) return;
  throw new FullduplexError(
    'WS_URL_INVALID',
    `URL is ${describe(url.href)}, expected ws:, wss:, http: or https: without a fragment (RFC 6455 3)`,
  );
}

/** RFC 6455 4.1: the headers of the request, in the order of its list there. */
function requestHeaders(
  url: URL,
  key: string,
  protocols: readonly string[],
  extensions: string,
  extraHeaders: HeaderList,
): HeaderList {
  // The host of a URL has its port only when it is not the scheme's own, brackets around IPv6, and no userinfo.
  const headers = new HeaderList()
    .append('Host', url.host)
    .append('Upgrade', 'websocket')
    .append('Connection', 'Upgrade')
    .append('Sec-WebSocket-Key', key)
    .append('Sec-WebSocket-Version', '13');
  if (protocols.length > 0) headers.append('Sec-WebSocket-Protocol', protocols.join(', '));
  if (extensions !== '') headers.append('Sec-WebSocket-Extensions', extensions);
  for (const [name, value] of extraHeaders) headers.append(name, value);
  return headers;
}
