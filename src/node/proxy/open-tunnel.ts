// Opens a stream to a server through a proxy: dials the proxy, speaks TLS with it if it wants that, and asks it for the
// server. What is secret between us and the proxy ends here, and nothing of the request to the server is known here.

import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProxyError } from '../../connection/proxy-error.ts';
import { abortReasonOf, requireUsable, untilAborted } from '../abortable.ts';
import { connectFailed, type EnterPhase } from '../connect-errors.ts';
import type { ConnectOptions } from '../connect-options.ts';
import type { ConnectTarget } from '../connect-target.ts';
import { openStream } from '../open-stream.ts';
import { openTls } from '../open-tls.ts';
import { HttpConnect } from './http-connect.ts';
import { negotiate } from './negotiation.ts';
import type { ProxyAddress } from './proxy-address.ts';
import { Socks5 } from './socks5.ts';

/** How many addresses of a server are tried through a SOCKS proxy: each takes a connection of its own. */
const maxAddresses = 4;

/** The replies of SOCKS after which another address may do (RFC 1928 6): all that is about the way to it. */
const repliesAboutAddress: ReadonlySet<number | undefined> = new Set([1, 3, 4, 5, 6, 8]);

/**
 * Gives the stream to the server: paused, with the server's first bytes in it if there are any. No 'error' of it is ever
 * unlistened.
 * @throws FullduplexError `WS_CONNECT_FAILED`, `WS_CERTIFICATE_INVALID`; ProxyError `WS_PROXY_REFUSED`,
 * `WS_PROXY_INVALID`; or the reason of the abort
 */
export async function openTunnel(
  proxy: ProxyAddress,
  target: ConnectTarget,
  options: ConnectOptions,
  signal: AbortSignal,
  enter: EnterPhase,
): Promise<Duplex> {
  const open = (host: string): Promise<Duplex> => openTo(host, proxy, target, options, signal, enter);
  if (proxy.kind !== 'socks5' || isIP(target.host) !== 0) return open(target.host);
  enter('lookup', target.label);
  const addresses = await lookUp(target, options, signal);
  const refusals: ProxyError[] = [];
  for (const { address } of addresses.slice(0, maxAddresses)) {
    try {
      // One after the other: a proxy that cannot reach an address says so.
      return await open(address);
    } catch (error) {
      if (!(error instanceof ProxyError) || !repliesAboutAddress.has(error.socksReply)) throw error;
      refusals.push(error);
    }
  }
  const [only] = refusals;
  if (refusals.length === 1 && only !== undefined) throw only;
  throw new ProxyError('WS_PROXY_REFUSED', refusals.map(({ message }) => message).join(', '), {
    ...(only?.socksReply === undefined ? {} : { socksReply: only.socksReply }),
    cause: new AggregateError(refusals),
  });
}

async function openTo(
  host: string,
  proxy: ProxyAddress,
  target: ConnectTarget,
  options: ConnectOptions,
  signal: AbortSignal,
  enter: EnterPhase,
): Promise<Duplex> {
  const { label, port } = proxy;
  const isSecure = proxy.isSecure || target.isSecure;
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${target.port}`;
  // First of all, because a name that SOCKS cannot carry is known now.
  const negotiation =
    proxy.kind === 'connect'
      ? new HttpConnect({ label, authority, headers: proxy.headers })
      : new Socks5({ label, host, port: target.port, credentials: proxy.credentials });
  const below = await openStream(
    { host: proxy.host, port, socketPath: undefined, isSecure, label },
    options,
    signal,
    enter,
  );
  let stream = below;
  if (proxy.isSecure) {
    enter('tls', label);
    stream = await openTls(below, { host: proxy.host, label, option: 'proxy.tls' }, proxy.tls, signal);
  }
  enter('proxy', label);
  await negotiate(stream, negotiation, signal);
  return stream;
}

/** Looks the server's name up here, for a SOCKS proxy that is given addresses. */
function lookUp(
  { host, label }: ConnectTarget,
  { socket: { lookup = systemLookup, family = 0 } = {} }: ConnectOptions,
  signal: AbortSignal,
): Promise<readonly LookupAddress[]> {
  if (signal.aborted) return Promise.reject(abortReasonOf(signal));
  const found = new Promise<readonly LookupAddress[]>((resolve, reject) => {
    requireUsable('socket', () =>
      lookup(host, { all: true, family }, (error, address, givenFamily) => {
        if (error !== null) reject(connectFailed(label, error));
        else if (typeof address === 'string') resolve([{ address, family: givenFamily ?? isIP(address) }]);
        else if (address.length === 0) reject(connectFailed(label, new Error(`no address for ${host}`)));
        else resolve(address);
      }),
    );
  });
  return untilAborted(found, signal);
}
