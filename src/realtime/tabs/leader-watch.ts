// Finds out whether the tab that leads still says anything. A page that the browser has frozen keeps its lock and answers nobody: who hears
// nothing for a while asks, and who gets no answer takes over.

import type { Clock, Timer } from '../../base/clock.ts';
import type { RandomSource } from '../../base/random.ts';
import { randomFraction } from '../client/backoff.ts';

/** What a watch is told. */
export interface LeaderWatchSettings {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly leaderTimeoutMs: number;
}

/** What a watch does. */
export interface LeaderWatchEvents {
  /** Nothing was heard for a while: whoever leads is asked for a sign of life. */
  ask(): void;
  /** None has come. */
  silent(): void;
}

// A timer that is later than this was held up with everything else here: what was said meanwhile has not been read yet.
const lateMs = 1_000;

/** Listens for signs of life of the tab that leads. */
export class LeaderWatch {
  readonly #settings: LeaderWatchSettings;
  readonly #events: LeaderWatchEvents;
  #timer: Timer | undefined;
  #heardAtMs = 0;
  #hasAsked = false;

  constructor(settings: LeaderWatchSettings, events: LeaderWatchEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  /** Begins to listen. */
  start(): void {
    this.stop();
    this.heard();
    this.#wait(this.#settings.leaderTimeoutMs);
  }

  /** Listens no more. */
  stop(): void {
    this.#timer?.cancel();
  }

  /** Somebody who leads has said something. */
  heard(): void {
    this.#heardAtMs = this.#settings.clock.now();
    this.#hasAsked = false;
  }

  #wait(leastMs: number): void {
    const { clock, random, leaderTimeoutMs } = this.#settings;
    // Not all tabs at once: the sign of life that one of them asks for reaches all, and so do the first words of one that takes over.
    const waitMs = leastMs + (leaderTimeoutMs * randomFraction(random)) / 2;
    const dueMs = clock.now() + waitMs;
    this.#timer = clock.setTimer(() => this.#look(clock.now() - dueMs > lateMs), waitMs);
    this.#timer.unref?.();
  }

  #look(isLate: boolean): void {
    const { clock, leaderTimeoutMs } = this.#settings;
    const leftMs = this.#heardAtMs + leaderTimeoutMs - clock.now();
    if (leftMs > 0) {
      this.#wait(leftMs);
      return;
    }
    const isSilent = this.#hasAsked && !isLate;
    this.#hasAsked = true;
    this.#wait(leaderTimeoutMs);
    if (isSilent) this.#events.silent();
    else this.#events.ask();
  }
}
