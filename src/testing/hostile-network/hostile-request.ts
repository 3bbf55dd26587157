// A request of the hostile network: it may be lost on its way, its answer may be lost after it was acted upon, a response that
// streams may be cut, stand still or be held back, and the server may believe for a while that somebody still reads.

import type { Timer } from '../../base/clock.ts';
import { DelayedQueue } from './delayed-queue.ts';
import {
  delayOf,
  ghostTimeOf,
  type HostileServer,
  type OpenExchange,
  planDeath,
  type Road,
  Stalls,
} from './road.ts';

/** The part of `RequestInit` that is looked at. */
export interface HostileRequestInit {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit | null;
  readonly signal?: AbortSignal | null;
}

/** One request, and its answer. */
export class HostileRequest implements OpenExchange {
  readonly server: HostileServer;
  readonly #road: Road;
  // What the server takes for the client.
  readonly #farSide = new AbortController();
  // Ends the listening to what the client does.
  readonly #over = new AbortController();
  #fail: (error: Error) => void = () => undefined;
  #response: HostileResponse | undefined;
  #death: Timer | undefined;
  #isOver = false;

  private constructor(road: Road, server: HostileServer) {
    this.#road = road;
    this.server = server;
  }

  /** Sends a request; rejects as `fetch` does. */
  static async send(road: Road, input: string | URL | Request, init: HostileRequestInit): Promise<Response> {
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    // What is sent is fixed now; whom it reaches is not.
    const sent = new Request(input, { method: init.method, headers: init.headers, body: init.body });
    const body = init.body === undefined && !(input instanceof Request) ? undefined : await sent.text();
    await pause(road, signal);
    const server = road.server();
    if (server?.handle === undefined || road.random.chance(road.weather.lostRequest)) {
      road.note('lost a request');
      await pause(road, signal);
      throw new TypeError('fetch failed: the network lost the request');
    }
    const { url, method, headers } = sent;
    return await new HostileRequest(road, server).#run(url, { method, headers, body, signal });
  }

  cut(): void {
    if (this.#isOver) return;
    this.#road.note('cut a request');
    this.#end(delayOf(this.#road) + ghostTimeOf(this.#road));
    const { random, weather } = this.#road;
    if (this.#response !== undefined && random.chance(weather.silentDeath)) this.#response.fallSilent();
    else this.#lose();
  }

  orphan(): void {
    if (this.#isOver) return;
    this.#end(undefined);
    this.#lose();
  }

  calm(): void {
    this.#death?.cancel();
    this.#response?.calm();
  }

  async #run(url: string, init: HostileRequestInit): Promise<Response> {
    const { signal } = init;
    this.#road.open.add(this);
    this.#death = planDeath(this.#road, () => this.cut());
    const abandoned = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for the answer hears of it; afterwards nobody has to.
    abandoned.catch(() => undefined);
    signal?.addEventListener('abort', () => this.#abandon(signal), { once: true, signal: this.#over.signal });
    if (signal?.aborted === true) this.#abandon(signal);
    const { method, headers, body } = init;
    const request = new Request(url, { method, headers, body, signal: this.#farSide.signal });
    const response = await Promise.race([this.server.handle?.(request), abandoned]);
    if (response === undefined) throw new TypeError('fetch failed: there is no server');
    const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true;
    if (isStream && response.body !== null) return this.#stream(response, response.body);
    const text = await Promise.race([response.text(), abandoned]);
    await Promise.race([pause(this.#road), abandoned]);
    this.#end(undefined);
    const { random, weather } = this.#road;
    if (random.chance(weather.lostAnswer)) {
      this.#road.note('lost an answer');
      throw new TypeError('fetch failed: the network lost the answer');
    }
    return new Response(text, { status: response.status, headers: response.headers });
  }

  #stream({ status, headers }: Response, body: ReadableStream<Uint8Array>): Response {
    const response = new HostileResponse(this.#road, body, () => this.#end(0));
    this.#response = response;
    return new Response(response.body, { status, headers });
  }

  #abandon(signal: AbortSignal): void {
    this.#end(delayOf(this.#road) + ghostTimeOf(this.#road));
    const reason: unknown = signal.reason;
    const error = reason instanceof Error ? reason : new Error('aborted');
    this.#fail(error);
    this.#response?.fail(error);
  }

  #lose(): void {
    const error = new TypeError('fetch failed: the connection was lost');
    this.#fail(error);
    this.#response?.fail(error);
  }

  /** It is over here; the server learns of it later, or never. */
  #end(farSideAfterMs: number | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over.abort();
    this.#death?.cancel();
    this.#road.open.delete(this);
    if (farSideAfterMs === undefined) return;
    this.#road.clock.setTimer(() => {
      this.#farSide.abort(new DOMException('the client is gone', 'AbortError'));
      this.#response?.cancel();
    }, farSideAfterMs);
  }
}

/** The body of a response that streams. */
class HostileResponse {
  readonly body: ReadableStream<Uint8Array>;
  readonly #road: Road;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #down: DelayedQueue<Uint8Array | undefined>;
  readonly #ended: () => void;
  readonly #stalls: Stalls;
  // Held back whole by a box in between, until the end.
  readonly #held: Uint8Array[] | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isReading = false;
  #isOver = false;

  constructor(road: Road, source: ReadableStream<Uint8Array>, ended: () => void) {
    this.#road = road;
    this.#ended = ended;
    this.#reader = source.getReader();
    this.#down = new DelayedQueue(road.clock, (chunk) => this.#arrived(chunk));
    this.#stalls = new Stalls(road, (durationMs) => {
      road.note(`a stream stands still for ${durationMs.toFixed()} ms`);
      this.#down.stall(durationMs);
    });
    this.#held = road.random.chance(road.weather.heldResponse) ? [] : undefined;
    if (this.#held !== undefined) road.note('a stream is held back');
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    void this.#read();
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.fallSilent();
    this.#controller?.error(error);
  }

  /** Nothing comes any more, not even an end. */
  fallSilent(): void {
    this.#isOver = true;
    this.#stalls.stop();
    this.#down.clear();
  }

  calm(): void {
    this.#stalls.stop();
    this.#down.flow();
  }

  /** Nobody reads any more, and the server learns of it. */
  cancel(): void {
    this.#reader.cancel().catch(() => undefined);
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#isOver && this.#down.queuedBytes < this.#road.capacityBytes) {
        const { done, value } = await this.#reader.read();
        if (this.#isOver) return;
        if (value !== undefined && this.#held !== undefined) this.#held.push(value);
        else if (value !== undefined) this.#down.put(value, value.length, delayOf(this.#road));
        if (!done) continue;
        for (const chunk of this.#held ?? []) this.#down.put(chunk, chunk.length, delayOf(this.#road));
        this.#down.put(undefined, 0, delayOf(this.#road));
        return;
      }
    } catch {
      // The server has cut it.
      this.fail(new TypeError('fetch failed: the response was cut'));
    } finally {
      this.#isReading = false;
    }
  }

  #arrived(chunk: Uint8Array | undefined): void {
    if (this.#isOver) return;
    if (chunk === undefined) {
      this.fallSilent();
      this.#controller?.close();
      this.#ended();
      return;
    }
    this.#controller?.enqueue(chunk);
    void this.#read();
  }
}

function pause(road: Road, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel();
      const reason: unknown = signal?.reason;
      reject(reason instanceof Error ? reason : new Error('aborted'));
    };
    const timer = road.clock.setTimer(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, delayOf(road));
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
