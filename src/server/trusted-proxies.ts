// Who a client is when it comes through a proxy. A header that names the client is worth as much as who wrote it: it is
// looked at only when the peer itself is a proxy that the option `trustedProxies` names, and only as far as there are
// such proxies (forwarded-header.ts reads it from its end).

import { describe, FullduplexError } from '../base/errors.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { eachHop, type ForwardedHeader } from './forwarded-header.ts';
import {
  formatIpAddress,
  type IpAddress,
  type IpRange,
  isInRange,
  loopbackRanges,
  parseIpAddress,
  parseIpRange,
  privateRanges,
} from './ip-address.ts';
import type { ForwardedFacts, IncomingUpgrade } from './upgrade-request.ts';

/** The proxies that are believed, and where they write. */
export class TrustedProxies {
  readonly #ranges: readonly IpRange[];
  readonly #isUnixTrusted: boolean;
  readonly #header: ForwardedHeader;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(proxies: readonly string[], header: ForwardedHeader) {
    if (!Array.isArray(proxies)) {
      throw invalid('trustedProxies', proxies, 'a list of addresses and names');
    }
    this.#ranges = proxies.flatMap(rangesOf);
    this.#isUnixTrusted = proxies.includes('unix');
    this.#header = requireForwardedHeader(header);
  }

  /** Whether nobody is believed. */
  get isEmpty(): boolean {
    return this.#ranges.length === 0 && !this.#isUnixTrusted;
  }

  /** Gives the request as the client made it, or the same when the peer is nobody who is believed. */
  resolve(incoming: IncomingUpgrade): IncomingUpgrade {
    const peer = incoming.remoteAddress;
    // Without an address a peer is trusted only when it is known why: one that is gone already has none either.
    const isTrusted =
      peer === undefined ? this.#isUnixTrusted && incoming.isUnixSocket === true : this.#trustsText(peer);
    if (!isTrusted) return incoming;
    let remoteAddress = peer;
    let scheme: string | undefined;
    let host: string | undefined;
    let isForwarded = false;
    eachHop(this.#header, incoming.head.headers, (hop) => {
      isForwarded = true;
      // What is said further away is nearer to the client.
      scheme = knownScheme(hop.scheme) ?? scheme;
      host = isAuthority(hop.host) ? hop.host : host;
      if (hop.address === undefined) return false;
      remoteAddress = formatIpAddress(hop.address);
      return this.#trusts(hop.address);
    });
    if (!isForwarded) return incoming;
    const isSecure = scheme === undefined ? incoming.isSecure : scheme === 'https' || scheme === 'wss';
    return new ForwardedUpgrade(incoming, remoteAddress, isSecure, { peerAddress: peer, host });
  }

  #trustsText(text: string): boolean {
    const address = parseIpAddress(text);
    return address !== undefined && this.#trusts(address);
  }

  #trusts(address: IpAddress): boolean {
    return this.#ranges.some((range) => isInRange(address, range));
  }
}

/** A request that came through proxies, as its client made it. */
class ForwardedUpgrade implements IncomingUpgrade {
  readonly remoteAddress: string | undefined;
  readonly isSecure: boolean;
  readonly forwarded: ForwardedFacts;
  // The guard against DNS rebinding is for pages that reach a loopback address directly: they can set none of the
  // headers that have brought us here.
  readonly isOnLoopback: boolean = false;
  readonly #received: IncomingUpgrade;

  constructor(
    received: IncomingUpgrade,
    remoteAddress: string | undefined,
    isSecure: boolean,
    forwarded: ForwardedFacts,
  ) {
    this.#received = received;
    this.remoteAddress = remoteAddress;
    this.isSecure = isSecure;
    this.forwarded = forwarded;
  }

  get head(): RequestHead {
    return this.#received.head;
  }

  get isUnixSocket(): boolean {
    return this.#received.isUnixSocket === true;
  }

  get isCounted(): boolean {
    return this.#received.isCounted === true;
  }

  get request(): Request | undefined {
    return this.#received.request;
  }

  // Made only when somebody asks for it.
  get signal(): AbortSignal {
    return this.#received.signal;
  }
}

function rangesOf(text: unknown): readonly IpRange[] {
  if (text === 'loopback') return loopbackRanges;
  if (text === 'private') return privateRanges;
  if (text === 'unix') return [];
  const range = typeof text === 'string' ? parseIpRange(text) : undefined;
  if (range !== undefined) return [range];
  throw invalid(
    'trustedProxies',
    text,
    'addresses ("192.0.2.1"), ranges ("10.0.0.0/8", "fd00::/8"), "loopback", "private" or "unix"',
    'has',
  );
}

function requireForwardedHeader(header: ForwardedHeader): ForwardedHeader {
  if (header === 'X-Forwarded-For' || header === 'Forwarded') return header;
  throw invalid('forwardedHeader', header, '"X-Forwarded-For" or "Forwarded"');
}

function invalid(option: string, found: unknown, expected: string, verb = 'is'): FullduplexError {
  return new FullduplexError(
    'WS_OPTION_INVALID',
    `option ${option} ${verb} ${describe(found)}, expected ${expected}`,
  );
}

function knownScheme(scheme: string | undefined): string | undefined {
  return scheme !== undefined && ['http', 'https', 'ws', 'wss'].includes(scheme) ? scheme : undefined;
}

/** Whether the text is a host, perhaps with a port, and nothing more. */
function isAuthority(text: string | undefined): text is string {
  if (text === undefined || text === '') return false;
  for (const char of '/\\?#@ \t') if (text.includes(char)) return false;
  return URL.canParse(`http://${text}`);
}
