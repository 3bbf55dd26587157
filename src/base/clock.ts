// Time as an interface, so that every deadline of the library runs on virtual time in tests.

/** A timer that was started and has perhaps not fired yet. */
export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled. */
  cancel(): void;
}

/** Where every deadline, interval and latency of the library takes its time from. */
export interface Clock {
  /** Monotonic time in milliseconds, with fractions; its zero is arbitrary. */
  now(): number;
  /** Calls back once, `delayMs` milliseconds from now. */
  setTimer(callback: () => void, delayMs: number): Timer;
}

class SystemTimer implements Timer {
  readonly #handle: ReturnType<typeof setTimeout>;

  constructor(callback: () => void, delayMs: number) {
    this.#handle = setTimeout(callback, delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The clock of the platform. */
export const systemClock: Clock = Object.freeze({
  now: (): number => performance.now(),
  setTimer: (callback: () => void, delayMs: number): Timer => new SystemTimer(callback, delayMs),
});
