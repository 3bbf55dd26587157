// The opening handshake of a client of ws. node:http carries the request, because agents, `finishRequest` and the events
// 'upgrade', 'unexpected-response' and 'redirect' show its objects; what the answer means is judged as everywhere here. With the
// option http2 that is what is asked by where there is no HTTP/2, and where a program wants those objects of a refusal.

import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as httpRequest,
} from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { noBytes } from '../base/bytes.ts';
import { cryptoRandom } from '../base/random.ts';
import { ignoreError } from '../node/ending-sockets.ts';
import { connectOverHttp2, type Http2Plan } from '../node/http2/connect-over-http2.ts';
import type { AcceptedConnect } from '../node/http2/open-stream.ts';
import { StreamTransport } from '../node/http2/stream-transport.ts';
import { nodeSha1 } from '../node/node-sha1.ts';
import type { AgreedHandshake } from '../node/platform.ts';
import { formatExtensions, parseExtensions } from '../protocol/extensions/extension-header.ts';
import { closeExtensions, confirmExtensions } from '../protocol/extensions/negotiation.ts';
import type { PerMessageDeflate } from '../protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { computeAccept, makeKey } from '../protocol/handshake/accept-key.ts';
import { equalsIgnoringCase, isToken } from '../protocol/handshake/header-grammar.ts';
import { setTransport } from './byte-transports.ts';
import type { ClientOptions } from './client-options.ts';
import { type ClientTarget, parseClientTarget } from './client-target.ts';
import { connectErrorOf, planConnect, refusalStatusOf, showResponse } from './connect-road.ts';
import { deflateOf } from './deflate-options.ts';
import { requestOptionsOf } from './request-options.ts';
import { rethrow } from './rethrow.ts';
import type { SocketOptions } from './socket-options.ts';
import type { WebSocket } from './web-socket.ts';

/** The WebSocket that an attempt is made for. */
export interface AttemptOwner {
  readonly socket: WebSocket;
  /** Whether nothing has ended the attempt. */
  readonly isConnecting: boolean;
  /** Told of the URL of each request. */
  connectsTo(url: string): void;
  /** It will not come about; `failed` says so to the world, later. */
  ending(): void;
  /** It has not come about. */
  failed(error: Error): void;
  /** The server has agreed. */
  opened(stream: Duplex, head: Uint8Array, agreed: AgreedHandshake, options: SocketOptions): void;
}

const supportedVersions = [8, 13];

/** One client's way to its connection, over as many redirects as it takes. */
export class ClientAttempt {
  readonly #owner: AttemptOwner;
  readonly #protocols: readonly string[];
  readonly #options: ClientOptions;
  readonly #deflate: PerMessageDeflate | undefined;
  #first: ClientTarget | undefined;
  #redirects = 0;
  #request: ClientRequest | undefined;
  // Ends an attempt over HTTP/2.
  #overHttp2: AbortController | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @throws SyntaxError, RangeError, FullduplexError `WS_OPTION_INVALID` */
  constructor(owner: AttemptOwner, protocols: readonly unknown[], options: ClientOptions) {
    // As in ws: undefined, when it is given, is not the default.
    const { protocolVersion = 13, perMessageDeflate } = { perMessageDeflate: true, ...options };
    if (!supportedVersions.includes(protocolVersion)) {
      throw new RangeError(
        `Unsupported protocol version: ${protocolVersion} (supported versions: ${supportedVersions.join(', ')})`,
      );
    }
    this.#owner = owner;
    this.#options = options;
    this.#protocols = requireProtocols(protocols);
    const isWanted =
      perMessageDeflate !== undefined && perMessageDeflate !== null && perMessageDeflate !== false;
    this.#deflate = isWanted ? deflateOf(perMessageDeflate) : undefined;
  }

  /** Asks the server. @throws SyntaxError for a URL that makes no sense, and what node:http throws for its options */
  start(address: string | URL): void {
    const target = parseClientTarget(address);
    this.#first = target;
    this.#ask(target);
  }

