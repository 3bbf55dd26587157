// The WebSocket interface of the WHATWG WebSockets standard over a platform's Dialer: what Web IDL says about its
// members, and their arguments. The algorithms are in web-socket-session.ts.

import { requireDistinctTokens, parseSocketUrl } from './arguments.ts';
import type { WebSocketPlatform } from './dialer.ts';
import { EventHandlerAttribute } from './event-handler-attribute.ts';
import type { CloseEvent } from './events.ts';
import { ReadyState, type ReadyStateNumber } from './ready-state.ts';
import {
  bytesOfBufferSource,
  clampUnsignedShort,
  defineInterface,
  requireArguments,
  toDomString,
  toStringOrSequence,
  toUsvString,
} from './web-idl.ts';
import { type BinaryType, WebSocketSession } from './web-socket-session.ts';

/** The events of a WebSocket by their types. */
export interface WebSocketEventMap {
  readonly open: Event;
  readonly message: MessageEvent;
  readonly error: Event;
  readonly close: CloseEvent;
}

/** A handler that is set as an attribute (`socket.onopen = ...`). */
export type WebSocketHandler<Type extends keyof WebSocketEventMap> = (
  this: WebSocket,
  event: WebSocketEventMap[Type],
) => unknown;

/** A WebSocket as in browsers. */
export interface WebSocket extends EventTarget {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /** The URL that was connected to. */
  readonly url: string;
  /** CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3). */
  readonly readyState: ReadyStateNumber;
  /** Bytes of application data that were passed to `send` and have not left. */
  readonly bufferedAmount: number;
  /** The extensions that the server picked. */
  readonly extensions: string;
  /** The subprotocol that the server picked. */
  readonly protocol: string;
  /** Whether binary messages are given as a Blob or as an ArrayBuffer. @defaultValue 'blob' */
  binaryType: BinaryType;
  onopen: WebSocketHandler<'open'> | null;
  onmessage: WebSocketHandler<'message'> | null;
  onerror: WebSocketHandler<'error'> | null;
  onclose: WebSocketHandler<'close'> | null;
  /** Sends a message. @throws DOMException `InvalidStateError` before the connection is open */
  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void;
  /**
   * Closes the connection behind everything sent; before it is open, gives up connecting.
   * @param code 1000 or 3000 to 4999; without one the peer sees 1005
   * @param reason at most 123 bytes of UTF-8
   * @throws DOMException `InvalidAccessError` for another code, `SyntaxError` for a longer reason
   */
  close(code?: number, reason?: string): void;
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: (this: WebSocket, event: WebSocketEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: (this: WebSocket, event: WebSocketEventMap[Type]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** What every platform's WebSocket takes as a third argument, beyond the standard. */
export interface WebSocketExtras {
  /** Hears why the connection failed; the error event must not say it. */
  readonly onFailure?: (error: Error) => void;
}

/** The constructor of WebSocket. */
export interface WebSocketClass<Options> {
  /**
   * Connects. The outcome comes as an event: `open`, or `error` and `close`.
   * @param options not in the standard
   * @throws DOMException `SyntaxError` for the URL or the subprotocols
   */
  new (url: string | URL, protocols?: string | Iterable<string>, options?: Options): WebSocket;
  readonly prototype: WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/** Makes the WebSocket class of a platform. */
export function createWebSocketClass<Options extends WebSocketExtras>(
  platform: WebSocketPlatform<Options>,
): WebSocketClass<Options> {
  class WebSocket extends EventTarget {
    declare static readonly CONNECTING: 0;
    declare static readonly OPEN: 1;
    declare static readonly CLOSING: 2;
    declare static readonly CLOSED: 3;
    declare readonly CONNECTING: 0;
    declare readonly OPEN: 1;
    declare readonly CLOSING: 2;
    declare readonly CLOSED: 3;
    readonly #session: WebSocketSession<Options>;
    readonly #onopen = new EventHandlerAttribute<WebSocketHandler<'open'>>(this, 'open');
    readonly #onmessage = new EventHandlerAttribute<WebSocketHandler<'message'>>(this, 'message');
    readonly #onerror = new EventHandlerAttribute<WebSocketHandler<'error'>>(this, 'error');
    readonly #onclose = new EventHandlerAttribute<WebSocketHandler<'close'>>(this, 'close');

    constructor(url: string | URL, protocols: string | Iterable<string> = [], options?: Options) {
      requireArguments('WebSocket', arguments.length, 1);
      super();
      const givenUrl = toUsvString(url);
      const givenProtocols = toStringOrSequence(protocols);
      // 1. to 7.
      const record = parseSocketUrl(givenUrl, platform.baseUrl?.());
      // 8. and 9.
      const offered = requireDistinctTokens(givenProtocols);
      // 10. to 12.
      const request = { url: record, protocols: offered, options, onFailure: options?.onFailure };
      this.#session = new WebSocketSession(platform, request, (event) => {
        // Not a subclass's own dispatchEvent: events are fired by the platform.
        EventTarget.prototype.dispatchEvent.call(this, event);
      });
    }

    get url(): string {
      return this.#session.url;
    }

    get readyState(): ReadyStateNumber {
      return this.#session.readyState;
    }

    get bufferedAmount(): number {
      return this.#session.bufferedAmount;
    }

    get extensions(): string {
      return this.#session.extensions;
    }

    get protocol(): string {
      return this.#session.protocol;
    }

    get binaryType(): BinaryType {
      return this.#session.binaryType;
    }

    set binaryType(value: BinaryType) {
      // A value outside of the enumeration is ignored (Web IDL, attribute setters).
      const given = toDomString(value);
      if (given === 'blob' || given === 'arraybuffer') this.#session.binaryType = given;
    }

    get onopen(): WebSocketHandler<'open'> | null {
      return this.#onopen.value;
    }

    set onopen(handler: WebSocketHandler<'open'> | null) {
      this.#onopen.value = handler;
    }

    get onmessage(): WebSocketHandler<'message'> | null {
      return this.#onmessage.value;
    }

    set onmessage(handler: WebSocketHandler<'message'> | null) {
      this.#onmessage.value = handler;
    }

    get onerror(): WebSocketHandler<'error'> | null {
      return this.#onerror.value;
    }

    set onerror(handler: WebSocketHandler<'error'> | null) {
      this.#onerror.value = handler;
    }

    get onclose(): WebSocketHandler<'close'> | null {
      return this.#onclose.value;
    }

    set onclose(handler: WebSocketHandler<'close'> | null) {
      this.#onclose.value = handler;
    }

    send(data: unknown): void {
      requireArguments('send', arguments.length, 1);
      const session = this.#session;
      if (typeof data === 'string') session.send(data);
      else session.send(bytesOfBufferSource(data) ?? (data instanceof Blob ? data : toDomString(data)));
    }

    // Rest parameters, because optional ones do not count in a function's length.
    close(...[code, reason]: unknown[]): void {
      this.#session.close(
        code === undefined ? undefined : clampUnsignedShort(code),
        reason === undefined ? undefined : toUsvString(reason),
      );
    }
  }

  const members = [
    'url',
    'readyState',
    'bufferedAmount',
    'onopen',
    'onerror',
    'onclose',
    'extensions',
    'protocol',
  ];
  defineInterface(
    'WebSocket',
    WebSocket,
    [...members, 'close', 'onmessage', 'binaryType', 'send'],
    ReadyState,
  );
  return WebSocket;
}
