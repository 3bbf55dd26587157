// One link of a session, from its opening to its end: the hello, the frames that arrive, the heartbeat, what follows channels here, and
// who waits until it has drained. Most links are quiet most of the time, so what few need is made late.

import type { Timer } from '../../base/clock.ts';
import { SharedTimer, SharedTimers } from '../../base/shared-timers.ts';
import type { CallId } from '../engine/engine.ts';
import type { LinkKind, ServerLink, ServerLinkEvents } from '../link/link.ts';
import { goodbyeCloseCodes, RealtimeError, type RealtimeErrorCode } from '../wire/error-codes.ts';
import { type ClientFrame, FrameType, type Goodbye } from '../wire/frames.ts';
import type { DrainListener, FollowerHome } from './follower.ts';
import { answerableId, readClientFrame } from './frame-reader.ts';
import { errorReply, type RequestOrigin } from './requests.ts';
import type { LinkPeer } from './link-acceptor.ts';
import type { AskedChannel, GoodbyeOptions, LinkHome } from './link-home.ts';
import { isMeant, type SessionTarget } from './node-commands.ts';
import type { NodeStream } from './node-stream.ts';
import type { Session } from './session.ts';
import type { Subscription } from './subscription.ts';
import { UnheardCalls } from './unheard-calls.ts';
import { readClientText } from '../wire/client-text.ts';
import { writeJson } from '../wire/json-codec.ts';

const firstHeartbeatMs = 1_000;
/** How many messages may wait while the hello is answered; together they have no more characters than one message may have bytes. */
export const maxHeldTexts = 64;

/** A link and what belongs to it alone. */
export class SessionLink extends SharedTimer implements ServerLinkEvents, FollowerHome, RequestOrigin {
  readonly link: ServerLink;
  session: Session | undefined;
  /** By channel. */
  readonly subscriptions: Map<string, Subscription> = new Map();
  /** Channels whose rules are being asked whether the session may follow them. */
  asking: Map<string, AskedChannel> | undefined;
  /** While a token is looked at: the newest of those that came meanwhile. */
  refreshing: { next: string | undefined } | undefined;
  /** Ends what was begun for this link, beside subscriptions. */
  readonly #home: LinkHome;
  #peer: LinkPeer | undefined;
  #state: 'waiting' | 'greeting' | 'open' | 'ended' = 'waiting';
  #held: string[] | undefined;
  #heldLength = 0;
  #disconnected: { readonly target: SessionTarget; readonly error: RealtimeError }[] | undefined;
  #lagging: Set<DrainListener> | undefined;
  #own: { end(): void }[] | undefined;
  #abort: AbortController | undefined;
  #hasHeard = false;
  #askedAtMs = -1;
  // When the oldest heartbeat was sent that is not answered.
  #beatAtMs = -1;
  #expiry: Timer | undefined;
  // Heartbeats that are not answered.
  #beats = 0;
  #unheard: UnheardCalls | undefined;

  constructor(link: ServerLink, peer: LinkPeer, home: LinkHome) {
    super();
    this.link = link;
    this.#peer = peer;
    this.#home = home;
    this.#startTimer(home.settings.helloTimeoutMs);
  }

  get kind(): LinkKind {
    return this.link.kind;
  }

  /** The id of its session. */
  get id(): string {
    return this.session?.id ?? '';
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** How many followers wait until the link has drained. */
  get laggingCount(): number {
    return this.#lagging?.size ?? 0;
  }

  /** Aborted when the link is gone before its hello was answered. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  // What arrives

  received(text: string): void {
    if (this.#state === 'ended') return;
    this.#heard();
    const { settings, statistics } = this.#home;
    if (text.length > settings.maxFrameBytes) {
      this.goodbye(
        new RealtimeError(
          'TOO_LARGE',
          `a message of ${text.length} characters, expected at most ${settings.maxFrameBytes} bytes`,
        ),
      );
      return;
    }
    if (this.#state === 'greeting') {
      this.#hold(text);
      return;
    }
    let frames: readonly unknown[];
    try {
      frames = readClientText(text);
    } catch (error) {
      statistics.badFrames++;
      this.#wrong(error);
      return;
    }
    for (const frame of frames) this.#frame(frame);
  }

  #heard(): void {
    this.#hasHeard = true;
  }

  /** A sign of life came another way: the answer to a heartbeat, or something else. */
  heard(isAnswer: boolean): void {
    this.#heard();
    if (isAnswer) this.#timeBeat();
  }

  #hold(text: string): void {
    const { maxFrameBytes } = this.#home.settings;
    this.#held ??= [];
    this.#heldLength += text.length;
    if (this.#held.push(text) <= maxHeldTexts && this.#heldLength <= maxFrameBytes) return;
    this.goodbye(
      new RealtimeError(
        'TOO_MANY',
        `more than ${maxHeldTexts} messages or ${maxFrameBytes} bytes before the welcome, expected to wait for it`,
      ),
    );
  }

  #frame(item: unknown): void {
    if (this.#state === 'ended') return;
    let frame: ClientFrame;
    try {
      frame = readClientFrame(item);
    } catch (error) {
      this.#home.statistics.badFrames++;
      this.#wrong(error, answerableId(item));
      return;
    }
    const { session } = this;
    if (this.#state === 'open' && session !== undefined) {
      if (frame.length === 0) this.#answered();
      else if (frame[0] === FrameType.hello)
        this.goodbye(new RealtimeError('BAD_FRAME', 'a second hello on one link, expected one'));
      else this.#home.frame(this, session, frame);
    } else if (this.#state === 'waiting' && frame.length !== 0 && frame[0] === FrameType.hello) {
      this.#greet(frame);
    } else if (this.#state === 'waiting') {
      this.goodbye(new RealtimeError('BAD_FRAME', 'the first frame is no hello, expected [1, {"v":1}]'));
    } else {
      this.#hold(writeJson(item));
    }
  }

  #greet(hello: ClientFrame & readonly [1, unknown]): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    // Request and headers are let go: nothing asks for them after the hello.
    this.#peer = undefined;
    this.#state = 'greeting';
    this.#startTimer(this.#home.settings.requestTimeoutMs);
    this.#home.greet(this, hello, peer);
  }

