// Which endpoint serves a path: the most specific one that matches, whatever the order of declaration.

import { describe, FullduplexError } from '../base/errors.ts';
import type { PathPattern } from './path-pattern.ts';

/** What a path was found to lead to. */
export interface EndpointMatch<Entry> {
  readonly entry: Entry;
  readonly params: Readonly<Record<string, string>>;
}

/** Endpoints by their paths. */
export class EndpointTable<Entry extends { readonly pattern: PathPattern }> {
  #entries: readonly Entry[] = [];

  /** Whether there is no endpoint. */
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The most specific endpoint; undefined when there is none. */
  get first(): Entry | undefined {
    return this.#entries[0];
  }

  /**
   * Adds an endpoint.
   * @throws FullduplexError `WS_OPTION_INVALID` when another one serves exactly the same paths
   */
  add(entry: Entry): void {
    const other = this.#entries.find(({ pattern }) => pattern.compare(entry.pattern) === 0);
    if (other !== undefined) {
      const { source } = entry.pattern;
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `option path is ${describe(source)}, expected one that no other endpoint of this server serves (${describe(other.pattern.source)})`,
      );
    }
    this.#entries = [...this.#entries, entry].sort((left, right) => left.pattern.compare(right.pattern));
  }

  /** Removes an endpoint. */
  remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** Finds the endpoint for a path (see `pathOf`). */
  find(path: string): EndpointMatch<Entry> | undefined {
    for (const entry of this.#entries) {
      const params = entry.pattern.match(path);
      if (params !== undefined) return { entry, params };
    }
    return undefined;
  }
}
