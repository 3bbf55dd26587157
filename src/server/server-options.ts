// The options of endpoints and servers, their defaults and their checks.

import type { Clock } from '../base/clock.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import type { ConnectionHandlers } from '../connection/connection-handlers.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { ReceiveRate } from '../connection/receive-rates.ts';
import type { ExtensionOptions } from '../protocol/extensions/extension-options.ts';
import { requireInteger } from '../protocol/limits.ts';
import type { AdmissionOptions } from './admission.ts';
import type { AllowedOrigins } from './origin.ts';
import type { ServerConnection } from './server-connection.ts';
import type { UpgradeDecision } from './upgrade-decision.ts';
import type { UpgradeRequest } from './upgrade-request.ts';

/** What a server does when something happens on a connection. */
export type ServerHandlers<Data = undefined> = ConnectionHandlers<ServerConnection<Data>>;

/** How one endpoint accepts connections, and how these behave. */
export interface EndpointOptions<Data = undefined, Path extends string = string>
  extends Partial<ConnectionOptions>,
    ExtensionOptions {
  /**
   * Decides about each request that keeps the rules of RFC 6455 and has an allowed origin. The type of `data` in
   * what it returns is the type of `connection.data` in the handlers.
   * @defaultValue accepts, without data
   */
  upgrade?(request: UpgradeRequest<Path>): UpgradeDecision<Data> | Promise<UpgradeDecision<Data>>;
  /** The subprotocols that the server speaks, the one it likes best first. @defaultValue none */
  readonly protocols?: readonly string[];
  /**
   * Which web pages may connect; requests without Origin come from no browser and pass. Loosened to `any`, every page
   * of the web can open connections in the name of your users, with their cookies.
   * @defaultValue 'same-origin'
   */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * Whether each connection keeps the two heads of its opening handshake, for pages and logs that show them. They hold
   * the client's cookies and credentials, and cost a kilobyte or two for as long as the connection lives.
   * @defaultValue false: `connection.handshake` is undefined
   */
  readonly keepHandshake?: boolean;
  /**
   * How many messages a peer may send; pings and pongs count as messages. What is normal only the application knows.
   * Without it, a peer can keep the server as busy as its handler makes it.
   * @defaultValue no limit
   */
  readonly messageRate?: ReceiveRate;
  /**
   * How many bytes a peer may send, as they arrive: headers of frames count, compressed messages count as they are. A
   * single read of up to 256 KiB may go beyond the burst. Without it, a peer can take all of the bandwidth that its own allows.
   * @defaultValue no limit
   */
  readonly byteRate?: ReceiveRate;
  /**
   * Names what connections share the two rates: a user, a token, an address. Undefined: a connection has rates of its own.
   * Without it, a peer has as many times the rate as it has connections.
   * @defaultValue each connection has rates of its own
   */
  rateKey?(request: UpgradeRequest<Path>): string | undefined;
}

/** The bounds of a whole server. */
export interface ServerLimits {
  /**
   * How long a client may take from its connection to the end of the opening handshake, the decision of `upgrade`
   * included, in milliseconds. On a server of somebody else's it runs from the first byte to the end of the first
   * request head, and again while `upgrade` decides. Longer, and silent clients hold more sockets. @defaultValue 10,000
   */
  readonly handshakeTimeoutMs: number;
  /** The longest request head in bytes, for servers that we start; 431 beyond it. @defaultValue 16 KiB */
  readonly maxHeaderBytes: number;
  /** The most headers of a handshake; 431 beyond it. @defaultValue 100 */
  readonly maxHeaderCount: number;
  /**
   * The most streams that one HTTP/2 connection may have open at a time, for servers that we start (RFC 9113 5.1.2);
   * what is more is refused, and the client opens another connection. Larger, and one TCP connection, which is all that
   * a firewall counts, holds more WebSockets. @defaultValue 128
   */
  readonly maxStreamsPerSession: number;
  /**
   * The most bytes of unfinished input that all connections together retain; a connection that would need more is
   * failed with 1013. @defaultValue 256 MiB
   */
  readonly maxRetainedBytesTotal: number;
}

/** The options of a whole server. */
export interface ServerOptions extends Partial<ServerLimits>, AdmissionOptions {
  /**
   * Hears what `upgrade` or a handler threw, and errors of the server's own socket.
   * @defaultValue console.error
   */
  onError?(error: unknown, connection: ServerConnection<unknown> | undefined): unknown;
  /** Where all deadlines come from; for tests. @defaultValue the system's clock */
  readonly clock?: Clock;
}

/** The bounds that hold when none are given. */
export const defaultServerLimits: ServerLimits = Object.freeze({
  handshakeTimeoutMs: 10_000,
  maxHeaderBytes: 16 * 1024,
  maxHeaderCount: 100,
  maxStreamsPerSession: 128,
  maxRetainedBytesTotal: 256 * 1024 * 1024,
});

const longestDelayMs = 2_147_483_647;

/**
 * Completes partial bounds with the defaults and checks them.
 * @throws FullduplexError `WS_OPTION_INVALID` naming the option, what was given and what is allowed.
 */
export function resolveServerLimits(given: Partial<ServerLimits>): ServerLimits {
  const defaults = defaultServerLimits;
  return {
    handshakeTimeoutMs: requireInteger(
      'handshakeTimeoutMs',
      given.handshakeTimeoutMs ?? defaults.handshakeTimeoutMs,
      1,
      longestDelayMs,
    ),
    maxHeaderBytes: requireInteger(
      'maxHeaderBytes',
      given.maxHeaderBytes ?? defaults.maxHeaderBytes,
      256,
      1024 * 1024,
    ),
    maxHeaderCount: requireInteger(
      'maxHeaderCount',
      given.maxHeaderCount ?? defaults.maxHeaderCount,
      8,
      1000,
    ),
    maxStreamsPerSession: requireInteger(
      'maxStreamsPerSession',
      given.maxStreamsPerSession ?? defaults.maxStreamsPerSession,
      1,
      65_535,
    ),
    maxRetainedBytesTotal: requireInteger(
      'maxRetainedBytesTotal',
      given.maxRetainedBytesTotal ?? defaults.maxRetainedBytesTotal,
      1024,
    ),
  };
}

/**
 * Checks that options are functions or absent.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireFunctions<Name extends string>(
  options: { readonly [Key in Name]?: unknown },
  names: readonly Name[],
): void {
  for (const name of names) {
    const value = options[name];
    if (value === undefined || typeof value === 'function') continue;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option ${name} is ${describe(value)}, expected a function`,
    );
  }
}

/**
 * Checks that an option is a boolean or absent.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireOptionalBoolean(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option ${name} is ${describe(value)}, expected true or false`,
  );
}
