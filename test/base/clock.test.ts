import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('calls back once when the delay is over', () => {
    const callback = vi.fn<() => void>();
    systemClock.setTimer(callback, 1000);
    vi.advanceTimersByTime(999);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5000);
    expect(callback).toHaveBeenCalledOnce();
  });

  it('does not call back after cancel, and cancel is harmless twice', () => {
    const callback = vi.fn<() => void>();
    const timer = systemClock.setTimer(callback, 10);
    timer.cancel();
    timer.cancel();
    vi.advanceTimersByTime(20);
    expect(callback).not.toHaveBeenCalled();
  });

  it('lets the process end while a timer runs that was unreferenced, until that is taken back, where timers are objects', () => {
    vi.useRealTimers();
    const made = vi.spyOn(globalThis, 'setTimeout');
    const timer = systemClock.setTimer(() => undefined, 1_000_000);
    const handle: unknown = made.mock.results[0]?.value;
    made.mockRestore();
    // Browsers and Deno give numbers, which hold nothing.
    const isHolding = (): unknown =>
      typeof handle === 'object' &&
      handle !== null &&
      'hasRef' in handle &&
      typeof handle.hasRef === 'function'
        ? handle.hasRef()
        : 'a number';
    const seen = [isHolding()];
    timer.unref?.();
    seen.push(isHolding());
    timer.ref?.();
    seen.push(isHolding());
    timer.cancel();
    expect(seen).toEqual(
      typeof handle === 'number' ? ['a number', 'a number', 'a number'] : [true, false, true],
    );
  });

  it.each([2 ** 31, Number.MAX_SAFE_INTEGER, Infinity])(
    'does not fire at once for a delay of %d ms, which no platform timer holds',
    (delayMs) => {
      const callback = vi.fn<() => void>();
      systemClock.setTimer(callback, delayMs);
      vi.advanceTimersByTime(24 * 24 * 60 * 60 * 1000);
      expect(callback).not.toHaveBeenCalled();
    },
  );

  it('tells a time that never goes back', () => {
    vi.useRealTimers();
    const first = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(first);
  });
});
