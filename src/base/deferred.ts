// A promise with its resolver, for what is promised in one place and kept in another.

/** A promise that somebody else resolves; it never rejects. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  #resolve: (value: T) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Resolves the promise; only the first call counts. */
  resolve(value: T): void {
    this.#resolve(value);
  }
}
