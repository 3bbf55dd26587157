// Time as an interface, so that every deadline of the library runs on virtual time in tests.

/** A timer that was started and has perhaps not fired yet. */
export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled. */
  cancel(): void;
  /** Lets the process end although the timer has not fired, as Node's timers can; where it is missing, nothing is lost but time. */
  unref?(): void;
  /** Takes `unref` back. */
  ref?(): void;
}

/** Where every deadline, interval and latency of the library takes its time from. */
export interface Clock {
  /** Monotonic time in milliseconds, with fractions; its zero is arbitrary. */
  now(): number;
  /** Calls back once, `delayMs` milliseconds from now (the system's clock: after 24.8 days at the latest). */
  setTimer(callback: () => void, delayMs: number): Timer;
}

// Platforms take the delay as a signed 32-bit number: one more, and the timer fires at once.
const maxDelayMs = 0x7fff_ffff;

class SystemTimer implements Timer {
  readonly #handle: ReturnType<typeof setTimeout>;

  constructor(callback: () => void, delayMs: number) {
    this.#handle = setTimeout(callback, Math.min(delayMs, maxDelayMs));
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  unref(): void {
    const handle: unknown = this.#handle;
    if (isNodeTimeout(handle)) handle.unref();
  }

  ref(): void {
    const handle: unknown = this.#handle;
    if (isNodeTimeout(handle)) handle.ref();
  }
}

// In browsers a timer is a number, and keeps nothing alive.
function isNodeTimeout(handle: unknown): handle is { ref(): void; unref(): void } {
  return typeof handle === 'object' && handle !== null && 'unref' in handle;
}

/** The clock of the platform. */
export const systemClock: Clock = Object.freeze({
  now: (): number => performance.now(),
  setTimer: (callback: () => void, delayMs: number): Timer => new SystemTimer(callback, delayMs),
});
