// Functions by the name of what they want to hear. One that throws harms no other: its error goes where errors go.

export type Listener = (...values: readonly unknown[]) => void;

/** A list of listeners for each name. */
export class Listeners {
  readonly #byName = new Map<string, Set<Listener>>();
  readonly #failed: (error: unknown) => void;

  /** @param failed hears what a listener throws */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Adds a listener, and gives the function that removes it. */
  on(name: string, listener: Listener): () => void {
    let set = this.#byName.get(name);
    if (set === undefined) this.#byName.set(name, (set = new Set()));
    const listeners = set;
    // A function that is added twice is heard twice, and removed one by one.
    const own: Listener = (...values) => listener(...values);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** Tells all listeners of a name. @returns whether there were any */
  tell(name: string, ...values: readonly unknown[]): boolean {
    const listeners = this.#byName.get(name);
    if (listeners === undefined || listeners.size === 0) return false;
    for (const listener of Array.from(listeners)) {
      try {
        listener(...values);
      } catch (error) {
        this.#failed(error);
      }
    }
    return true;
  }
}
