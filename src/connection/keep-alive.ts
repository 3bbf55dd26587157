// Noticing dead peers (half-open TCP, a phone that lost its network) and measuring latency with pings (RFC 6455
// 5.5.2). Any received byte is life, and so is any progress in what we write: the peer's system has acknowledged it.

import type { Clock, Timer } from '../base/clock.ts';
import type { Scheduler } from '../base/scheduler.ts';

/** What KeepAlive asks and tells its connection. */
export interface KeepAliveActions {
  /** Sends a ping with this payload. */
  sendPing(payload: Uint8Array): void;
  /** Whether the connection itself has stopped reading: silence then proves nothing. */
  isReadingPaused(): boolean;
  /** Changes whenever something that we sent has got away. */
  writeProgress(): number;
  /** Nothing arrived in time. */
  peerIsDead(): void;
}

/** Sends pings and passes the verdict when nothing comes back. */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #pingIntervalMs: number;
  readonly #pongTimeoutMs: number;
  readonly #actions: KeepAliveActions;
  #timer: Timer | undefined;
  #isStopped = false;
  #hasHeard = false;
  #progressAtPing = 0;
  #count = 0;
  #pingedAtMs = 0;
  #isPongAwaited = false;
  #latencyMs: number | undefined;

  constructor(
    clock: Clock,
    scheduler: Scheduler,
    options: { readonly pingIntervalMs: number; readonly pongTimeoutMs: number },
    actions: KeepAliveActions,
  ) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#pingIntervalMs = options.pingIntervalMs;
    this.#pongTimeoutMs = options.pongTimeoutMs;
    this.#actions = actions;
    this.#wait(this.#pingIntervalMs, this.#ping);
  }

  /** The last measured time from a ping to its pong in milliseconds; undefined before the first. */
  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  /** Something arrived. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** A pong arrived. One that answers no ping of ours says nothing about latency (RFC 6455 5.5.3). */
  heardPong(payload: Uint8Array): void {
    if (!this.#isPongAwaited || payload.length !== 4) return;
    const count = ((payload[0] << 24) | (payload[1] << 16) | (payload[2] << 8) | payload[3]) >>> 0;
    if (count !== this.#count) return;
    this.#isPongAwaited = false;
    this.#latencyMs = this.#clock.now() - this.#pingedAtMs;
  }

  /** Sends no more pings and passes no verdict. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  readonly #ping = (): void => {
    this.#count = (this.#count + 1) >>> 0;
    const count = this.#count;
    this.#hasHeard = false;
    this.#isPongAwaited = true;
    this.#pingedAtMs = this.#clock.now();
    this.#actions.sendPing(new Uint8Array([count >>> 24, count >>> 16, count >>> 8, count]));
    // The ping itself is not progress: it has left, or is stuck behind other bytes, one turn later.
    this.#scheduler.queueTask(() => {
      this.#progressAtPing = this.#actions.writeProgress();
    });
    this.#wait(Math.min(this.#pingIntervalMs, this.#pongTimeoutMs), this.#look);
  };

  // With an interval shorter than the deadline the next ping is due before the verdict, if the peer is known to live.
  readonly #look = (): void => {
    const leftMs = this.#pongTimeoutMs - this.#pingIntervalMs;
    if (leftMs <= 0 || this.#hasHeard) this.#judge();
    else this.#wait(leftMs, this.#judge);
  };

  readonly #judge = (): void => {
    if (this.#isAlive()) return;
    // The timer may be late because this process was busy: what has arrived meanwhile is read first.
    this.#scheduler.queueTask(() => {
      if (this.#isStopped || this.#isAlive()) return;
      this.stop();
      this.#actions.peerIsDead();
    });
  };

  #isAlive(): boolean {
    if (this.#hasHeard) {
      this.#wait(Math.max(0, this.#pingIntervalMs - this.#pongTimeoutMs), this.#ping);
      return true;
    }
    const progress = this.#actions.writeProgress();
    if (this.#actions.isReadingPaused() || progress !== this.#progressAtPing) {
      this.#progressAtPing = progress;
      this.#wait(this.#pongTimeoutMs, this.#judge);
      return true;
    }
    return false;
  }

  #wait(delayMs: number, callback: () => void): void {
    if (!this.#isStopped) this.#timer = this.#clock.setTimer(callback, delayMs);
  }
}
