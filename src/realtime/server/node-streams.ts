// All streams that somebody follows on this node. A stream that nobody follows any more lingers for a while: who polls, or comes
// back at once, does not make the engine subscribe each time.

import { SharedTimer, SharedTimers } from '../../base/shared-timers.ts';
import { NodeStream, type StreamEnvironment, type StreamKind } from './node-stream.ts';
import type { StreamFormat } from './stream-frames.ts';

const lingerMs = 30_000;
// Who goes through very many channels must not fill the memory with them.
const maxLingering = 10_000;

/** The streams of a node, by name. */
export class NodeStreams {
  readonly #environment: StreamEnvironment;
  readonly #timers: SharedTimers;
  readonly #streams = new Map<string, KeptStream>();
  // Those that nobody follows, the longest first.
  readonly #lingering = new Set<KeptStream>();
  // Never used twice: a request that is on its way could otherwise mean another channel.
  #lastAlias = 0;
  readonly #names = new Map<number, string>();

  constructor(environment: StreamEnvironment) {
    this.#environment = environment;
    this.#timers = SharedTimers.of(environment.clock);
  }

  /** How many there are. */
  get size(): number {
    return this.#streams.size;
  }

  /** All of them. */
  *[Symbol.iterator](): IterableIterator<NodeStream> {
    for (const { stream } of this.#streams.values()) yield stream;
  }

  /** Those that somebody follows, and how many do. */
  *inUse(): IterableIterator<{ readonly stream: NodeStream; readonly users: number }> {
    for (const { stream, users } of this.#streams.values()) if (users > 0) yield { stream, users };
  }

  /** Gives the stream of a name, for somebody who will follow it and then `leave`. */
  take(name: string, kind: StreamKind, format: StreamFormat): NodeStream {
    let kept = this.#streams.get(name);
    if (kept === undefined) {
      const stream = new NodeStream(name, ++this.#lastAlias, kind, format, this.#environment);
      kept = new KeptStream(stream, (ended) => this.#forget(ended));
      this.#streams.set(name, kept);
      this.#names.set(stream.alias, name);
    }
    kept.users++;
    this.#lingering.delete(kept);
    this.#timers.cancel(kept);
    return kept.stream;
  }

  /** The name of the stream that frames call by this number. */
  nameOf(alias: number): string | undefined {
    return this.#names.get(alias);
  }

  /** Somebody who took the stream is gone. */
  leave(stream: NodeStream): void {
    const kept = this.#streams.get(stream.name);
    if (kept === undefined || kept.stream !== stream) return;
    kept.users--;
    if (kept.users > 0) return;
    this.#timers.start(kept, lingerMs);
    this.#lingering.add(kept);
    if (this.#lingering.size <= maxLingering) return;
    for (const oldest of this.#lingering) {
      this.#timers.cancel(oldest);
      this.#forget(oldest);
      return;
    }
  }

  /** Ends all of them. */
  close(): void {
    for (const kept of this.#streams.values()) {
      this.#timers.cancel(kept);
      kept.stream.end();
    }
    this.#streams.clear();
    this.#lingering.clear();
  }

  #forget(kept: KeptStream): void {
    this.#lingering.delete(kept);
    this.#streams.delete(kept.stream.name);
    this.#names.delete(kept.stream.alias);
    kept.stream.end();
  }
}

class KeptStream extends SharedTimer {
  readonly stream: NodeStream;
  readonly #forget: (kept: KeptStream) => void;
  users = 0;

  constructor(stream: NodeStream, forget: (kept: KeptStream) => void) {
    super();
    this.stream = stream;
    this.#forget = forget;
  }

  override timeUp(): void {
    this.#forget(this);
  }
}
