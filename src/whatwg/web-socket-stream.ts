// The WebSocketStream interface (whatwg/websockets#48) over a platform's Dialer: what Web IDL says about its members,
// and their arguments. The algorithms are in web-socket-stream-session.ts.

import { parseSocketUrl, requireDistinctTokens } from './arguments.ts';
import type { WebSocketPlatform } from './dialer.ts';
import { defineInterface, requireArguments, toDictionary, toStringSequence, toUsvString } from './web-idl.ts';
import { toCloseInfo, type WebSocketCloseInfo } from './web-socket-error.ts';
import {
  type WebSocketOpenInfo,
  type WebSocketStreamEnd,
  WebSocketStreamSession,
} from './web-socket-stream-session.ts';

/** The options of WebSocketStream in the standard. */
export interface WebSocketStreamOptions {
  /** The subprotocols to offer. @defaultValue none */
  readonly protocols?: readonly string[];
  /** Aborts connecting; both promises then reject with its reason. Once open it has no effect. */
  readonly signal?: AbortSignal;
}

/** A WebSocket as a readable and a writable stream, with backpressure in both directions. */
export interface WebSocketStream {
  /** The URL that was connected to. */
  readonly url: string;
  /** The streams, when the connection is open. Rejects when it could not be opened. */
  readonly opened: Promise<WebSocketOpenInfo>;
  /** The peer's close code and reason after a clean end. Rejects with a WebSocketError after any other. */
  readonly closed: Promise<WebSocketStreamEnd>;
  /**
   * Closes the connection.
   * @throws DOMException `InvalidAccessError` for the code, `SyntaxError` for the reason
   */
  close(closeInfo?: WebSocketCloseInfo): void;
}

/** The constructor of WebSocketStream. */
export interface WebSocketStreamClass<Options extends WebSocketStreamOptions = WebSocketStreamOptions> {
  /**
   * Connects.
   * @throws DOMException `SyntaxError` for the URL or the subprotocols
   */
  new (url: string | URL, options?: Options): WebSocketStream;
  readonly prototype: WebSocketStream;
}

/** Makes the WebSocketStream class of a platform. */
export function createWebSocketStreamClass<Options extends WebSocketStreamOptions>(
  platform: WebSocketPlatform<Options>,
): WebSocketStreamClass<Options> {
  class WebSocketStream {
    readonly #url: string;
    readonly #session: WebSocketStreamSession<Options>;

    // A rest parameter, because an optional one does not count in a function's length.
    constructor(url: string | URL, ...[options]: [Options?]) {
      requireArguments('WebSocketStream', arguments.length, 1);
      const givenUrl = toUsvString(url);
      const member = toDictionary('WebSocketStream options', options);
      const protocols = member('protocols');
      const signal = member('signal');
      const givenProtocols = protocols === undefined ? [] : toStringSequence(protocols);
      if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError('option signal is not an AbortSignal');
      }
      const record = parseSocketUrl(givenUrl, platform.baseUrl?.());
      const offered = requireDistinctTokens(givenProtocols);
      this.#url = record.href;
      this.#session = new WebSocketStreamSession(platform, {
        url: record,
        protocols: offered,
        options,
        signal,
      });
    }

    get url(): string {
      return this.#url;
    }

    get opened(): Promise<WebSocketOpenInfo> {
      return this.#session.opened;
    }

    get closed(): Promise<WebSocketStreamEnd> {
      return this.#session.closed;
    }

    close(closeInfo: WebSocketCloseInfo = {}): void {
      const session = this.#session;
      const { closeCode, reason } = toCloseInfo(closeInfo);
      session.close(closeCode, reason);
    }
  }

  defineInterface('WebSocketStream', WebSocketStream, ['url', 'opened', 'closed', 'close']);
  return WebSocketStream;
}