  // Before a hello nothing is let pass; behind it, an error harms nothing but the frame.
  #wrong(cause: unknown, id?: number | string): void {
    const error =
      cause instanceof RealtimeError ? cause : new RealtimeError('BAD_FRAME', 'a frame cannot be read');
    if (this.#state !== 'open') this.goodbye(error);
    else if (id !== undefined) this.send(errorReply(id, error));
    else this.send(`[${FrameType.error},${writeJson(error.toWire())}]`);
  }

  /** The hello is answered: the link has a session. What was sent meanwhile is read now. */
  opened(session: Session): void {
    // What was sent behind the welcome may have been more than the link bears.
    if (this.#state === 'ended') return;
    this.session = session;
    this.#state = 'open';
    this.#abort = undefined;
    this.watchExpiry();
    if (this.kind === 'poll') SharedTimers.of(this.#home.settings.clock).cancel(this);
    else this.#startTimer(firstHeartbeatMs);
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) for (const text of held) this.received(text);
  }

  /** Somebody is sent away for good while it is not yet known who this is. */
  disconnected(target: SessionTarget, error: RealtimeError): void {
    if (this.#state !== 'greeting') return;
    this.#disconnected ??= [];
    this.#disconnected.push({ target, error });
  }

  /** Why a session may not have this link: it was sent away meanwhile. */
  whyNot(session: Session): RealtimeError | undefined {
    return this.#disconnected?.find(({ target }) => isMeant(session, target))?.error;
  }

  // Requests

  nameOf(alias: number): string | undefined {
    const name = this.#home.nameOf(alias);
    return name !== undefined && this.subscriptions.has(name) ? name : undefined;
  }

  reply(frame: string): void {
    this.send(frame);
  }

  callAnswered(id: CallId): void {
    // On others a heartbeat says nothing of answers.
    if (!this.link.isTwoWay || this.#state !== 'open') return;
    this.#unheard ??= new UnheardCalls();
    if (this.#unheard.add(id)) this.#beat();
  }

  // What is sent

  /** Sends a text to this client. One who asks more than it reads is ended. */
  send(text: string): void {
    if (this.#state === 'ended') return;
    this.link.send(text);
    const { maxBufferedBytes } = this.#home.settings;
    if (this.link.bufferedBytes <= maxBufferedBytes) return;
    this.goodbye(
      new RealtimeError(
        'SLOW_CONSUMER',
        `${this.link.bufferedBytes} bytes wait for a client that reads too slowly, at most ${maxBufferedBytes}`,
        { retryable: true },
      ),
    );
  }

  /** Says why, and ends the link. */
  goodbye(error: RealtimeError, { retryable = error.retryable, afterMs }: GoodbyeOptions = {}): void {
    if (this.#state === 'ended') return;
    const goodbye: Goodbye = {
      code: error.code,
      message: error.message,
      ...(retryable ? { retryable } : {}),
      ...(afterMs === undefined ? {} : { afterMs: Math.round(afterMs) }),
    };
    this.link.send(`[${FrameType.goodbye},${writeJson(goodbye)}]`);
    this.#home.statistics.saidGoodbye(error.code);
    this.#end(error.code);
    this.link.close(goodbyeCloseCodes[error.code] ?? 4000, error.code);
  }

  // Followers

  waitForDrain(follower: DrainListener): void {
    this.#lagging ??= new Set();
    this.#lagging.add(follower);
  }

  lagged({ name }: NodeStream): void {
    const { statistics, settings } = this.#home;
    statistics.slowConsumers++;
    if (this.session !== undefined) settings.probe?.slow(this.session, name);
  }

  tooSlow({ name }: NodeStream): void {
    this.goodbye(
      new RealtimeError('SLOW_CONSUMER', `the session reads ${JSON.stringify(name)} too slowly`, {
        retryable: true,
      }),
    );
  }

  // Whoever comes back is refused this one subscription, and keeps the others.
  outgrown({ name }: NodeStream): void {
    this.goodbye(
      new RealtimeError(
        'TOO_LARGE',
        `the map of ${JSON.stringify(name)} has become larger than what is sent at once`,
        { retryable: true },
      ),
    );
  }

  drained(): void {
    const lagging = this.#lagging;
    if (lagging === undefined || this.#state === 'ended') return;
    this.#lagging = undefined;
    for (const follower of lagging) {
      if (this.link.isFull) this.waitForDrain(follower);
      else follower.drained();
    }
  }

  /** What ends with this link. */
  owns(part: { end(): void }): void {
    if (this.#state === 'ended') {
      part.end();
      return;
    }
    this.#own ??= [];
    this.#own.push(part);
  }

  // Time

  override timeUp(): void {
    const { settings, statistics } = this.#home;
    const { heartbeatMs, heartbeatTimeoutMs, clock, helloTimeoutMs } = settings;
    const { session } = this;
    if (this.#state === 'waiting') {
      this.goodbye(new RealtimeError('BAD_FRAME', `no hello within ${helloTimeoutMs} ms`));
      return;
    }
    if (session === undefined || this.#state !== 'open') {
      this.goodbye(
        new RealtimeError('UNAVAILABLE', 'the server took too long to answer a hello', { retryable: true }),
      );
      return;
    }
    const isShort = heartbeatTimeoutMs < heartbeatMs;
    const isAsked = this.#askedAtMs >= 0;
    if (isAsked && !this.#hasHeard && clock.now() - this.#askedAtMs >= heartbeatTimeoutMs) {
      statistics.saidGoodbye('HEARTBEAT_MISSED');
      this.#end(undefined);
      this.link.close(1001, 'no heartbeat');
      return;
    }
    if (isAsked && isShort) {
      this.#askedAtMs = -1;
      this.#startTimer(heartbeatMs - heartbeatTimeoutMs);
      return;
    }
    if (!isAsked || this.#hasHeard) {
      this.#askedAtMs = Math.round(clock.now());
      this.#hasHeard = false;
    }
    this.#beat();
    this.#home.beaten(session);
    this.#startTimer(isShort ? heartbeatTimeoutMs : heartbeatMs);
  }

  #beat(): void {
    if (this.#beatAtMs < 0) this.#beatAtMs = Math.round(this.#home.settings.clock.now());
    this.#beats++;
    this.#unheard?.beaten(this.#beats);
    this.link.send('[]');
  }

  #timeBeat(): void {
    const { statistics, settings } = this.#home;
    if (this.#beatAtMs >= 0) statistics.heartbeatMs.add(Math.max(0, settings.clock.now() - this.#beatAtMs));
    this.#beatAtMs = -1;
  }

  #answered(): void {
    this.#timeBeat();
    // What answers none says nothing.
    if (this.#beats === 0) return;
    this.#beats--;
    const heard = this.#unheard?.heard();
    if (heard !== undefined && this.session !== undefined) this.#home.callsHeard(this.session, heard);
  }

  #startTimer(delayMs: number): void {
    SharedTimers.of(this.#home.settings.clock).start(this, delayMs);
  }

  /** Watches when the token of the session ends. */
  watchExpiry(): void {
    const { clock, timeOfDay } = this.#home.settings;
    this.#expiry?.cancel();
    const expiresAtMs = this.session?.expiresAtMs;
    if (expiresAtMs === undefined) return;
    // A clock's longest wait is shorter than that of some tokens.
    this.#expiry = clock.setTimer(
      () => {
        if (timeOfDay() < expiresAtMs) this.watchExpiry();
        else this.goodbye(tokenExpired());
      },
      Math.min(0x7fff_ffff, Math.max(0, expiresAtMs - timeOfDay())),
    );
  }

  // The end

  ended(): void {
    if (this.#state !== 'ended') this.#end(undefined);
  }

  #end(code: RealtimeErrorCode | undefined): void {
    this.#state = 'ended';
    SharedTimers.of(this.#home.settings.clock).cancel(this);
    this.#expiry?.cancel();
    this.#held = undefined;
    this.#disconnected = undefined;
    this.#peer = undefined;
    this.#lagging = undefined;
    this.#unheard = undefined;
    this.#abort?.abort();
    for (const subscription of this.subscriptions.values()) subscription.end();
    if (this.#own !== undefined) for (const part of this.#own) part.end();
    this.#home.ended(this, code);
    this.subscriptions.clear();
  }
}

/** Whose token has run out gets a new one and comes back. */
export function tokenExpired(): RealtimeError {
  return new RealtimeError('TOKEN_EXPIRED', 'the token has expired, expected a new one', { retryable: true });
}
