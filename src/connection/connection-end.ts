// How a connection ends: who began it and how, whether the closing handshake was finished, and the deadline for that.
// Made when the end begins; a connection that is open has none.

import type { Clock, Timer } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import type { ClosedInfo } from './end-reason.ts';

/** The peer's close frame as it was received; 1005 when it had no code. */
export interface PeerClose {
  readonly code: number;
  readonly reason: string;
}

/** Keeps what is known about the end of one connection. */
export class ConnectionEnd {
  /** Whether a close frame of ours is out, or none will ever be. */
  hasSentClose = false;
  /** The peer's close frame. */
  peerClose: PeerClose | undefined;
  // How it began: the first of our close, the peer's close, a failure.
  #beginning: { code: number; reason: string; by: ClosedInfo['by']; cause?: Error } | undefined;
  #deadline: Timer | undefined;
  #transportError: Error | undefined;
  #closedInfo: ClosedInfo | undefined;

  /** Notes how the end began; only the first note counts. */
  begin(by: ClosedInfo['by'], code: number, reason: string, cause: Error | undefined): void {
    this.#beginning ??= { code, reason, by, ...(cause === undefined ? {} : { cause }) };
  }

  /** Notes a failure of this side, whatever has begun before. */
  fail(code: number, cause: Error): void {
    this.#beginning = { code, reason: '', by: 'local', cause };
    this.hasSentClose = true;
  }

  /** Calls back unless `transportClosed` comes first. A second call changes nothing. */
  startDeadline(clock: Clock, timeoutMs: number, callback: () => void): void {
    this.#deadline ??= clock.setTimer(() => {
      this.#overdue(timeoutMs);
      callback();
    }, timeoutMs);
  }

  /** The transport is gone, with the error that ended it if there was one: no deadline any more. */
  transportClosed(error: Error | undefined): void {
    this.#transportError = error;
    this.#deadline?.cancel();
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
      return { code, reason, clean: isClean, by, ...(cause === undefined ? {} : { cause }) };
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
      cause: new FullduplexError(
        'WS_CLOSE_TIMEOUT',
        `the closing handshake was not finished within ${timeoutMs} ms`,
      ),
    };
  }
}
