// Repairs a stream of this node when entries are missing: reads them once for all who follow. When they cannot be had any more, the
// stream goes on elsewhere, and everybody is told.

import type { Clock, Timer } from '../../base/clock.ts';
import type { Engine, MapEntry, StreamEntry } from '../engine/engine.ts';
import type { StreamPosition } from '../wire/stream-position.ts';
import type { HubStatistics } from './hub-statistics.ts';
import { messageOf, skipFrame } from './stream-frames.ts';
import { readPage } from './stream-pages.ts';

/** A stream that can be repaired. */
export interface RepairableStream {
  readonly name: string;
  readonly alias: number;
  readonly kind: 'log' | 'map' | 'volatile';
  /** The place of what was told last. */
  readonly position: StreamPosition;
  /** Takes entries that were read. */
  adopt(entries: readonly StreamEntry[], epoch: string): void;
  /** Writes a whole map; undefined: it is larger than what is sent at once. */
  snapshot(entries: readonly MapEntry[]): string | undefined;
  /** Goes on at another place, with a message for all who follow. */
  move(head: StreamPosition, message: string | undefined): void;
}

/** What repairing takes from the node. */
export interface RepairEnvironment {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly statistics: HubStatistics;
}

const retryMs = 1_000;

/** The repair of one stream, whenever it is needed. */
export class StreamRepair {
  readonly #stream: RepairableStream;
  readonly #environment: RepairEnvironment;
  #running: Promise<void> | undefined;
  // Whether something may have been missed since the last read began, and the furthest that was told.
  #isStale = false;
  #told: Pick<StreamPosition, 'epoch' | 'offset'> | undefined;
  #retry: Timer | undefined;
  #isEnded = false;

  constructor(stream: RepairableStream, environment: RepairEnvironment) {
    this.#stream = stream;
    this.#environment = environment;
  }

  /**
   * Reads what is missing; resolves when that was tried.
   * @param told what was told and is not the next; nothing: who knows what there is
   */
  run(told?: Pick<StreamPosition, 'epoch' | 'offset'>): Promise<void> {
    this.#isStale ||= told === undefined;
    if (told !== undefined && (this.#told?.epoch !== told.epoch || told.offset > this.#told.offset))
      this.#told = told;
    this.#running ??= this.#run();
    return this.#running;
  }

  /** No more. */
  end(): void {
    this.#isEnded = true;
    this.#retry?.cancel();
  }

  async #run(): Promise<void> {
    const { statistics, clock } = this.#environment;
    statistics.repairs++;
    try {
      do {
        this.#isStale = false;
        await this.#read();
      } while (this.#isMissing() && !this.#isEnded);
    } catch {
      // The engine is away: what is held is served on, and the next try is soon.
      this.#retry?.cancel();
      if (!this.#isEnded) this.#retry = clock.setTimer(() => void this.run(), retryMs);
    } finally {
      this.#running = undefined;
    }
  }

  #isMissing(): boolean {
    const told = this.#told;
    this.#told = undefined;
    if (this.#isStale) return true;
    const { epoch, offset } = this.#stream.position;
    return told !== undefined && (told.epoch !== epoch || told.offset > offset);
  }

  async #read(): Promise<void> {
    const { engine } = this.#environment;
    const { name, alias, kind, position } = this.#stream;
    const page = await readPage(engine, name, position);
    if (this.#isEnded) return;
    if (page.kind === 'page') {
      this.#stream.adopt(page.entries, page.head.epoch);
      // What was told meanwhile and lies beyond is missing still.
      if (page.head.offset > this.#stream.position.offset) this.#isStale = true;
      return;
    }
    if (kind !== 'map') {
      this.#stream.move(page.head, skipFrame(alias, this.#missed(page.head), page.head, page.reason));
      return;
    }
    const { entries, head } = await engine.map(name);
    if (this.#isEnded) return;
    const snapshot = this.#stream.snapshot(entries);
    this.#stream.move(
      head,
      snapshot === undefined ? undefined : messageOf([skipFrame(alias, -1, head), snapshot]),
    );
  }

  #missed({ epoch, offset }: StreamPosition): number {
    const { position } = this.#stream;
    return epoch === position.epoch && offset > position.offset ? offset - position.offset : -1;
  }
}
