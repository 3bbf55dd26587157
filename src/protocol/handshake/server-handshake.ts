// The server's side of the opening handshake (RFC 6455 4.2, in HTTP/2 RFC 8441): checks a request head, and either refuses
// it with the HTTP response that names the rule or offers to accept it. Whether the application wants the connection (path,
// origin, credentials) is decided by others between the two steps, however long that takes.

import { describe, FullduplexError } from '../../base/errors.ts';
import type { Extension, NegotiatedExtension } from '../extensions/extension.ts';
import { type ExtensionOffer, formatExtensions, parseExtensions } from '../extensions/extension-header.ts';
import { negotiateExtensions, requireExtensions } from '../extensions/negotiation.ts';
import { computeAccept, isKey } from './accept-key.ts';
import {
  checkExtendedConnect,
  extendedConnectAcceptance,
  formatExtendedConnectAcceptance,
} from './extended-connect.ts';
import { checkNoBody, checkVersion, isAuthority } from './handshake-checks.ts';
import { type HandshakeRefusal, refuse } from './handshake-refusal.ts';
import { listHasToken, listHasUpgradeProtocol } from './header-grammar.ts';
import { type HeaderInit, HeaderList, requireExtraHeaders } from './header-list.ts';
import type { RequestHead } from './http-head.ts';
import { portableSha1, type Sha1 } from './sha1.ts';
import { chooseSubprotocol, parseSubprotocols, requireSubprotocols } from './subprotocol.ts';

/** What a server is ready to speak. */
export interface ServerHandshakeOptions {
  /** The extensions that may be agreed. @defaultValue none */
  readonly extensions?: readonly Extension[];
  /** The subprotocols in the server's order of preference. @defaultValue none */
  readonly protocols?: readonly string[];
  /** The digest for Sec-WebSocket-Accept. @defaultValue portableSha1 */
  readonly sha1?: Sha1;
}

/** How a request is accepted. */
export interface AcceptOptions {
  /** One of the offered subprotocols, or '' for none. @defaultValue the first of the server's that was offered */
  readonly protocol?: string;
  /** Headers for the 101 beside those of the handshake, such as Set-Cookie. */
  readonly headers?: HeaderInit;
}

/** A handshake that is done once `head` has been sent. */
export interface HandshakeAcceptance {
  /**
   * The head of the 101 with its empty line, as Latin-1 text: one character is one byte. In HTTP/2 the same as text for
   * people.
   */
  readonly head: string;
  /** HTTP/2: the fields of the 200 (RFC 8441 5), which are what is sent there; otherwise undefined. */
  readonly fields: HeaderList | undefined;
  /** The subprotocol that was agreed; '' for none. */
  readonly protocol: string;
  /** The extensions that were agreed; whoever does not make a connection of them closes their codecs. */
  readonly extensions: readonly NegotiatedExtension[];
  /** What was agreed, as it stands in Sec-WebSocket-Extensions; '' for nothing. */
  readonly extensionsHeader: string;
  /** The headers beside those of the handshake, for who does not send `head` as it is; undefined for none. */
  readonly extraHeaders: HeaderList | undefined;
}

/** A request that keeps all rules and waits to be accepted. */
export interface AcceptableRequest {
  readonly kind: 'acceptable';
  /** Sec-WebSocket-Key; undefined in HTTP/2, which has none (RFC 8441 5). */
  readonly key: string | undefined;
  /** Sec-WebSocket-Version. */
  readonly version: 13;
  /** The subprotocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  /** The subprotocol that `accept` agrees to unless it is told another; '' for none. */
  readonly preferredProtocol: string;
  /** The extensions that the client offers, in its order. */
  readonly extensionOffers: readonly ExtensionOffer[];
  /**
   * Agrees: negotiates the extensions (only now, so that a refused request never holds a codec) and writes the 101.
   * @throws FullduplexError `WS_OPTION_INVALID` when the subprotocol was not offered or a header is not allowed.
   */
  accept(options?: AcceptOptions): HandshakeAcceptance;
}

const noProtocols: readonly string[] = Object.freeze([]);
const noOffers: readonly ExtensionOffer[] = Object.freeze([]);

