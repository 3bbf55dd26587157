// The token of a client: what was given, or what a function gives, asked again only when the server says that it no longer holds.

/** A token, or where to get one. */
export type TokenSource = string | (() => string | Promise<string>);

/** The token that hellos carry. */
export class Token {
  /** The present token; undefined: there is none, or it has to be fetched first. */
  current: string | undefined;
  readonly #source: TokenSource | undefined;
  // Whether the present one was asked for because the one before was refused.
  #isFresh = false;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
    if (typeof source === 'string') this.current = source;
  }

  /** Whether `fetch` has to be called before the next hello. */
  get isMissing(): boolean {
    return this.current === undefined && this.#source !== undefined;
  }

  /** Asks for one. @throws what the function throws */
  async fetch(): Promise<void> {
    if (typeof this.#source !== 'function') return;
    const token = await this.#source();
    // Another one may have been given meanwhile, or been fetched sooner.
    this.current ??= token;
  }

  /** Takes another one. */
  replace(token: string): void {
    this.current = token;
    this.#isFresh = true;
  }

  /** The server has accepted it, or was not heard: should it be refused later on, it is worth while to get another one. */
  aged(): void {
    this.#isFresh = false;
  }

  /** The server has refused it. @returns whether another one may be had */
  refused(): boolean {
    if (typeof this.#source !== 'function' || this.#isFresh) return false;
    this.current = undefined;
    this.#isFresh = true;
    return true;
  }
}
