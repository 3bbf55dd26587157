// Calls of clients. A call that may not run twice is claimed in the engine before it runs, so that it runs at most once, whichever node
// it is sent to again; its result is kept for a while for those who did not hear it. When nobody knows how far it came, the
// answer says so.

import { describe } from '../../base/errors.ts';
import { isThenable } from '../../base/rejections.ts';
import { SharedTimer, SharedTimers } from '../../base/shared-timers.ts';
import type { CallContract } from '../contract/contract.ts';
import { validate } from '../contract/validate.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { FrameType, type RequestOptions } from '../wire/frames.ts';
import type { CallClaim, CallId } from '../engine/engine.ts';
import type { ChannelAccess } from './channel-access.ts';
import type { HubSettings } from './hub-options.ts';
import type { HubStatistics } from './hub-statistics.ts';
import type { NodeLease } from './node-lease.ts';
import { errorReply, type Reply, type RequestOrigin, type RunningRequest } from './requests.ts';
import type { Session, SessionView } from './session.ts';
import { writeJson } from '../wire/json-codec.ts';

/** What a handler is told beside the input. */
export interface CallContext<Data = unknown> {
  readonly session: SessionView<Data>;
  readonly user: string | undefined;
  /** Aborted when the client no longer waits. */
  readonly signal: AbortSignal;
  /** How long the client waits, in milliseconds. */
  readonly deadlineMs: number;
  /** Whether the client has sent it before: only handlers that are declared idempotent ever see that. */
  readonly isRetry: boolean;
}

/** Answers a call: the input is what the contract's schema has made of it. */
export interface CallHandler {
  handle(input: unknown, context: CallContext): unknown;
}

/** What calls take from the hub. */
export interface CallEnvironment {
  readonly settings: HubSettings;
  readonly statistics: HubStatistics;
  readonly access: ChannelAccess;
  readonly lease: NodeLease;
}

interface DeclaredCall {
  readonly contract: CallContract;
  readonly handler: CallHandler;
}

// How often is looked whether another node has finished a call that was sent again.
const lookMs = 200;

/** The calls that clients can make. */
export class Calls {
  readonly #environment: CallEnvironment;
  readonly #declared = new Map<string, DeclaredCall>();
  readonly #running = new Set<RunningCall>();
  #idle: (() => void) | undefined;

  constructor(environment: CallEnvironment) {
    this.#environment = environment;
  }

