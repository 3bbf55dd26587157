// Keeps a client connected: opens links, waits for the welcome and a first heartbeat, watches for silence, backs off, climbs up and
// down between the kinds of links. What is said over a link is the client's affair (client.ts).

import type { Clock, Timer } from '../../base/clock.ts';
import type { RandomSource } from '../../base/random.ts';
import type { ClientLink, LinkEnd, LinkKind, OpenClientLink } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { FrameType, type Goodbye, type Hello, type ServerFrame, type Welcome } from '../wire/frames.ts';
import { Backoff } from './backoff.ts';
import { readFrames } from './frame-text.ts';
import { Ladder } from './ladder.ts';
import { type LifecycleEvents, watchLifecycle } from './lifecycle.ts';
import { ProbeLink } from './probe-link.ts';
import type { Token } from './token.ts';

/**
 * How the connection stands. `connecting`: a link is being opened; `open`: the server has said welcome; `waiting`: the next attempt
 * comes later; `closed`: for good.
 */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed';

/** The times of a connector, in milliseconds, and its chance. */
export interface ConnectorTimes {
  readonly connectTimeoutMs: number;
  readonly streamTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly upgradeIntervalMs: number;
  readonly clock: Clock;
  readonly random: RandomSource;
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
  received(frame: ServerFrame): void;
  /** The link is gone; what was subscribed on it is no longer. */
  lost(): void;
  /** @param cause why, when it went wrong */
  changed(state: ConnectionState, cause?: Error): void;
  failed(error: unknown): void;
}

interface Attempt {
  readonly place: number;
  readonly openedAtMs: number;
  link?: ClientLink;
  isWelcomed: boolean;
  isProven: boolean;
}

/** A kind of link, and how to open one. */
export type LinkOpener = readonly [kind: LinkKind, open: OpenClientLink];

// A link that lived for this long shows that the server is well: the waits start over.
const stableAfterMs = 10_000;
// What changes within this time is said in one hello.
const gatherMs = 20;
// A deadline that was noticed late may have been met by what has not been read yet.
const graceMs = 100;

/** A connection that comes back. */
export class Connector implements LifecycleEvents {
  readonly #openers: readonly LinkOpener[];
  readonly #times: ConnectorTimes;
  readonly #token: Token;
  readonly #events: ConnectorEvents;
  readonly #ladder: Ladder;
  readonly #backoff: Backoff;
  readonly #unwatch: () => void;
  #state: ConnectionState = 'waiting';
  #attempt: Attempt | undefined;
  // One of them at a time: the deadline of the welcome, that of the next sign of life, the end of a wait.
  #timer: Timer | undefined;
  #gathering: Timer | undefined;
  #probing: Timer | ProbeLink | undefined;
  #heardAtMs = 0;
  #silenceMs = Infinity;
  // Whether the server has said when to come back.
  #isTold = false;

