// The algorithms of WebSocketStream (whatwg/websockets#48 and its explainer): messages as a readable and a writable
// stream, with backpressure both ways. Reading less makes the connection pause, so that the peer feels it; a write is
// done when the connection has room again. The interface itself is web-socket-stream.ts.

import { FullduplexError } from '../base/errors.ts';
import { portableTextCodec, type TextCodec } from '../base/text-codec.ts';
import type { Connection } from '../connection/connection.ts';
import { messageOverheadBytes } from '../connection/inbox.ts';
import type { Message } from '../connection/message-transport.ts';
import { CloseCode } from '../protocol/close-code.ts';
import { defaultLimits } from '../protocol/limits.ts';
import { requireCloseArguments } from './arguments.ts';
import { type ConnectionEnd, ConnectionLifecycle, type LifecycleEvents } from './connection-lifecycle.ts';
import type { WebSocketPlatform } from './dialer.ts';
import { ownedBy } from './outgoing-messages.ts';
import { ReadyState, type ReadyStateNumber } from './ready-state.ts';
import { bytesOfBufferSource, toDomString } from './web-idl.ts';
import { closingError, openingError, WebSocketError } from './web-socket-error.ts';

/** What the promise `opened` gives. */
export interface WebSocketOpenInfo {
  /** The messages as they arrive: text as strings, binary as Uint8Array. */
  readonly readable: ReadableStream<string | Uint8Array>;
  /** Takes messages to send: bytes as binary, everything else as text. */
  readonly writable: WritableStream<string | ArrayBuffer | ArrayBufferView>;
  /** The extensions that the server picked. */
  readonly extensions: string;
  /** The subprotocol that the server picked. */
  readonly protocol: string;
}

/** What the promise `closed` gives after a clean end. */
export interface WebSocketStreamEnd {
  readonly closeCode: number;
  readonly reason: string;
}

/** What a WebSocketStreamSession is made for. */
export interface StreamRequest<Options> {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly options: Options | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** The state behind one WebSocketStream object. */
export class WebSocketStreamSession<Options> implements LifecycleEvents {
  readonly #text: TextCodec;
  readonly #signal: AbortSignal | undefined;
  readonly #opened: Deferred<WebSocketOpenInfo> = deferred();
  readonly #closed: Deferred<WebSocketStreamEnd> = deferred();
  #lifecycle: ConnectionLifecycle<Options> | undefined;
  #readyState: ReadyStateNumber = ReadyState.CONNECTING;
  #connection: Connection | undefined;
  #readable: ReadableStreamDefaultController<string | Uint8Array> | undefined;
  #writable: WritableStreamDefaultController | undefined;

