// A server that goes away gently: its connections are closed one after the other, spread evenly over a stated time and in
// random order, so that their clients do not all come back to the other servers at once. Each gets what was sent to it
// before, is told when to come back, and is cut when it takes too long. What became of them is reported.

import type { Clock, Timer } from '../base/clock.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import { portableTextCodec } from '../base/text-codec.ts';
import { requireSignal } from '../connection/callback-checks.ts';
import { comeBackReason } from '../connection/come-back.ts';
import type { ClosedInfo } from '../connection/end-reason.ts';
import { encodeCloseBody } from '../protocol/close-frame.ts';
import { requireInteger } from '../protocol/limits.ts';
import type { ServerConnection, ServerConnectionSnapshot } from './server-connection.ts';

/** How a server drains. */
export interface RollingDrainOptions {
  /** The close code: 1012 (service restart), 1013 (try again later) or another. @defaultValue 1012 */
  readonly code?: number;
  /** The close reason, at most 123 bytes of UTF-8 together with the hint of `reconnectAfterMs`. @defaultValue '' */
  readonly reason?: string;
  /** Over which time the connections are closed, in milliseconds; 0 closes all at once. @defaultValue 10,000 */
  readonly overMs?: number;
  /**
   * After how many milliseconds a client shall come back: the close reason ends with `come back in 1500 ms`, which
   * `reconnect()` follows. @defaultValue nothing is said
   */
  readonly reconnectAfterMs?: number;
  /** How long each connection may take from its turn to its end before it is cut, in milliseconds. @defaultValue 5,000 */
  readonly timeoutMs?: number;
  /**
   * Whether a server of ours lets go of its port at once, so that its successor can listen there. When false it listens
   * until the end, and answers handshakes with 503 and Retry-After. @defaultValue false
   */
  readonly stopListening?: boolean;
  /** Ends the patience: who is left is closed and cut at once. @defaultValue none */
  readonly signal?: AbortSignal;
}

/** How a server drains when nothing is said about it. */
export const defaultRollingDrainOptions: Readonly<
  Required<Pick<RollingDrainOptions, 'code' | 'reason' | 'overMs' | 'timeoutMs' | 'stopListening'>>
> = Object.freeze({ code: 1012, reason: '', overMs: 10_000, timeoutMs: 5_000, stopListening: false });

/** What became of the connections that were there when the drain began. */
export interface DrainReport {
  /** How many have ended: `clean`, `cut` and `lost` together. */
  readonly closed: number;
  /** With a finished closing handshake. */
  readonly clean: number;
  /** Cut because they took too long, or because the patience was ended. */
  readonly cut: number;
  /** In another way: the network or the client failed first. */
  readonly lost: number;
  /** Handshakes that were refused meanwhile. */
  readonly refused: number;
  /** How long all of it took, in milliseconds. */
  readonly durationMs: number;
  /** The connections by the close code that they ended with. */
  readonly perCode: Readonly<Record<string, number>>;
  /** The first 100 that were cut, as they were at that moment: `queuedBytes` is what they did not get. */
  readonly cutConnections: readonly ServerConnectionSnapshot[];
}

/** Checked options; the reason has its hint. */
export type ResolvedRollingDrain = Required<Omit<RollingDrainOptions, 'reconnectAfterMs' | 'signal'>> & {
  readonly signal: AbortSignal | undefined;
  /** What Retry-After says to those who connect meanwhile. */
  readonly retryAfterSeconds: number;
};

const longestDelayMs = 2_147_483_647;
// The drain watches the deadline itself, because it reports what was cut; that of the connection is a net below.
const netMs = 1_000;
// How often is looked whether a fragmented message that is being sent has come to its end.
const lookMs = 50;
const mostCutReported = 100;

/**
 * Completes the options and checks them.
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_ARGUMENT_INVALID` for a code or reason that may not be sent
 */
