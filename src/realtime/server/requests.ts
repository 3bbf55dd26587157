// What clients ask: publications, pages of a history, who is there, and calls of handlers. Each is answered once, with a result or a
// coded error; a publication or a call that is sent again is known by the id of its session and its own.

import { describe } from '../../base/errors.ts';
import { isThenable } from '../../base/rejections.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { CallId, StreamEntry } from '../engine/engine.ts';
import { RealtimeError, type WireError } from '../wire/error-codes.ts';
import { FrameType, type RequestFrame } from '../wire/frames.ts';
import type { ChannelAccess } from './channel-access.ts';
import type { FoundChannel } from './channel-declaration.ts';
import type { Calls } from './calls.ts';
import type { HubSettings } from './hub-options.ts';
import type { HubStatistics } from './hub-statistics.ts';
import { lengthOf, RequestQueue, type WaitingRequest } from './request-queue.ts';
import type { Session } from './session.ts';
import { presenceStream } from './subscription.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';
import { unknownAppend } from './unknown-append.ts';

/** A request that somebody can take back. */
export interface RunningRequest {
  cancel(): void;
  /** It was sent again: its answer goes to that origin too. */
  also(origin: RequestOrigin): void;
}

/** Takes the answer of a request: the text of a frame. Called once at most. */
export type Reply = (frame: string) => void;

/** Where a request came from, and its answer goes to. */
export interface RequestOrigin {
  /** The name of a channel that the request names by its alias. */
  nameOf(alias: number): string | undefined;
  /** Takes the answer: the text of a frame. */
  reply(frame: string): void;
  /** Whether nobody takes answers there any more. @defaultValue false */
  readonly isEnded?: boolean;
  /**
   * The answer to a call that ran once was given; it was asked for here and nowhere else before. Who learns that it was heard
   * tells `Calls.heard`.
   */
  callAnswered?(id: CallId): void;
}

/** What requests take from the hub. */
export interface RequestEnvironment {
  readonly settings: HubSettings;
  readonly statistics: HubStatistics;
  readonly access: ChannelAccess;
  readonly calls: Calls;
}

// A page of a history is no larger than that, so that no client is sent what it may not take.
const maxPageLength = 1024 * 1024;

/** Answers requests. */
export class Requests {
  readonly #environment: RequestEnvironment;

  constructor(environment: RequestEnvironment) {
    this.#environment = environment;
  }

  /**
   * Answers one, now or later. What is more than may run at once waits for its turn.
   */
  handle(session: Session, frame: RequestFrame, origin: RequestOrigin): void {
    if (this.#joins(session, frame, origin)) return;
    const refused = this.#admit(session, { frame, origin });
    if (refused === undefined) return;
    this.#environment.statistics.requestsRefused++;
    refuse({ frame, origin }, refused);
  }

  /** The hub is closed: what waits for its turn never runs. */
  close(sessions: Iterable<Session>): void {
    for (const { waiting } of sessions) {
      if (waiting === undefined) continue;
      waiting.isAdvancing = true;
      for (let next = waiting.next(); next !== undefined; next = waiting.next())
        refuse(next, new RealtimeError('UNAVAILABLE', 'the server is closed', { retryable: true }));
    }
  }

  /** Nobody waits for the answer of a request any more. */
  cancel(session: Session, id: CallId): void {
    session.running?.get(id)?.cancel();
    const waiting = session.waiting?.take(id);
    waiting?.origin.reply(errorReply(id, new RealtimeError('CANCELLED', 'the caller no longer waits')));
  }

  // What is sent again while it waits or runs takes no place of its own, and is not counted again.
  #joins(session: Session, frame: RequestFrame, origin: RequestOrigin): boolean {
    const [, id, channel] = frame;
    if (id === 0) return false;
    const running = channel === 0 ? session.running?.get(id) : undefined;
    running?.also(origin);
    if (running !== undefined) return true;
    const before = session.waiting?.replace({ frame, origin });
    if (before !== undefined && before !== origin)
      before.reply(errorReply(id, new RealtimeError('CANCELLED', 'the caller waits elsewhere')));
    return before !== undefined;
  }

