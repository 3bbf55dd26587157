// What the client has asked the server and is not answered yet: each has an id of its own, outlives connections, and is sent
// again over the next one with the same id, so that it happens once. What may have happened and cannot be asked for any more,
// because the session is gone, fails as OUTCOME_UNKNOWN.

import type { Clock } from '../../base/clock.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { ReplyFrame, RequestOptions } from '../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../wire/json-codec.ts';
import type { RequestSettings } from './channel.ts';

/** What is fixed for all requests. */
export interface RequestLimits {
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
}

interface Request {
  /** The frame behind its id, without its options and its end. */
  readonly text: string;
  /** When nobody waits any longer; infinite where the server need not know. */
  readonly deadlineMs: number;
  readonly isIdempotent: boolean;
  /** When it was first sent; infinite before. */
  sentAtMs: number;
  readonly settle: (error: RealtimeError | undefined, result?: unknown) => void;
}

/** The link, as requests and their answers see it. */
export interface RequestLink {
  /** Sends one frame; false: no link is open. */
  send(text: string): boolean;
}

// What the options of a request take at most.
const optionsBytes = 64;

/** The requests of a client, in the order in which they were made. */
export class Requests {
  readonly #pending = new Map<string, Request>();
  readonly #limits: RequestLimits;
  readonly #link: RequestLink;
  readonly #idPrefix: string;
  #lastId = 0;
  #queuedBytes = 0;
  #maxBytes = Infinity;
  #closeError: RealtimeError | undefined;

  /** @param idPrefix random, so that no other client, tab or page of the session ever makes the same ids */
  constructor(limits: RequestLimits, idPrefix: string, link: RequestLink) {
    this.#limits = limits;
    this.#idPrefix = idPrefix;
    this.#link = link;
  }

  /**
   * Makes a request.
   * @param channel the name of a channel, or 0 for a call
   * @param isIdempotent whether it may happen twice
   */
  make(
    channel: string | 0,
    name: string,
    data: unknown,
    { timeoutMs = this.#limits.requestTimeoutMs, signal }: RequestSettings = {},
    isIdempotent = false,
  ): Promise<unknown> {
    const { clock, maxQueuedRequests, maxQueuedBytes } = this.#limits;
    return new Promise((resolve, reject) => {
      const id = `${this.#idPrefix}${++this.#lastId}`;
      const text = writeJson([4, id, channel, name, data]).slice(0, -1);
      const giveUp = (...why: ConstructorParameters<typeof RealtimeError>): void => {
        if (request.sentAtMs < Infinity) this.#link.send(writeJson([14, id]));
        request.settle(new RealtimeError(...why));
      };
      const abort = (): void => giveUp('CANCELLED', 'given up', { cause: signal?.reason });
      const timer = clock.setTimer(
        () => giveUp('DEADLINE_EXCEEDED', `no answer in ${timeoutMs} ms`),
        timeoutMs,
      );
      const request: Request = {
        text,
        // Publishing takes no time on the server.
        deadlineMs: channel === 0 ? clock.now() + timeoutMs : Infinity,
        isIdempotent,
        sentAtMs: Infinity,
        settle: (error, result) => {
          if (this.#pending.delete(id)) this.#queuedBytes -= text.length;
          timer.cancel();
          signal?.removeEventListener('abort', abort);
          if (error) reject(error);
          else resolve(result);
        },
      };
      const { size } = this.#pending;
      if (this.#closeError) request.settle(this.#closeError);
      else if (signal?.aborted) abort();
      else if (size >= maxQueuedRequests || this.#queuedBytes + text.length > maxQueuedBytes) {
        giveUp('QUEUE_FULL', `${size} requests wait`, { retryable: true });
      } else {
        signal?.addEventListener('abort', abort);
        this.#pending.set(id, request);
        this.#queuedBytes += text.length;
        this.#sendOut(request);
      }
    });
  }

  /** An answer has come. */
  answered([, id, result, error]: ReplyFrame): void {
    this.#pending.get(String(id))?.settle(error && RealtimeError.fromWire(error), result);
  }

  /**
   * A link is open: everything that is not answered is sent, in order.
   * @param maxBytes the most that one frame may have
   * @param againMs how long after it was first sent a request may be sent again, because the server knows it: 0 in another session
   */
  opened(maxBytes: number, againMs: number): void {
    const oldMs = this.#limits.clock.now() - againMs;
    this.#maxBytes = maxBytes;
    for (const request of this.#pending.values()) {
      if (request.sentAtMs <= oldMs && !request.isIdempotent) {
        request.settle(new RealtimeError('OUTCOME_UNKNOWN', 'lost'));
      } else this.#sendOut(request);
    }
  }

  /** No answer will come any more, to these and to all that follow. */
  close(error: RealtimeError): void {
    this.#closeError = error;
    for (const request of this.#pending.values()) request.settle(error);
  }

  #sendOut(request: Request): void {
    // A frame that the server refuses would end the connection, and be sent again over the next one.
    if (new TextEncoder().encode(request.text).length + optionsBytes > this.#maxBytes) {
      request.settle(new RealtimeError('TOO_LARGE', `above ${this.#maxBytes} bytes`));
      return;
    }
    const nowMs = this.#limits.clock.now();
    const leftMs = request.deadlineMs - nowMs;
    const options: RequestOptions = {
      // A timer that is late has not ended it yet.
      deadlineMs: leftMs < Infinity ? Math.max(1, Math.ceil(leftMs)) : undefined,
      again: request.sentAtMs <= nowMs || undefined,
    };
    const isSent = this.#link.send(`${request.text},${writeJson(options)}]`);
    if (isSent && request.sentAtMs > nowMs) request.sentAtMs = nowMs;
  }
}
