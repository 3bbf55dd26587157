// What a peer says that it saw: one JSON object per line of its standard output, kept until a test asks for it.

/** One thing that happened at the peer. */
export interface Observation {
  /** The connection that it happened on: the last segment of the URL's path. */
  readonly id: string;
  readonly event: 'open' | 'message' | 'pong' | 'close' | 'refused' | 'error';
  readonly protocol?: string;
  readonly type?: string;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly payload?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
  readonly status?: number;
  readonly message?: string;
}

interface Waiter {
  readonly id: string;
  readonly event: Observation['event'];
  readonly resolve: (observation: Observation) => void;
  readonly reject: (error: Error) => void;
}

/** After these nothing else happens on a connection: whoever waits for something else waits in vain. */
const last: readonly Observation['event'][] = ['close', 'refused', 'error'];

/** The observations of one peer, in order, each handed out once. */
export class Observations {
  #kept: Observation[] = [];
  #waiters: Waiter[] = [];
  #ended: Error | undefined;

  /** Takes in what the peer reported. */
  add(observation: Observation): void {
    const { id, event } = observation;
    const waiter = this.#waiters.find(
      (one) => one.id === id && (one.event === event || last.includes(event)),
    );
    if (waiter === undefined) {
      this.#kept.push(observation);
      return;
    }
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
    settle(waiter, observation);
  }

  /** The peer is gone: whoever waits, or comes to wait, hears why. */
  end(why: Error): void {
    this.#ended = why;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(why);
  }

  /** Whether an observation of this kind has come that nobody asked for yet. */
  has(id: string, event: Observation['event']): boolean {
    return this.#kept.some((one) => one.id === id && one.event === event);
  }

  /** The next observation of this kind on this connection. Rejects when it cannot come any more. */
  next(id: string, event: Observation['event']): Promise<Observation> {
    return new Promise((resolve, reject) => {
      const waiter = { id, event, resolve, reject };
      const found =
        this.#kept.find((one) => one.id === id && one.event === event) ??
        this.#kept.find((one) => one.id === id && last.includes(one.event));
      if (found !== undefined) {
        this.#kept.splice(this.#kept.indexOf(found), 1);
        settle(waiter, found);
      } else if (this.#ended !== undefined) {
        reject(this.#ended);
      } else {
        this.#waiters.push(waiter);
      }
    });
  }
}

function settle(waiter: Waiter, observation: Observation): void {
  if (observation.event === waiter.event) waiter.resolve(observation);
  else waiter.reject(new Error(`the peer reported ${JSON.stringify(observation)}, expected ${waiter.event}`));
}