  // Runs a request, or lets it wait; else says why not.
  #admit(session: Session, request: WaitingRequest): RealtimeError | undefined {
    const { maxPendingRequests, maxQueuedRequests, maxFrameBytes } = this.#environment.settings;
    const mayRun = session.pendingRequests < maxPendingRequests && (session.waiting?.size ?? 0) === 0;
    if (mayRun) {
      const refusal = this.#countOne(session);
      if (refusal === undefined) this.#run(session, request);
      return refusal;
    }
    session.waiting ??= new RequestQueue({ maxRequests: maxQueuedRequests, maxLength: 2 * maxFrameBytes });
    const length = lengthOf(request.frame);
    if (!session.waiting.hasRoom(length)) {
      return new RealtimeError(
        'TOO_MANY',
        `${maxPendingRequests} requests of one session run, and ${session.waiting.size} more wait: expected fewer or shorter ones`,
        { retryable: true },
      );
    }
    const refusal = this.#countOne(session);
    if (refusal === undefined) session.waiting.put(request, length);
    return refusal;
  }

  #run(session: Session, { frame, origin }: WaitingRequest): void {
    const [, id, channel, name, data, options] = frame;
    // Those that want no answer count as well, until they are done.
    const answer: Reply = (text) => {
      session.pendingRequests--;
      if (id !== 0) origin.reply(text);
      this.#advance(session);
    };
    session.pendingRequests++;
    if (channel === 0) {
      this.#environment.calls.handle(session, id, name, data, options ?? {}, answer, origin);
      return;
    }
    try {
      const found = this.#channel(channel, origin);
      if (name === '$history') this.#settle(id, answer, this.#history(session, found, data));
      else if (name === '$presence') this.#settle(id, answer, this.#presence(session, found));
      else this.#publish(session, id, found, name, data, answer);
    } catch (error) {
      answer(this.#failed(id, error));
    }
  }

  // Runs what waits. Much of it may be answered at once: that is one loop and no recursion.
  #advance(session: Session): void {
    const { waiting } = session;
    if (waiting === undefined || waiting.isAdvancing) return;
    waiting.isAdvancing = true;
    const { maxPendingRequests } = this.#environment.settings;
    while (session.pendingRequests < maxPendingRequests) {
      const next = waiting.next();
      if (next === undefined) break;
      this.#run(session, next);
    }
    waiting.isAdvancing = false;
  }

  // Counts a request; else says that there were too many lately.
  #countOne(session: Session): RealtimeError | undefined {
    const { sessionRate, clock } = this.#environment.settings;
    if (sessionRate === undefined) return undefined;
    const nowMs = clock.now();
    session.requestTokens ??= new TokenBucket(sessionRate, nowMs);
    if (session.requestTokens.take(1, nowMs)) return undefined;
    const afterMs = Math.ceil(session.requestTokens.waitMs(1, nowMs));
    return new RealtimeError(
      'RATE_LIMITED',
      `more than ${sessionRate.burst} requests of one session at once and ${sessionRate.perSecond} a second, expected the next in ${afterMs} ms`,
      { retryable: true, data: { afterMs } },
    );
  }

  #channel(channel: number | string, origin: RequestOrigin): FoundChannel {
    const { access } = this.#environment;
    if (typeof channel === 'string') return access.find(channel);
    const name = origin.nameOf(channel);
    if (name !== undefined) return access.find(name);
    throw new RealtimeError(
      'NOT_SUBSCRIBED',
      `no subscription has the alias ${channel}, expected one of this link, or the name of a channel`,
    );
  }

  #settle(id: number | string, answer: Reply, result: Promise<string>): void {
    result.then(
      (text) => answer(`[${FrameType.reply},${writeJson(id)},${text}]`),
      (error: unknown) => answer(this.#failed(id, error)),
    );
  }

  #failed(id: number | string, error: unknown): string {
    const { settings, statistics } = this.#environment;
    if (error instanceof RealtimeError) {
      if (error.code === 'UNAVAILABLE') statistics.engineFailures++;
      return errorReply(id, error);
    }
    settings.onError(error);
    return errorReply(
      id,
      new RealtimeError('UNAVAILABLE', 'the server failed to answer', { retryable: true }),
    );
  }

  // Publications of a session keep their order, also where a rule takes its time; what is decided at once goes at once.
  #publish(
    session: Session,
    id: number | string,
    channel: FoundChannel,
    event: string,
    data: unknown,
    answer: Reply,
  ): void {
    const { access } = this.#environment;
    const before = session.publishing;
    if (before === undefined) {
      const checked = access.publication(session, channel, event, data);
      if (!isThenable(checked)) {
        this.#settle(id, answer, this.#append(session, id, channel, event, checked));
        return;
      }
      this.#queue(
        session,
        id,
        answer,
        Promise.resolve(checked).then((ready) => this.#append(session, id, channel, event, ready)),
      );
      return;
    }
    const next = before
      .then(() => access.publication(session, channel, event, data))
      .then((ready) => this.#append(session, id, channel, event, ready));
    this.#queue(session, id, answer, next);
  }

  #queue(session: Session, id: number | string, answer: Reply, appended: Promise<string>): void {
    this.#settle(id, answer, appended);
    const settled: Promise<unknown> = appended
      .catch(() => undefined)
      .then(() => {
        if (session.publishing === settled) session.publishing = undefined;
      });
    session.publishing = settled;
  }

  async #append(
    session: Session,
    id: number | string,
    { name: channel, declaration }: FoundChannel,
    event: string,
    data: unknown,
  ): Promise<string> {
    const { settings, statistics } = this.#environment;
    const { engine, idempotencyWindowMs, clock } = settings;
    const common = {
      name: event,
      data: writeJson(data),
      ...(session.user === undefined ? {} : { user: session.user }),
    };
    statistics.publications++;
    if (declaration.delivery === 'volatile') {
      await engine.broadcast(channel, common);
      return '{}';
    }
    const startedAtMs = clock.now();
    const appended = engine.append(channel, {
      ...common,
      retention: declaration.retention,
      // As JSON, so that `1` and `"1"` are two.
      ...(id === 0
        ? {}
        : { idempotency: { key: `${session.id}/${JSON.stringify(id)}`, windowMs: idempotencyWindowMs } }),
    });
    // A client that tries again does so with another id.
    const { position } = await appended.catch((error: unknown) => {
      if (!(error instanceof RealtimeError)) settings.onError(error);
      statistics.engineFailures++;
      throw unknownAppend(error);
    });
    statistics.publishMs.add(clock.now() - startedAtMs);
    return `{"offset":${position.offset}}`;
  }

  async #history(session: Session, channel: FoundChannel, input: unknown): Promise<string> {
    const { access, settings } = this.#environment;
    await access.requireSubscribe(session, channel);
    const { before, count } = readPageWish(input);
    const { name, declaration } = channel;
    if (declaration.delivery === 'volatile') return '{"entries":[]}';
    const { entries } = await settings.engine.history(name, before, Math.min(count, settings.maxHistory));
    return `{"entries":[${writeHistory(entries, (entry) => declaration.format.metaOf(entry)).join(',')}]}`;
  }

  async #presence(session: Session, channel: FoundChannel): Promise<string> {
    const { access, settings } = this.#environment;
    await access.requireSubscribe(session, channel);
    await access.requirePresence(session, channel, '{}');
    const { entries } = await settings.engine.map(presenceStream(channel.name));
    if (channel.declaration.presenceMode === 'counts') {
      return writeJson({ count: entries.reduce((sum, { value }) => sum + Number(value), 0) });
    }
    const members = `{${entries.map(({ key, value }) => `${writeJson(key)}:${value}`).join(',')}}`;
    // What waits for one client is bounded, and an answer is no reason to end it.
    if (members.length <= settings.maxBufferedBytes) return members;
    throw new RealtimeError(
      'TOO_LARGE',
      `${entries.length} are there, more than one answer takes: expected a channel that counts`,
    );
  }
}

