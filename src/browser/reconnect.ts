// The reconnecting client in a browser: `connect`, again and again.

import type { Connection } from '../connection/connection.ts';
import { type Dial, type ReconnectOptions, reconnectBy } from '../connection/reconnect.ts';
import { currentPlatform, openConnection, planConnection } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';

/**
 * Connects, and connects again whenever the connection has ended; as on Node. A browser does not say why an attempt
 * failed, so that every failure is taken for one that passes by itself.
 *
 * @param target the URL, as for `connect`; or a function that connects, for attempts that differ
 * @throws FullduplexError at once: `WS_URL_INVALID`, `WS_OPTION_INVALID`, `WS_UNSUPPORTED`
 */
export function reconnect(
  target: string | URL,
  options?: ConnectOptions & ReconnectOptions,
): AsyncIterable<Connection>;
export function reconnect(target: Dial, options?: ReconnectOptions): AsyncIterable<Connection>;
export function reconnect(
  target: string | URL | Dial,
  options: ConnectOptions & ReconnectOptions = {},
): AsyncIterable<Connection> {
  if (typeof target === 'function') return reconnectBy(target, options);
  const platform = currentPlatform();
  const plan = planConnection(target, options, platform.baseUrl);
  return reconnectBy((signal) => openConnection(plan, platform, signal), options);
}
