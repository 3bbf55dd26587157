// serve() on Deno: as on Node, over Deno.serve.

import type { PlatformEndpointOptions } from '../server/platform-options.ts';
import { type PlatformTarget, requirePlatformTarget } from '../server/platform-target.ts';
import type { ServerHandlers } from '../server/server-options.ts';
import { currentDeno } from './deno-runtime.ts';
import { DenoServer, type DenoServerOptions } from './deno-server.ts';

/** The options of `serve` on Deno: where, one endpoint, and the bounds of the server. */
export type ServeOptions<Data = undefined, Path extends string = string> = PlatformTarget &
  DenoServerOptions &
  PlatformEndpointOptions<Data, Path> & {
    /** The path of the endpoint: `/chat/:room`, `/files/*`. @defaultValue every path */
    readonly path?: Path;
  };

/**
 * Starts a WebSocket server over `Deno.serve`. What `upgrade` returns as `data` types `connection.data` in the handlers.
 *
 * Connections are as on Node, with what Deno can do: it pings by itself, and there are no pings of ours, no pause, no
 * fragments, no observed frames and no `terminate` (`WS_UNSUPPORTED`).
 *
 * @returns the server, listening unless `listen` is false
 * @throws FullduplexError `WS_OPTION_INVALID`; `WS_UNSUPPORTED` for an option that Deno cannot keep, and where there is
 * no Deno; `WS_PORT_IN_USE` and `WS_LISTEN_FAILED`, which leave nothing behind
 */
export async function serve<Data = undefined, const Path extends string = string>(
  options: ServeOptions<Data, Path>,
  handlers: ServerHandlers<NoInfer<Data>> = {},
): Promise<DenoServer> {
  const address = requirePlatformTarget(options);
  const server = new DenoServer(options);
  const path: string = options.path ?? '/*';
  const endpoint: PlatformEndpointOptions<Data> = options;
  server.endpoint(path, endpoint, handlers);
  if (address !== undefined) server.listen(currentDeno(), address, options.tls);
  return server;
}
