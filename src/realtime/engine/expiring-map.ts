// Records that are kept for a time: calls, sessions, idempotency keys. A record that is over is never given, whether or not
// the sweep has come by; the sweep looks only at what is due.

// Records whose end falls into the same piece of time are swept together.
const bucketMs = 1000;

interface Held<Value> {
  value: Value;
  endsAtMs: number;
}

/** A map whose records end. Times are milliseconds of one clock that only goes forward. */
export class ExpiringMap<Value> {
  readonly #records = new Map<string, Held<Value>>();
  // By the piece of time after which they can go. A record that was set anew stands in several and goes with the last.
  readonly #due = new Map<number, string[]>();

  /** How many records there are, with those that are over and not yet swept. */
  get size(): number {
    return this.#records.size;
  }

  /** Keeps a record until a time; one of the same key is replaced. */
  set(key: string, value: Value, endsAtMs: number): void {
    const bucket = Math.ceil(endsAtMs / bucketMs);
    const held = this.#records.get(key);
    if (held === undefined) {
      this.#records.set(key, { value, endsAtMs });
    } else {
      const isInBucket = Math.ceil(held.endsAtMs / bucketMs) === bucket;
      held.value = value;
      held.endsAtMs = endsAtMs;
      if (isInBucket) return;
    }
    const due = this.#due.get(bucket);
    if (due === undefined) this.#due.set(bucket, [key]);
    else due.push(key);
  }

  get(key: string, nowMs: number): Value | undefined {
    const held = this.#records.get(key);
    return held === undefined || held.endsAtMs <= nowMs ? undefined : held.value;
  }

  /** All records, with those that are over and not yet swept. */
  *[Symbol.iterator](): IterableIterator<readonly [key: string, value: Value]> {
    for (const [key, { value }] of this.#records) yield [key, value];
  }

  delete(key: string): void {
    this.#records.delete(key);
  }

  clear(): void {
    this.#records.clear();
    this.#due.clear();
  }

  /** Lets go of what is over. */
  sweep(nowMs: number): void {
    for (const [bucket, keys] of this.#due) {
      if (bucket * bucketMs > nowMs) continue;
      this.#due.delete(bucket);
      for (const key of keys) {
        const held = this.#records.get(key);
        if (held !== undefined && held.endsAtMs <= nowMs) this.#records.delete(key);
      }
    }
  }
}
