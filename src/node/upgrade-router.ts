// The one 'upgrade' listener that all our endpoints on an HTTP server share, so that several servers of ours, other
// libraries and the ordinary request handler live on one port. What is not for us is left to the others, or given back.
// On a server of node:http2 it finds the extended CONNECTs as well.

import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { asksForExtendedConnect, refuseForeignConnect } from '../protocol/handshake/extended-connect.ts';
import { listHasUpgradeProtocol } from '../protocol/handshake/header-grammar.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { EndpointTable } from '../server/endpoint-table.ts';
import { type PathPattern, pathOf } from '../server/path-pattern.ts';
import { refuseHeaderCount, refuseUnknownPath } from '../server/refusals.ts';
import { type EndingSockets, ignoreError } from './ending-sockets.ts';
import { ConnectStreams, isHttp2Server } from './http2/connect-streams.ts';
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

const routers = new WeakMap<Server, UpgradeRouter>();

/** Finds the endpoint for each upgrade on one HTTP server. */
export class UpgradeRouter {
  readonly #server: Server;
  readonly #routes = new EndpointTable<Route>();
  // Takes back what keeps other upgrades from us, where Node lets us.
  #leaveOthers: (() => void) | undefined;
  readonly #streams: ConnectStreams | undefined;

  private constructor(server: Server) {
    this.#server = server;
    if (isHttp2Server(server))
      this.#streams = new ConnectStreams(server, (arrival) => this.#connect(arrival));
  }

  /** Gives the router of the server; there is only one. */
  static of(server: Server): UpgradeRouter {
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
    this.#streams?.start();
  }

  /** Removes a route; without any, Node treats upgrades as before. */
  remove(route: Route): void {
    this.#routes.remove(route);
    if (!this.#routes.isEmpty) return;
    this.#server.removeListener('upgrade', this.#upgrade);
    this.#leaveOthers?.();
    this.#leaveOthers = undefined;
    this.#streams?.stop();
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

  // False: it is left to the listeners for 'connect', as an upgrade is to those for 'upgrade'.
  #connect(arrival: UpgradeArrival): boolean {
    const { request } = arrival;
    const isOurs = asksForExtendedConnect(request);
    const match = isOurs ? this.#routes.find(pathOf(request.target)) : undefined;
    if (match !== undefined) {
      match.entry.arrived(arrival, match.params);
      return true;
    }
    const { ending } = this.#routes.first ?? {};
    if (ending === undefined || this.#server.listenerCount('connect') > 0) return false;
    const refusal = isOurs ? refuseUnknownPath() : refuseForeignConnect(request.extendedConnect?.protocol);
    refuseUpgrade(arrival, refusal, ending);
    return true;
  }
}

// Node keeps this many names and values unless it is told otherwise.
const defaultMaxHeaderPairs = 2000;

/**
 * Whether Node may have dropped headers without a word, as it does beyond `maxHeadersCount`. Without them it is unknown
 * where the request ends: its body could be taken for frames, or for another request once it is handed back.
 */
function mayBeCutShort(server: Server, { rawHeaders }: IncomingMessage): boolean {
  const maxHeadersCount = 'maxHeadersCount' in server ? server.maxHeadersCount : undefined;
  if (maxHeadersCount === 0) return false;
  const maxPairs = typeof maxHeadersCount === 'number' ? maxHeadersCount * 2 : defaultMaxHeaderPairs;
  return rawHeaders.length >= maxPairs;
}

function asksForWebSocket({ rawHeaders }: IncomingMessage): boolean {
  const upgrade = HeaderList.fromRaw(rawHeaders).joined('Upgrade');
  return upgrade !== undefined && listHasUpgradeProtocol(upgrade, 'websocket');
}
