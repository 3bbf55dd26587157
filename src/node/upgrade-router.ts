// The one 'upgrade' listener that all our endpoints on an HTTP server share, so that several servers of ours, other
// libraries and the ordinary request handler live on one port. What is not for us is left to the others, or given back.

import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { listHasUpgradeProtocol } from '../protocol/handshake/header-grammar.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { EndpointTable } from '../server/endpoint-table.ts';
import { type PathPattern, pathOf } from '../server/path-pattern.ts';
import { refuseHeaderCount, refuseUnknownPath } from '../server/refusals.ts';
import { type EndingSockets, ignoreError } from './ending-sockets.ts';
import { handBack, leaveOthers } from './neighbour-request.ts';
import { requestHeadOf } from './node-request.ts';
import { afterEarlierResponses, refuseUpgrade, type UpgradeArrival } from './upgrade-handler.ts';

/** An endpoint as the router knows it. */
export interface Route {
  readonly pattern: PathPattern;
  /** Where its server ends the sockets that it refuses. */
  readonly ending: EndingSockets;
  /** Takes over a request whose path has matched. */
  arrived(arrival: UpgradeArrival, params: Readonly<Record<string, string>>): void;
}

const routers = new WeakMap<Server | SecureServer, UpgradeRouter>();

/** Finds the endpoint for each upgrade on one HTTP server. */
export class UpgradeRouter {
  readonly #server: Server | SecureServer;
  readonly #routes = new EndpointTable<Route>();
  // Takes back what keeps other upgrades from us, where Node lets us.
  #leaveOthers: (() => void) | undefined;

  private constructor(server: Server | SecureServer) {
    this.#server = server;
  }

  /** Gives the router of the server; there is only one. */
  static of(server: Server | SecureServer): UpgradeRouter {
    const existing = routers.get(server);
    if (existing !== undefined) return existing;
    const router = new UpgradeRouter(server);
    routers.set(server, router);
    return router;
  }

  /**
   * Adds a route; the first one begins to listen for upgrades.
   * @throws FullduplexError `WS_OPTION_INVALID` when the path is taken
   */
  add(route: Route): void {
    const wasEmpty = this.#routes.isEmpty;
    this.#routes.add(route);
    if (!wasEmpty) return;
    this.#server.on('upgrade', this.#upgrade);
    this.#leaveOthers = leaveOthers(this.#server, (request) => this.#isForNobody(request));
  }

  /** Removes a route; without any, Node treats upgrades as before. */
  remove(route: Route): void {
    this.#routes.remove(route);
    if (!this.#routes.isEmpty) return;
    this.#server.removeListener('upgrade', this.#upgrade);
    this.#leaveOthers?.();
    this.#leaveOthers = undefined;
  }

  // Whether the upgrade is none to WebSocket and nobody else listens for such.
  #isForNobody(request: IncomingMessage): boolean {
    if (asksForWebSocket(request) || this.#server.listenerCount('upgrade') > 1) return false;
    return !mayBeCutShort(this.#server, request);
  }

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    const isOurs = asksForWebSocket(request);
    const match = isOurs ? this.#routes.find(pathOf(request.url ?? '/')) : undefined;
    if (match === undefined && this.#server.listenerCount('upgrade') > 1) return;
    // Node has taken its own error listener away.
    socket.on('error', ignoreError);
    afterEarlierResponses(socket, () => {
      // The response before may have said Connection: close.
      if (socket.destroyed || socket.writableEnded) {
        socket.destroy();
        return;
      }
      const arrival: UpgradeArrival = { request: requestHeadOf(request), socket, head };
      // Whichever of our servers it is: nobody has been chosen, and all of them end sockets alike.
      const ending = (match?.entry ?? this.#routes.first)?.ending;
      if (ending === undefined) socket.destroy();
      else if (mayBeCutShort(this.#server, request)) refuseUpgrade(arrival, refuseHeaderCount(), ending);
      else if (match !== undefined) match.entry.arrived(arrival, match.params);
      else if (isOurs) refuseUpgrade(arrival, refuseUnknownPath(), ending);
      else handBack(this.#server, request, socket, head);
    });
  };
}

// Node keeps this many names and values unless it is told otherwise.
const defaultMaxHeaderPairs = 2000;

/**
 * Whether Node may have dropped headers without a word, as it does beyond `maxHeadersCount`. Without them it is unknown
 * where the request ends: its body could be taken for frames, or for another request once it is handed back.
 */
function mayBeCutShort({ maxHeadersCount }: Server | SecureServer, { rawHeaders }: IncomingMessage): boolean {
  if (maxHeadersCount === 0) return false;
  return rawHeaders.length >= (maxHeadersCount === null ? defaultMaxHeaderPairs : maxHeadersCount * 2);
}

function asksForWebSocket({ rawHeaders }: IncomingMessage): boolean {
  const upgrade = HeaderList.fromRaw(rawHeaders).joined('Upgrade');
  return upgrade !== undefined && listHasUpgradeProtocol(upgrade, 'websocket');
}
