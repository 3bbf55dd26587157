// The token of a client: what was given, or what a function gives, asked again only when the server says that it no longer holds.

/** A token, or where to get one. */
export type TokenSource = string | (() => string | Promise<string>);

/** The token that hellos carry. */
export class Token {
  /** The present token; undefined: there is none, or it has to be fetched first. */
  current: string | undefined;
  /** Whether the next word of the server is about the present one; not before one that was given is shown. */
  isSaid = true;
  // Where to get another one, if it can be asked.
  readonly #source: Exclude<TokenSource, string> | undefined;
  // Whether the present one was asked for because the one before was refused.
  #isFresh = false;

  constructor(source: TokenSource | undefined) {
    if (typeof source === 'function') this.#source = source;
    else this.current = source;
  }

  /** Whether `fetch` has to be called before the next hello. */
  get isMissing(): boolean {
    return this.#source !== undefined && this.current === undefined;
  }

  /** Asks for one. @throws what the function throws */
  async fetch(): Promise<void> {
    const token = await this.#source?.();
    // Another one may have been given meanwhile, or been fetched sooner.
    this.current ??= token;
  }

  /** Takes another one. */
  replace(token: string): void {
    this.current = token;
    this.#isFresh = true;
    this.isSaid = false;
  }

  /** The server has accepted it, or was not heard: should it be refused later on, it is worth while to get another one. */
  aged(): void {
    this.#isFresh = false;
  }

  /** The server has refused what was said. @returns whether there is another one, or one may be had */
  refused(): boolean {
    if (this.isSaid) {
      if (!this.#source || this.#isFresh) return false;
      this.current = undefined;
      this.#isFresh = true;
    }
    // One that was given meanwhile is shown next, once.
    this.isSaid = true;
    return true;
  }
}
