// A hub's snapshot in the text format of Prometheus (version 0.0.4), for the page that an application shows to its monitoring.

import type { HistogramSnapshot, HubSnapshot } from './hub-statistics.ts';

/** How a snapshot is written. */
export interface PrometheusOptions {
  /** What all names begin with. @defaultValue 'fullduplex_realtime' */
  readonly prefix?: string;
  /** Labels that everything gets. @defaultValue the node of the hub, as `node` */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The Content-Type that goes with the text. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

/** Writes a snapshot: `response.end(prometheusText(hub.snapshot()))`. */
export function prometheusText(snapshot: HubSnapshot, options: PrometheusOptions = {}): string {
  const { prefix = 'fullduplex_realtime', labels = { node: snapshot.node } } = options;
  const text = new MetricsText(prefix, labels);
  const { sessions, channels, recovery, calls, durations } = snapshot;
  text.gauge('sessions', 'Sessions, by what carries their link; away: those that may come back.', [
    ...Object.entries(sessions.byLink).map(([link, count]): Sample => [{ link }, count]),
    [{ link: 'away' }, sessions.away],
  ]);
  text.counter('sessions_begun_total', 'Sessions that began.', [[{}, sessions.begun]]);
  text.counter('sessions_resumed_total', 'Sessions that were taken up again.', [[{}, sessions.resumed]]);
  text.counter(
    'goodbyes_total',
    'Links that the server ended, by the code that the client was told.',
    Object.entries(sessions.goodbyes).map(([code, count]): Sample => [{ code }, count]),
  );
  text.gauge('streams', 'Streams of the engine that this node listens to.', [[{}, channels.streams]]);
  text.gauge('subscriptions', 'Subscriptions of all sessions.', [[{}, channels.subscriptions]]);
  text.counter('publications_total', 'Publications of clients and of this server.', [
    [{}, snapshot.publications],
  ]);
  text.counter('deliveries_total', 'What links were given of publications.', [[{}, snapshot.deliveries]]);
  text.counter('requests_refused_total', 'Requests beyond what their session may ask.', [
    [{}, snapshot.requestsRefused],
  ]);
  text.counter('recoveries_total', 'Streams that came back with a position, by how that ended.', [
    [{ outcome: 'recovered' }, recovery.recovered],
    [{ outcome: 'not_recovered' }, recovery.notRecovered],
  ]);
  text.gauge('calls_running', 'Calls that handlers run now.', [[{}, calls.running]]);
  text.counter('calls_total', 'Calls of clients.', [[{}, calls.total]]);
  text.counter('calls_failed_total', 'Calls whose handler failed.', [[{}, calls.failed]]);
  text.counter('calls_repeated_total', 'Calls that were answered from the record of the first time.', [
    [{}, calls.repeated],
  ]);
  text.counter('slow_consumers_total', 'Times that a session was too slow for a stream.', [
    [{}, snapshot.slowConsumers],
  ]);
  text.counter('repairs_total', 'Times that a stream was read because something was missing.', [
    [{}, snapshot.repairs],
  ]);
  text.counter('bad_frames_total', 'Frames that were none, or did not fit the contract.', [
    [{}, snapshot.badFrames],
  ]);
  text.counter('engine_failures_total', 'Times that the engine did not answer.', [
    [{}, snapshot.engineFailures],
  ]);
  text.gauge('buffered_bytes', 'Bytes that wait on all links.', [[{}, snapshot.bufferedBytes]]);
  text.histogram('call_duration_seconds', 'How long handlers of calls took.', durations.callMs);
  text.histogram(
    'publish_duration_seconds',
    'From a publication of a client to its place in the engine.',
    durations.publishMs,
  );
  text.histogram(
    'heartbeat_answer_seconds',
    'How long clients took to answer a heartbeat.',
    durations.heartbeatMs,
  );
  return text.toString();
}

type Sample = readonly [labels: Labels, value: number];

class MetricsText {
  readonly #prefix: string;
  readonly #labels: Labels;
  #text = '';

  constructor(prefix: string, labels: Labels) {
    this.#prefix = prefix;
    this.#labels = labels;
  }

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'counter', help);
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'gauge', help);
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  // Buckets of Prometheus hold everything up to their bound, in seconds.
  histogram(name: string, help: string, { buckets, count, sumMs }: HistogramSnapshot): void {
    this.#family(name, 'histogram', help);
    let upTo = 0;
    for (const { upToMs, count: inBucket } of buckets) {
      upTo += inBucket;
      const le = upToMs === Infinity ? '+Inf' : String(upToMs / 1000);
      this.#sample(`${name}_bucket`, { le }, upTo);
    }
    this.#sample(`${name}_sum`, {}, sumMs / 1000);
    this.#sample(`${name}_count`, {}, count);
  }

  toString(): string {
    return this.#text;
  }

  #family(name: string, type: string, help: string): void {
    this.#text += `# HELP ${this.#prefix}_${name} ${help}\n# TYPE ${this.#prefix}_${name} ${type}\n`;
  }

  #sample(name: string, labels: Labels, value: number): void {
    const all = Object.entries({ ...this.#labels, ...labels });
    const written = all.map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(',');
    this.#text += `${this.#prefix}_${name}${written === '' ? '' : `{${written}}`} ${value}\n`;
  }
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
