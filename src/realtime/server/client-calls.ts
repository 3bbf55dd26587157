// Calls that the server makes of its clients. The client may be on another node, or away for a moment: the call waits for it as long
// as its caller does. When the link was lost while the client had it, nobody knows what became of it.

import type { Timer } from '../../base/clock.ts';
import { describe } from '../../base/errors.ts';
import { requireInteger } from '../../protocol/limits.ts';
import { RealtimeError, type WireError } from '../wire/error-codes.ts';
import { FrameType } from '../wire/frames.ts';
import type { HubSettings } from './hub-options.ts';
import type { NodeCommands } from './node-commands.ts';
import type { Session } from './session.ts';
import type { SessionRegistry } from './session-registry.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';

/** How a client is called. */
export interface ClientCallOptions {
  /** How long to wait, in milliseconds, from 1 to 2,147,483,647. @defaultValue the hub's `requestTimeoutMs` */
  readonly timeoutMs?: number;
  /** Ends the waiting, and tells the client. */
  readonly signal?: AbortSignal;
}

/** What client calls take from the hub. */
export interface ClientCallEnvironment {
  readonly settings: HubSettings;
  readonly node: string;
  readonly commands: NodeCommands;
  readonly registry: SessionRegistry;
}

// A call for a session of this node, from here or from another node.
interface HeldCall {
  readonly id: string;
  readonly name: string;
  readonly input: string;
  readonly deadlineMs: number;
  readonly frame: string;
  /** After which nobody waits for it. */
  readonly timer: Timer;
  isSent: boolean;
  /** Whether the link was lost while the client had it. */
  isLost: boolean;
}

const longestDelayMs = 2_147_483_647;
// The node that asked, and a number of its own.
const callId = /^([\w-]{8})\.\d{1,16}$/;

const maxStrayAnswers = 100;

interface WaitingCall {
  readonly session: string;
  readonly settle: (result: string, error: WireError | undefined) => void;
}

/** Calls of clients. */
export class ClientCalls {
  readonly #environment: ClientCallEnvironment;
  // Of this node's callers, by id; and what sessions of this node have or will get.
  readonly #waiting = new Map<string, WaitingCall>();
  readonly #held = new Map<string, HeldCall[]>();
  #count = 0;
  #isClosed = false;

  constructor(environment: ClientCallEnvironment) {
    this.#environment = environment;
  }

  /**
   * Calls the client of a session.
   * @throws (as a rejection) RealtimeError: what the client answered, `DEADLINE_EXCEEDED`, `CANCELLED`, `OUTCOME_UNKNOWN`, `CLOSED`
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  call(
    session: string,
    name: string,
    input: unknown,
    { timeoutMs, signal }: ClientCallOptions,
  ): Promise<unknown> {
    const { settings, node, commands, registry } = this.#environment;
    const deadlineMs = requireInteger('timeoutMs', timeoutMs ?? settings.requestTimeoutMs, 1, longestDelayMs);
    const id = `${node}.${++this.#count}`;
    const text = writeJson(input);
    if (this.#isClosed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const stop = (error: RealtimeError): void => {
        end();
        this.#cancel(session, id);
        reject(error);
      };
      const abort = (): void => stop(new RealtimeError('CANCELLED', 'the caller no longer waits'));
      const end = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', abort);
        this.#waiting.delete(id);
      };
      const timer = settings.clock.setTimer(() => {
        const wasLost = this.#wasLost(session, id);
        stop(
          wasLost
            ? new RealtimeError(
                'OUTCOME_UNKNOWN',
                `the client lost its connection and did not answer ${describe(name)} within ${deadlineMs} ms`,
              )
            : new RealtimeError(
                'DEADLINE_EXCEEDED',
                `the client did not answer ${describe(name)} within ${deadlineMs} ms`,
              ),
        );
      }, deadlineMs);
      if (signal?.aborted === true) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort);
      this.#waiting.set(id, {
        session,
        settle: (result, error) => {
          end();
          if (error === undefined) resolve(readJson(result));
          else reject(RealtimeError.fromWire(error));
        },
      });
      if (registry.isHome(session)) {
        this.hold(session, id, name, text, deadlineMs);
        return;
      }
      commands.tell({ kind: 'call', session, id, name, input: text, deadlineMs }).catch(() => {
        // The engine is away, and so is any node that may have the session: the deadline says the rest.
      });
    });
  }

  /** Calls a session of this node, when it is there. */
  hold(session: string, id: string, name: string, input: string, deadlineMs: number): void {
    const frame = `[${FrameType.request},${writeJson(id)},0,${writeJson(name)},${input},{"deadlineMs":${deadlineMs}}]`;
    const held = this.#held.get(session);
    const timer = this.#environment.settings.clock.setTimer(() => this.#drop(session, id), deadlineMs);
    timer.unref?.();
    const call: HeldCall = { id, name, input, deadlineMs, frame, timer, isSent: false, isLost: false };
    if (held === undefined) this.#held.set(session, [call]);
    else held.push(call);
    const found = this.#environment.registry.get(session);
    if (found !== undefined) this.sendHeld(found);
  }

