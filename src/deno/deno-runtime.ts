// What of Deno is used, declared here so that nobody needs Deno's types: Deno.serve and Deno.upgradeWebSocket.

import { FullduplexError } from '../base/errors.ts';
import type { PlatformSocket } from '../connection/web-socket-transport.ts';

/** Who sent a request (Deno.ServeHandlerInfo). */
export interface DenoRequestInfo {
  readonly remoteAddr: DenoAddress;
}

/** An address of Deno: of TCP, or of a unix socket. */
export interface DenoAddress {
  readonly transport: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: string;
}

/** What Deno.serve gives. */
export interface DenoListener {
  readonly addr: DenoAddress;
  readonly finished: Promise<void>;
}

/** What Deno.serve takes. */
export interface DenoServeOptions {
  readonly port?: number;
  readonly hostname?: string;
  readonly path?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly signal?: AbortSignal;
  onListen(address: DenoAddress): void;
  onError(error: unknown): Response;
}

/** The global `Deno`. */
export interface DenoRuntime {
  serve(
    options: DenoServeOptions,
    handler: (request: Request, info: DenoRequestInfo) => Response | Promise<Response>,
  ): DenoListener;
  upgradeWebSocket(
    request: Request,
    options: { readonly protocol?: string; readonly idleTimeout?: number },
  ): { readonly socket: PlatformSocket; readonly response: Response };
}

/**
 * The runtime that this runs on.
 * @throws FullduplexError `WS_UNSUPPORTED` when it is not Deno
 */
export function currentDeno(): DenoRuntime {
  const deno: unknown = Reflect.get(globalThis, 'Deno');
  if (isDeno(deno)) return deno;
  throw new FullduplexError(
    'WS_UNSUPPORTED',
    'fullduplex/deno runs on Deno only, where there are Deno.serve and Deno.upgradeWebSocket',
  );
}

function isDeno(value: unknown): value is DenoRuntime {
  if (typeof value !== 'object' || value === null) return false;
  if (!('serve' in value) || typeof value.serve !== 'function') return false;
  return 'upgradeWebSocket' in value && typeof value.upgradeWebSocket === 'function';
}
