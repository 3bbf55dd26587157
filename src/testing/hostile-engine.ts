// One node's way to an engine that is far away: answers take their time, what is told comes late, and now and then the engine is away:
// calls fail before or after they were carried out, and what was told meanwhile is lost, until the listeners hear that it was. A node
// can be killed: nothing that it says reaches the engine any more, and its lease runs out.

import type { Clock } from '../base/clock.ts';
import type { Engine, StreamListener } from '../realtime/engine/engine.ts';
import { RealtimeError } from '../realtime/wire/error-codes.ts';
import { DelegatingEngine } from './delegating-engine.ts';
import { DelayedQueue } from './hostile-network/delayed-queue.ts';
import type { SeededRandom } from './seeded-random.ts';

/** How unreliable the way to an engine is. Times are milliseconds. */
export interface EngineWeather {
  /** How long each way takes: at least, at most. */
  readonly delayMs: readonly [least: number, most: number];
  /** How long, on average, until it is away. */
  readonly awayEveryMs: number;
  /** For how long. */
  readonly awayMs: readonly [least: number, most: number];
}

/** An engine that is always there, a little later. */
export const calmEngineWeather: EngineWeather = Object.freeze({
  delayMs: [0, 2] as const,
  awayEveryMs: Infinity,
  awayMs: [0, 0] as const,
});

/** How a hostile engine is made. */
export interface HostileEngineOptions {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** @defaultValue calmEngineWeather */
  readonly weather?: Partial<EngineWeather>;
  /** Hears when it goes away, and when it is back. */
  readonly onChange?: (isAway: boolean) => void;
  /** Hears what listeners throw. @defaultValue console.error */
  readonly onError?: (error: unknown) => void;
}

interface Told {
  readonly channel: string;
  readonly listener: StreamListener;
  readonly tell: (listener: StreamListener) => void;
}

/** An engine as one node sees it over a bad network. */
export class HostileEngine extends DelegatingEngine {
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  // By channel: what is subscribed for each listener.
  readonly #ears = new Map<string, Map<StreamListener, StreamListener>>();
  readonly #asked: DelayedQueue<() => void>;
  readonly #told: DelayedQueue<Told>;
  readonly #onChange: ((isAway: boolean) => void) | undefined;
  #weather: EngineWeather;
  #isAway = false;
  #isKilled = false;

  constructor(engine: Engine, options: HostileEngineOptions) {
    const { clock, random, weather, onChange, onError = console.error } = options;
    super(engine);
    this.#clock = clock;
    this.#random = random;
    this.#onChange = onChange;
    this.#weather = { ...calmEngineWeather, ...weather };
    // What a node asks arrives in the order in which it was asked.
    this.#asked = new DelayedQueue(clock, (ask) => ask());
    this.#told = new DelayedQueue(clock, ({ channel, listener, tell }) => {
      if (this.#ears.get(channel)?.has(listener) !== true) return;
      try {
        tell(listener);
      } catch (error) {
        // As every engine: one listener's mistake takes nothing from the others.
        onError(error);
      }
    });
    this.#planAbsence();
  }

  /** Whether it is away. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** The node is dead: what it asks is never answered, and it hears nothing. */
  kill(): void {
    this.#isKilled = true;
    for (const [channel, listeners] of this.#ears) {
      for (const ear of listeners.values()) super.unsubscribe(channel, ear);
    }
    this.#ears.clear();
    this.#told.clear();
    this.#asked.clear();
  }

  /** From now on it stays. */
  calm(): void {
    this.#weather = calmEngineWeather;
    this.#return();
  }

  /** It is away until `calm`, or for a time. */
  leave(durationMs: number = Infinity): void {
    if (this.#isKilled) return;
    this.#isAway = true;
    this.#told.clear();
    this.#onChange?.(true);
    if (Number.isFinite(durationMs)) this.#clock.setTimer(() => this.#return(), durationMs);
  }

  override async subscribe(channel: string, listener: StreamListener): Promise<void> {
    const ears = this.#ears.get(channel) ?? new Map<StreamListener, StreamListener>();
    this.#ears.set(channel, ears);
    const ear = ears.get(listener) ?? this.#farEar(channel, listener);
    ears.set(listener, ear);
    await this.ask(async () => {
      if (ears.get(listener) === ear) await super.subscribe(channel, ear);
    });
  }

  override unsubscribe(channel: string, listener: StreamListener): void {
    const ears = this.#ears.get(channel);
    const ear = ears?.get(listener);
    if (ears === undefined || ear === undefined) return;
    ears.delete(listener);
    if (ears.size === 0) this.#ears.delete(channel);
    super.unsubscribe(channel, ear);
  }

  /** Takes its leave of the engine, which others go on using. */
  override async close(): Promise<void> {
    this.kill();
  }

  protected override askAtOnce<Answer>(question: () => Answer | Promise<Answer>): Promise<Answer> {
    return this.ask(async () => await question());
  }

  protected override async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    await new Promise<void>((resolve) => {
      if (!this.#isKilled) this.#asked.put(resolve, 0, this.#delayMs());
    });
    if (this.#isAway) throw awayError();
    const answer = await question();
    await this.#pause();
    // It was done, and nobody says so.
    if (this.#isAway) throw awayError();
    return answer;
  }

  #pause(): Promise<void> {
    // Whoever asks for a dead node waits for ever.
    return new Promise((resolve) => {
      this.#clock.setTimer(() => {
        if (!this.#isKilled) resolve();
      }, this.#delayMs());
    });
  }

  #farEar(channel: string, listener: StreamListener): StreamListener {
    const later = (tell: (listener: StreamListener) => void): void => {
      if (!this.#isAway) this.#told.put({ channel, listener, tell }, 0, this.#delayMs());
    };
    return {
      appended: (_channel, entry, epoch) => later((near) => near.appended(channel, entry, epoch)),
      heard: (_channel, event) => later((near) => near.heard(channel, event)),
      interrupted: () => later((near) => near.interrupted(channel)),
    };
  }

  #planAbsence(): void {
    const waitMs = this.#random.wait(this.#weather.awayEveryMs);
    if (!Number.isFinite(waitMs)) return;
    this.#clock.setTimer(() => {
      if (this.#weather.awayEveryMs === Infinity || this.#isKilled) return;
      this.leave(this.#random.between(this.#weather.awayMs));
      this.#planAbsence();
    }, waitMs);
  }

  #return(): void {
    if (!this.#isAway || this.#isKilled) return;
    this.#isAway = false;
    this.#onChange?.(false);
    for (const [channel, listeners] of this.#ears) {
      for (const listener of listeners.keys())
        this.#told.put({ channel, listener, tell: (near) => near.interrupted(channel) }, 0, this.#delayMs());
    }
  }

  #delayMs(): number {
    return this.#random.between(this.#weather.delayMs);
  }
}

function awayError(): RealtimeError {
  return new RealtimeError('UNAVAILABLE', 'the engine is away, expected it to answer: try again later', {
    retryable: true,
  });
}
