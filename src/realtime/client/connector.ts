// Keeps a client connected: opens links, waits for the welcome and a first heartbeat, watches for silence, backs off, climbs up and
// down between the kinds of links. What is said over a link is the client's affair (client.ts).

import type { Clock, Timer } from '../../base/clock.ts';
import type { ClientLink, LinkKind, OpenClientLink } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { Goodbye, Hello, ServerFrame, Welcome } from '../wire/frames.ts';
import { Backoff, type BackoffTimes, randomFraction } from './backoff.ts';
import { readFrames } from './frame-text.ts';
import { Ladder } from './ladder.ts';
import { type LifecycleEvents, watchLifecycle } from './lifecycle.ts';
import { probe } from './probe-link.ts';
import type { Token } from './token.ts';

/**
 * How the connection stands. `connecting`: a link is being opened; `open`: the server has said welcome; `waiting`: the next attempt
 * comes later; `closed`: for good.
 */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed';

/** The times of a connector, in milliseconds, and its chance. */
export interface ConnectorTimes extends BackoffTimes {
  readonly connectTimeoutMs: number;
  readonly streamTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly upgradeIntervalMs: number;
  readonly clock: Clock;
}

/** What a connector tells. */
export interface ConnectorEvents {
  /** What is said first, over each link and with each poll. */
  hello(): Hello;
  /** The session that the last welcome named. */
  session(): Hello['session'];
  /** What is said over a link that only finds out whether it gets through. */
  probeHello(): Hello;
  welcomed(welcome: Welcome): void;
  /** What is not about the link itself. */
  received(frame: Exclude<ServerFrame, readonly [] | readonly [1 | 10, ...unknown[]]>): void;
  /** The link is gone; what was subscribed on it is no longer. */
  lost(): void;
  /** @param cause why, when it went wrong */
  changed(state: ConnectionState, cause?: Error): void;
}

interface Attempt {
  readonly place: number;
  readonly openedAtMs: number;
  link?: ClientLink;
  isWelcomed?: true;
  isProven?: true;
}

/** A kind of link, and how to open one. */
export type LinkOpener = readonly [kind: LinkKind, open: OpenClientLink];

// A link that lived for this long shows that the server is well: the waits start over.
const stableAfterMs = 10_000;
// What changes within this time is said in one hello.
const gatherMs = 20;
// A deadline that was noticed late may have been met by what has not been read yet.
const graceMs = 100;
// A server that came back between two attempts looks like a network that lets only the second kind through: the better one is
// tried again soon.
const recheckMs = 2_000;
// How long a channel that is refused for now rests at least; twice as long at most.
const restMs = 2_000;

/** A connection that comes back. */
export class Connector implements LifecycleEvents {
  state: ConnectionState = 'waiting';
  readonly #openers: readonly LinkOpener[];
  readonly #times: ConnectorTimes;
  readonly #token: Token;
  readonly #events: ConnectorEvents;
  readonly #ladder: Ladder;
  readonly #backoff: Backoff;
  readonly #unwatch: () => void;
  #attempt: Attempt | undefined;
  // One of them at a time: the deadline of the welcome, that of the next sign of life, the end of a wait.
  #timer: Timer | undefined;
  #gathering: Timer | undefined;
  #probing: { cancel(): void } | undefined;
  // When a better kind is tried next: also across links that are opened anew meanwhile.
  #probeAtMs = 0;
  #heardAtMs = 0;
  #silenceMs = 0;
  // Whether the server has said when to come back.
  #isTold = false;

  constructor(openers: readonly LinkOpener[], times: ConnectorTimes, token: Token, events: ConnectorEvents) {
    this.#openers = openers;
    this.#times = times;
    this.#token = token;
    this.#events = events;
    this.#ladder = new Ladder(openers.length);
    this.#backoff = new Backoff(times);
    this.#unwatch = watchLifecycle(this);
  }

  /** What carries the connection; undefined while none is open. */
  get kind(): LinkKind | undefined {
    return this.state === 'open' ? this.#attempt?.link?.kind : undefined;
  }

