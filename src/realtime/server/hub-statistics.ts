// What a hub counts, as plain values. Counting is adding to a number: nothing is called and nothing is kept for each event.

/** How often something took up to a time, in milliseconds: each bucket counts what took at most `upToMs` and more than the one before. */
export interface HistogramSnapshot {
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
  readonly count: number;
  readonly sumMs: number;
}

const bucketBoundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, Infinity];

/** Durations, counted by their size. */
export class Histogram {
  readonly #counts: number[] = bucketBoundsMs.map(() => 0);
  #sumMs = 0;

  /** Counts one. */
  add(durationMs: number): void {
    this.#counts[bucketBoundsMs.findIndex((bound) => durationMs <= bound)]++;
    this.#sumMs += durationMs;
  }

  snapshot(): HistogramSnapshot {
    const buckets = this.#counts.map((count, index) => ({ upToMs: bucketBoundsMs[index], count }));
    return { buckets, count: this.#counts.reduce((sum, count) => sum + count, 0), sumMs: this.#sumMs };
  }
}

/** The counters of a hub since its start. */
export class HubStatistics {
  /** Links by what became of their hello. */
  linksOpened = 0;
  sessionsBegun = 0;
  sessionsResumed = 0;
  /** Streams that came back with a position, and how that ended. */
  recovered = 0;
  notRecovered = 0;
  /** What clients and the server have published, and what links were given of it. */
  publications = 0;
  deliveries = 0;
  /** Requests that nobody looked at, because their session asked more than it may. */
  requestsRefused = 0;
  calls = 0;
  callsFailed = 0;
  /** Requests that were answered from the record of the first time. */
  callsRepeated = 0;
  /** Times that a session was too slow for a stream. */
  slowConsumers = 0;
  /** Times that a stream was read because something was missing. */
  repairs = 0;
  /** Frames that were no frames, or did not fit the contract. */
  badFrames = 0;
  /** Whether the engine answered the last time. */
  engineFailures = 0;
  readonly goodbyes: Map<string, number> = new Map();
  readonly callMs: Histogram = new Histogram();
  readonly publishMs: Histogram = new Histogram();
  readonly heartbeatMs: Histogram = new Histogram();

  /** A link was ended by the server. */
  saidGoodbye(code: string): void {
    this.goodbyes.set(code, (this.goodbyes.get(code) ?? 0) + 1);
  }
}

/** A hub at one moment; what has no other word is counted since its start. */
export interface HubSnapshot {
  /** The name of this node among those that share the engine. */
  readonly node: string;
  readonly engine: string;
  readonly state: 'open' | 'draining' | 'closed';
  readonly sessions: {
    /** Now: those with a link, by kind, and those that may come back soon. */
    readonly connected: number;
    readonly byLink: Readonly<Record<string, number>>;
    readonly away: number;
    readonly begun: number;
    readonly resumed: number;
    readonly goodbyes: Readonly<Record<string, number>>;
  };
  readonly channels: {
    /** Now: streams that this node listens to, and the subscriptions of all sessions. */
    readonly streams: number;
    readonly subscriptions: number;
  };
  readonly publications: number;
  readonly deliveries: number;
  /** Requests that were refused because their session asked more than it may: `RATE_LIMITED`, `TOO_MANY`. */
  readonly requestsRefused: number;
  readonly recovery: { readonly recovered: number; readonly notRecovered: number };
  readonly calls: {
    /** Now. */
    readonly running: number;
    readonly total: number;
    readonly failed: number;
    readonly repeated: number;
  };
  readonly slowConsumers: number;
  readonly repairs: number;
  readonly badFrames: number;
  readonly engineFailures: number;
  /** Now: bytes that wait on all links, with those that volatile channels hold for links that are full. */
  readonly bufferedBytes: number;
  readonly durations: {
    /** How long handlers of calls took. */
    readonly callMs: HistogramSnapshot;
    /** How long it took from a publication of a client to its place in the engine. */
    readonly publishMs: HistogramSnapshot;
    /** How long clients took to answer a heartbeat. */
    readonly heartbeatMs: HistogramSnapshot;
  };
}
