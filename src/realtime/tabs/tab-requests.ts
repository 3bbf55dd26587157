// What one tab has asked and is not answered yet. It stays in the tab until the client of a leader is open; what was given to a leader
// that is gone may have happened, and fails as OUTCOME_UNKNOWN, unless it may happen twice or the leader has said that it had not begun.

import { RealtimeError } from '../wire/error-codes.ts';
import type { RequestSettings } from '../client/channel.ts';
import type { TabError, TabRequest } from './tab-messages.ts';
import { readError } from './tab-messages.ts';
import type { ResolvedShareOptions } from './tab-options.ts';

// JSON knows no infinity.
const longestMs = 0x7fff_ffff;

interface Waiting {
  readonly request: Omit<TabRequest, 'timeoutMs'>;
  readonly deadlineMs: number;
  readonly mayRepeat: boolean;
  /** The leader that it was given to. */
  leader: string | undefined;
  readonly settle: (error: Error | undefined, result?: unknown) => void;
}

/** The other tabs, as requests see them. */
export interface RequestBus {
  /** @throws TypeError, RangeError: data that JSON does not know */
  request(leader: string, request: TabRequest): void;
  cancel(id: string): void;
}

/** The requests of a tab, in the order in which they were made. */
export class TabRequests {
  readonly #waiting = new Map<string, Waiting>();
  readonly #options: ResolvedShareOptions;
  readonly #tab: string;
  readonly #bus: RequestBus;
  #lastId = 0;
  // The leader, while its client is open.
  #leader: string | undefined;
  #closeError: RealtimeError | undefined;

  constructor(options: ResolvedShareOptions, tab: string, bus: RequestBus) {
    this.#options = options;
    this.#tab = tab;
    this.#bus = bus;
  }

  /**
   * Makes a request.
   * @param channel the name of a channel, or 0 for a call
   * @param mayRepeat whether it may happen twice
   */
  make(
    channel: string | 0,
    name: string,
    data: unknown,
    { timeoutMs = this.#options.requestTimeoutMs, signal }: RequestSettings = {},
    mayRepeat = false,
    idempotent?: boolean,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { clock, maxQueuedRequests } = this.#options;
      const id = `${this.#tab}-${++this.#lastId}`;
      const stop = (error: RealtimeError): void => {
        if (waiting.leader !== undefined) this.#bus.cancel(id);
        waiting.settle(error);
      };
      const abort = (): void => stop(new RealtimeError('CANCELLED', 'given up', { cause: signal?.reason }));
      const timer = clock.setTimer(
        () => stop(new RealtimeError('DEADLINE_EXCEEDED', `no answer in ${timeoutMs} ms`)),
        timeoutMs,
      );
      const waiting: Waiting = {
        request: { id, channel, name, data, idempotent },
        deadlineMs: clock.now() + timeoutMs,
        mayRepeat,
        leader: undefined,
        settle: (error, result) => {
          this.#waiting.delete(id);
          timer.cancel();
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve(result);
          else reject(error);
        },
      };
      if (this.#closeError !== undefined) waiting.settle(this.#closeError);
      else if (signal?.aborted === true) abort();
      else if (this.#waiting.size >= maxQueuedRequests) {
        waiting.settle(
          new RealtimeError('QUEUE_FULL', `${maxQueuedRequests} requests wait already`, { retryable: true }),
        );
      } else {
        signal?.addEventListener('abort', abort);
        this.#waiting.set(id, waiting);
        this.#give(waiting);
      }
    });
  }

  /** An answer has come; whoever gives it, it is one. */
  answered(id: string, result: unknown, error: TabError | undefined): void {
    this.#waiting.get(id)?.settle(error === undefined ? undefined : readError(error), result);
  }

  /** The client of a leader is open: it gets what waits. */
  opened(leader: string): void {
    this.#leader = leader;
    for (const waiting of this.#waiting.values()) this.#give(waiting);
  }

  /** It is not open any more. What it was given is in its hands still. */
  paused(): void {
    this.#leader = undefined;
  }

  /**
   * Leaders are gone.
   * @param present the one that is not
   * @param begun what the last one had begun; undefined: nobody knows
   */
  leaderLost(present: string | undefined, begun?: readonly string[]): void {
    this.#leader = undefined;
    for (const waiting of this.#waiting.values()) {
      if (waiting.leader === undefined || waiting.leader === present) continue;
      if (waiting.mayRepeat || begun?.includes(waiting.request.id) === false) waiting.leader = undefined;
      else {
        waiting.settle(new RealtimeError('OUTCOME_UNKNOWN', 'the tab that asked is gone before the answer'));
      }
    }
  }

  /** No answer will come any more, to these and to all that follow. */
  close(error: RealtimeError): void {
    this.#closeError = error;
    for (const waiting of this.#waiting.values()) waiting.settle(error);
  }

  #give(waiting: Waiting): void {
    if (this.#leader === undefined || waiting.leader !== undefined) return;
    const leftMs = waiting.deadlineMs - this.#options.clock.now();
    const timeoutMs = Math.min(Math.max(1, leftMs), longestMs);
    waiting.leader = this.#leader;
    try {
      this.#bus.request(this.#leader, { ...waiting.request, timeoutMs });
    } catch (error) {
      waiting.settle(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
