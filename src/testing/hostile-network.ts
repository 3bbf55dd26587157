// A network that does to connections what networks do, by a seed: it delays, cuts, stalls, splits, refuses, kills early, holds
// back, and lets the server believe in clients that are long gone. It gives clients their `WebSocket` and their `fetch`, and brings
// what they say to hubs in the same process; with a FakeClock, hours pass in milliseconds, and a seed that failed fails again.
//
//     const network = new HostileNetwork({ seed: 7, clock, servers: () => [{ acceptor: hub }] });
//     const { WebSocket, fetch } = network.road('ann');
//     const client = createClient(chat, 'ws://hub.test/', { WebSocket, fetch, clock, random: new SeededRandom(7) });

import type { Clock } from '../base/clock.ts';
import { HostileRequest, type HostileRequestInit } from './hostile-network/hostile-request.ts';
import { HostileSocket } from './hostile-network/hostile-socket.ts';
import type { HostileServer, OpenExchange, Road } from './hostile-network/road.ts';
import { calmWeather, type NetworkWeather, stormyWeather } from './hostile-network/weather.ts';
import { SeededRandom } from './seeded-random.ts';

/** How a hostile network is made. */
export interface HostileNetworkOptions {
  /** What decides what happens; the same seed and the same use give the same. */
  readonly seed: number | string;
  /** Time: a FakeClock, as a rule the same as that of the clients and hubs. */
  readonly clock: Clock;
  /** Who is up at the moment: each connection comes to any of them, as behind a balancer without sticky sessions. */
  readonly servers: () => readonly HostileServer[];
  /** @defaultValue stormyWeather */
  readonly weather?: Partial<NetworkWeather>;
  /** How much of what is on its way the network holds before the sender feels it, in bytes. @defaultValue 16,384 */
  readonly capacityBytes?: number;
  /** From how many more bytes on a link of a server is full. @defaultValue 16,384 */
  readonly highWaterMarkBytes?: number;
  /** Hears what is done to whom. */
  readonly onEvent?: (atMs: number, road: string, what: string) => void;
}

/** The way of one client through the network. */
export interface HostileRoad {
  /** For the option `WebSocket` of the client. */
  readonly WebSocket: new (
    url: string,
    protocols?: string,
  ) => HostileSocket;
  /** For its option `fetch`. */
  readonly fetch: (input: string | URL | Request, init?: HostileRequestInit) => Promise<Response>;
  /** How many WebSockets and requests are open, with those of which only the server believes it. */
  readonly openCount: number;
  /** Cuts everything that is open. */
  cut(): void;
  /** Lets nothing through until `online`. */
  offline(): void;
  online(): void;
}

/** A network that is not to be trusted. */
export class HostileNetwork {
  readonly #options: HostileNetworkOptions;
  readonly #random: SeededRandom;
  readonly #open = new Set<OpenExchange>();
  #weather: NetworkWeather;

  constructor(options: HostileNetworkOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#weather = { ...stormyWeather, ...options.weather };
  }

  /** How hostile it is at the moment; what is open keeps the fate that it was given. */
  get weather(): NetworkWeather {
    return this.#weather;
  }

  set weather(weather: NetworkWeather) {
    this.#weather = weather;
  }

  /** From now on nothing goes wrong: what stands still goes on. What is dead stays dead. */
  calm(): void {
    this.#weather = calmWeather;
    for (const exchange of this.#open) exchange.calm();
  }

  /** A server's process is gone: nothing reaches it any more, and it tells nobody. It should no longer be among `servers`. */
  crash(server: HostileServer): void {
    for (const exchange of this.#open) if (exchange.server === server) exchange.orphan();
  }

  /** The way of one client. */
  road(name: string): HostileRoad {
    const { clock, servers, capacityBytes = 16_384, highWaterMarkBytes = 16_384, onEvent } = this.#options;
    const random = this.#random.fork(name);
    const own = new Set<OpenExchange>();
    const all = this.#open;
    let isOnline = true;
    const weather = (): NetworkWeather => this.#weather;
    const road: Road = {
      clock,
      random,
      get weather() {
        return weather();
      },
      open: {
        add: (exchange) => {
          own.add(exchange);
          all.add(exchange);
        },
        delete: (exchange) => {
          own.delete(exchange);
          all.delete(exchange);
        },
      },
      capacityBytes,
      highWaterMarkBytes,
      server: () => (isOnline ? random.pick(servers()) : undefined),
      note: (what) => onEvent?.(clock.now(), name, what),
    };
    const cut = (): void => {
      for (const exchange of own) exchange.cut();
    };
    return {
      WebSocket: class extends HostileSocket {
        constructor(url: string) {
          super(road, url);
        }
      },
      fetch: (input, init) => HostileRequest.send(road, input, init ?? {}),
      get openCount() {
        return own.size;
      },
      cut,
      offline: () => {
        isOnline = false;
        cut();
      },
      online: () => {
        isOnline = true;
      },
    };
  }
}
