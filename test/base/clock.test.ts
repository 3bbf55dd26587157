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

  it('lets the process end while a timer runs that was unreferenced, until that is taken back', () => {
    vi.useRealTimers();
    const timeouts = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timeouts();
    const timer = systemClock.setTimer(() => undefined, 1_000_000);
    expect(timeouts()).toBe(before + 1);
    timer.unref?.();
    expect(timeouts()).toBe(before);
    timer.ref?.();
    expect(timeouts()).toBe(before + 1);
    timer.cancel();
    expect(timeouts()).toBe(before);
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
