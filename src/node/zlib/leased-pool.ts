// What all connections with the same parameters share: zlib contexts, or what stands for them without live ones. One is
// taken for a piece of work, has no history, and comes back afterwards. Each has its share of the CompressionMemory.

import type { CompressionMemory, MemoryLease } from './compression-memory.ts';

/** What a pool holds. */
export interface Poolable {
  /** It cannot be used any more. */
  readonly hasFailed: boolean;
  /** Forgets all history. */
  reset(): void;
  /** Gives the memory back; what is under way may end first. */
  close(): void;
}

/** Something from a pool with its share of the memory. */
export class Leased<Item extends Poolable> {
  readonly item: Item;
  readonly lease: MemoryLease;
  /** Told when it was idle and its memory was taken back: it is closed. */
  whenEvicted: (() => void) | undefined;

  constructor(item: Item, takeLease: (evict: () => void) => MemoryLease) {
    this.item = item;
    this.lease = takeLease(() => {
      this.item.close();
      this.whenEvicted?.();
    });
  }

  /** Gives its memory back for good. */
  close(): void {
    this.item.close();
    this.lease.release();
  }
}

/** Hands out items of one kind. */
export class LeasedPool<Item extends Poolable> {
  readonly #make: () => Item;
  readonly #itemBytes: number;
  readonly #memory: CompressionMemory;
  #idle: Leased<Item>[] = [];

  /** `itemBytes` is the memory that each item takes. */
  constructor(make: () => Item, itemBytes: number, memory: CompressionMemory) {
    this.#make = make;
    this.#itemBytes = itemBytes;
    this.#memory = memory;
  }

  /** Takes one for a piece of work. There is always one, since that work is short or waits for its turn. */
  take(): Leased<Item> {
    const taken = this.#idle.pop();
    if (taken === undefined) {
      return new Leased(this.#make(), (evict) => this.#memory.leaseAnyway(this.#itemBytes, evict));
    }
    taken.lease.markBusy();
    return taken;
  }

  /** Takes one for longer; undefined when the memory has no room for that. */
  takeIfRoom(): Leased<Item> | undefined {
    return this.#memory.hasRoomFor(this.#itemBytes) ? this.take() : undefined;
  }

  /** Takes one back: for others, or to close it if it has failed. */
  give(taken: Leased<Item>): void {
    if (taken.item.hasFailed) {
      taken.close();
      return;
    }
    taken.item.reset();
    this.#idle.push(taken);
    taken.whenEvicted = () => {
      this.#idle = this.#idle.filter((other) => other !== taken);
    };
    taken.lease.markIdle();
  }
}
