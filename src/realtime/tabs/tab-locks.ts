// The locks by which tabs know each other: each tab holds one of its own for as long as it is there, and one of them holds that of the
// leader. The platform takes them from those that crash.

import type { LockManagerLike } from './tab-options.ts';

/** The locks of the tabs that share a name. */
export class TabLocks {
  // Undefined too when they were refused.
  #locks: LockManagerLike | undefined;
  readonly #name: string;
  readonly #failed: (error: unknown) => void;

  /**
   * @param locks undefined: the platform has none, and each tab is alone
   * @param failed hears what goes wrong while a lock is held
   */
  constructor(locks: LockManagerLike | undefined, name: string, failed: (error: unknown) => void) {
    this.#locks = locks;
    this.#name = name;
    this.#failed = failed;
  }

  /** Whether there may be other tabs. */
  get areShared(): boolean {
    return this.#locks !== undefined;
  }

  /** Says that a tab is there until the signal, and calls back when the others can see it. */
  beThere(tab: string, signal: AbortSignal, held: () => void): void {
    this.#hold(this.#lockOf(tab), signal, held, this.#failed);
  }

  /**
   * Waits for the turn to lead, and calls back when it has come.
   * @param lost hears that another tab has taken it away
   */
  waitForTurn(signal: AbortSignal, held: () => void, lost: () => void): void {
    this.#hold(this.#name, signal, held, lost);
  }

  /** Takes the turn to lead away from the tab that has it. */
  takeTurn(signal: AbortSignal, held: () => void, lost: () => void): void {
    this.#hold(this.#name, signal, held, lost, true);
  }

  /** Calls back when a tab is there no more. */
  watch(tab: string, signal: AbortSignal, gone: () => void): void {
    const isGone = async (): Promise<void> => gone();
    // Rejects when it is not watched any more.
    this.#locks?.request(this.#lockOf(tab), { signal }, isGone).catch(() => undefined);
  }

  /** All tabs that are there; undefined: nobody but this one. */
  async tabs(): Promise<readonly string[] | undefined> {
    if (this.#locks === undefined) return undefined;
    const { held = [] } = await this.#locks.query();
    const lock = this.#lockOf('');
    return held.flatMap(({ name = '' }) => (name.startsWith(lock) ? [name.slice(lock.length)] : []));
  }

  // Takes a lock until the signal, and calls back when it is held; and when it is lost before.
  #hold(
    name: string,
    signal: AbortSignal,
    held: () => void,
    lost: (error: unknown) => void,
    steal = false,
  ): void {
    if (this.#locks === undefined) {
      held();
      return;
    }
    let isHeld = false;
    const hold = async (): Promise<void> => {
      if (signal.aborted) return;
      isHeld = true;
      const isOver = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      held();
      await isOver;
    };
    // What steals does not wait, and takes no signal.
    this.#locks.request(name, steal ? { steal } : { signal }, hold).catch((error: unknown) => {
      if (signal.aborted) return;
      // Where nothing can be stolen, the turn is waited for as before.
      if (isHeld || steal) lost(error);
      else {
        // Pages without an origin, as in a sandboxed frame, are refused them: such a page has nobody to share with.
        this.#locks = undefined;
        held();
      }
    });
  }

  #lockOf(tab: string): string {
    return `${this.#name}:tab:${tab}`;
  }
}
