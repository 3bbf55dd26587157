// Noticing dead peers (half-open TCP, a phone that lost its network) and measuring latency with pings (RFC 6455
// 5.5.2). Any received byte is life, and so is any progress in what we write: the peer's system has acknowledged it.

import type { Clock } from '../base/clock.ts';
import type { Scheduler } from '../base/scheduler.ts';
import { SharedTimer, SharedTimers } from '../base/shared-timers.ts';

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

/** How often pings are sent, and how long an answer may take. */
export interface KeepAliveTimes {
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
}

// How many pings may be under way: with a short interval on a slow road an answer comes behind the next ping.
const mostLatePings = 16;

/** Sends pings and passes the verdict when nothing comes back. */
export class KeepAlive extends SharedTimer {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #times: KeepAliveTimes;
  readonly #actions: KeepAliveActions;
  // What is done when the time is up.
  #next: 'ping' | 'look' | 'judge' = 'ping';
  #isStopped = false;
  #hasHeard = false;
  #progressAtPing = 0;
  #count = 0;
  #pingedAtMs = 0;
  #isPongAwaited = false;
  #latencyMs: number | undefined;

  constructor(clock: Clock, scheduler: Scheduler, times: KeepAliveTimes, actions: KeepAliveActions) {
    super();
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#times = times;
    this.#actions = actions;
    this.#wait(times.pingIntervalMs, 'ping');
  }

  /** The last measured time from a ping to its pong in milliseconds; undefined before the first. */
  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  /** Something arrived. */
  heard(): void {
    this.#hasHeard = true;
  }

  /**
   * A pong arrived. One that answers no ping of ours says nothing about latency (RFC 6455 5.5.3).
   * @returns whether it answers a ping of ours, the last one or one of those shortly before
   */
  heardPong(payload: Uint8Array): boolean {
    if (payload.length !== 4) return false;
    const count = ((payload[0] << 24) | (payload[1] << 16) | (payload[2] << 8) | payload[3]) >>> 0;
    const age = (this.#count - count) >>> 0;
    if (age > 0 || !this.#isPongAwaited) return age < mostLatePings && count > 0;
    this.#isPongAwaited = false;
    this.#latencyMs = this.#clock.now() - this.#pingedAtMs;
    return true;
  }

  /** Sends no more pings and passes no verdict. */
  stop(): void {
    this.#isStopped = true;
    SharedTimers.of(this.#clock).cancel(this);
  }

  timeUp(): void {
    if (this.#next === 'ping') this.#ping();
    else if (this.#next === 'look') this.#look();
    else this.#judge();
  }

  #ping(): void {
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
    const { pingIntervalMs, pongTimeoutMs } = this.#times;
    this.#wait(Math.min(pingIntervalMs, pongTimeoutMs), 'look');
  }

  // With an interval shorter than the deadline the next ping is due before the verdict, if the peer is known to live.
  #look(): void {
    const leftMs = this.#times.pongTimeoutMs - this.#times.pingIntervalMs;
    if (leftMs <= 0 || this.#hasHeard) this.#judge();
    else this.#wait(leftMs, 'judge');
  }

  #judge(): void {
    if (this.#isAlive()) return;
    // The timer may be late because this process was busy: what has arrived meanwhile is read first.
    this.#scheduler.queueTask(() => {
      if (this.#isStopped || this.#isAlive()) return;
      this.stop();
      this.#actions.peerIsDead();
    });
  }

  #isAlive(): boolean {
    if (this.#hasHeard) {
      this.#wait(Math.max(0, this.#times.pingIntervalMs - this.#times.pongTimeoutMs), 'ping');
      return true;
    }
    const progress = this.#actions.writeProgress();
    if (this.#actions.isReadingPaused() || progress !== this.#progressAtPing) {
      this.#progressAtPing = progress;
      this.#wait(this.#times.pongTimeoutMs, 'judge');
      return true;
    }
    return false;
  }

  #wait(delayMs: number, next: 'ping' | 'look' | 'judge'): void {
    if (this.#isStopped) return;
    this.#next = next;
    SharedTimers.of(this.#clock).start(this, delayMs);
  }
}
