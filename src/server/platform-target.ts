// Where a server on Bun or Deno listens: the targets of serve() on Node, without somebody else's server.

import { describe, FullduplexError } from '../base/errors.ts';
import { type ListenAddress, requireListenAddress } from './listen-address.ts';
import { isLoopbackAddress, isLoopbackHost } from './origin.ts';

/** A certificate and its key as text (PEM). */
export interface PlatformTls {
  readonly cert: string;
  readonly key: string;
}

/** Where connections come from: exactly one of three. */
export type PlatformTarget =
  | {
      /** The port to listen on; 0 takes a free one. */
      readonly port: number;
      /** The name or address to listen on. @defaultValue all addresses of the machine */
      readonly host?: string;
      /** Certificate and key: the server speaks wss. @defaultValue plain ws */
      readonly tls?: PlatformTls;
      readonly socketPath?: undefined;
      readonly listen?: undefined;
    }
  | {
      /** The path of the unix socket to listen on. */
      readonly socketPath: string;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly tls?: undefined;
      readonly listen?: undefined;
    }
  | {
      /** `false`: requests are handed over with `fetch`. */
      readonly listen: false;
      readonly port?: undefined;
      readonly host?: undefined;
      readonly socketPath?: undefined;
      readonly tls?: undefined;
    };

/**
 * Checks where to listen.
 * @returns undefined for nowhere
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requirePlatformTarget(options: PlatformTarget): ListenAddress | undefined {
  const { port, socketPath, host, tls } = options;
  const listens: unknown = options.listen;
  const given = [port, socketPath, listens].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `${given} of the options port, socketPath and listen are given, expected exactly one`,
    );
  }
  if (listens !== undefined && listens !== false) {
    throw new FullduplexError('WS_OPTION_INVALID', `option listen is ${describe(listens)}, expected false`);
  }
  if (tls !== undefined && (typeof tls?.cert !== 'string' || typeof tls.key !== 'string')) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option tls is ${describe(tls)}, expected { cert, key } as PEM text`,
    );
  }
  if (port !== undefined) return requireListenAddress({ port, ...(host === undefined ? {} : { host }) });
  return socketPath === undefined ? undefined : requireListenAddress({ socketPath });
}

/** Whether a server that listens there is reached from its own machine only. */
export function isLoopbackTarget(address: ListenAddress): boolean {
  if (!('port' in address) || address.host === undefined) return false;
  return isLoopbackHost(address.host) || isLoopbackAddress(address.host);
}
