// The memory that compression may keep in this process: zlib's contexts and the windows of plaintext that connections
// with context takeover hold. What is idle is given back after a while, and at once when something else needs room.

import type { Clock, Timer } from '../../base/clock.ts';
import { requireInteger } from '../../protocol/limits.ts';

/** The bounds on what compression keeps. */
export interface CompressionMemoryOptions {
  /** The most bytes kept, 1 or more. @defaultValue 64 MiB */
  readonly maxBytes?: number;
  /** How long a context may lie idle before its memory is given back, in milliseconds. @defaultValue 30,000 */
  readonly idleMs?: number;
  /** Where the time comes from. @defaultValue the clock of the system, which keeps no process alive */
  readonly clock?: Clock;
}

/** The bounds that hold when none are given; docs/decisions/0007-permessage-deflate.md says why these. */
export const defaultCompressionMemoryOptions: Readonly<Required<Omit<CompressionMemoryOptions, 'clock'>>> =
  Object.freeze({ maxBytes: 64 * 1024 * 1024, idleMs: 30_000 });

/** The clock of the system with timers that do not keep the process alive. */
const backgroundClock: Clock = Object.freeze({
  now: (): number => performance.now(),
  setTimer: (callback: () => void, delayMs: number): Timer => {
    const handle = setTimeout(callback, delayMs).unref();
    return { cancel: () => clearTimeout(handle) };
  },
});

/** A share of the memory. It can be taken back while it is idle. */
export interface MemoryLease {
  /** Nobody uses what it stands for: from now on `evict` may be called. */
  markIdle(): void;
  /** It is used again: `evict` is not called until it is idle again. */
  markBusy(): void;
  /** The memory was given back. */
  release(): void;
}

/** Counts what compression keeps in memory and bounds it. One instance serves the process: `compressionMemory`. */
export class CompressionMemory {
  readonly #clock: Clock;
  readonly #idleMs: number;
  #maxBytes: number;
  #usedBytes = 0;
  #idleBytes = 0;
  // In the order in which they became idle: the first is the one that was used least recently.
  readonly #idle = new Set<Lease>();
  #timer: Timer | undefined;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: CompressionMemoryOptions = {}) {
    const defaults = defaultCompressionMemoryOptions;
    this.#maxBytes = requireInteger('maxBytes', options.maxBytes ?? defaults.maxBytes, 1);
    this.#idleMs = requireInteger('idleMs', options.idleMs ?? defaults.idleMs, 1);
    this.#clock = options.clock ?? backgroundClock;
  }

  /**
   * The most bytes kept. What is idle beyond a new, smaller bound is given back at once.
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  set maxBytes(maxBytes: number) {
    this.#maxBytes = requireInteger('maxBytes', maxBytes, 1);
    this.#makeRoom(0);
  }

  /**
   * The bytes kept now. It can pass `maxBytes` a little: the contexts that all connections share are never refused,
   * and there are as many of them as messages in work.
   */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether so much more fits, if need be in the place of what is idle. */
  hasRoomFor(byteCount: number): boolean {
    return this.#usedBytes - this.#idleBytes + byteCount <= this.#maxBytes;
  }

  /**
   * Takes a share that is busy at first; `evict` is told that an idle share was taken back.
   * Gives undefined, and takes nothing, when there is no room for it.
   */
  lease(byteCount: number, evict: () => void): MemoryLease | undefined {
    return this.hasRoomFor(byteCount) ? this.leaseAnyway(byteCount, evict) : undefined;
  }

  /** As `lease`, for what cannot be done without: makes what room it can, and takes the share. */
  leaseAnyway(byteCount: number, evict: () => void): MemoryLease {
    this.#makeRoom(byteCount);
    this.#usedBytes += byteCount;
    return new Lease(byteCount, evict, {
      idle: (lease) => this.#addIdle(lease),
      busy: (lease) => this.#removeIdle(lease),
      released: (lease) => {
        this.#removeIdle(lease);
        this.#usedBytes -= lease.byteCount;
      },
    });
  }

  #addIdle(lease: Lease): void {
    this.#removeIdle(lease);
    lease.idleSinceMs = this.#clock.now();
    this.#idle.add(lease);
    this.#idleBytes += lease.byteCount;
    if (this.#timer === undefined) this.#timer = this.#clock.setTimer(this.#sweep, this.#idleMs);
    if (this.#usedBytes > this.#maxBytes) this.#makeRoom(0);
  }

  #removeIdle(lease: Lease): void {
    if (this.#idle.delete(lease)) this.#idleBytes -= lease.byteCount;
  }

  #makeRoom(byteCount: number): void {
    for (const lease of this.#idle) {
      if (this.#usedBytes + byteCount <= this.#maxBytes) return;
      lease.evict();
    }
  }

  // One timer for all. It is not moved when something is used: it fires, looks, and is set again for the first.
  readonly #sweep = (): void => {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    for (const lease of this.#idle) {
      const leftMs = lease.idleSinceMs + this.#idleMs - nowMs;
      if (leftMs > 0) {
        this.#timer = this.#clock.setTimer(this.#sweep, leftMs);
        return;
      }
      lease.evict();
    }
  };
}

interface LeaseOwner {
  idle(lease: Lease): void;
  busy(lease: Lease): void;
  released(lease: Lease): void;
}

class Lease implements MemoryLease {
  readonly byteCount: number;
  idleSinceMs = 0;
  readonly #evict: () => void;
  readonly #owner: LeaseOwner;
  #isReleased = false;

  constructor(byteCount: number, evict: () => void, owner: LeaseOwner) {
    this.byteCount = byteCount;
    this.#evict = evict;
    this.#owner = owner;
  }

  markIdle(): void {
    if (!this.#isReleased) this.#owner.idle(this);
  }

  markBusy(): void {
    this.#owner.busy(this);
  }

  evict(): void {
    this.release();
    this.#evict();
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#owner.released(this);
  }
}

/** The memory of compression in this process. Set its `maxBytes` to allow more or less. */
export const compressionMemory: CompressionMemory = new CompressionMemory();