  /** How many run now. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** Names the handler of a call. */
  declare(name: string, contract: CallContract, handler: CallHandler): boolean {
    if (this.#declared.has(name)) return false;
    this.#declared.set(name, { contract, handler });
    return true;
  }

  /** Resolves when none runs any more. */
  idle(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** The answers to calls have arrived: nobody asks for them again, so that nobody has to keep them. */
  heard(session: Session, ids: readonly CallId[]): void {
    const { settings, statistics } = this.#environment;
    // They end by themselves too.
    const failed = (error: unknown): void => {
      statistics.engineFailures++;
      settings.onError(error);
    };
    try {
      const forgotten = settings.engine.forgetCalls(session.id, ids);
      if (forgotten instanceof Promise) forgotten.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Answers a call, now or later. */
  handle(
    session: Session,
    id: CallId,
    name: string,
    data: unknown,
    options: RequestOptions,
    answer: Reply,
    origin: RequestOrigin,
  ): void {
    const { statistics, settings } = this.#environment;
    const declared = this.#declared.get(name);
    statistics.calls++;
    if (declared === undefined) {
      answer(
        errorReply(
          id,
          new RealtimeError('UNKNOWN_CALL', `call ${describe(name)} is none that this server answers`),
        ),
      );
      return;
    }
    const deadlineMs = Math.min(options.deadlineMs ?? settings.requestTimeoutMs, settings.requestTimeoutMs);
    const call = new RunningCall(
      session,
      id,
      declared,
      deadlineMs,
      options.again === true,
      answer,
      origin,
      this.#environment,
    );
    const pending = call.run(data);
    // Most are answered already.
    if (pending === undefined) return;
    if (id !== 0) {
      session.running ??= new Map();
      session.running.set(id, call);
    }
    this.#running.add(call);
    void pending.then(() => {
      if (session.running?.get(id) === call) session.running.delete(id);
      this.#running.delete(call);
      if (this.#running.size === 0) this.#idle?.();
    });
  }

  /** The hub is closed: handlers that run are told, and whoever still waits for them. */
  close(): void {
    const error = new RealtimeError('OUTCOME_UNKNOWN', 'the hub was closed while the call ran');
    for (const call of this.#running) call.close(error);
  }
}

/** One call, and who waits for it. */
class RunningCall extends SharedTimer implements RunningRequest, CallContext {
  readonly session: SessionView;
  readonly deadlineMs: number;
  readonly isRetry: boolean;
  readonly #id: CallId;
  readonly #declared: DeclaredCall;
  readonly #origin: RequestOrigin;
  readonly #environment: CallEnvironment;
  // The answer, until it was given, and who has sent the call again meanwhile.
  #reply: Reply | undefined;
  #others: Set<RequestOrigin> | undefined;
  // Whether it came once only: of what came twice another copy may still be on its way.
  #cameOnce: boolean;
  #isKept = false;
  // Made when a handler asks for it: most do not.
  #abort: AbortController | undefined;
  #abortReason: RealtimeError | undefined;

  constructor(
    session: Session,
    id: CallId,
    declared: DeclaredCall,
    deadlineMs: number,
    isRetry: boolean,
    answer: Reply,
    origin: RequestOrigin,
    environment: CallEnvironment,
  ) {
    super();
    this.session = session;
    this.#id = id;
    this.#declared = declared;
    this.deadlineMs = deadlineMs;
    this.isRetry = isRetry;
    this.#reply = answer;
    this.#cameOnce = !isRetry;
    this.#origin = origin;
    this.#environment = environment;
  }

  get user(): string | undefined {
    return this.session.user;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  also(origin: RequestOrigin): void {
    this.#cameOnce = false;
    // One answer for each who asks; it may be more than one by then.
    if (origin === this.#origin && this.#reply !== undefined) return;
    this.#others ??= new Set();
    for (const other of this.#others) if (other.isEnded === true) this.#others.delete(other);
    this.#others.add(origin);
  }

  /** Runs it to its end, which may be after its deadline; never rejects. What is answered at once needs no promise and no timer. */
  run(data: unknown): Promise<void> | undefined {
    try {
      const result = this.#result(data);
      if (typeof result !== 'string') return this.#settle(result);
      this.#answer(result);
    } catch (error) {
      this.#answer(this.#failed(error));
    }
    return undefined;
  }

  async #settle(result: Promise<string>): Promise<void> {
    const timers = SharedTimers.of(this.#environment.settings.clock);
    timers.start(this, Math.ceil(this.deadlineMs));
    let answer: string;
    try {
      answer = await result;
    } catch (error) {
      answer = this.#failed(error);
    }
    timers.cancel(this);
    this.#answer(answer);
  }

  #failed(error: unknown): string {
    this.#environment.statistics.callsFailed++;
    return this.#tail(error);
  }

  #answer(tail: string): void {
    const reply = this.#reply;
    const others = this.#others;
    this.#reply = undefined;
    this.#others = undefined;
    const frame = `[${FrameType.reply},${writeJson(this.#id)},${tail}]`;
    reply?.(frame);
    if (others !== undefined) for (const other of others) other.reply(frame);
    if (this.#isKept && this.#cameOnce && reply !== undefined) this.#origin.callAnswered?.(this.#id);
  }

  // What stands behind the id in an answer.
  #tail(error: unknown): string {
    const { settings, statistics } = this.#environment;
    if (error instanceof RealtimeError) {
      if (error.code === 'UNAVAILABLE') statistics.engineFailures++;
      return `null,${writeJson(error.toWire())}`;
    }
    settings.onError(error);
    return `null,${writeJson(new RealtimeError('HANDLER_FAILED', 'the handler of the call failed').toWire())}`;
  }

  #result(data: unknown): string | Promise<string> {
    const { contract } = this.#declared;
    // Refused before anything is claimed: the same input would be refused again.
    const input: unknown = validate(contract.input, data, 'input');
    return input instanceof Promise ? input.then((ready: unknown) => this.#begin(ready)) : this.#begin(input);
  }

  #begin(input: unknown): string | Promise<string> {
    const { lease } = this.#environment;
    if (this.#declared.contract.idempotent === true || this.#id === 0) return this.#run(input);
    return lease.isHeld ? this.#claim(input) : lease.hold().then(() => this.#claim(input));
  }

  #claim(input: unknown): string | Promise<string> {
    const { settings, lease } = this.#environment;
    const claim = settings.engine.claimCall(
      this.session.id,
      this.#id,
      lease.node,
      settings.idempotencyWindowMs,
    );
    return claim instanceof Promise
      ? claim.then((known) => this.#claimed(known, input))
      : this.#claimed(claim, input);
  }

  #claimed(claim: CallClaim, input: unknown): string | Promise<string> {
    const { settings, statistics } = this.#environment;
    if (claim.kind === 'claimed') return this.#runClaimed(input);
    if (claim.kind === 'completed') {
      statistics.callsRepeated++;
      return claim.result.slice(1, -1);
    }
    if (claim.kind === 'unknown') {
      throw new RealtimeError(
        'OUTCOME_UNKNOWN',
        'the node that ran the call is gone, and nobody knows how far it came',
      );
    }
    if (this.#abortReason !== undefined) throw this.#abortReason;
    return new Promise<void>((resolve) => {
      settings.clock.setTimer(resolve, lookMs);
    }).then(() => this.#claim(input));
  }

  #runClaimed(input: unknown): string | Promise<string> {
    let result: string | Promise<string>;
    try {
      result = this.#run(input);
    } catch (error) {
      return this.#keep(this.#failed(error));
    }
    if (typeof result === 'string') return this.#keep(result);
    return result.then(
      (ready) => this.#keep(ready),
      (error: unknown) => this.#keep(this.#failed(error)),
    );
  }

  // Nobody waits for the record: without it, whoever asks again is told that the outcome is unknown.
  #keep(result: string): string {
    const { session } = this;
    const { settings, statistics } = this.#environment;
    this.#isKept = true;
    const failed = (error: unknown): void => {
      statistics.engineFailures++;
      settings.onError(error);
    };
    try {
      const kept = settings.engine.completeCall(
        session.id,
        this.#id,
        `[${result}]`,
        settings.idempotencyWindowMs,
      );
      if (kept instanceof Promise) kept.catch(failed);
    } catch (error) {
      failed(error);
    }
    return result;
  }

  #run(input: unknown): string | Promise<string> {
    const { settings, statistics } = this.#environment;
    const startedAtMs = settings.clock.now();
    const ran = (): void => statistics.callMs.add(settings.clock.now() - startedAtMs);
    let returned: unknown;
    try {
      returned = this.#declared.handler.handle(input, this);
    } catch (error) {
      ran();
      throw error;
    }
    if (isThenable(returned)) {
      return Promise.resolve(returned)
        .then((output: unknown) => this.#write(output))
        .finally(ran);
    }
    ran();
    return this.#write(returned);
  }

  #write(returned: unknown): string | Promise<string> {
    const { output } = this.#declared.contract;
    if (output === undefined) return 'null';
    try {
      const checked: unknown = validate(output, returned, 'output');
      return checked instanceof Promise ? checked.then(writeJson, forbiddenOutput) : writeJson(checked);
    } catch (error) {
      return forbiddenOutput(error);
    }
  }

  cancel(): void {
    this.#stop(new RealtimeError('CANCELLED', 'the caller no longer waits'));
  }

  close(reason: RealtimeError): void {
    SharedTimers.of(this.#environment.settings.clock).cancel(this);
    this.#stop(reason);
  }

  override timeUp(): void {
    this.#stop(new RealtimeError('DEADLINE_EXCEEDED', `the call took more than ${this.deadlineMs} ms`));
  }

  // The handler may go on; what comes of it is kept for those who ask again.
  #stop(reason: RealtimeError): void {
    this.#abortReason ??= reason;
    this.#abort?.abort(reason);
    this.#answer(`null,${writeJson(reason.toWire())}`);
  }
}

// What the handler gives and the contract does not allow is the server's mistake, not the client's.
function forbiddenOutput(cause: unknown): never {
  throw new Error('a handler of a call returned what its contract does not allow', { cause });
}
