// Several observers of the frames of one connection: the application's, a recorder's, the diagnostics'. Each gets bytes
// of its own, and one that throws is let go and reported, so that watching never harms what is watched.

import type { FrameHeader } from '../protocol/frame-header.ts';
import type { FrameDirection, FrameObserver } from '../protocol/frame-observer.ts';

/** Passes on what happens to all observers. */
export class FrameObservers implements FrameObserver {
  readonly #failed: (error: unknown) => void;
  // Replaced and not changed: an observer may come or go while the others are told.
  #observers: readonly FrameObserver[] = [];

  /** @param failed hears what an observer threw; that one is told nothing more */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Whether nobody is left. */
  get isEmpty(): boolean {
    return this.#observers.length === 0;
  }

  /** Adds an observer that is not among them. */
  add(observer: FrameObserver): void {
    this.#observers = [...this.#observers, observer];
  }

  /** Whether this observer is told. */
  has(observer: FrameObserver): boolean {
    return this.#observers.includes(observer);
  }

  /** Removes an observer. */
  remove(observer: FrameObserver): void {
    this.#observers = this.#observers.filter((other) => other !== observer);
  }

  header(direction: FrameDirection, header: FrameHeader): void {
    const observers = this.#observers;
    // The first may change what it gets: the others' copies are made before.
    const copies = observers.map((_, index) =>
      index === 0 ? header : { ...header, bytes: header.bytes.slice() },
    );
    for (const [index, observer] of observers.entries())
      this.#tell(observer, () => observer.header(direction, copies[index]));
  }

  payload(direction: FrameDirection, bytes: Uint8Array): void {
    const observers = this.#observers;
    const copies = observers.map((_, index) => (index === 0 ? bytes : bytes.slice()));
    for (const [index, observer] of observers.entries())
      this.#tell(observer, () => observer.payload(direction, copies[index]));
  }

  #tell(observer: FrameObserver, call: () => void): void {
    if (!this.has(observer)) return;
    try {
      call();
    } catch (error) {
      this.remove(observer);
      this.#failed(error);
    }
  }
}
