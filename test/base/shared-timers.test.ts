import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { SharedTimer, SharedTimers } from '../../src/base/shared-timers.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';

let clock: FakeClock;
let timers: SharedTimers;
let ended: string[];

/** Writes down when it ends, and does then what it was told. */
class NotedTimer extends SharedTimer {
  readonly name: string;
  onEnd: () => void = () => undefined;

  constructor(name: string) {
    super();
    this.name = name;
  }

  timeUp(): void {
    ended.push(`${this.name} at ${clock.now()}`);
    this.onEnd();
  }
}

function started(name: string, delayMs: number): NotedTimer {
  const timer = new NotedTimer(name);
  timers.start(timer, delayMs);
  return timer;
}

beforeEach(() => {
  clock = new FakeClock();
  timers = SharedTimers.of(clock);
  ended = [];
});

// A clock whose timers can let the process end, as Node's; it writes down when they do.
function restingClock(fake: FakeClock, log: string[]): Clock {
  return {
    now: () => fake.now(),
    setTimer(callback, delayMs) {
      log.push(`set ${delayMs}`);
      const timer = fake.setTimer(callback, delayMs);
      return {
        cancel: () => {
          log.push('cancel');
          timer.cancel();
        },
        unref: () => void log.push('unref'),
        ref: () => void log.push('ref'),
      };
    },
  };
}

describe('SharedTimers', () => {
  it('keep their timer while timers come and go one after the other, without holding the process', () => {
    const log: string[] = [];
    timers = SharedTimers.of(restingClock(clock, log));
    const first = started('first', 100);
    timers.cancel(first);
    clock.advance(40);
    const second = started('second', 100);
    expect(log).toEqual(['set 100', 'unref', 'ref']);
    clock.advance(60);
    // The timer was set for the first; what is left for the second is set anew.
    expect(log).toEqual(['set 100', 'unref', 'ref', 'set 40']);
    expect(ended).toEqual([]);
    clock.advance(40);
    expect(ended).toEqual(['second at 140']);
    expect(clock.pendingTimers).toBe(0);
    timers.cancel(started('third', 100));
    timers.cancel(second);
    clock.advance(100);
    expect(log.slice(4)).toEqual(['set 100', 'unref']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('keep no timer of more than a minute for nobody', () => {
    const log: string[] = [];
    timers = SharedTimers.of(restingClock(clock, log));
    timers.cancel(started('long', 60_001));
    expect(log).toEqual(['set 60001', 'cancel']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are the same for everybody with the same clock', () => {
    expect(SharedTimers.of(clock)).toBe(timers);
    expect(SharedTimers.of(new FakeClock())).not.toBe(timers);
  });

  it('end each timer when its time is up, not before, with one timer of the clock for all that wait equally long', () => {
    started('a', 100);
    clock.advance(30);
    started('b', 100);
    started('c', 100);
    expect(clock.pendingTimers).toBe(1);
    started('d', 50);
    expect(clock.pendingTimers).toBe(2);
    clock.advance(49);
    expect(ended).toEqual([]);
    clock.advance(200);
    expect(ended).toEqual(['d at 80', 'a at 100', 'b at 130', 'c at 130']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('never end one that was cancelled, first, between or last, and leave nothing in the clock', () => {
    const [first, second, third] = ['a', 'b', 'c'].map((name) => started(name, 100));
    timers.cancel(second);
    timers.cancel(second);
    timers.cancel(first);
    expect(clock.pendingTimers).toBe(1);
    timers.cancel(third);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(500);
    expect(ended).toEqual([]);
  });

  it('start one that waits anew', () => {
    const timer = started('a', 100);
    clock.advance(60);
    timers.start(timer, 100);
    clock.advance(99);
    expect(ended).toEqual([]);
    clock.advance(1);
    timers.start(timer, 20);
    clock.advance(20);
    expect(ended).toEqual(['a at 160', 'a at 180']);
  });

  it('end the next in time although the one before has started itself again', () => {
    const again = started('a', 100);
    again.onEnd = () => timers.start(again, 100);
    clock.advance(5);
    started('b', 100);
    clock.advance(300);
    expect(ended).toEqual(['a at 100', 'b at 105', 'a at 200', 'a at 300']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('allow the one that ends to cancel those that would end with it, and to start them anew', () => {
    const killer = started('a', 100);
    const victims = [started('b', 100), started('c', 100)];
    killer.onEnd = () => {
      for (const victim of victims) timers.cancel(victim);
      timers.start(victims[1], 100);
    };
    clock.advance(1000);
    expect(ended).toEqual(['a at 100', 'c at 200']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('end the others in time although one has thrown', () => {
    started('a', 100).onEnd = () => {
      throw new Error('broken');
    };
    started('b', 100);
    clock.advance(10);
    started('c', 100);
    expect(() => clock.advance(90)).toThrow('broken');
    clock.advance(100);
    expect(ended).toEqual(['a at 100', 'b at 100', 'c at 110']);
  });

  it('wait on when the clock calls too early, as the timers of platforms do by a fraction', () => {
    let call: () => void = () => undefined;
    let delays: number[] = [];
    let now = 0.25;
    const early: Clock = {
      now: () => now,
      setTimer: (callback, delayMs) => {
        call = callback;
        delays.push(delayMs);
        return { cancel: () => undefined };
      },
    };
    const timer = new NotedTimer('a');
    SharedTimers.of(early).start(timer, 100);
    now = 100;
    call();
    expect([ended, delays]).toEqual([[], [100, 1]]);
    now = 101;
    delays = [];
    call();
    expect([ended.length, delays]).toEqual([1, []]);
  });

  it('do for any starts and cancellations what a timer of the clock for each would do', () => {
    const step = fc.record({
      waitMs: fc.nat(40),
      timer: fc.nat(5),
      delayMs: fc.constantFrom(10, 25, 100),
      isCancelled: fc.boolean(),
      repeats: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, mayRest) => {
        clock = new FakeClock();
        timers = SharedTimers.of(mayRest ? restingClock(clock, []) : clock);
        ended = [];
        const expected: string[] = [];
        const shared = Array.from({ length: 6 }, (_, index) => new NotedTimer(String(index)));
        const single = Array.from({ length: 6 }, () => ({ cancel: (): void => undefined }));
        for (const { waitMs, timer: index, delayMs, isCancelled, repeats } of steps) {
          const timer = shared[index];
          single[index].cancel();
          if (isCancelled) timers.cancel(timer);
          else {
            let left = repeats;
            timer.onEnd = () => {
              if (left-- > 0) timers.start(timer, delayMs);
            };
            let singleLeft = repeats;
            const set = (): void => {
              single[index] = clock.setTimer(() => {
                expected.push(`${index} at ${clock.now()}`);
                if (singleLeft-- > 0) set();
              }, delayMs);
            };
            set();
            timers.start(timer, delayMs);
          }
          clock.advance(waitMs);
        }
        clock.advance(1000);
        // Of those that end at the same time each list has its own order.
        expect(ended.toSorted()).toEqual(expected.toSorted());
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
