// How a connection ends: who began it and how, whether the closing handshake was finished, and the deadline for that.
// Made when the end begins; a connection that is open has none.

import type { Clock } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import { SharedTimer, SharedTimers } from '../base/shared-timers.ts';
import type { ClosedInfo } from './end-reason.ts';

/** The peer's close frame as it was received; 1005 when it had no code. */
export interface PeerClose {
  readonly code: number;
  readonly reason: string;
}

// The cause is made when somebody asks: an error with its stack costs more than all else.
interface Beginning {
  readonly code: number;
  readonly reason: string;
  readonly by: ClosedInfo['by'];
  readonly cause: (() => Error) | undefined;
}

/** Keeps what is known about the end of one connection. */
export class ConnectionEnd extends SharedTimer {
  /** Whether a close frame of ours is out, or none will ever be. */
  hasSentClose = false;
  /** Whether this side has cut the connection: handlers get nothing more. */
  isCut = false;
  /** The peer's close frame. */
  peerClose: PeerClose | undefined;
  // How it began: the first of our close, the peer's close, a failure.
  #beginning: Beginning | undefined;
  #clock: Clock | undefined;
  #timeoutMs = 0;
  #whenOverdue: (() => void) | undefined;
  #transportError: Error | undefined;
  #closedInfo: ClosedInfo | undefined;

  /** Notes how the end began; only the first note counts. */
  begin(by: ClosedInfo['by'], code: number, reason: string, cause?: () => Error): void {
    this.#beginning ??= { code, reason, by, cause };
  }

  /** Notes a failure of this side, whatever has begun before. */
  fail(code: number, cause: () => Error): void {
    this.#beginning = { code, reason: '', by: 'local', cause };
    this.hasSentClose = true;
  }

  /** Calls back unless `transportClosed` comes first. A second call changes nothing. */
  startDeadline(clock: Clock, timeoutMs: number, callback: () => void): void {
    if (this.#clock !== undefined) return;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#whenOverdue = callback;
    SharedTimers.of(clock).start(this, timeoutMs);
  }

  timeUp(): void {
    this.#overdue(this.#timeoutMs);
    this.#whenOverdue?.();
  }

  /** The transport is gone, with the error that ended it if there was one: no deadline any more. */
  transportClosed(error: Error | undefined): void {
    this.#transportError = error;
    if (this.#clock !== undefined) SharedTimers.of(this.#clock).cancel(this);
  }

  /** The code of `closedInfo`. */
  get code(): number {
    const beginning = this.#beginning;
    return beginning !== undefined && (this.#isClean || beginning.cause !== undefined)
      ? beginning.code
      : 1006;
  }

  /** Why the connection ended; made when somebody asks, because an error with its stack costs more than the rest. */
  get closedInfo(): ClosedInfo {
    this.#closedInfo ??= this.#describe();
    return this.#closedInfo;
  }

  #describe(): ClosedInfo {
    const error = this.#transportError;
    const isClean = this.#isClean;
    const beginning = this.#beginning;
    if (beginning !== undefined && (isClean || beginning.cause !== undefined)) {
      const { code, reason, by, cause } = beginning;
      return { code, reason, clean: isClean, by, ...(cause === undefined ? {} : { cause: cause() }) };
    }
    const cause =
      error === undefined
        ? new FullduplexError(
            'WS_TRANSPORT_ENDED',
            'the transport ended before the closing handshake was finished',
          )
        : new FullduplexError('WS_TRANSPORT_FAILED', `the transport failed: ${error.message}`, {
            cause: error,
          });
    return { code: 1006, reason: '', clean: false, by: 'transport', cause };
  }

  get #isClean(): boolean {
    return this.peerClose !== undefined && (this.hasSentClose || this.#beginning?.by === 'remote');
  }

  #overdue(timeoutMs: number): void {
    if (this.#beginning?.cause !== undefined || this.#isClean) return;
    this.#beginning = {
      code: 1006,
      reason: '',
      by: this.#beginning?.by ?? 'local',
      cause: () =>
        new FullduplexError(
          'WS_CLOSE_TIMEOUT',
          `the closing handshake was not finished within ${timeoutMs} ms`,
        ),
    };
  }
}
