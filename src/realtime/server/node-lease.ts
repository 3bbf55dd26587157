// The lease of this node: as long as it runs, what the node has put into maps stays there and the calls that it has claimed are
// its own. It begins when it is first needed.

import type { Clock, Timer } from '../../base/clock.ts';
import type { Engine } from '../engine/engine.ts';

const lastLeaseMs = 10_000;

/** A lease that is renewed until it is given up. */
export class NodeLease {
  readonly node: string;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #begunAnew: () => void;
  #holding: Promise<void> | undefined;
  #timer: Timer | undefined;
  #hasBegun = false;
  #isHeld = false;
  #isEnded = false;

  /** @param begunAnew told when it had run out: nothing is left of what the node owned */
  constructor(node: string, engine: Engine, clock: Clock, ttlMs: number, begunAnew: () => void) {
    this.node = node;
    this.#engine = engine;
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#begunAnew = begunAnew;
  }

  /** Whether it runs, so that nobody has to wait. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Resolves when the lease runs. Rejects while the engine is away. */
  hold(): Promise<void> {
    this.#holding ??= this.#renew();
    return this.#holding;
  }

  async #renew(): Promise<void> {
    try {
      const state = await this.#engine.renewLease(this.node, this.#ttlMs);
      if (state === 'begun' && this.#hasBegun) this.#begunAnew();
      this.#hasBegun = true;
      this.#isHeld = true;
    } catch (error) {
      this.#holding = undefined;
      this.#isHeld = false;
      throw error;
    } finally {
      // Three tries within the time.
      this.#timer?.cancel();
      if (!this.#isEnded) this.#timer = this.#clock.setTimer(() => this.#renewAgain(), this.#ttlMs / 3);
      this.#timer?.unref?.();
    }
  }

  #renewAgain(): void {
    // The next try is soon, whatever comes of this one.
    void this.#renew().then(
      () => undefined,
      () => undefined,
    );
  }

  /**
   * Lets it run out soon, not at once: whoever was here has the time to come to another node, and is there all the while.
   */
  async leave(): Promise<void> {
    this.#isEnded = true;
    this.#timer?.cancel();
    if (this.#hasBegun) await this.#engine.renewLease(this.node, Math.min(lastLeaseMs, this.#ttlMs));
  }
}
