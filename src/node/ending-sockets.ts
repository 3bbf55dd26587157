// Sockets on their way out, after a refusal: the last bytes are sent whole, and the socket is gone soon after, also when
// the client never reads or never closes its side.

import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { UpgradeLog } from '../server/upgrade-log.ts';

// How long a client may take to read a refusal, and to notice that the connection ends.
const lingerMs = 2_000;

/** Ends sockets and sees to it that they end. */
export class EndingSockets {
  /** Where refusals are counted: who ends a socket because of one says so here. */
  readonly upgrades: UpgradeLog;
  readonly #clock: Clock;
  readonly #sockets = new Set<Duplex>();
  #whenEmpty: (() => void)[] = [];

  constructor(clock: Clock, upgrades: UpgradeLog) {
    this.#clock = clock;
    this.upgrades = upgrades;
  }

  /** How many are on their way out. */
  get size(): number {
    return this.#sockets.size;
  }

  /**
   * Writes the last bytes of a socket and ends it. What the client still sends is read and dropped, so that no reset
   * overtakes the response (RFC 9112 9.6).
   */
  end(socket: Duplex, bytes: Uint8Array): void {
    if (socket.destroyed) return;
    this.#sockets.add(socket);
    const deadline = this.#clock.setTimer(() => socket.destroy(), lingerMs);
    socket.on('error', ignoreError);
    socket.once('close', () => {
      deadline.cancel();
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
    });
    socket.end(bytes);
    socket.resume();
  }

  /** As `end`, for a socket that Node's HTTP parser still reads: what trickles in must not become a request. */
  endBeforeRequest(socket: Duplex, bytes: Uint8Array): void {
    socket.once('finish', () => socket.destroy());
    this.end(socket, bytes);
  }

  /** Cuts all that are left. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Settles when none is left. */
  emptied(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }
}

/** The listener of sockets that nobody uses yet, or any more: whatever the error was, 'close' follows. */
export function ignoreError(): void {
  // An error of a socket without a user (a reset in the window before the first frame) is nobody's business.
}
