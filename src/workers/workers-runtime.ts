// What of Cloudflare Workers, and of runtimes in its style, is used, declared here so that nobody needs their types: a
// pair of sockets, of which one goes into the response.

import { FullduplexError } from '../base/errors.ts';
import type { PlatformSocket } from '../connection/web-socket-transport.ts';

/** One end of a WebSocketPair. */
export interface WorkersSocket extends PlatformSocket {
  /** Begins to deliver events to this side. */
  accept(): void;
}

/** Two sockets that are connected with each other: the first is the client's. */
export interface WorkersSocketPair {
  readonly 0: WorkersSocket;
  readonly 1: WorkersSocket;
}

/** The init of a Response that upgrades. */
export interface WorkersResponseInit {
  readonly status: 101;
  readonly webSocket: WorkersSocket;
  readonly headers: [string, string][];
}

/** The globals that are used. */
export interface WorkersRuntime {
  readonly WebSocketPair: new () => WorkersSocketPair;
  readonly Response: new (body: null, init: WorkersResponseInit) => Response;
}

/**
 * The runtime that this runs on.
 * @throws FullduplexError `WS_UNSUPPORTED` where there is no WebSocketPair
 */
export function currentWorkers(): WorkersRuntime {
  const platform: unknown = globalThis;
  if (isWorkers(platform)) return platform;
  throw new FullduplexError(
    'WS_UNSUPPORTED',
    'fullduplex/workers runs where there is a WebSocketPair, as on Cloudflare Workers',
  );
}

function isWorkers(value: unknown): value is WorkersRuntime {
  if (typeof value !== 'object' || value === null) return false;
  return 'WebSocketPair' in value && typeof value.WebSocketPair === 'function';
}