export function requireRollingDrain(given: RollingDrainOptions): ResolvedRollingDrain {
  const defaults = defaultRollingDrainOptions;
  const { reconnectAfterMs, signal, stopListening = defaults.stopListening } = given;
  requireSignal(signal);
  if (typeof stopListening !== 'boolean') {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option stopListening is ${describe(stopListening)}, expected true or false`,
    );
  }
  const overMs = requireInteger('overMs', given.overMs ?? defaults.overMs, 0, longestDelayMs);
  const reason = given.reason ?? defaults.reason;
  const options: ResolvedRollingDrain = {
    code: given.code ?? defaults.code,
    reason:
      reconnectAfterMs === undefined
        ? reason
        : comeBackReason(reason, requireInteger('reconnectAfterMs', reconnectAfterMs, 0, 999_999_999)),
    overMs,
    timeoutMs: requireInteger('timeoutMs', given.timeoutMs ?? defaults.timeoutMs, 0, longestDelayMs - netMs),
    stopListening,
    signal,
    retryAfterSeconds: Math.max(1, Math.ceil((reconnectAfterMs ?? overMs) / 1000)),
  };
  encodeCloseBody(options.code, options.reason, portableTextCodec);
  return options;
}

/** One drain, from its beginning to its report. */
export class RollingDrain {
  readonly #options: ResolvedRollingDrain;
  readonly #clock: Clock;
  // In the order in which they are closed, and whose turn is next.
  readonly #connections: readonly ServerConnection<unknown>[];
  #next = 0;
  readonly #startedAtMs: number;
  #pace: Timer | undefined;
  #hurry: Timer | undefined;
  // Of those whose turn has come and who are still there.
  readonly #timers = new Map<ServerConnection<unknown>, Timer>();
  readonly #looks = new Map<ServerConnection<unknown>, Timer>();
  readonly #isCut = new Set<ServerConnection<unknown>>();
  readonly #cutConnections: ServerConnectionSnapshot[] = [];
  readonly #perCode = new Map<number, number>();
  #clean = 0;

  /** @param random gives numbers from 0 to below 1; @defaultValue Math.random, since nobody gains from guessing the order */
  constructor(
    connections: ReadonlySet<ServerConnection<unknown>>,
    options: ResolvedRollingDrain,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#connections = shuffled(connections, random);
    this.#startedAtMs = clock.now();
  }

  /** Closes the connections and waits for their ends. Called once. */
  async run(): Promise<Omit<DrainReport, 'refused'>> {
    const { signal } = this.#options;
    const ends = this.#connections.map((connection) =>
      connection.closed.then((info) => this.#ended(connection, info)),
    );
    const abort = (): void => this.hurry(0);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    else this.#closeThoseDue();
    await Promise.all(ends);
    signal?.removeEventListener('abort', abort);
    this.#pace?.cancel();
    this.#hurry?.cancel();
    const [closed, cut] = [this.#connections.length, this.#isCut.size];
    return {
      closed,
      clean: this.#clean,
      cut,
      lost: closed - this.#clean - cut,
      durationMs: Math.round(this.#clock.now() - this.#startedAtMs),
      perCode: Object.fromEntries(this.#perCode),
      cutConnections: this.#cutConnections,
    };
  }

  /** Closes at once who is left, and cuts after `timeoutMs` who is still there. */
  hurry(timeoutMs: number): void {
    this.#pace?.cancel();
    while (this.#next < this.#connections.length) this.#takeTurn(this.#connections[this.#next++]);
    for (const [connection, look] of this.#looks) {
      look.cancel();
      this.#close(connection);
    }
    this.#looks.clear();
    this.#hurry?.cancel();
    this.#hurry = this.#clock.setTimer(() => {
      for (const connection of this.#connections) this.#cut(connection);
    }, timeoutMs);
  }

  readonly #closeThoseDue = (): void => {
    const count = this.#connections.length;
    const intervalMs = this.#options.overMs / count;
    const elapsedMs = this.#clock.now() - this.#startedAtMs;
    // A clock that counts fractions may be a hair early.
    const due = intervalMs === 0 ? count : Math.floor(elapsedMs / intervalMs + 1e-6) + 1;
    while (this.#next < Math.min(due, count)) this.#takeTurn(this.#connections[this.#next++]);
    if (this.#next === count) return;
    const waitMs = this.#startedAtMs + this.#next * intervalMs - this.#clock.now();
    this.#pace = this.#clock.setTimer(this.#closeThoseDue, Math.max(1, waitMs));
  };

  #takeTurn(connection: ServerConnection<unknown>): void {
    if (connection.readyState === 'closed') return;
    this.#timers.set(
      connection,
      this.#clock.setTimer(() => this.#cut(connection), this.#options.timeoutMs),
    );
    this.#closeBehindMessage(connection);
  }

  // RFC 6455 5.4 allows a close frame inside of a fragmented message, but that would end half sent.
  #closeBehindMessage(connection: ServerConnection<unknown>): void {
    this.#looks.delete(connection);
    if (!connection.isMessageOpen) this.#close(connection);
    else
      this.#looks.set(
        connection,
        this.#clock.setTimer(() => this.#closeBehindMessage(connection), lookMs),
      );
  }

  #close(connection: ServerConnection<unknown>): void {
    const { code, reason, timeoutMs } = this.#options;
    void connection.close(code, reason, { timeoutMs: timeoutMs + netMs });
  }

  #cut(connection: ServerConnection<unknown>): void {
    if (connection.readyState === 'closed' || this.#isCut.has(connection)) return;
    this.#isCut.add(connection);
    if (this.#cutConnections.length < mostCutReported) this.#cutConnections.push(connection.snapshot());
    connection.terminate();
  }

  #ended(connection: ServerConnection<unknown>, { code, clean }: ClosedInfo): void {
    this.#timers.get(connection)?.cancel();
    this.#timers.delete(connection);
    this.#looks.get(connection)?.cancel();
    this.#looks.delete(connection);
    this.#perCode.set(code, (this.#perCode.get(code) ?? 0) + 1);
    if (clean && !this.#isCut.has(connection)) this.#clean++;
  }
}

// Fisher and Yates: every order is as likely as any other.
function shuffled<Item>(items: Iterable<Item>, random: () => number): readonly Item[] {
  const list = [...items];
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [list[last], list[other]] = [list[other], list[last]];
  }
  return list;
}