/** Judges opening handshakes; one serves all requests of a server, because it keeps nothing of them. */
export class ServerHandshake {
  readonly #extensions: readonly Extension[];
  readonly #protocols: readonly string[];
  readonly #sha1: Sha1;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: ServerHandshakeOptions = {}) {
    this.#extensions = requireExtensions(options.extensions ?? []);
    this.#protocols = requireSubprotocols(options.protocols ?? []);
    this.#sha1 = options.sha1 ?? portableSha1;
  }

  /** Judges a request (RFC 6455 4.2.1), or an extended CONNECT (RFC 8441 5) when the head has `extendedConnect`. */
  receive(request: RequestHead): AcceptableRequest | HandshakeRefusal {
    const { headers, extendedConnect } = request;
    const refusal =
      extendedConnect === undefined
        ? (checkRequestLine(request) ??
          checkHost(request) ??
          checkUpgrade(request) ??
          checkVersion(request) ??
          checkKey(request))
        : (checkExtendedConnect(request, extendedConnect) ?? checkVersion(request));
    if (refusal !== undefined) return refusal;
    // RFC 8441 5: an extended CONNECT has no key to answer; one that is there is not looked at.
    const key = extendedConnect === undefined ? headers.get('Sec-WebSocket-Key') : undefined;

    const protocolsHeader = headers.joined('Sec-WebSocket-Protocol');
    const protocols = protocolsHeader === undefined ? noProtocols : parseSubprotocols(protocolsHeader);
    if (typeof protocols === 'string')
      return refuse(400, `Sec-WebSocket-Protocol: ${protocols} (RFC 6455 4.1)`);

    // Malformed extensions refuse the handshake even when we support none (RFC 6455 9.1).
    const extensionsHeader = headers.joined('Sec-WebSocket-Extensions');
    const extensionOffers = extensionsHeader === undefined ? noOffers : parseExtensions(extensionsHeader);
    if (typeof extensionOffers === 'string') {
      return refuse(400, `Sec-WebSocket-Extensions: ${extensionOffers} (RFC 6455 9.1)`);
    }

    const preferredProtocol = chooseSubprotocol(protocols, this.#protocols);
    return {
      kind: 'acceptable',
      key,
      version: 13,
      protocols,
      preferredProtocol,
      extensionOffers,
      accept: ({ protocol = preferredProtocol, headers: extraHeaders } = {}) => {
        if (protocol !== '' && !protocols.includes(protocol)) throw notOffered(protocol, protocols);
        const extra = extraHeaders === undefined ? undefined : requireExtraHeaders(extraHeaders);
        const extraLines = extra?.format() ?? '';
        const extensions = negotiateExtensions(extensionOffers, this.#extensions);
        const agreed = formatExtensions(extensions);
        if (key === undefined) {
          const fields = extendedConnectAcceptance(protocol, agreed, extra ?? new HeaderList());
          const text = formatExtendedConnectAcceptance(fields);
          return { head: text, fields, protocol, extensions, extensionsHeader: agreed, extraHeaders: extra };
        }
        // RFC 6455 4.2.2, step 5.
        const head =
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${computeAccept(key, this.#sha1)}\r\n` +
          (protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`) +
          (agreed === '' ? '' : `Sec-WebSocket-Extensions: ${agreed}\r\n`) +
          `${extraLines}\r\n`;
        return {
          head,
          fields: undefined,
          protocol,
          extensions,
          extensionsHeader: agreed,
          extraHeaders: extra,
        };
      },
    };
  }
}

/** RFC 6455 4.2.1, item 1: a GET of HTTP/1.1 or higher, for a resource, and nothing behind its head but frames. */
function checkRequestLine(request: RequestHead): HandshakeRefusal | undefined {
  const { method, target, httpVersion } = request;
  if (method !== 'GET') return refuse(405, `method ${describe(method)}, expected GET (RFC 6455 4.1)`);
  if (httpVersion !== '1.1')
    return refuse(400, `HTTP version ${describe(httpVersion)}, expected 1.1 (RFC 6455 4.1)`);
  // RFC 6455 4.1 and 3: a path with perhaps a query, or an absolute URI; fragments are not sent.
  const isResource = target.startsWith('/') || target.startsWith('http://') || target.startsWith('https://');
  if (!isResource || target.includes('#')) {
    return refuse(400, `request target ${describe(target)}, expected a path without a fragment (RFC 6455 3)`);
  }
  return checkNoBody(request);
}

/** RFC 6455 4.2.1, item 2, and RFC 9112 3.2: exactly one valid Host, else 400. */
function checkHost({ headers }: RequestHead): HandshakeRefusal | undefined {
  const host = headers.get('Host');
  if (host === undefined) return refuse(400, 'no Host, expected one (RFC 6455 4.2.1)');
  if (headers.count('Host') > 1) return refuse(400, 'several Host, expected one (RFC 9112 3.2)');
  if (!isAuthority(host))
    return refuse(400, `Host is ${describe(host)}, expected a host and perhaps a port (RFC 9110 7.2)`);
  return undefined;
}

/** RFC 6455 4.2.1, item 5. */
function checkKey({ headers }: RequestHead): HandshakeRefusal | undefined {
  const key = headers.get('Sec-WebSocket-Key');
  if (key === undefined)
    return refuse(400, 'no Sec-WebSocket-Key, expected 16 bytes in base64 (RFC 6455 4.2.1)');
  if (!isKey(key)) {
    return refuse(400, `Sec-WebSocket-Key is ${describe(key)}, expected 16 bytes in base64 (RFC 6455 4.2.1)`);
  }
  // RFC 6455 11.3.1: the header MUST NOT appear more than once.
  if (headers.count('Sec-WebSocket-Key') > 1)
    return refuse(400, 'several Sec-WebSocket-Key, expected one (RFC 6455 11.3.1)');
  return undefined;
}

/** RFC 6455 4.2.1, items 3 and 4. */
function checkUpgrade({ headers }: RequestHead): HandshakeRefusal | undefined {
  const upgrade = headers.joined('Upgrade');
  if (upgrade === undefined) return refuse(426, 'no Upgrade, expected "websocket" (RFC 6455 4.2.1)');
  if (!listHasUpgradeProtocol(upgrade, 'websocket')) {
    return refuse(426, `Upgrade is ${describe(upgrade)}, expected "websocket" (RFC 6455 4.2.1)`);
  }
  const connection = headers.joined('Connection');
  if (connection === undefined) return refuse(400, 'no Connection, expected "Upgrade" (RFC 6455 4.2.1)');
  if (!listHasToken(connection, 'upgrade')) {
    return refuse(400, `Connection is ${describe(connection)}, expected "Upgrade" in it (RFC 6455 4.2.1)`);
  }
  return undefined;
}

function notOffered(protocol: string, offered: readonly string[]): FullduplexError {
  const allowed =
    offered.length === 0
      ? 'none: the client offered none'
      : `one that the client offered: ${describe(offered.join(', '))}`;
  return new FullduplexError(
    'WS_OPTION_INVALID',
    `option protocol is ${describe(protocol)}, expected ${allowed}`,
  );
}