  /** Opens a link now. */
  open(): void {
    if (this.state === 'closed') return;
    this.#detach();
    const attempt: Attempt = { place: this.#ladder.next, openedAtMs: this.#times.clock.now() };
    this.#attempt = attempt;
    this.#change('connecting');
    if (this.#token.isMissing) {
      this.#token.fetch().then(
        () => this.#openLink(attempt),
        (error: unknown) => {
          if (attempt === this.#attempt) this.#wait(error);
        },
      );
    } else this.#openLink(attempt);
  }

  /** Sends a frame. @returns false when no link is open */
  send(text: string): boolean {
    const isOpen = this.state === 'open';
    if (isOpen) this.#attempt?.link?.send(text);
    return isOpen;
  }

  /** Sends a frame that changes what the hello said. @returns false when no link is open, or it takes a hello for that */
  sendChange(text: string): boolean {
    return this.#attempt?.link?.isTwoWay === true && this.send(text);
  }

  /**
   * Says the hello anew where that is what it takes: soon, so that several changes go together. What changes before the welcome is looked
   * at when it comes.
   */
  sayAgain(): void {
    if (this.state === 'open' && this.#attempt?.link?.isTwoWay === false) this.resume();
  }

  /** Says it anew in any case: something is missing that only a hello brings back. */
  resume(): void {
    this.#gathering ??= this.#times.clock.setTimer(() => this.open(), gatherMs);
  }

  /** Calls back after a while: what was refused may be accepted then. */
  later(callback: () => void): void {
    this.#times.clock.setTimer(callback, restMs * (1 + randomFraction(this.#times.random)));
  }

  /** Ends it for good. */
  close(error?: RealtimeError): void {
    this.#unwatch();
    this.#detach();
    this.#change('closed', error);
  }

  resumed(): void {
    const attempt = this.#attempt;
    if (this.state === 'waiting' && !this.#isTold) this.open();
    else if (attempt?.isProven === true) this.#watchSilence(attempt);
  }

  online(): void {
    // Another network may let through what the last one did not, and what was open is likely dead.
    this.#ladder.standOn(0);
    if (!this.#isTold) this.open();
  }

  hidden(): void {
    this.#detach();
    this.#change('waiting');
  }

  shown(): void {
    this.open();
  }

  #openLink(attempt: Attempt): void {
    if (attempt !== this.#attempt) return;
    const [kind, open] = this.#openers[attempt.place];
    const timeoutMs = kind === 'stream' ? this.#times.streamTimeoutMs : this.#times.connectTimeoutMs;
    this.#timer = this.#times.clock.setTimer(
      () => this.#lost(attempt, new Error(`no welcome over ${kind} in ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      attempt.link = open(
        () => this.#events.hello(),
        {
          received: (text) => this.#received(attempt, text),
          ended: ({ cause }) => this.#lost(attempt, cause),
        },
        () => this.#events.session(),
      );
    } catch (error) {
      // A platform may refuse an address, as pages over https: do with ws:.
      this.#lost(attempt, error);
    }
  }

  #received(attempt: Attempt, text: string): void {
    if (attempt !== this.#attempt) return;
    this.#heardAtMs = this.#times.clock.now();
    try {
      for (const frame of readFrames(text)) {
        this.#take(attempt, frame);
        // It may have been the last that counts: a goodbye, or a listener that closes the client.
        if (attempt !== this.#attempt) return;
      }
    } catch (error) {
      this.#lost(attempt, error);
    }
  }

  #take(attempt: Attempt, frame: ServerFrame): void {
    const { link } = attempt;
    if (frame.length === 0) {
      link?.send('[]');
      if (attempt.isWelcomed === true) this.#proven(attempt);
    } else if (frame[0] === 1) this.#welcomed(attempt, frame[1]);
    else if (frame[0] === 10) this.#goodbye(frame[1]);
    else this.#events.received(frame);
  }

  #welcomed(attempt: Attempt, welcome: Welcome): void {
    const isFirst = attempt.isWelcomed !== true;
    attempt.isWelcomed = true;
    this.#token.accepted();
    this.#silenceMs = welcome.pingMs + this.#times.heartbeatTimeoutMs;
    if (isFirst) {
      // A welcome shows that one has to step down; that the best kind lives, only a heartbeat behind it.
      if (this.#ladder.isAsking) {
        this.#ladder.standOn(attempt.place);
        this.#probeAtMs = this.#heardAtMs + recheckMs;
      }
      const [kind] = this.#openers[attempt.place];
      // A stream that is held back in between may let the welcome through and nothing else: its deadline stays.
      if (kind !== 'stream') this.#watchSilence(attempt);
      if (kind === 'poll') this.#proven(attempt);
    }
    // Whoever hears that it is open may send at once, behind what the welcome says.
    this.state = 'open';
    this.#events.welcomed(welcome);
    if (isFirst && attempt === this.#attempt) this.#events.changed('open');
  }

  #proven(attempt: Attempt): void {
    if (attempt.isProven === true) return;
    attempt.isProven = true;
    this.#ladder.standOn(attempt.place);
    this.#watchSilence(attempt);
    if (attempt.place > 0) this.#probeLater();
  }

  #goodbye(goodbye: Goodbye): void {
    const { code, afterMs, retryable } = goodbye;
    const error = RealtimeError.fromWire(goodbye);
    const isAboutToken = code === 'TOKEN_EXPIRED' || code === 'UNAUTHENTICATED';
    // With another token, if one can be had; or because the server says so: as when the token that was shown last is another user's.
    if ((isAboutToken && this.#token.refused()) || retryable === true) {
      this.#wait(error, afterMs);
      this.#isTold = afterMs !== undefined;
    } else this.close(error);
  }

  #lost(attempt: Attempt, cause?: unknown): void {
    if (attempt !== this.#attempt) return;
    if (attempt.isProven !== true) this.#ladder.died();
    // A response that streamed and came to its end in order is a matter of course, and so is the next.
    const isOrderly = attempt.isProven === true && cause === undefined && attempt.link?.isTwoWay === false;
    this.#wait(cause, isOrderly || this.#ladder.isAsking ? 0 : undefined);
  }

  #wait(cause: unknown, delayMs?: number): void {
    this.#detach();
    this.#timer = this.#times.clock.setTimer(() => this.open(), delayMs ?? this.#backoff.nextMs());
    this.#change('waiting', cause instanceof Error ? cause : undefined);
  }

