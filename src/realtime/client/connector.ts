// Keeps a client connected: opens links, waits for the welcome and a first heartbeat, watches for silence, backs off, climbs up and
// down between the kinds of links. What is said over a link is the client's affair (client.ts).

import type { Clock, Timer } from '../../base/clock.ts';
import type { ClientLink, LinkKind, OpenClientLink } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { Goodbye, Hello, ServerFrame, Welcome } from '../wire/frames.ts';
import { backoffMs, type BackoffTimes, randomFraction } from './backoff.ts';
import { readFrames } from './frame-text.ts';
import { asking, confirming, Ladder, settling, standing } from './ladder.ts';
import { type LifecycleEvents, watchLifecycle } from './lifecycle.ts';
import { probe } from './probe-link.ts';
import type { Token } from './token.ts';

/**
 * How the connection stands. `connecting`: a link is being opened; `open`: the server has said welcome; `waiting`: the next attempt
 * comes later; `closed`: for good.
 */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed';

/** What a connector is told: times in milliseconds, its chance, and the kinds of links to try, best first. */
export interface ConnectorSettings extends BackoffTimes {
  readonly transports: readonly LinkKind[];
  readonly connectTimeoutMs: number;
  readonly streamTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly upgradeIntervalMs: number;
  readonly clock: Clock;
}

/** What a connector tells. */
export interface ConnectorEvents {
  /**
   * What is said first, over each link and with each poll.
   * @param isProbe whether the link only finds out what gets through
   */
  readonly hello: (isProbe: boolean) => Hello;
  /** The session that the last welcome named. */
  readonly session: () => Hello['session'];
  /** @param isFirst whether a link is open now that was not before */
  welcomed(welcome: Welcome, isFirst: boolean): void;
  /** What is not about the link itself. */
  received(frame: Exclude<ServerFrame, readonly [] | readonly [1 | 10, ...unknown[]]>): void;
  /** The link is gone; what was subscribed on it is no longer. */
  lost(): void;
  /** @param cause why, when it went wrong */
  changed(state: ConnectionState, cause?: Error): void;
}

/** Opens links, by their kind. */
export type LinkOpeners = Readonly<Record<LinkKind, OpenClientLink>>;

// A link that lived for this long shows that the server is well: the waits start over.
const stableAfterMs = 10_000;
// What changes within this time is said in one hello.
const gatherMs = 20;
// A deadline that was noticed late may have been met by what has not been read yet.
const graceMs = 100;
// A server that has just answered over another kind of link is not waited for as long as one that may be gone.
const confirmMs = 5_000;
// How long a channel that is refused for now rests at least; twice as long at most.
const restMs = 2_000;

/** A connection that comes back. */
export class Connector implements LifecycleEvents {
  state: ConnectionState = 'waiting';
  readonly #openers: LinkOpeners;
  readonly #settings: ConnectorSettings;
  readonly #token: Token;
  readonly #events: ConnectorEvents;
  readonly #ladder: Ladder;
  readonly #unwatch: () => void;
  // The present attempt: its number, and how far it has come.
  #attempt = 0;
  #place = 0;
  #link: ClientLink | undefined;
  #openedAtMs = 0;
  #isWelcomed = false;
  #isProven = false;
  // How often it has waited since a link that lived.
  #waits = 0;
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

  constructor(openers: LinkOpeners, settings: ConnectorSettings, token: Token, events: ConnectorEvents) {
    this.#openers = openers;
    this.#settings = settings;
    this.#token = token;
    this.#events = events;
    this.#ladder = new Ladder(settings.transports.length);
    this.#unwatch = watchLifecycle(this);
  }

  /** What carries the connection; undefined while none is open. */
  get kind(): LinkKind | undefined {
    return this.state === 'open' ? this.#settings.transports[this.#place] : undefined;
  }

  /** Opens a link now. */
  open(): void {
    if (!this.#detach()) return;
    this.#change('connecting');
    if (this.#token.isMissing) {
      this.#token.fetch().then(
        this.#whilePresent(() => this.#openLink()),
        this.#whilePresent((error) => this.#wait(error)),
      );
    } else this.#openLink();
  }

