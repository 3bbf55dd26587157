// serve() on Bun: as on Node, over Bun.serve.

import type { PlatformEndpointOptions } from '../server/platform-options.ts';
import { type PlatformTarget, requirePlatformTarget } from '../server/platform-target.ts';
import { resolveServerLimits, type ServerHandlers } from '../server/server-options.ts';
import { currentBun } from './bun-runtime.ts';
import { BunServer, type BunServerOptions } from './bun-server.ts';

/** The options of `serve` on Bun: where, one endpoint, and the bounds of the server. */
export type ServeOptions<Data = undefined, Path extends string = string> = PlatformTarget &
  BunServerOptions &
  PlatformEndpointOptions<Data, Path> & {
    /** The path of the endpoint: `/chat/:room`, `/files/*`. @defaultValue every path */
    readonly path?: Path;
  };

/**
 * Starts a WebSocket server over `Bun.serve`. What `upgrade` returns as `data` types `connection.data` in the handlers.
 *
 * Connections are as on Node, with what Bun can do: they ping and are cut, but cannot be paused, and there are no fragments
 * and no observed frames (`WS_UNSUPPORTED`).
 *
 * @returns the server, listening unless `listen` is false
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_UNSUPPORTED` for an option that Bun cannot keep, and where there is no
 * Bun; `WS_PORT_IN_USE` and `WS_LISTEN_FAILED`, which leave nothing behind
 */
export async function serve<Data = undefined, const Path extends string = string>(
  options: ServeOptions<Data, Path>,
  handlers: ServerHandlers<NoInfer<Data>> = {},
): Promise<BunServer> {
  const address = requirePlatformTarget(options);
  const { handshakeTimeoutMs } = resolveServerLimits(options);
  const server = new BunServer(options);
  const path: string = options.path ?? '/*';
  // Compression is for the whole server here.
  const endpoint = { ...options, perMessageDeflate: undefined };
  server.endpoint(path, endpoint, handlers);
  if (address !== undefined) server.listen(currentBun(), address, options.tls, handshakeTimeoutMs);
  return server;
}
