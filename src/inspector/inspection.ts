// Looks at a server and its hub, and writes down what is there, the largest first.

import type { HubInspection } from '../realtime/server/hub-inspection.ts';
import type { ServerConnection, ServerConnectionSnapshot } from '../server/server-connection.ts';
import type { ServerSnapshot } from '../server/server-statistics.ts';
import type { InspectorState } from './messages.ts';

/** A server that can be looked at: what `serve` gives, or the `webSockets` of what `serveRealtime` gives. */
export interface InspectedServer {
  readonly connections: Iterable<ServerConnection<unknown>>;
  snapshot(): ServerSnapshot;
}

/** A hub that can be looked at. */
export interface InspectedHub {
  inspect(limit?: number): HubInspection;
}

/** How many connections, channels and sessions are told. */
export const mostListed = 100;

/** Looks at every connection once. */
export function stateOf(server: InspectedServer, hub: InspectedHub | undefined): InspectorState {
  const connections = [...server.connections].map((connection) => connection.snapshot());
  connections.sort((a, b) => heldBy(b) - heldBy(a) || rateOf(b) - rateOf(a));
  return {
    atMs: Date.now(),
    server: server.snapshot(),
    // In an order that stays, so that a person finds a row where it was.
    connections: connections.slice(0, mostListed).sort((a, b) => heldBy(b) - heldBy(a) || a.id - b.id),
    hub: hub?.inspect(mostListed) ?? null,
  };
}

function heldBy({ queuedBytes, heldBytes, retainedBytes }: ServerConnectionSnapshot): number {
  return queuedBytes + heldBytes + retainedBytes;
}

function rateOf({ rates }: ServerConnectionSnapshot): number {
  return rates.messagesPerSecond.in + rates.messagesPerSecond.out;
}
