// The options of a client in a browser: those of connect() on Node that a browser can keep. One that it cannot keep is
// refused by name.

import type { Connection } from '../connection/connection.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { Limitation } from '../connection/unsupported-options.ts';

/** The options of a connection that hold in a browser as well. */
export type BrowserConnectionOptions = Pick<
  ConnectionOptions,
  'highWaterMarkBytes' | 'maxQueuedBytes' | 'closeTimeoutMs' | 'pauseOnBackpressure' | 'binaryMessages'
>;

/** How a client in a browser connects, and how the connection then behaves. */
export interface ConnectOptions extends Partial<BrowserConnectionOptions> {
  /** The subprotocols to offer, in order of preference; the server has to pick one. @defaultValue none */
  readonly protocols?: readonly string[];
  /** How long connecting may take, in milliseconds. @defaultValue 10,000 */
  readonly handshakeTimeoutMs?: number;
  /** Gives up connecting with `WS_ABORTED`. Once the connection is open the signal has no effect on it. */
  readonly signal?: AbortSignal;
  /** Hears what a handler threw. @defaultValue console.error */
  readonly onError?: (error: unknown, connection: Connection) => void;
}

/** The options of connecting that hold when none are given; defaultConnectionOptions has the rest. */
export const defaultConnectOptions: Readonly<{ handshakeTimeoutMs: number }> = Object.freeze({
  handshakeTimeoutMs: 10_000,
});

const headers: Limitation = { because: 'a browser makes the request by itself' };
const network: Limitation = { because: 'a browser makes the connection by itself' };
const limits: Limitation = { because: 'a browser has limits of its own' };

/** The options of `connect` that only Node keeps. */
export const browserLimitations: ReadonlyMap<string, Limitation> = new Map([
  ['headers', headers],
  ['origin', headers],
  ['auth', headers],
  ['cookies', headers],
  ['extension', headers],
  ['perMessageDeflate', { because: 'a browser offers compression by itself', kept: true }],
  ['requireProtocol', { because: 'the standard of browsers demands it', kept: true }],
  ['tls', network],
  ['socket', network],
  ['createConnection', network],
  ['maxMessageBytes', limits],
  ['maxFrameBytes', limits],
  ['maxFragments', limits],
  ['maxRetainedBytes', limits],
  ['pingIntervalMs', { because: 'a browser sends no pings', kept: 0 }],
  ['pongTimeoutMs', { because: 'a browser sends no pings' }],
  ['autoPong', { because: 'a browser answers every ping', kept: true }],
  ['validateUtf8', { because: 'a browser checks all text', kept: true }],
  ['receive', { because: 'a browser gives whole messages only', kept: 'whole' }],
]);
