// Which kind of link is tried next. A kind that dies young twice in a row makes the client try those below it, and only the
// welcome of our server over one of them proves that the kind above is what does not get through: a server that is down, a
// captive portal and a proxy that answers 502 give none, and the client stays where it is.

/** How often a kind of link has to die young before others are tried. */
const deathsBeforeOthers = 2;

/** The kinds of links, best first, and where the client stands among them. */
export class Ladder {
  readonly #length: number;
  #rung = 0;
  #deaths = 0;

  /** @param length how many kinds there are */
  constructor(length: number) {
    this.#length = length;
  }

  /** The place of the kind that is tried next: that it stands on, or one below. */
  get next(): number {
    return this.#rung + Math.max(0, this.#deaths - deathsBeforeOthers + 1);
  }

  /** Whether the next attempt is to find out if a lower kind gets through: it follows at once, so that a server that comes back meanwhile is not mistaken for a wall. */
  get isAsking(): boolean {
    return this.next > this.#rung;
  }

  /** A kind has shown that it gets through, or is tried first again: by its welcome, a heartbeat, or because the network is another one. */
  standOn(rung: number): void {
    this.#rung = rung;
    this.#deaths = 0;
  }

  /** The link died before it had shown that it lives. */
  died(): void {
    this.#deaths++;
    // None got through: it is the server, or the whole network.
    if (this.next >= this.#length) this.#deaths = 0;
  }
}
