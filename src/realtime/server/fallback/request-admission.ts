// How often a client may send requests of the fallbacks, and how many links it may have: each request is a handshake of its own, and
// costs as much. Clients are told apart by their address, as for WebSocket (src/server/admission.ts).

import type { Clock } from '../../../base/clock.ts';
import { type RateLimit, requireRate } from '../../../base/token-bucket.ts';
import { requireInteger } from '../../../protocol/limits.ts';
import { AddressKeys } from '../../../server/address-keys.ts';
import { HandshakeRates } from '../../../server/handshake-rates.ts';
import { refuseRequest } from './refused-request.ts';

/** What one client may take. */
export interface RequestAdmissionOptions {
  /**
   * How often one address (of IPv6: one network of 64 bits) may send a request; 429 with Retry-After beyond it. A client that
   * polls sends a request for each thing that happens and for each that it does. The default leaves out addresses of loopback, private
   * and link-local networks and unix sockets, as for WebSocket; a limit that is given counts for them too. `false`, and a single
   * host can keep the server busy. @defaultValue 50 a second, 500 at once
   */
  readonly requestRate?: RateLimit | false;
  /** The most streams and polls at a time of one address; 429 beyond it. The default leaves out the same addresses. @defaultValue 1,000 */
  readonly maxLinksPerAddress?: number;
}

/** What holds when nothing is said. */
export const defaultRequestAdmission: Required<RequestAdmissionOptions> = Object.freeze({
  requestRate: Object.freeze({ perSecond: 50, burst: 500 }),
  maxLinksPerAddress: 1000,
});

/** Counts requests and links by address. */
export class RequestAdmission {
  readonly #clock: Clock;
  readonly #rates: HandshakeRates | undefined;
  readonly #countsLocalRates: boolean;
  readonly #maxLinks: number;
  readonly #capsLocal: boolean;
  readonly #keys = new AddressKeys();
  readonly #links = new Map<string, number>();

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor({ requestRate, maxLinksPerAddress }: RequestAdmissionOptions, clock: Clock) {
    const rate = requestRate ?? defaultRequestAdmission.requestRate;
    this.#clock = clock;
    this.#rates =
      rate === false ? undefined : new HandshakeRates(requireRate('requestRate', rate), clock.now());
    this.#countsLocalRates = requestRate !== undefined;
    this.#maxLinks = requireInteger(
      'maxLinksPerAddress',
      maxLinksPerAddress ?? defaultRequestAdmission.maxLinksPerAddress,
      1,
    );
    this.#capsLocal = maxLinksPerAddress !== undefined;
  }

  /** Counts a request. @throws RefusedRequest 429 */
  count(address: string | undefined): void {
    const { key, isLocal } = this.#keys.of(address);
    if (this.#rates === undefined || (isLocal && !this.#countsLocalRates)) return;
    const waitMs = this.#rates.count(key, this.#clock.now());
    if (waitMs > 0) throw tooMany('too many requests from this address', waitMs);
  }

  /**
   * Counts a link.
   * @returns what is called when it is gone
   * @throws RefusedRequest 429
   */
  open(address: string | undefined): () => void {
    const { key, isLocal } = this.#keys.of(address);
    if (isLocal && !this.#capsLocal) return countNothing;
    const count = this.#links.get(key) ?? 0;
    if (count >= this.#maxLinks)
      throw tooMany('this address has as many links as one address may have', 10_000);
    this.#links.set(key, count + 1);
    return () => {
      const left = (this.#links.get(key) ?? 0) - 1;
      if (left > 0) this.#links.set(key, left);
      else this.#links.delete(key);
    };
  }
}

function tooMany(message: string, afterMs: number): Error {
  const seconds = String(Math.max(1, Math.ceil(afterMs / 1000)));
  return refuseRequest(429, 'RATE_LIMITED', `${message}, try again later`, { 'Retry-After': seconds });
}

function countNothing(): void {
  // Whoever is not counted need not be counted out.
}
