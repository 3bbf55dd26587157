// Which kind of link is tried next. A kind that dies young twice in a row makes the client ask over the others, those below it first, whether
// the server is there: a server that is down, a captive portal and a proxy that answers 502 give no welcome, and the client stays where it is. A
// welcome is no verdict yet, since the server may have come back just now: the kind before is tried once more, and only when that dies
// as well, it is the network that does not let it through.

// Those that are odd are over another kind than the one that the client stands on.

/** The next attempt is to connect over the kind that the client stands on. */
export const standing = 0;
/** It is to hear over another kind whether the server is there. */
export const asking = 1;
/** It is to see whether the kind before gets through, now that the server is there. */
export const confirming = 2;
/** It is to connect over the other kind. */
export const settling = 3;

/** The kinds of links, best first, and where the client stands among them. */
export class Ladder {
  /** What the next attempt is for: `standing`, `asking`, `confirming` or `settling`. */
  step: number = standing;
  readonly #length: number;
  #rung = 0;
  #other = 0;
  #deaths = 0;

  /** @param length how many kinds there are */
  constructor(length: number) {
    this.#length = length;
  }

  /** The place of the kind that is tried next. */
  get next(): number {
    return this.step % 2 === 1 ? this.#other : this.#rung;
  }

  /** A kind has shown that it gets through, or is tried first again: by its welcome, a heartbeat, or because the network is another one. */
  standOn(rung: number): void {
    this.step = standing;
    this.#rung = rung;
    this.#deaths = 0;
  }

  /** The link died before it had shown that it lives. */
  died(): void {
    if (this.step === confirming) this.step = settling;
    else {
      // One death is nothing: from the second on, each makes the next kind be asked.
      this.#other = (this.#rung + this.#deaths++) % this.#length;
      // None got through: it is the server, or the whole network.
      if (this.step === settling || this.#deaths > this.#length) this.standOn(this.#rung);
      else if (this.#other !== this.#rung) this.step = asking;
    }
  }
}
