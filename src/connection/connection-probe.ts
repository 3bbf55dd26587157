// Who watches connections from outside of the application: a platform puts its diagnostics here. Nothing is called for
// a message; what is called comes once or rarely in the life of a connection, so that watching costs nothing unused.
// That a connection was opened is told by whoever opened it.

import type { Connection } from './connection.ts';

/** Hears about the life of connections. What it throws would be thrown into the connection: it must not. */
export interface ConnectionProbe {
  /** A handler or a frame observer of the connection threw, or rejected. */
  failed(error: unknown, connection: Connection<unknown>): void;
  /** The connection is gone; `closedInfo` says why. Its `close` handler comes behind this. */
  closed(connection: Connection<unknown>): void;
}
