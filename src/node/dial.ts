// Opens the stream of bytes under a client's connection: straight to the server or through a proxy, with TLS on top where
// the URL asks for it. Each step says that it began, so that a deadline can name it, and ends at once when the signal
// says so. What goes through an HTTP agent of the user's is agent-request.ts.

import type { Duplex } from 'node:stream';
import type { EnterPhase } from './connect-errors.ts';
import type { ConnectOptions } from './connect-options.ts';
import type { ConnectTarget } from './connect-target.ts';
import { openStream } from './open-stream.ts';
import { openTls } from './open-tls.ts';
import { type ProxyAddress, proxyAddressOf } from './proxy/proxy-address.ts';
import { proxyFromEnvironment } from './proxy/proxy-environment.ts';
import { openTunnel } from './proxy/open-tunnel.ts';

/**
 * Gives the stream, ready to be written to; no 'error' of it is ever unlistened. It may be paused, with bytes in it that
 * came behind a proxy's answer: resume it when somebody listens.
 * @param signal its abort destroys the stream; the reason is what is thrown
 * @param reading who reads a plain socket: node:http2 does so below the stream, and must not find it read before
 * @throws FullduplexError `WS_CONNECT_FAILED`, `WS_CERTIFICATE_INVALID`, `WS_OPTION_INVALID`; ProxyError
 * `WS_PROXY_REFUSED`, `WS_PROXY_INVALID`
 */
export async function dial(
  target: ConnectTarget,
  options: ConnectOptions,
  signal: AbortSignal,
  enter: EnterPhase,
  reading: 'by us' | 'by node:http2' = 'by us',
): Promise<Duplex> {
  const { proxy = 'environment' } = options;
  const address = proxy === 'environment' ? environmentProxy(target, options) : proxyAddressOf(proxy);
  const stream =
    address === undefined
      ? await openStream(target, options, signal, enter, reading)
      : await openTunnel(address, target, options, signal, enter);
  if (!target.isSecure) return stream;
  const { host, label } = target;
  enter('tls', label);
  return openTls(stream, { host, label, option: 'tls' }, options.tls, signal);
}

/** A hook that makes connections takes the place of the environment's proxies; a proxy that is named goes on top of it. */
function environmentProxy(target: ConnectTarget, options: ConnectOptions): ProxyAddress | undefined {
  return options.createConnection === undefined ? proxyFromEnvironment(target) : undefined;
}
