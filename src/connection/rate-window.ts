// How much is going on at the moment, from counts alone: nothing is noted when something happens, and no timer runs. Each
// look compares with a count that is at least ten seconds old, so that several who look do not disturb each other.

import { Traffic } from '../protocol/traffic.ts';

/** How much happened per second, over a while. */
export interface TrafficRates {
  /**
   * The while in milliseconds: 10 to 20 seconds as long as somebody looks every 10 seconds; otherwise since the last time
   * that somebody looked, and at first since the beginning.
   */
  readonly overMs: number;
  /** Whole messages per second. */
  readonly messagesPerSecond: { readonly in: number; readonly out: number };
  /** Bytes of messages per second. */
  readonly payloadBytesPerSecond: { readonly in: number; readonly out: number };
}

interface Sample {
  readonly atMs: number;
  readonly counts: Readonly<Traffic>;
}

const windowMs = 10_000;

/** Remembers two earlier counts. */
export class RateWindow {
  /** When counting began, as in `2026-01-31T12:00:00.000Z`: the same at each look, whatever becomes of the system's time. */
  readonly startedAt: string;
  #older: Sample;
  #newer: Sample;

  /** @param startedAtMs when counting began, by a clock that says `nowMs` now */
  constructor(startedAtMs: number, nowMs: number) {
    this.startedAt = new Date(Date.now() - (nowMs - startedAtMs)).toISOString();
    this.#older = { atMs: startedAtMs, counts: new Traffic() };
    this.#newer = this.#older;
  }

  /** Gives the rates now; `counts` is kept and must not change. */
  look(nowMs: number, counts: Readonly<Traffic>): TrafficRates {
    if (nowMs - this.#newer.atMs >= windowMs) {
      this.#older = this.#newer;
      this.#newer = { atMs: nowMs, counts };
    }
    const { atMs, counts: before } = this.#older;
    const overMs = Math.round(nowMs - atMs);
    const perSecond = (now: number, then: number): number =>
      overMs <= 0 ? 0 : Math.round(((now - then) * 1e5) / overMs) / 100;
    return {
      overMs,
      messagesPerSecond: {
        in: perSecond(counts.messagesIn, before.messagesIn),
        out: perSecond(counts.messagesOut, before.messagesOut),
      },
      payloadBytesPerSecond: {
        in: perSecond(counts.payloadBytesIn, before.payloadBytesIn),
        out: perSecond(counts.payloadBytesOut, before.payloadBytesOut),
      },
    };
  }
}
