// Where a server of ours listens, whatever the platform: how the options are checked, what is said when listening fails,
// and how the address stands in a URL.

import { describe, FullduplexError } from '../base/errors.ts';
import { requireInteger } from '../protocol/limits.ts';

/** Where a server of ours listens: a TCP port, or the path of a unix socket. */
export type ListenAddress =
  | { readonly port: number; readonly host?: string }
  | { readonly socketPath: string };

/**
 * Checks where to listen.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireListenAddress(address: ListenAddress): ListenAddress {
  if ('socketPath' in address) {
    const { socketPath } = address;
    if (typeof socketPath === 'string' && socketPath !== '') return { socketPath };
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option socketPath is ${describe(socketPath)}, expected a path`,
    );
  }
  const port = requireInteger('port', address.port, 0, 65_535);
  const { host } = address;
  if (host === undefined) return { port };
  if (typeof host === 'string' && host !== '') return { port, host };
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option host is ${describe(host)}, expected a name or an address`,
  );
}

/** The error for a server that has no address. */
export function notListening(): FullduplexError {
  return new FullduplexError('WS_STATE_INVALID', 'the server does not listen, so it has no address');
}

/** The host of a URL that leads to an address; who listens on all addresses is reached at localhost. */
export function hostInUrl(address: string): string {
  if (address === '::' || address === '0.0.0.0') return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}

/** The error for a listener that did not come about. */
export function listenError(error: Error, address: ListenAddress): FullduplexError {
  const code = 'code' in error ? error.code : undefined;
  const place = placeOf(address);
  if (code === 'EADDRINUSE') {
    const wayOut =
      'socketPath' in address
        ? 'stop the server that uses it, or remove the file if none does'
        : 'stop the program that uses it, or choose another port (0 takes a free one)';
    return new FullduplexError('WS_PORT_IN_USE', `${place} is in use: ${wayOut}`, { cause: error });
  }
  const hint =
    code === 'EACCES' ? ': this user may not listen there (ports below 1024 are often reserved)' : '';
  return new FullduplexError('WS_LISTEN_FAILED', `cannot listen on ${place}${hint}: ${error.message}`, {
    cause: error,
  });
}

function placeOf(address: ListenAddress): string {
  if ('socketPath' in address) return `the socket ${address.socketPath}`;
  return address.host === undefined ? `port ${address.port}` : `port ${address.port} of ${address.host}`;
}
