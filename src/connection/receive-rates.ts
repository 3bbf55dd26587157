// How much a peer may send: messages and bytes, each with a token bucket that may be shared with other connections. Too
// much is put off, by not reading until there are tokens again so that TCP pushes back, or ends the connection with 1008
// (RFC 6455 7.4.1). A connection without such a limit has nothing of this.

import type { Clock, Timer } from '../base/clock.ts';
import { type RateLimit, TokenBucket } from '../base/token-bucket.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';

/** How much a peer may send, and what happens beyond it. */
export interface ReceiveRate extends RateLimit {
  /**
   * `delay`: nothing is read until there are tokens again; nothing is lost, and the keep-alive deadline stands still
   * meanwhile. `close`: the connection is failed with 1008; so it is also where a platform cannot stop reading.
   * @defaultValue 'delay'
   */
  readonly exceeded?: 'delay' | 'close';
}

/** The rates of a connection. */
export interface ReceiveRateLimits {
  readonly messages: ReceiveRate | undefined;
  readonly bytes: ReceiveRate | undefined;
}

/** The tokens of one connection, or of all those that share a key. */
export class ReceiveBuckets {
  readonly limits: ReceiveRateLimits;
  readonly messages: TokenBucket | undefined;
  readonly bytes: TokenBucket | undefined;

  constructor(limits: ReceiveRateLimits, nowMs: number) {
    const { messages, bytes } = limits;
    this.limits = limits;
    this.messages = messages === undefined ? undefined : new TokenBucket(messages, nowMs);
    this.bytes = bytes === undefined ? undefined : new TokenBucket(bytes, nowMs);
  }
}

/** What ReceiveRates tells its connection. */
export interface ReceiveRatesActions {
  /** Whether `stopReceiving` can be called. */
  readonly canStopReceiving: boolean;
  /** Nothing may be received until `receiveAgain`. */
  stopReceiving(): void;
  /** There are tokens again. */
  receiveAgain(): void;
  /** The peer has sent too much, and may not. */
  rateExceeded(error: ProtocolError): void;
}

/** Counts what one connection receives. */
export class ReceiveRates {
  readonly #buckets: ReceiveBuckets;
  readonly #clock: Clock;
  readonly #actions: ReceiveRatesActions;
  #timer: Timer | undefined;
  #isOver = false;
  #hasExceeded = false;

  constructor(buckets: ReceiveBuckets, clock: Clock, actions: ReceiveRatesActions) {
    this.#buckets = buckets;
    this.#clock = clock;
    this.#actions = actions;
  }

  /**
   * Bytes were read, headers of frames included, and nothing of them is decoded yet. They are paid for before they are
   * decoded: a single read may take the bucket into debt, and waits itself until that is paid.
   */
  received(byteLength: number): void {
    const { bytes, limits } = this.#buckets;
    if (bytes === undefined || limits.bytes === undefined || this.#isOver) return;
    const nowMs = this.#clock.now();
    if (this.#closes(limits.bytes)) {
      if (bytes.waitMs(1, nowMs) > 0) this.#exceed('bytes', limits.bytes);
      else bytes.spend(byteLength, nowMs);
      return;
    }
    bytes.spend(byteLength, nowMs);
    this.#waitIfDue(nowMs);
  }

  /** A message, a ping or a pong has arrived; false: it is one too many, and nobody gets it. */
  message(): boolean {
    const { messages, limits } = this.#buckets;
    if (messages === undefined || limits.messages === undefined || this.#isOver) return !this.#hasExceeded;
    const nowMs = this.#clock.now();
    if (this.#closes(limits.messages)) {
      if (messages.take(1, nowMs)) return true;
      this.#exceed('messages', limits.messages);
      return false;
    }
    messages.spend(1, nowMs);
    this.#waitIfDue(nowMs);
    return true;
  }

  /** The connection ends: nothing is counted any more. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #closes({ exceeded }: ReceiveRate): boolean {
    return exceeded === 'close' || !this.#actions.canStopReceiving;
  }

  #exceed(what: 'messages' | 'bytes', { perSecond, burst }: RateLimit): void {
    this.#hasExceeded = true;
    this.#actions.rateExceeded(
      new ProtocolError(
        'WS_RATE_EXCEEDED',
        1008,
        'RFC 6455 7.4.1',
        `too many ${what}, at most ${perSecond} a second and ${burst} at once`,
      ),
    );
  }

  // Reading stops as soon as the next message could not be paid for, or the bytes that were read are not.
  #waitIfDue(nowMs: number): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#waitMs(nowMs);
    if (waitMs === 0) return;
    this.#timer = this.#clock.setTimer(this.#lookAgain, Math.ceil(waitMs));
    this.#actions.stopReceiving();
  }

  // Another connection with the same key may have been faster.
  readonly #lookAgain = (): void => {
    const waitMs = this.#waitMs(this.#clock.now());
    if (waitMs > 0) {
      this.#timer = this.#clock.setTimer(this.#lookAgain, Math.ceil(waitMs));
      return;
    }
    this.#timer = undefined;
    this.#actions.receiveAgain();
  };

  #waitMs(nowMs: number): number {
    const { messages, bytes, limits } = this.#buckets;
    return Math.max(
      limits.messages?.exceeded === 'close' ? 0 : (messages?.waitMs(1, nowMs) ?? 0),
      limits.bytes?.exceeded === 'close' ? 0 : (bytes?.waitMs(0, nowMs) ?? 0),
    );
  }
}
