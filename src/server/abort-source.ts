// An AbortSignal that is made when somebody asks for it. Most upgrade decisions are synchronous and never look at
// their signal; an AbortController for each handshake would cost more than the rest of the decision.

/** Makes one AbortSignal, late or never. */
export class AbortSource {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  /** The signal; already aborted when `abort` was called before. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why it was aborted; undefined while it was not. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Aborts, once. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
