// What sockets and requests of one client have in common: the weather, the servers at the other end, and what can be done to
// all that is open.

import type { Clock, Timer } from '../../base/clock.ts';
import type { LinkAcceptor } from '../../realtime/server/link-acceptor.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { NetworkWeather } from './weather.ts';

/** A node at the other end of the network. */
export interface HostileServer {
  /** What the network calls it when it tells what it does. */
  readonly name?: string;
  /** Takes the links of WebSockets; a hub is one. */
  readonly acceptor: LinkAcceptor;
  /** Answers requests; without it, all of them fail. `FallbackEndpoint` does that. */
  handle?(request: Request): Promise<Response>;
}

/** Something open: a WebSocket, or a request on its way. */
export interface OpenExchange {
  readonly server: HostileServer;
  /** The network kills it, as the weather is. */
  cut(): void;
  /** The server's process is gone: it hears nothing any more, and the client perhaps. */
  orphan(): void;
  /** What stands still goes on, and no death is planned any more. */
  calm(): void;
}

/** One client's way to the servers. */
export interface Road {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly weather: NetworkWeather;
  readonly open: {
    add(exchange: OpenExchange): void;
    delete(exchange: OpenExchange): void;
  };
  /** How much of what is on its way the network holds before the sender feels it. */
  readonly capacityBytes: number;
  /** From how many bytes on, above that, the server's end is full. */
  readonly highWaterMarkBytes: number;
  /** The server that the next connection comes to; undefined: none is up. */
  server(): HostileServer | undefined;
  note(what: string): void;
}

/** How long the next message takes. */
export function delayOf({ random, weather }: Road): number {
  return random.between(weather.delayMs);
}

/** Plans the death of something that was opened now; undefined: it has none in this weather. */
export function planDeath(road: Road, die: () => void): Timer | undefined {
  const { random, weather, clock } = road;
  const lifeMs = random.chance(weather.earlyDeath) ? random.between([0, 1_000]) : random.wait(weather.lifeMs);
  return Number.isFinite(lifeMs) ? clock.setTimer(die, lifeMs) : undefined;
}

/** How long the server's end lives on after the client's has died. */
export function ghostTimeOf(road: Road): number {
  const { random, weather } = road;
  return random.chance(weather.ghost) ? random.between(weather.ghostMs) : 0;
}

/** Lets something stand still again and again. */
export class Stalls {
  readonly #road: Road;
  readonly #stall: (durationMs: number) => void;
  #timer: Timer | undefined;

  constructor(road: Road, stall: (durationMs: number) => void) {
    this.#road = road;
    this.#stall = stall;
    this.#plan();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #plan(): void {
    const { random, weather, clock } = this.#road;
    const waitMs = random.wait(weather.stallEveryMs);
    if (!Number.isFinite(waitMs)) return;
    this.#timer = clock.setTimer(() => {
      this.#stall(random.between(weather.stallMs));
      this.#plan();
    }, waitMs);
  }
}
