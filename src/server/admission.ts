// Who is let in before anybody looks at what they ask for: how often an address may begin a handshake, how many
// connections it and all together may have, and which proxies are believed about addresses. The options with their
// defaults and checks stand here too.

import type { Clock } from '../base/clock.ts';
import { type RateLimit, requireRate } from '../base/token-bucket.ts';
import { type HandshakeRefusal, refuse } from '../protocol/handshake/handshake-refusal.ts';
import { requireInteger } from '../protocol/limits.ts';
import { AddressKeys } from './address-keys.ts';
import type { ForwardedHeader } from './forwarded-header.ts';
import { HandshakeRates } from './handshake-rates.ts';
import { TrustedProxies } from './trusted-proxies.ts';
import type { IncomingUpgrade } from './upgrade-request.ts';

/** Who may connect, how often and how many at a time. */
export interface AdmissionOptions {
  /**
   * How often one address (of IPv6: one network of 64 bits) may begin an opening handshake; 429 with Retry-After beyond
   * it. The default leaves out addresses of loopback, private and link-local networks and unix sockets, because an
   * undeclared proxy there stands for everybody; a limit that is given counts for them too. `false`, and a single host
   * can keep the server busy with handshakes, which cost far more than messages.
   * @defaultValue 20 a second, 200 at once
   */
  readonly handshakeRate?: RateLimit | false;
  /**
   * The most connections at a time; 503 with Retry-After beyond it. The default leaves it to the operating system's limit on open
   * files: nobody but you knows how many this machine can serve. Without a cap, whoever has enough addresses can take
   * all memory and files of the process.
   * @defaultValue Infinity
   */
  readonly maxConnections?: number;
  /**
   * The most connections at a time of one address (of IPv6: one network of 64 bits); 429 with Retry-After beyond it.
   * The default leaves out the same addresses as that of `handshakeRate`. `Infinity`, and a single host can take all
   * connections that there are.
   * @defaultValue 1,000
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * The proxies in front of the server: addresses, ranges (`10.0.0.0/8`), `loopback`, `private` (RFC 1918, RFC 4193) or
   * `unix`. What they say in `forwardedHeader` about the client counts as its address, its scheme and its host. Name no
   * range that clients can come from: whoever is believed can claim any address, and so escape every limit and allow
   * list that goes by it.
   * @defaultValue none: such headers are ignored
   */
  readonly trustedProxies?: readonly string[];
  /**
   * What the trusted proxies write: `X-Forwarded-For`, with -Proto and -Host, or `Forwarded` (RFC 7239). The other one
   * is ignored, because a proxy passes on what it does not know: a client could have written it.
   * @defaultValue 'X-Forwarded-For'
   */
  readonly forwardedHeader?: ForwardedHeader;
}

/** What holds when nothing is said; docs/decisions/0015 says why these. */
export const defaultAdmissionOptions: Required<AdmissionOptions> = Object.freeze({
  handshakeRate: Object.freeze({ perSecond: 20, burst: 200 }),
  maxConnections: Infinity,
  maxConnectionsPerAddress: 1000,
  trustedProxies: Object.freeze([]),
  forwardedHeader: 'X-Forwarded-For',
});

// When to come back after a cap: nobody knows when a connection ends.
const retryAfterCapSeconds = 10;