  /** Sends a frame. @returns false when no link is open */
  send(text: string): boolean {
    // The state is open for a moment longer: who hears that the link is lost may ask for something.
    const isOpen = this.#isWelcomed;
    if (isOpen) this.#link?.send(text);
    return isOpen;
  }

  /**
   * Sends a frame that changes what the hello said, or says the hello anew where that is what it takes. What changes before the welcome
   * is looked at when it comes. @returns whether it was sent
   */
  sendChange(text: string): boolean {
    this.sayAgain();
    return this.#link?.isTwoWay === true && this.send(text);
  }

  /** Says the hello anew where a link goes one way. */
  sayAgain(): void {
    if (this.#isWelcomed && this.#link?.isTwoWay === false) this.resume();
  }

  /** Says the hello anew: soon, so that several changes go together. */
  resume(): void {
    this.#gathering ??= this.#settings.clock.setTimer(() => this.open(), gatherMs);
  }

  /** Calls back after a while: what was refused may be accepted then. */
  later(callback: () => void): Timer {
    return this.#settings.clock.setTimer(callback, restMs * (1 + randomFraction(this.#settings.random)));
  }

  /** Ends it for good. */
  close(error?: RealtimeError): void {
    this.#unwatch();
    this.#detach();
    this.#change('closed', error);
  }

  resumed(): void {
    if (this.state === 'waiting' && !this.#isTold) this.open();
    else if (this.#isProven) this.#watchSilence();
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

  // What another attempt has to say, nobody hears.
  #whilePresent<Value>(callback: (value: Value) => void): (value: Value) => void {
    const attempt = this.#attempt;
    return (value) => {
      if (attempt === this.#attempt) callback(value);
    };
  }

  #openLink(): void {
    // Who heard that the last one is lost, or that it connects, may have closed it.
    if (this.state === 'closed') return;
    const { clock, transports, streamTimeoutMs, connectTimeoutMs } = this.#settings;
    const { next, step } = this.#ladder;
    this.#place = next;
    this.#openedAtMs = clock.now();
    const kind = transports[next];
    const timeoutMs = Math.min(
      kind === 'stream' ? streamTimeoutMs : connectTimeoutMs,
      step === confirming ? confirmMs : Infinity,
    );
    const lost = this.#whilePresent((cause: unknown) => this.#lost(cause));
    this.#timer = clock.setTimer(() => lost(new Error(`no welcome in ${timeoutMs} ms`)), timeoutMs);
    try {
      this.#link = this.#openers[kind](
        () => this.#events.hello(step === asking),
        { received: this.#whilePresent((text: string) => this.#received(text)), ended: lost },
        this.#events.session,
      );
    } catch (error) {
      // A platform may refuse an address, as pages over https: do with ws:.
      lost(error);
    }
  }

  #received(text: string): void {
    this.#heardAtMs = this.#settings.clock.now();
    // Each may be the last that counts: a goodbye, or one whose listener closes the client.
    const take = this.#whilePresent((frame: ServerFrame) => this.#take(frame));
    const lost = this.#whilePresent((cause: unknown) => this.#lost(cause));
    try {
      readFrames(text).forEach(take);
    } catch (error) {
      lost(error);
    }
  }

  #take(frame: ServerFrame): void {
    if (frame.length === 0) {
      this.#link?.send('[]');
      if (this.#isWelcomed) this.#proven();
    } else if (frame[0] === 1) this.#welcomed(frame[1]);
    else if (frame[0] === 10) this.#goodbye(frame[1]);
    else this.#events.received(frame);
  }

  #welcomed(welcome: Welcome): void {
    this.#token.aged();
    if (this.#ladder.step === asking) {
      // Our server has answered over the kind that was asked.
      this.#ladder.step = confirming;
      this.open();
      return;
    }
    const isFirst = !this.#isWelcomed;
    this.#isWelcomed = true;
    this.#silenceMs = welcome.pingMs + this.#settings.heartbeatTimeoutMs;
    if (isFirst) {
      // A welcome shows that one has to step down; that the best kind lives, only a heartbeat behind it.
      if (this.#ladder.step === settling) {
        this.#ladder.standOn(this.#place);
        this.#probeAtMs = this.#heardAtMs + this.#settings.upgradeIntervalMs;
      }
      const kind = this.#settings.transports[this.#place];
      // A stream that is held back in between may let the welcome through and nothing else: its deadline stays.
      if (kind !== 'stream') this.#watchSilence();
      if (kind === 'poll') this.#proven();
    }
    // Whoever hears that it is open may send at once, behind what the welcome says.
    this.state = 'open';
    const attempt = this.#attempt;
    this.#events.welcomed(welcome, isFirst);
    if (isFirst && attempt === this.#attempt) this.#events.changed('open');
  }

  #proven(): void {
    if (this.#isProven) return;
    this.#isProven = true;
    this.#ladder.standOn(this.#place);
    this.#watchSilence();
    if (this.#place > 0) this.#probeLater();
  }

  #goodbye(goodbye: Goodbye): void {
    const { code, afterMs, retryable } = goodbye;
    const error = RealtimeError.fromWire(goodbye);
    const isAboutToken = code === 'TOKEN_EXPIRED' || code === 'UNAUTHENTICATED';
    // With another token, if one can be had; or because the server says so: as when the token that was shown last is another user's.
    if ((isAboutToken && this.#token.refused()) || retryable) {
      this.#wait(error, afterMs);
      this.#isTold = afterMs !== undefined;
    } else this.close(error);
  }

  #lost(cause: unknown): void {
    // A response that streamed and came to its end in order is a matter of course, and so is the next.
    const isOrderly = this.#isProven && cause === undefined && this.#link?.isTwoWay === false;
    if (!this.#isProven) this.#ladder.died();
    this.#token.aged();
    this.#wait(cause, isOrderly || this.#ladder.step !== standing ? 0 : undefined);
  }

  #wait(cause: unknown, delayMs?: number): void {
    if (!this.#detach()) return;
    this.#timer = this.#settings.clock.setTimer(
      () => this.open(),
      delayMs ?? backoffMs(this.#settings, this.#waits++),
    );
    this.#change('waiting', cause instanceof Error ? cause : undefined);
  }

  // Silence is noticed by one timer, which is set anew only when it fires; and when it fires late, what has not been read yet may show
  // that the deadline was met.
  #watchSilence(wasLate = false): void {
    const { clock } = this.#settings;
    const leftMs = this.#heardAtMs + this.#silenceMs - clock.now();
    const isLate = leftMs <= 0;
    this.#timer?.cancel();
    if (isLate && wasLate) this.#lost(new Error(`no heartbeat in ${this.#silenceMs} ms`));
    else {
      // Also when it is no number, because the server has not said how often it is heard.
      const waitMs = leftMs > graceMs ? leftMs : graceMs;
      this.#timer = clock.setTimer(() => this.#watchSilence(isLate), waitMs);
    }
  }

  #probeLater(): void {
    const { clock, transports, upgradeIntervalMs } = this.#settings;
    this.#probing = clock.setTimer(() => {
      const open = this.#openers[transports[0]];
      this.#probeAtMs = clock.now() + upgradeIntervalMs;
      this.#probing = probe(
        open,
        () => this.#events.hello(true),
        this.#settings,
        (gotThrough) => {
          if (gotThrough) {
            this.#ladder.standOn(0);
            this.open();
          } else this.#probeLater();
        },
      );
    }, this.#probeAtMs - clock.now());
  }

  // Lets go of the link, whatever becomes of it; false: it is closed for good, perhaps by who heard that the link is lost.
  #detach(): boolean {
    const wasWelcomed = this.#isWelcomed;
    if (this.#isProven && this.#settings.clock.now() - this.#openedAtMs >= stableAfterMs) this.#waits = 0;
    this.#attempt++;
    this.#isTold = this.#isWelcomed = this.#isProven = false;
    this.#timer?.cancel();
    this.#gathering?.cancel();
    this.#probing?.cancel();
    this.#link?.close();
    this.#gathering = this.#link = undefined;
    if (wasWelcomed) this.#events.lost();
    return this.state !== 'closed';
  }

  #change(state: ConnectionState, cause?: Error): void {
    if (this.state === state || this.state === 'closed') return;
    this.state = state;
    this.#events.changed(state, cause);
  }
}