  /** A session has a link: it gets what waits for it. */
  sendHeld(session: Session): void {
    const { current } = session;
    const held = this.#held.get(session.id);
    if (held === undefined || current === undefined) return;
    for (const call of held) {
      if (call.isSent) continue;
      call.isSent = true;
      current.send(call.frame);
    }
  }

  /** A session has come to another node: what it has not got here it gets there. Answers find their way by the id of the call. */
  moved(session: string): void {
    for (const { id, name, input, deadlineMs, isSent } of this.#held.get(session) ?? []) {
      if (isSent) continue;
      this.#drop(session, id);
      this.#environment.commands.tell({ kind: 'call', session, id, name, input, deadlineMs }).catch(() => {
        // Whoever asked hears of its deadline.
      });
    }
  }

  /**
   * A client has answered.
   * @param isBeside whether the answer came beside a link, which may be one to another node
   */
  answered(
    session: Session,
    id: string,
    result: unknown,
    error: WireError | undefined,
    isBeside = false,
  ): void {
    const to = callId.exec(id)?.[1];
    if (to === undefined) return;
    const isAsked = this.#drop(session.id, id) !== undefined;
    // What it was asked over its link to another node is little: other nodes do not have to hear of more.
    if (!isAsked && !isBeside && ++session.strayAnswers > maxStrayAnswers) return;
    const text = writeJson(result);
    const { node, commands } = this.#environment;
    if (to === node) {
      this.result(session.id, id, text, error);
      return;
    }
    commands
      .tell({
        kind: 'result',
        to,
        session: session.id,
        id,
        result: text,
        ...(error === undefined ? {} : { error }),
      })
      .catch(() => {
        // Whoever asked hears of its deadline.
      });
  }

  /** What came of a call of this node. Only the session that was called can answer. */
  result(session: string, id: string, result: string, error: WireError | undefined): void {
    const waiting = this.#waiting.get(id);
    if (waiting?.session === session) waiting.settle(result, error);
  }

  /** The hub is closed: who waits is told, and nobody is called any more. */
  close(): void {
    this.#isClosed = true;
    for (const [id, { session, settle }] of this.#waiting) {
      const isUnsent = this.#held.get(session)?.find((held) => held.id === id)?.isSent === false;
      const error = isUnsent
        ? closedError()
        : new RealtimeError('OUTCOME_UNKNOWN', 'the hub was closed before the client had answered');
      settle('null', error.toWire());
    }
    for (const held of this.#held.values()) for (const { timer } of held) timer.cancel();
    this.#held.clear();
  }

  #cancel(session: string, id: string): void {
    const { registry, commands } = this.#environment;
    if (registry.isHome(session)) this.cancelled(session, id);
    else commands.tell({ kind: 'cancel', session, id }).catch(() => undefined);
  }

  /** Whoever called a session of this node no longer waits. */
  cancelled(session: string, id: string): void {
    const call = this.#drop(session, id);
    if (call?.isSent === true)
      this.#environment.registry.get(session)?.current?.send(`[${FrameType.cancel},${writeJson(id)}]`);
  }

  #wasLost(session: string, id: string): boolean {
    return this.#held.get(session)?.find((held) => held.id === id)?.isLost === true;
  }

  /** The link of a session is gone. */
  linkEnded({ id }: Session): void {
    for (const call of this.#held.get(id) ?? []) call.isLost = call.isSent;
  }

  #drop(session: string, id: string): HeldCall | undefined {
    const held = this.#held.get(session);
    const call = held?.find((one) => one.id === id);
    if (held === undefined || call === undefined) return undefined;
    call.timer.cancel();
    const rest = held.filter((one) => one !== call);
    if (rest.length === 0) this.#held.delete(session);
    else this.#held.set(session, rest);
    return call;
  }
}

function closedError(): RealtimeError {
  return new RealtimeError('CLOSED', 'the hub is closed, expected an open one');
}