/** Decides who is let in. One for each server. */
export class Admission {
  /** Who is believed about addresses; undefined when nobody is. */
  readonly trustedProxies: TrustedProxies | undefined;
  readonly #clock: Clock;
  readonly #rates: HandshakeRates | undefined;
  readonly #countsLocalRates: boolean;
  readonly #maxConnections: number;
  readonly #maxPerAddress: number;
  readonly #capsLocal: boolean;
  #connections = 0;
  // The same refusal goes to many: an error with its stack costs more than all that was counted.
  #lastRefusal: HandshakeRefusal | undefined;
  readonly #keys = new AddressKeys();
  readonly #perAddress = new Map<string, number>();

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(options: AdmissionOptions, clock: Clock) {
    const defaults = defaultAdmissionOptions;
    this.#clock = clock;
    const rate = options.handshakeRate ?? defaults.handshakeRate;
    this.#rates =
      rate === false ? undefined : new HandshakeRates(requireRate('handshakeRate', rate), clock.now());
    this.#countsLocalRates = options.handshakeRate !== undefined;
    this.#maxConnections = requireInteger(
      'maxConnections',
      options.maxConnections ?? defaults.maxConnections,
      1,
    );
    this.#maxPerAddress = requireInteger(
      'maxConnectionsPerAddress',
      options.maxConnectionsPerAddress ?? defaults.maxConnectionsPerAddress,
      1,
    );
    this.#capsLocal = options.maxConnectionsPerAddress !== undefined;
    const proxies = new TrustedProxies(
      options.trustedProxies ?? defaults.trustedProxies,
      options.forwardedHeader ?? defaults.forwardedHeader,
    );
    this.trustedProxies = proxies.isEmpty ? undefined : proxies;
  }

  /** Judges a request by its client; undefined: it may go on. A handshake that was counted before is not counted twice. */
  judge(incoming: IncomingUpgrade): HandshakeRefusal | undefined {
    const { remoteAddress, isCounted } = incoming;
    return (isCounted === true ? undefined : this.count(remoteAddress)) ?? this.refuseWhenFull(remoteAddress);
  }

  /** Counts a handshake of the address, undefined for a unix socket; undefined: it may go on. */
  count(address: string | undefined): HandshakeRefusal | undefined {
    const key = this.#rates === undefined ? undefined : this.#keyOf(address, this.#countsLocalRates);
    if (this.#rates === undefined || key === undefined) return undefined;
    const waitMs = this.#rates.count(key, this.#clock.now());
    if (waitMs === 0) return undefined;
    return this.#refuse(429, 'too many handshakes from this address', Math.ceil(waitMs / 1000));
  }

  /** Refuses an address while as many connections are open as may be; undefined: there is room. */
  refuseWhenFull(address: string | undefined): HandshakeRefusal | undefined {
    if (this.#connections >= this.#maxConnections) {
      return this.#refuse(503, 'the server has as many connections as it may have', retryAfterCapSeconds);
    }
    const key = this.#capKeyOf(address);
    if (key === undefined || (this.#perAddress.get(key) ?? 0) < this.#maxPerAddress) return undefined;
    return this.#refuse(
      429,
      'this address has as many connections as one address may have',
      retryAfterCapSeconds,
    );
  }

  /** A connection of the address has come about. */
  opened(address: string | undefined): void {
    this.#connections++;
    const key = this.#capKeyOf(address);
    if (key !== undefined) this.#perAddress.set(key, (this.#perAddress.get(key) ?? 0) + 1);
  }

  /** It is gone. */
  closed(address: string | undefined): void {
    this.#connections--;
    const key = this.#capKeyOf(address);
    if (key === undefined) return;
    const left = (this.#perAddress.get(key) ?? 0) - 1;
    if (left > 0) this.#perAddress.set(key, left);
    else this.#perAddress.delete(key);
  }

  #refuse(status: 429 | 503, message: string, afterSeconds: number): HandshakeRefusal {
    const last = this.#lastRefusal;
    const retryAfter = String(Math.max(1, afterSeconds));
    const body = `${message}, try again later`;
    const isSame = last?.body === `${body}\n` && last.headers.get('Retry-After') === retryAfter;
    if (isSame) return last;
    const refusal = refuse(status, body, 'WS_HANDSHAKE_REFUSED');
    refusal.headers.append('Retry-After', retryAfter);
    this.#lastRefusal = refusal;
    return refusal;
  }

  #capKeyOf(address: string | undefined): string | undefined {
    return this.#maxPerAddress === Infinity ? undefined : this.#keyOf(address, this.#capsLocal);
  }

  // Undefined: the address is not counted.
  #keyOf(address: string | undefined, countsLocal: boolean): string | undefined {
    const { key, isLocal } = this.#keys.of(address);
    return isLocal && !countsLocal ? undefined : key;
  }
}
