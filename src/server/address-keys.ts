// Under which key an address is counted. One handshake asks up to five times, and the next ones are often from the same
// addresses, so what was found out is kept, for a bounded number of addresses.

import { isLocalAddress, parseIpAddress, rateKeyOf } from './ip-address.ts';

/** What is known of an address. */
export interface AddressKey {
  /** The address of IPv4, the network of 64 bits of IPv6, or the text itself where it is neither. */
  readonly key: string;
  /** Whether it comes from a network around us, where many may stand behind one address. */
  readonly isLocal: boolean;
}

// Some 100 KiB. All are forgotten at once when there are more: who sends so many addresses pays for looking at them.
const mostKnown = 1024;

const unixSocket: AddressKey = Object.freeze({ key: 'unix', isLocal: true });

/** The keys of the addresses that were asked for lately. */
export class AddressKeys {
  readonly #known = new Map<string, AddressKey>();

  /** The key of an address; undefined stands for a unix socket. */
  of(address: string | undefined): AddressKey {
    if (address === undefined) return unixSocket;
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const parsed = parseIpAddress(address);
    // An address of a kind that we do not know is still one.
    const found: AddressKey =
      parsed === undefined
        ? { key: address, isLocal: false }
        : { key: rateKeyOf(parsed), isLocal: isLocalAddress(parsed) };
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.set(address, found);
    return found;
  }
}
