// What a WebSocket sends, in order: messages whole or in fragments, pings, pongs and the close frame. What comes behind a Blob
// waits until its bytes have been read. Here too are the callbacks for what has left.

import { type Blob, Buffer } from 'node:buffer';
import type { FragmentOptions } from '../connection/connection-handlers.ts';
import type { MessageType } from '../connection/message-transport.ts';
import { referenceFromBytes } from '../protocol/frame-encoder.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { Carrier } from './carrier.ts';
import { repeatedMessage } from './repeated-message.ts';
import { rethrow } from './rethrow.ts';
import { bytesOf, isBlob, type ReadyData, readyDataOf } from './sent-data.ts';

/** Told when what was sent has left, or with the error that kept it from leaving. */
export type SentCallback = (error?: Error) => void;

/** How a message is sent. */
export interface SendOptions {
  /** Whether it is a binary message. @defaultValue false for a string, true for all else */
  readonly binary?: boolean | undefined;
  /** Whether it may be compressed. @defaultValue true */
  readonly compress?: boolean | undefined;
  /** Whether it is the last fragment of its message. @defaultValue true */
  readonly fin?: boolean | undefined;
  /** Accepted, and without effect: clients mask, servers do not (RFC 6455 5.1). */
  readonly mask?: boolean | undefined;
}

const wholeText: FragmentOptions = Object.freeze({ fin: true, type: 'text' });
// From here on the engine writes at once (FramedTransport); a shorter payload by reference would wait for the end of the turn,
// in which the application may write to its memory again.
const writtenAtOnceBytes = 48 * 1024;

/** Who sends. */
export interface OutgoingOwner {
  /** The bytes of a Blob cannot be read: what was promised to the peer cannot be sent. */
  cannotSend(error: Error): void;
}

/** The sending half of one WebSocket. */
export class Outgoing {
  readonly #carrier: Carrier;
  // Whether messages are compressed whatever their size: with a context that is taken over each one is worth it.
  readonly #compressesAll: boolean;
  readonly #maySendPrepared: boolean;
  readonly #owner: OutgoingOwner;
  #openType: MessageType | undefined;
  // What waits behind a Blob that is being read; undefined while nothing does.
  #waiting: (() => void)[] | undefined;
  #waitingBytes = 0;
  #callbacks: SentCallback[] | undefined;

  constructor(role: 'client' | 'server', carrier: Carrier, compressesAll: boolean, owner: OutgoingOwner) {
    this.#maySendPrepared = role === 'server';
    this.#carrier = carrier;
    this.#compressesAll = compressesAll;
    this.#owner = owner;
  }

  /** The bytes that wait for the operating system. */
  get bufferedAmount(): number {
    return this.#carrier.bufferedAmount + this.#waitingBytes;
  }