  // Silence is noticed by one timer, which is set anew only when it fires; and when it fires late, what has not been read yet may show
  // that the deadline was met.
  #watchSilence(attempt: Attempt, wasLate = false): void {
    const { clock } = this.#times;
    const leftMs = this.#heardAtMs + this.#silenceMs - clock.now();
    const isLate = leftMs <= 0;
    this.#timer?.cancel();
    if (isLate && wasLate) this.#lost(attempt, new Error(`silent for ${this.#silenceMs} ms`));
    else {
      this.#timer = clock.setTimer(() => this.#watchSilence(attempt, isLate), Math.max(leftMs, graceMs));
    }
  }

  #probeLater(): void {
    const { clock, upgradeIntervalMs } = this.#times;
    this.#probing = clock.setTimer(() => {
      const [, open] = this.#openers[0];
      this.#probeAtMs = clock.now() + upgradeIntervalMs;
      this.#probing = probe(
        open,
        () => this.#events.probeHello(),
        this.#times,
        (gotThrough) => {
          if (gotThrough) {
            this.#ladder.standOn(0);
            this.open();
          } else this.#probeLater();
        },
      );
    }, this.#probeAtMs - clock.now());
  }

  /** Lets go of the link, whatever becomes of it. */
  #detach(): void {
    const attempt = this.#attempt;
    if (attempt?.isProven === true && this.#times.clock.now() - attempt.openedAtMs >= stableAfterMs) {
      this.#backoff.reset();
    }
    this.#attempt = undefined;
    this.#isTold = false;
    this.#timer?.cancel();
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#probing?.cancel();
    attempt?.link?.close();
    if (attempt?.isWelcomed === true) this.#events.lost();
  }

  #change(state: ConnectionState, cause?: Error): void {
    if (this.state === state || this.state === 'closed') return;
    this.state = state;
    this.#events.changed(state, cause);
  }
}
