// The options that say by which road a client reaches its server, checked together: some exclude each other.

import { FullduplexError } from '../base/errors.ts';
import { requireInteger } from '../protocol/limits.ts';
import { requireAgent } from './agent-request.ts';
import { type ConnectOptions, defaultConnectOptions } from './connect-options.ts';
import type { ConnectTarget } from './connect-target.ts';
import { requireCookieJar } from './cookie-jar.ts';
import { makeSecureContext } from './open-tls.ts';
import { requireProxyOption } from './proxy/proxy-address.ts';

/**
 * Gives the options with all that is read once for all attempts: keys and certificates for the server and for a proxy.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function requireRoad(options: ConnectOptions, target: ConnectTarget): ConnectOptions {
  const { agent, createConnection, maxRedirects = defaultConnectOptions.maxRedirects } = options;
  const proxy = requireProxyOption(options.proxy ?? defaultConnectOptions.proxy);
  const isProxyGiven = proxy !== false && proxy !== 'environment';
  requireInteger('maxRedirects', maxRedirects, 0, 20);
  requireCookieJar(options.cookieJar);
  requireAgent(agent);
  if (agent !== undefined && (isProxyGiven || createConnection !== undefined)) {
    const other = isProxyGiven ? 'proxy' : 'createConnection';
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option agent is given beside the option ${other}, expected one of them: an agent makes its connections itself`,
    );
  }
  if (isProxyGiven && target.socketPath !== undefined) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option proxy is given for a unix socket, expected none: a proxy would look for it on its own machine',
    );
  }
  if (!target.isSecure) return { ...options, proxy };
  const secureContext = makeSecureContext(options.tls);
  // An agent has options of TLS of its own, which a context would hide.
  return { ...options, proxy, tls: agent === undefined ? { ...options.tls, secureContext } : options.tls };
}