  /** Sends a message or a fragment of one. @throws TypeError for what has no bytes */
  send(data: unknown, options: SendOptions | undefined, callback: SentCallback | undefined): void {
    const isText = typeof data === 'string' || typeof data === 'number';
    const isBinary = options?.binary ?? !(isText || isNamed(options, 'binary'));
    const isFinal = options?.fin ?? true;
    const mayCompress = options?.compress ?? !isNamed(options, 'compress');
    const compress = !mayCompress ? false : this.#compressesAll ? true : undefined;
    if (!(data instanceof Uint8Array) && isBlob(data)) {
      this.#sendBlob(data, (bytes) => this.#sendNow(bytes, isBinary, isFinal, compress, callback), callback);
      return;
    }
    const ready = readyDataOf(data);
    if (this.#waiting === undefined) this.#sendNow(ready, isBinary, isFinal, compress, callback);
    else this.#wait(ready.length, () => this.#sendNow(ready, isBinary, isFinal, compress, callback));
  }

  /** Sends a message that was encoded before. */
  sendPrepared(message: PreparedMessage, callback: SentCallback | undefined): void {
    const send = (): void => {
      this.#carrier.sendPrepared(message);
      this.#notify(callback);
    };
    if (this.#waiting === undefined) send();
    else this.#wait(message.payloadLength, send);
  }

  /** Sends a ping or pong. @throws RangeError above 125 bytes, TypeError for what has no bytes */
  sendControl(kind: 'ping' | 'pong', data: unknown, callback: SentCallback | undefined): void {
    const send = (payload: Uint8Array): void => {
      this.#carrier[kind](payload);
      this.#notify(callback);
    };
    if (isBlob(data)) {
      requireControlLength(data.size);
      this.#sendBlob(data, send, callback);
      return;
    }
    const payload = bytesOf(readyDataOf(data));
    requireControlLength(payload.length);
    if (this.#waiting === undefined) send(payload);
    else this.#wait(payload.length, () => send(payload));
  }

  /** Sends the close frame behind everything before. */
  close(code: number | undefined, reason: string): void {
    const send = (): void => {
      void (code === undefined ? this.#carrier.closeWithoutCode() : this.#carrier.close(code, reason));
    };
    if (this.#waiting === undefined) send();
    else this.#wait(0, send);
  }

  /** All that was sent has left. */
  sent(): void {
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    if (callbacks === undefined) return;
    process.nextTick(() => {
      for (const callback of callbacks) callback();
    });
  }

  /** Nothing leaves any more. */
  gone(): void {
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    // At once, because 'close' comes behind them.
    for (const callback of callbacks ?? []) {
      try {
        callback(new Error('The socket was closed before the data was sent'));
      } catch (error) {
        rethrow(error);
      }
    }
  }

  #sendNow(
    data: ReadyData,
    isBinary: boolean,
    isFinal: boolean,
    compress: boolean | undefined,
    callback: SentCallback | undefined,
  ): void {
    const carrier = this.#carrier;
    if (this.#openType !== undefined || !isFinal) {
      const type = (this.#openType ??= isBinary ? 'binary' : 'text');
      if (isFinal) this.#openType = undefined;
      carrier.sendFragment(bytesOf(data), { fin: isFinal, type, ...optional(compress) });
    } else if (this.#sendRepeated(data, isBinary, compress)) {
      // Many get it, and it is encoded once.
    } else if (isBinary) {
      carrier.send(unchanging(bytesOf(data)), compress === undefined ? undefined : { compress });
    } else if (typeof data === 'string') {
      carrier.send(data, compress === undefined ? undefined : { compress });
    } else {
      carrier.sendFragment(unchanging(data), compress === undefined ? wholeText : { ...wholeText, compress });
    }
    if (callback !== undefined) this.#notify(callback);
  }

  // Clients mask each frame by itself, and what a context refers to differs from one connection to the next.
  #sendRepeated(data: ReadyData, isBinary: boolean, compress: boolean | undefined): boolean {
    if (!this.#maySendPrepared || compress !== undefined) return false;
    if (typeof data === 'string' && isBinary) return false;
    const message = repeatedMessage(data, isBinary);
    if (message === undefined) return false;
    this.#carrier.sendPrepared(message);
    return true;
  }

  #sendBlob(blob: Blob, send: (bytes: Uint8Array) => void, callback: SentCallback | undefined): void {
    const read = (): void => {
      this.#waiting ??= [];
      blob.arrayBuffer().then(
        (bytes) => {
          const waiting = this.#waiting;
          if (waiting === undefined) {
            callback?.(new Error('The socket was closed while the blob was being read'));
            return;
          }
          this.#waiting = undefined;
          this.#waitingBytes -= blob.size;
          send(new Uint8Array(bytes));
          this.#goOn(waiting);
        },
        (error: unknown) => {
          const failure = error instanceof Error ? error : new Error(String(error));
          callback?.(failure);
          this.#owner.cannotSend(failure);
        },
      );
    };
    this.#waitingBytes += blob.size;
    if (this.#waiting === undefined) read();
    else this.#waiting.push(read);
  }

  #wait(byteLength: number, send: () => void): void {
    this.#waitingBytes += byteLength;
    this.#waiting?.push(() => {
      this.#waitingBytes -= byteLength;
      send();
    });
  }

  // What waits may have another Blob in it: then the rest waits behind that one.
  #goOn(waiting: readonly (() => void)[]): void {
    for (const [index, send] of waiting.entries()) {
      send();
      if (this.#waiting === undefined) continue;
      this.#waiting.push(...waiting.slice(index + 1));
      return;
    }
  }

  #notify(callback: SentCallback | undefined): void {
    if (typeof callback !== 'function') return;
    if (this.#carrier.bufferedAmount === 0) {
      process.nextTick(callback);
      return;
    }
    if (this.#callbacks === undefined) {
      this.#callbacks = [];
      this.#carrier.whenSent();
    }
    this.#callbacks.push(callback);
  }
}

// In ws an option that is there counts, also as undefined, which is taken for false; a message that would never end is nobody's wish.
function isNamed(options: SendOptions | undefined, name: 'binary' | 'compress'): boolean {
  return options !== undefined && options !== null && name in options;
}

function optional(compress: boolean | undefined): { readonly compress?: boolean } {
  return compress === undefined ? {} : { compress };
}

function unchanging(bytes: Uint8Array): Uint8Array {
  return bytes.length >= referenceFromBytes && bytes.length < writtenAtOnceBytes ? Buffer.from(bytes) : bytes;
}

function requireControlLength(byteLength: number): void {
  if (byteLength > 125) throw new RangeError('The data size must not be greater than 125 bytes');
}