function refuse({ frame, origin }: WaitingRequest, why: RealtimeError): void {
  const [, id, , , , options] = frame;
  const refusal = options?.again === true ? unknownBecause(why) : why;
  origin.reply(id === 0 ? `[${FrameType.error},${writeJson(refusal.toWire())}]` : errorReply(id, refusal));
}

// What is sent again may have happened the first time: to say that it was refused would say that it has not.
function unknownBecause({ message, data }: RealtimeError): RealtimeError {
  return new RealtimeError('OUTCOME_UNKNOWN', `sent again, and not looked at: ${message}`, { data });
}

// The newest that fit, oldest first.
function writeHistory(
  entries: readonly StreamEntry[],
  metaOf: (entry: StreamEntry) => string,
): readonly string[] {
  const written: string[] = [];
  let length = 0;
  for (const entry of entries.toReversed()) {
    const { offset, name, data, id } = entry;
    const text = `[${offset},${writeJson(name)},${data},"${id}"${metaOf(entry)}]`;
    length += text.length;
    if (length > maxPageLength && written.length > 0) break;
    written.push(text);
  }
  return written.toReversed();
}

function readPageWish(input: unknown): { readonly before: number | undefined; readonly count: number } {
  const given: object = typeof input === 'object' && input !== null ? input : {};
  const before: unknown = 'before' in given ? given.before : undefined;
  const count: unknown = 'count' in given ? given.count : undefined;
  const isBefore = before === undefined || before === null || isCount(before);
  if (!isBefore || !isCount(count) || count === 0) {
    throw new RealtimeError(
      'BAD_DATA',
      `input: ${describe(input)}, expected { before?: an offset, count: 1 or more }`,
    );
  }
  return { before: isCount(before) ? before : undefined, count };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The frame that answers a request with an error. */
export function errorReply(id: number | string, error: RealtimeError): string {
  return `[${FrameType.reply},${writeJson(id)},null,${writeJson(error.toWire())}]`;
}

/** What the text of an answer says, for those who have to look into it. */
export function readReply(text: string): { readonly result: unknown; readonly error: WireError | undefined } {
  const frame = readJson(text);
  const [, , result, error]: readonly unknown[] = Array.isArray(frame) ? frame : [];
  return { result, error: isWireError(error) ? error : undefined };
}

function isWireError(value: unknown): value is WireError {
  return typeof value === 'object' && value !== null && 'code' in value;
}
