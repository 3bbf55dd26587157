// The reconnecting client on Node: `connect`, again and again.

import type { Connection } from '../connection/connection.ts';
import { type Dial, type ReconnectOptions, reconnectBy } from '../connection/reconnect.ts';
import { openConnection, planConnection } from './connect.ts';
import type { ConnectOptions } from './connect-options.ts';

/**
 * Connects, and connects again whenever the connection has ended:
 * `for await (const connection of reconnect(url)) for await (const message of connection) ...`
 *
 * The body of the loop works with one connection; when it comes back, or the loop is left, the connection is closed.
 * Failures that pass by themselves are followed by a wait and another attempt; others are thrown out of the loop.
 * ReconnectOptions and `reconnectBy` say more.
 *
 * @param target the URL, as for `connect`; or a function that connects, for attempts that differ (a fresh token):
 * `reconnect((signal) => connect(url, { signal, auth: { token: freshToken() } }))`
 * @throws FullduplexError at once: `WS_URL_INVALID`, `WS_OPTION_INVALID`; out of the loop: as `connect` does
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
  const plan = planConnection(target, options);
  return reconnectBy((signal) => openConnection(plan, { signal }), options);
}
