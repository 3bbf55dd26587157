// Frames that come beside a link which goes one way: each request of HTTP brings its session with it, and any node can answer, because
// what a session is stands in the engine.

import type { Timer } from '../../base/clock.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { type ClientFrame, FrameType, type RequestFrame, type ServerFrame } from '../wire/frames.ts';
import type { ClientCalls } from './client-calls.ts';
import { answerableId, readClientFrame } from './frame-reader.ts';
import type { HubSettings } from './hub-options.ts';
import type { HubStatistics } from './hub-statistics.ts';
import type { NodeCommands } from './node-commands.ts';
import { readReply, type Requests } from './requests.ts';
import type { Session } from './session.ts';
import { tokenExpired } from './session-link.ts';
import type { SessionRegistry } from './session-registry.ts';
import { hashSecret, isSameText } from './session-secret.ts';
import { readJson } from '../wire/json-codec.ts';

/** What answering frames takes from the hub. */
export interface UpstreamEnvironment {
  readonly settings: HubSettings;
  readonly statistics: HubStatistics;
  readonly registry: SessionRegistry;
  readonly requests: Requests;
  readonly clientCalls: ClientCalls;
  readonly commands: NodeCommands;
}

/** Answers frames that come with their session. */
export class Upstream {
  readonly #environment: UpstreamEnvironment;

  constructor(environment: UpstreamEnvironment) {
    this.#environment = environment;
  }

  /** Gives the answers, when all are there or the client has gone; never rejects. */
  async answer(
    [id, secret]: readonly [id: string, secret: string],
    frames: readonly ClientFrame[],
    signal: AbortSignal,
  ): Promise<readonly ServerFrame[]> {
    const { settings, statistics } = this.#environment;
    let session: Session;
    try {
      session = await this.#find(id, secret);
    } catch (error) {
      if (error instanceof RealtimeError) return [errorFrame(error)];
      settings.onError(error);
      return [
        errorFrame(
          new RealtimeError('UNAVAILABLE', 'the server failed to find a session', { retryable: true }),
        ),
      ];
    }
    const budget: AnswerBudget = { left: settings.maxBufferedBytes };
    // In the order of what they answer.
    const answers: (ServerFrame | undefined)[] = [];
    const gone = new Promise<void>((resolve) => {
      // It may have gone while its session was looked up: then nothing would be told any more.
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const answered = frames.map(async (given: unknown, index) => {
      try {
        answers[index] = await this.#frame(session, readClientFrame(given), budget, signal);
      } catch (error) {
        statistics.badFrames++;
        const known =
          error instanceof RealtimeError ? error : new RealtimeError('BAD_FRAME', 'a frame cannot be read');
        const requestId = answerableId(given);
        answers[index] =
          requestId === undefined ? errorFrame(known) : [FrameType.reply, requestId, null, known.toWire()];
      }
    });
    const signs = this.#keepAlive(session);
    await Promise.race([Promise.all(answered), gone]);
    signs.cancel();
    return answers.filter((answer) => answer !== undefined);
  }

  // Who waits for an answer lives, and has no other request free for the answer to a heartbeat.
  #keepAlive(session: Session): Pick<Timer, 'cancel'> {
    const { clock, heartbeatTimeoutMs } = this.#environment.settings;
    const next = (): Timer =>
      clock.setTimer(() => {
        this.#lives(session, false);
        timer = next();
      }, heartbeatTimeoutMs / 2);
    let timer = next();
    return { cancel: () => timer.cancel() };
  }

  #lives({ id, current }: Session, isAnswer: boolean): void {
    if (current !== undefined) current.heard(isAnswer);
    else this.#environment.commands.tell({ kind: 'alive', session: id, isAnswer }).catch(() => undefined);
  }

  async #find(id: string, secret: string): Promise<Session> {
    const { registry, settings } = this.#environment;
    const secretHash = await hashSecret(secret);
    const local = registry.get(id);
    // Without a link to this node it may have got a new token on another.
    const isKnown = local !== undefined && (local.current !== undefined || !this.#isOver(local.expiresAtMs));
    const record = isKnown ? local.record() : await settings.engine.session(id);
    if (record === undefined || !isSameText(record.secretHash, secretHash)) {
      throw new RealtimeError(
        'UNAUTHENTICATED',
        'no such session, or another secret: expected those of the last welcome',
      );
    }
    const { user, expiresAtMs, data, generation = 0 } = record;
    if (this.#isOver(expiresAtMs)) throw tokenExpired();
    if (isKnown) return local;
    const session = registry.obtain(id, secretHash, {
      user,
      expiresAtMs,
      data: data === undefined ? undefined : readJson(data),
    });
    session.generation = Math.max(session.generation, generation);
    if (local === undefined) session.isBeside = true;
    return session;
  }

  #isOver(expiresAtMs: number | undefined): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.#environment.settings.timeOfDay();
  }

  #frame(
    session: Session,
    frame: ClientFrame,
    budget: AnswerBudget,
    signal: AbortSignal,
  ): Promise<ServerFrame | undefined> | ServerFrame | undefined {
    const { clientCalls } = this.#environment;
    switch (frame[0]) {
      case undefined:
        this.#lives(session, true);
        return undefined;
      case FrameType.request:
        return this.#request(session, frame, budget, signal);
      case FrameType.reply:
        clientCalls.answered(session, String(frame[1]), frame[2], frame[3], true);
        return undefined;
      case FrameType.cancel:
        this.#environment.requests.cancel(session, frame[1]);
        return undefined;
      default:
        return errorFrame(
          new RealtimeError(
            'BAD_FRAME',
            `frame ${frame[0]} beside a link that goes one way, expected subscriptions and tokens in its hello`,
          ),
        );
    }
  }

  #request(
    session: Session,
    frame: RequestFrame,
    budget: AnswerBudget,
    signal: AbortSignal,
  ): Promise<ServerFrame | undefined> {
    const [, id, channel] = frame;
    return new Promise((resolve) => {
      this.#environment.requests.handle(session, frame, {
        nameOf: () => undefined,
        get isEnded(): boolean {
          return signal.aborted;
        },
        reply: (text) => {
          // Nobody waits for what has no id.
          if (id === 0) return;
          budget.left -= text.length;
          const isTooMuch = budget.left < 0 && text.length > smallAnswer;
          const { result, error } = isTooMuch ? tooMuch(channel === 0) : readReply(text);
          resolve(error === undefined ? [FrameType.reply, id, result] : [FrameType.reply, id, null, error]);
        },
      });
      if (id === 0) resolve(undefined);
    });
  }
}

// An answer of so many characters is always given: those to all frames of one request are little together.
const smallAnswer = 1_024;

// How many characters the answers of one request may still have.
interface AnswerBudget {
  left: number;
}

// A call has run by then: nobody may hear that it can be made again.
function tooMuch(isCall: boolean): ReturnType<typeof readReply> {
  const error = new RealtimeError(
    isCall ? 'OUTCOME_UNKNOWN' : 'TOO_MANY',
    'the answers of one request are too large together',
    { retryable: !isCall },
  );
  return { result: null, error: error.toWire() };
}

function errorFrame(error: RealtimeError): ServerFrame {
  return [FrameType.error, error.toWire()];
}