  constructor(platform: WebSocketPlatform<Options>, request: StreamRequest<Options>) {
    this.#text = platform.text ?? portableTextCodec;
    this.#signal = request.signal;
    if (request.signal?.aborted === true) {
      this.#readyState = ReadyState.CLOSED;
      this.#rejectBoth(request.signal.reason);
      return;
    }
    request.signal?.addEventListener('abort', this.#abortHandshake);
    this.#lifecycle = new ConnectionLifecycle(platform.dialer, request, this);
  }

  get opened(): Promise<WebSocketOpenInfo> {
    return this.#opened.promise;
  }

  get closed(): Promise<WebSocketStreamEnd> {
    return this.#closed.promise;
  }

  /** "close(closeInfo)". @throws DOMException `InvalidAccessError`, `SyntaxError` */
  close(givenCode: number | undefined, givenReason: string): void {
    const { code, reason } = requireCloseArguments(givenCode, givenReason, this.#text);
    this.#close(code, reason);
  }

  // Feedback from the protocol

  established(connection: Connection): void {
    this.#signal?.removeEventListener('abort', this.#abortHandshake);
    this.#connection = connection;
    this.#readyState = ReadyState.OPEN;
    // One message at a time is kept by each stream; what lies beyond is kept, and bounded, by the connection.
    const oneMessage = {
      highWaterMark: 1,
      size: (message: string | Uint8Array) => messageOverheadBytes + message.length,
    };
    const readable = new ReadableStream<string | Uint8Array>(
      {
        start: (controller) => {
          this.#readable = controller;
        },
        pull: () => connection.resume(),
        cancel: (reason: unknown) => {
          this.#readable = undefined;
          this.#closeUsingReason(reason);
        },
      },
      oneMessage,
    );
    const writable = new WritableStream<string | ArrayBuffer | ArrayBufferView>({
      start: (controller) => {
        this.#writable = controller;
      },
      write: (chunk) => this.#write(connection, chunk),
      close: () => {
        this.#close(undefined, '');
        // Done when the closing handshake is.
        return this.#closed.promise.then(() => undefined);
      },
      abort: (reason: unknown) => this.#closeUsingReason(reason),
    });
    const { extensions, protocol } = connection;
    this.#opened.resolve({ readable, writable, extensions, protocol });
  }

  message(message: Message): void {
    const readable = this.#readable;
    // After close() was called nothing is delivered any more, and nobody reads after cancel().
    if (this.#readyState !== ReadyState.OPEN || readable === undefined) return;
    readable.enqueue(message);
    const connection = this.#connection;
    const waitingBytes = -(readable.desiredSize ?? 0);
    if (connection === undefined || waitingBytes < 0) return;
    if (connection.supports.pause) connection.pause();
    else if (waitingBytes > defaultLimits.maxRetainedBytes) this.#overflow(readable, waitingBytes);
  }

  // A platform that cannot be paused never makes its peer wait: the stream ends here, for a reason that has a name.
  #overflow(readable: ReadableStreamDefaultController<string | Uint8Array>, waitingBytes: number): void {
    const cause = new FullduplexError(
      'WS_RECEIVE_QUEUE_OVERFLOW',
      `${waitingBytes} bytes of messages wait for a reader on a platform that cannot pause, at most ${defaultLimits.maxRetainedBytes}`,
    );
    this.#readable = undefined;
    readable.error(closingError(CloseCode.abnormalClosure, '', cause));
    this.#lifecycle?.fail(cause);
  }

  closingStarted(): void {
    // The peer's messages are all here when its close frame is; only our own close() ends their delivery.
  }

  ended(end: ConnectionEnd): void {
    // 1. and 2. A handshake that was aborted has rejected both promises already; what follows changes nothing.
    this.#readyState = ReadyState.CLOSED;
    this.#signal?.removeEventListener('abort', this.#abortHandshake);
    // 3. It was never open.
    const { wasClean, code, reason, cause } = end;
    if (this.#connection === undefined) this.#opened.reject(openingError(cause));
    // 4. and 5. Code and reason are the peer's.
    if (wasClean) {
      // 6. What has arrived can still be read; nothing can be written any more.
      this.#readable?.close();
      this.#writable?.error(new DOMException('the WebSocketStream is closed', 'InvalidStateError'));
      this.#closed.resolve({ closeCode: code, reason });
    } else {
      // 7. Both streams and the promise get the same error.
      const error = closingError(code, reason, cause);
      this.#readable?.error(error);
      this.#writable?.error(error);
      this.#closed.reject(error);
    }
  }

  /** "Close the WebSocket", with checked arguments. */
  #close(code: number | undefined, reason: string): void {
    if (this.#readyState === ReadyState.CLOSING || this.#readyState === ReadyState.CLOSED) return;
    this.#readyState = ReadyState.CLOSING;
    const lifecycle = this.#lifecycle;
    if (lifecycle === undefined) return;
    if (lifecycle.isEstablished) lifecycle.startClosing(code, reason);
    else lifecycle.fail(new Error('the WebSocketStream was closed before it was open'));
  }

  /** Only a WebSocketError says how to close; any other reason closes without a code. */
  #closeUsingReason(reason: unknown): void {
    if (reason instanceof WebSocketError) this.#close(reason.closeCode ?? undefined, reason.reason);
    else this.#close(undefined, '');
  }

  #write(connection: Connection, chunk: unknown): Promise<void> | undefined {
    // Bytes are a binary message; what else there is becomes text, as in every USVString conversion.
    const data = bytesOfBufferSource(chunk) ?? toDomString(chunk);
    if (this.#readyState !== ReadyState.OPEN) return undefined;
    const accepted = connection.send(ownedBy(connection, data));
    // Above the high-water mark the write is done when the connection has room. An end before that errors the stream.
    return typeof accepted === 'boolean' ? undefined : accepted.then(() => undefined);
  }

  readonly #abortHandshake = (): void => {
    this.#rejectBoth(this.#signal?.reason);
    this.#lifecycle?.fail(new Error('opening the WebSocketStream was aborted'));
  };

  #rejectBoth(reason: unknown): void {
    this.#opened.reject(reason);
    this.#closed.reject(reason);
  }
}

function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Nobody has to listen: a rejection is not an unhandled one.
  promise.catch(() => undefined);
  return {
    promise,
    resolve: (value) => settle?.resolve(value),
    reject: (reason) => settle?.reject(reason),
  };
}
