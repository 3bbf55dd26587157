// TLS on top of a stream, to a server or to a proxy: the name that is asked for and checked, and the errors of
// certificates in words.

import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { requireUsable, untilOpen } from './abortable.ts';
import { certificateInvalid, connectFailed } from './connect-errors.ts';
import type { ClientTlsOptions } from './connect-options.ts';

/** Who is spoken TLS with. */
export interface TlsPeer {
  /** The name or the address that the certificate has to be valid for. */
  readonly host: string;
  /** The peer in words, for messages. */
  readonly label: string;
  /** The option that has `tls`, for messages. */
  readonly option: 'tls' | 'proxy.tls';
}

/**
 * Reads keys and certificates, once for all attempts.
 * @throws FullduplexError `WS_OPTION_INVALID` when TLS cannot use them
 */
export function makeSecureContext(
  tls: ClientTlsOptions = {},
  option: TlsPeer['option'] = 'tls',
): SecureContext {
  return tls.secureContext ?? requireUsable(option, () => createSecureContext(tls));
}

/**
 * Gives the stream with TLS on top. The one below is destroyed when there is none.
 * @throws FullduplexError `WS_CONNECT_FAILED`, `WS_CERTIFICATE_INVALID`, `WS_OPTION_INVALID`, or the reason of the abort
 */
export async function openTls(
  stream: Duplex,
  { host, label, option }: TlsPeer,
  tls: ClientTlsOptions | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    // RFC 6066 3: no server name for an address, and no dot at its end.
    const servername = isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {};
    const socket = requireUsable(option, () =>
      connectTls({ host, ALPNProtocols: ['http/1.1'], ...servername, ...tls, socket: stream }),
    );
    await untilOpen(socket, 'secureConnect', signal, (error) =>
      // Node declares an Error here; what it sets is null, or the code of the verification that failed.
      socket.authorizationError ? certificateInvalid(host, error, option) : connectFailed(label, error),
    );
    return socket;
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
