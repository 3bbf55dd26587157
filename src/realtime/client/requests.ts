// What the client has asked the server and is not answered yet: each has an id of its own, outlives connections, and is sent
// again over the next one with the same id, so that it happens once. What may have happened and cannot be asked for any more,
// because the session is gone, fails as OUTCOME_UNKNOWN.

import type { Clock, Timer } from '../../base/clock.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { FrameType, type ReplyFrame, type RequestOptions } from '../wire/frames.ts';
import { writeJson } from '../wire/json-codec.ts';
import type { RequestSettings } from './channel.ts';

/** What is fixed for all requests. */
export interface RequestLimits {
  readonly requestTimeoutMs: number;
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
}

interface Request {
  readonly id: string;
  /** The frame without its options and its end. */
  readonly text: string;
  readonly deadlineMs: number;
  readonly isCall: boolean;
  readonly isIdempotent: boolean;
  wasSent: boolean;
  readonly settle: (error: RealtimeError | undefined, result?: unknown) => void;
}

/** Sends one frame over the link that is open; false: there is none. */
export type SendFrame = (text: string) => boolean;

const encoder = new TextEncoder();

/** The requests of a client, in the order in which they were made. */
export class Requests {
  readonly #pending = new Map<string, Request>();
  readonly #limits: RequestLimits;
  readonly #clock: Clock;
  readonly #send: SendFrame;
  readonly #idPrefix: string;
  #lastId = 0;
  #queuedBytes = 0;

  /** @param idPrefix random, so that no other client, tab or page of the session ever makes the same ids */
  constructor(limits: RequestLimits, clock: Clock, idPrefix: string, send: SendFrame) {
    this.#limits = limits;
    this.#clock = clock;
    this.#idPrefix = idPrefix;
    this.#send = send;
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
    return new Promise((resolve, reject) => {
      const id = this.#idPrefix + (++this.#lastId).toString(36);
      const text = writeJson([FrameType.request, id, channel, name, data]).slice(0, -1);
      const problem =
        this.#pending.size >= this.#limits.maxQueuedRequests
          ? `${this.#pending.size} requests wait for an answer already`
          : this.#queuedBytes + text.length > this.#limits.maxQueuedBytes
            ? `requests of ${this.#queuedBytes} bytes wait for an answer already`
            : undefined;
      if (signal?.aborted === true) {
        reject(cancelled(signal));
        return;
      }
      if (problem !== undefined) {
        reject(
          new RealtimeError('QUEUE_FULL', `${problem}: try again later, or raise the limit`, {
            retryable: true,
          }),
        );
        return;
      }
      const stop = (error: RealtimeError): void => {
        if (request.wasSent) this.#send(JSON.stringify([FrameType.cancel, id]));
        request.settle(error);
      };
      const abort = (): void => stop(cancelled(signal));
      const timer: Timer = this.#clock.setTimer(() => {
        stop(new RealtimeError('DEADLINE_EXCEEDED', `no answer to ${name} within ${timeoutMs} ms`));
      }, timeoutMs);
      const request: Request = {
        id,
        text,
        deadlineMs: this.#clock.now() + timeoutMs,
        isCall: channel === 0,
        isIdempotent,
        wasSent: false,
        settle: (error, result) => {
          this.#pending.delete(id);
          this.#queuedBytes -= text.length;
          timer.cancel();
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve(result);
          else reject(error);
        },
      };
      signal?.addEventListener('abort', abort);
      this.#pending.set(id, request);
      this.#queuedBytes += text.length;
      this.#sendOut(request);
    });
  }

  /** An answer has come. */
  answered([, id, result, error]: ReplyFrame): void {
    const request = this.#pending.get(String(id));
    if (request === undefined) return;
    request.settle(error === undefined ? undefined : RealtimeError.fromWire(error), result);
  }

  /**
   * A link is open: everything that is not answered is sent, in order.
   * @param isSameSession whether it is the session that the requests were sent in before
   * @param maxBytes the most that one frame may have
   */
  opened(isSameSession: boolean, maxBytes: number): void {
    for (const request of this.#pending.values()) {
      if (request.wasSent && !isSameSession && !request.isIdempotent) {
        request.settle(
          new RealtimeError(
            'OUTCOME_UNKNOWN',
            'the session ended after the request was sent and before its answer came: it may have been done, or not',
          ),
        );
      } else if (request.text.length * 3 > maxBytes && encoder.encode(request.text).length + 40 > maxBytes) {
        // A frame that the server refuses would end the connection, and be sent again over the next one.
        request.settle(
          new RealtimeError(
            'TOO_LARGE',
            `the request is larger than the ${maxBytes} bytes that the server takes`,
          ),
        );
      } else this.#sendOut(request);
    }
  }

  /** No answer will come any more. */
  fail(error: RealtimeError): void {
    for (const request of this.#pending.values()) request.settle(error);
  }

  #sendOut(request: Request): void {
    const options: RequestOptions = {
      // Publishing takes no time on the server.
      ...(request.isCall ? { deadlineMs: Math.ceil(request.deadlineMs - this.#clock.now()) } : {}),
      ...(request.wasSent ? { again: true } : {}),
    };
    const end = Object.keys(options).length === 0 ? ']' : `,${JSON.stringify(options)}]`;
    if (this.#send(request.text + end)) request.wasSent = true;
  }
}

function cancelled(signal: AbortSignal | undefined): RealtimeError {
  return new RealtimeError('CANCELLED', 'the request was given up by its caller', { cause: signal?.reason });
}
