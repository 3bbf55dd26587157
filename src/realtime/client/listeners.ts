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

  /** Adds a listener, once, and gives the function that removes it. */
  on(name: string, listener: Listener): () => void {
    const listeners = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Tells all listeners of a name. @returns whether there were any */
  tell(name: string, ...values: readonly unknown[]): boolean {
    const listeners = [...(this.#byName.get(name) ?? [])];
    for (const listener of listeners) {
      try {
        listener(...values);
      } catch (error) {
        this.#failed(error);
      }
    }
    return listeners.length > 0;
  }
}
