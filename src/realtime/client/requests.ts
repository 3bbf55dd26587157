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
  wasSent: boolean;
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
        if (request.wasSent) this.#link.send(writeJson([14, id]));
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
        wasSent: false,
        settle: (error, result) => {
          if (this.#pending.delete(id)) this.#queuedBytes -= text.length;
          timer.cancel();
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve(result);
          else reject(error);
        },
      };
      const { size } = this.#pending;
      if (this.#closeError !== undefined) request.settle(this.#closeError);
      else if (signal?.aborted === true) abort();
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
    this.#pending
      .get(String(id))
      ?.settle(error === undefined ? undefined : RealtimeError.fromWire(error), result);
  }

  /**
   * A link is open: everything that is not answered is sent, in order.
   * @param isSameSession whether it is the session that the requests were sent in before
   * @param maxBytes the most that one frame may have
   */
  opened(isSameSession: boolean, maxBytes: number): void {
    this.#maxBytes = maxBytes;
    for (const request of this.#pending.values()) {
      if (!isSameSession && !request.isIdempotent && request.wasSent) {
        request.settle(new RealtimeError('OUTCOME_UNKNOWN', 'session lost'));
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
      request.settle(new RealtimeError('TOO_LARGE', `more than ${this.#maxBytes} bytes`));
      return;
    }
    const leftMs = request.deadlineMs - this.#limits.clock.now();
    const options: RequestOptions = {
      // A timer that is late has not ended it yet.
      deadlineMs: leftMs < Infinity ? Math.max(1, Math.ceil(leftMs)) : undefined,
      again: request.wasSent || undefined,
    };
    if (this.#link.send(`${request.text},${writeJson(options)}]`)) request.wasSent = true;
  }
}