  /** Gives up; the owner hears of the error in the next tick. */
  abort(message: string): void {
    const request = this.#request;
    const error = new Error(message);
    this.#fail(error, () => {
      this.#overHttp2?.abort(error);
      request?.destroy();
      // A response that is complete has let go of its socket.
      request?.socket?.destroy();
    });
  }

  #ask(target: ClientTarget): void {
    const owner = this.#owner;
    owner.connectsTo(target.href);
    // A redirect is told with a request of node:http.
    const plan =
      this.#redirects === 0 ? planConnect(this.#options, target, this.#protocols, this.#deflate) : undefined;
    clearTimeout(this.#deadline);
    const { handshakeTimeout } = this.#options;
    if (handshakeTimeout !== undefined && handshakeTimeout > 0)
      this.#deadline = setTimeout(() => this.abort('Opening handshake has timed out'), handshakeTimeout);
    if (plan === undefined) this.#askOverHttp1(target);
    else this.#askOverHttp2(plan, target).catch(rethrow);
  }

  async #askOverHttp2(plan: Http2Plan, target: ClientTarget): Promise<void> {
    const attempt = new AbortController();
    this.#overHttp2 = attempt;
    let unused: Duplex | undefined;
    try {
      const outcome = await connectOverHttp2(plan, undefined, attempt.signal, ignorePhase, (stream, result) =>
        this.#connected(stream, result),
      );
      if (outcome.kind === 'accepted') return;
      unused = outcome.stream;
    } catch (error) {
      if (this.#isOver) return;
      if (!this.#wantsObjects(refusalStatusOf(error))) {
        this.#end();
        this.#owner.failed(connectErrorOf(error));
        return;
      }
    }
    if (this.#isOver) unused?.destroy();
    else this.#askOverHttp1(target, unused);
  }

  // Of a refusal: the request and the response, which HTTP/1.1 has.
  #wantsObjects(status: number | undefined): boolean {
    if (status === undefined) return false;
    const isFollowed = this.#options.followRedirects === true && status >= 300 && status < 400;
    return isFollowed || this.#owner.socket.listenerCount('unexpected-response') > 0;
  }

  #connected(
    stream: ClientHttp2Stream,
    { response, protocol, extensions, extensionsHeader }: AcceptedConnect,
  ): void {
    const owner = this.#owner;
    const transport = new StreamTransport(stream);
    try {
      owner.socket.emit('upgrade', showResponse(stream, response.status, response.headers));
      if (!owner.isConnecting || this.#isOver) {
        transport.destroy();
        closeExtensions(extensions);
        return;
      }
      this.#end();
      setTransport(stream, transport);
      const agreed = { subprotocol: protocol, extension: extensions[0], extensionsHeader };
      owner.opened(stream, noBytes, agreed, this.#options);
    } catch (error) {
      // Of a listener's.
      rethrow(error);
    }
  }

  /** @param connected an unused connection to the target */
  #askOverHttp1(target: ClientTarget, connected?: Duplex): void {
    const { followRedirects, finishRequest } = this.#options;
    const owner = this.#owner;
    const key = makeKey(cryptoRandom);
    // Who listens for redirects decides by himself what goes where.
    const isTrusted = owner.socket.listenerCount('redirect') > 0;
    const options = requestOptionsOf(this.#options, target, {
      key,
      protocols: this.#protocols,
      extensions: this.#offer(),
      first: this.#redirects === 0 ? undefined : this.#first,
      isTrusted,
    });
    const connect = target.isSecure ? connectSecurely(target) : connectPlainly;
    const request = (target.isSecure ? httpsRequest : httpRequest)({
      createConnection: connect,
      ...options,
      ...(connected === undefined ? {} : { createConnection: () => connected }),
    });
    // It may have been paused when it was made.
    connected?.resume();
    this.#request = request;
    if (this.#redirects > 0) owner.socket.emit('redirect', target.href, request);
    request.on('error', (error) => {
      if (this.#isOver || request !== this.#request) return;
      this.#end();
      owner.failed(error);
    });
    request.on('response', (response) => {
      if (this.#isOver || request !== this.#request) return;
      const { location } = response.headers;
      const { statusCode = 0 } = response;
      const isRedirect = location !== undefined && statusCode >= 300 && statusCode < 400;
      if (isRedirect && followRedirects === true) this.#follow(location, target);
      else if (!owner.socket.emit('unexpected-response', request, response))
        this.abort(`Unexpected server response: ${statusCode}`);
    });
    request.on('upgrade', (response, stream, head) => {
      stream.on('error', ignoreError);
      owner.socket.emit('upgrade', response);
      if (!owner.isConnecting || this.#isOver) {
        stream.destroy();
        return;
      }
      this.#upgraded(response, stream, head, key);
    });
    if (finishRequest === undefined || finishRequest === null) request.end();
    else finishRequest(request, owner.socket);
  }

  #follow(location: string, from: ClientTarget): void {
    const { maxRedirects = 10 } = this.#options;
    this.#redirects++;
    if (this.#redirects > maxRedirects) {
      this.abort('Maximum redirects exceeded');
      return;
    }
    const request = this.#request;
    this.#request = undefined;
    request?.destroy();
    let target: ClientTarget;
    try {
      target = parseClientTarget(location, from.href);
    } catch (error) {
      this.#end();
      this.#owner.failed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#ask(target);
  }

  #upgraded(response: IncomingMessage, stream: Duplex, head: Uint8Array, key: string): void {
    const agreed = this.#judge(response, key);
    if (typeof agreed === 'string') {
      this.#fail(new Error(agreed), () => stream.destroy());
      return;
    }
    this.#end();
    stream.removeListener('error', ignoreError);
    this.#owner.opened(stream, head, agreed, this.#options);
  }

  /** RFC 6455 4.1: what the answer has to say; a string is what is wrong with it, in the words of ws. */
  #judge({ headers }: IncomingMessage, key: string): AgreedHandshake | string {
    const { upgrade } = headers;
    if (upgrade === undefined || !equalsIgnoringCase(upgrade, 'websocket')) return 'Invalid Upgrade header';
    if (headers['sec-websocket-accept'] !== computeAccept(key, nodeSha1))
      return 'Invalid Sec-WebSocket-Accept header';
    const subprotocol = headers['sec-websocket-protocol'];
    if (subprotocol === undefined && this.#protocols.length > 0) return 'Server sent no subprotocol';
    if (subprotocol !== undefined && !this.#protocols.includes(subprotocol)) {
      return this.#protocols.length === 0
        ? 'Server sent a subprotocol but none was requested'
        : 'Server sent an invalid subprotocol';
    }
    const extensionsHeader = headers['sec-websocket-extensions'];
    if (extensionsHeader === undefined)
      return { subprotocol: subprotocol ?? '', extension: undefined, extensionsHeader: '' };
    if (this.#deflate === undefined)
      return 'Server sent a Sec-WebSocket-Extensions header but no extension was requested';
    const { name } = this.#deflate;
    const responses = parseExtensions(extensionsHeader);
    if (typeof responses === 'string') return 'Invalid Sec-WebSocket-Extensions header';
    if (responses.some((extension) => extension.name !== name))
      return 'Server indicated an extension that was not requested';
    const extensions = confirmExtensions(responses, [this.#deflate]);
    if (typeof extensions === 'string') return 'Invalid Sec-WebSocket-Extensions header';
    return { subprotocol: subprotocol ?? '', extension: extensions[0], extensionsHeader };
  }

  #offer(): string {
    const deflate = this.#deflate;
    if (deflate === undefined) return '';
    return formatExtensions(deflate.offers().map((parameters) => ({ name: deflate.name, parameters })));
  }

  #fail(error: Error, cut: () => void): void {
    if (this.#isOver) return;
    this.#end();
    this.#owner.ending();
    cut();
    process.nextTick(() => this.#owner.failed(error));
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#deadline);
  }
}

function ignorePhase(): void {
  // Nobody is told how far an attempt has come.
}

function requireProtocols(protocols: readonly unknown[]): readonly string[] {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (typeof protocol !== 'string' || !isToken(protocol) || seen.has(protocol))
      throw new SyntaxError('An invalid or duplicated subprotocol was specified');
    seen.add(protocol);
  }
  return [...seen];
}

function connectPlainly({ socketPath, ...options }: RequestOptions): Duplex {
  return Reflect.apply(connectSocket, undefined, [{ ...options, path: socketPath ?? undefined }]);
}

function connectSecurely({ servername }: ClientTarget): (options: RequestOptions) => Duplex {
  return (options) =>
    Reflect.apply(connectTls, undefined, [{ servername, ...options, path: options.socketPath ?? undefined }]);
}