  constructor(openers: readonly LinkOpener[], times: ConnectorTimes, token: Token, events: ConnectorEvents) {
    this.#openers = openers;
    this.#times = times;
    this.#token = token;
    this.#events = events;
    this.#ladder = new Ladder(openers.length);
    this.#backoff = new Backoff(times.minDelayMs, times.maxDelayMs, times.random);
    this.#unwatch = watchLifecycle(this);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What carries the connection; undefined while none is open. */
  get kind(): LinkKind | undefined {
    return this.#state === 'open' ? this.#attempt?.link?.kind : undefined;
  }

  /** Opens a link now. */
  open(): void {
    if (this.#state === 'closed') return;
    this.#detach();
    const attempt: Attempt = {
      place: this.#ladder.next,
      openedAtMs: this.#times.clock.now(),
      isWelcomed: false,
      isProven: false,
    };
    this.#attempt = attempt;
    this.#change('connecting');
    if (this.#token.isMissing) {
      this.#token.fetch().then(
        () => this.#openLink(attempt),
        (error: unknown) => {
          if (attempt !== this.#attempt) return;
          this.#events.failed(error);
          this.#wait(this.#backoff.nextMs(), error);
        },
      );
    } else this.#openLink(attempt);
  }

  /** Sends a frame. @returns false when no link is open */
  send(text: string): boolean {
    if (this.#state !== 'open') return false;
    this.#attempt?.link?.send(text);
    return true;
  }

  /** Sends a frame that changes what the hello said. @returns false when no link is open, or it takes a hello for that */
  sendChange(text: string): boolean {
    return this.#attempt?.link?.isTwoWay === true && this.send(text);
  }

  /** Says the hello anew where that is what it takes: soon, so that several changes go together. */
  sayAgain(): void {
    if (this.#attempt?.link?.isTwoWay === false) this.#reopenSoon();
  }

  /** Something is missing that only a new hello brings back. */
  resume(): void {
    this.#reopenSoon();
  }

  /** Ends it for good. */
  close(error?: RealtimeError): void {
    if (this.#state === 'closed') return;
    this.#unwatch();
    this.#detach();
    this.#change('closed', error);
  }

  resumed(): void {
    if (this.#state === 'waiting' && !this.#isTold) this.open();
    else if (this.#attempt?.isWelcomed === true) this.#checkSilence(this.#attempt);
  }

  online(): void {
    // Another network may let through what the last one did not, and what was open is likely dead.
    this.#ladder.reset();
    if (!this.#isTold) this.open();
  }

  hidden(): void {
    if (this.#state === 'closed') return;
    this.#detach();
    this.#change('waiting');
  }

  shown(): void {
    if (this.#state === 'waiting') this.open();
  }

  #openLink(attempt: Attempt): void {
    if (attempt !== this.#attempt) return;
    const [kind, open] = this.#openers[attempt.place];
    const timeoutMs = kind === 'stream' ? this.#times.streamTimeoutMs : this.#times.connectTimeoutMs;
    this.#timer = this.#times.clock.setTimer(
      () => this.#lost(attempt, { cause: new Error(`no welcome over ${kind} within ${timeoutMs} ms`) }),
      timeoutMs,
    );
    try {
      attempt.link = open(
        () => this.#events.hello(),
        {
          received: (text) => this.#received(attempt, text),
          ended: (end) => this.#lost(attempt, end),
        },
        () => this.#events.session(),
      );
    } catch (error) {
      // A platform may refuse an address, as pages over https: do with ws:.
      this.#lost(attempt, { cause: asError(error) });
    }
  }

  #received(attempt: Attempt, text: string): void {
    if (attempt !== this.#attempt) return;
    this.#heardAtMs = this.#times.clock.now();
    try {
      for (const frame of readFrames(text)) {
        // A frame may have been the last that counts: a goodbye, or a listener that closes the client.
        if (attempt !== this.#attempt) return;
        this.#take(attempt, frame);
      }
    } catch (error) {
      this.#lost(attempt, { cause: asError(error) });
    }
  }

  #take(attempt: Attempt, frame: ServerFrame): void {
    if (frame.length === 0) {
      // A poll that follows is the sign of life.
      if (attempt.link?.kind !== 'poll') attempt.link?.send('[]');
      if (attempt.isWelcomed) this.#proven(attempt);
    } else if (frame[0] === FrameType.hello) this.#welcomed(attempt, frame[1]);
    else if (frame[0] === FrameType.goodbye) this.#goodbye(frame[1]);
    else this.#events.received(frame);
  }

  #welcomed(attempt: Attempt, welcome: Welcome): void {
    const isFirst = !attempt.isWelcomed;
    attempt.isWelcomed = true;
    this.#token.accepted();
    this.#isTold = false;
    this.#silenceMs = welcome.pingMs + this.#times.heartbeatTimeoutMs;
    if (isFirst) {
      this.#ladder.welcomed(attempt.place);
      const kind = this.#openers[attempt.place][0];
      // A stream that is held back in between may let the welcome through and nothing else: its deadline stays.
      if (kind !== 'stream') this.#watchSilence(attempt);
      if (kind === 'poll') this.#proven(attempt);
    }
    // Whoever hears that it is open may send at once, behind what the welcome says.
    this.#state = 'open';
    this.#events.welcomed(welcome);
    if (isFirst && attempt === this.#attempt) this.#events.changed('open');
  }

  #proven(attempt: Attempt): void {
    if (attempt.isProven) return;
    attempt.isProven = true;
    this.#ladder.proven();
    this.#watchSilence(attempt);
    if (attempt.place > 0 && this.#probing === undefined) this.#probeLater();
  }

  #goodbye(goodbye: Goodbye): void {
    const error = RealtimeError.fromWire(goodbye);
    const isAboutToken = goodbye.code === 'TOKEN_EXPIRED' || goodbye.code === 'UNAUTHENTICATED';
    if (isAboutToken ? this.#token.refused() : goodbye.retryable === true) {
      const isTold = goodbye.afterMs !== undefined;
      this.#wait(goodbye.afterMs ?? (isAboutToken ? 0 : this.#backoff.nextMs()), error);
      this.#isTold = isTold;
    } else this.close(error);
  }

  #lost(attempt: Attempt, { cause }: LinkEnd): void {
    if (attempt !== this.#attempt) return;
    const { isProven, openedAtMs, link } = attempt;
    if (!isProven) this.#ladder.died();
    else if (this.#times.clock.now() - openedAtMs >= stableAfterMs) this.#backoff.reset();
    // A response that streamed and came to its end in order is a matter of course, and so is the next.
    const isAtOnce = (isProven && cause === undefined && link?.isTwoWay === false) || this.#ladder.isAsking;
    this.#wait(isAtOnce ? 0 : this.#backoff.nextMs(), cause);
  }

  #wait(delayMs: number, cause?: unknown): void {
    this.#detach();
    this.#isTold = false;
    this.#timer = this.#times.clock.setTimer(() => this.open(), delayMs);
    this.#change('waiting', cause === undefined ? undefined : asError(cause));
  }

  // Silence is noticed by one timer, which is set anew only when it fires.
  #watchSilence(attempt: Attempt): void {
    this.#timer?.cancel();
    const leftMs = this.#heardAtMs + this.#silenceMs - this.#times.clock.now();
    this.#timer = this.#times.clock.setTimer(() => this.#checkSilence(attempt), leftMs);
  }

  #checkSilence(attempt: Attempt): void {
    const { clock } = this.#times;
    if (clock.now() - this.#heardAtMs < this.#silenceMs) {
      this.#watchSilence(attempt);
      return;
    }
    this.#timer?.cancel();
    this.#timer = clock.setTimer(() => {
      if (clock.now() - this.#heardAtMs < this.#silenceMs) this.#watchSilence(attempt);
      else this.#lost(attempt, { cause: new Error(`nothing was heard for ${this.#silenceMs} ms`) });
    }, graceMs);
  }

  #reopenSoon(): void {
    this.#gathering ??= this.#times.clock.setTimer(() => this.open(), gatherMs);
  }

  #probeLater(): void {
    this.#probing = this.#times.clock.setTimer(() => {
      const [, open] = this.#openers[0];
      this.#probing = new ProbeLink(
        open,
        () => this.#events.probeHello(),
        this.#times,
        (gotThrough) => {
          this.#probing = undefined;
          if (gotThrough) {
            this.#ladder.reset();
            this.open();
          } else this.#probeLater();
        },
      );
    }, this.#times.upgradeIntervalMs);
  }

  /** Lets go of the link, whatever becomes of it. */
  #detach(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#timer?.cancel();
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#probing?.cancel();
    this.#probing = undefined;
    attempt?.link?.close();
    if (attempt?.isWelcomed === true) this.#events.lost();
  }

  #change(state: ConnectionState, cause?: Error): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#events.changed(state, cause);
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
