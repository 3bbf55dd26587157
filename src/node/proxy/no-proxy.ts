// NO_PROXY: which hosts are reached without the proxy of the environment. There is no standard; this is what curl and Go
// have in common: `*`, names with everything below them, addresses, blocks of addresses, each with a port if need be.

import { BlockList, isIP } from 'node:net';
import { describe, FullduplexError } from '../../base/errors.ts';

/** A server, as far as NO_PROXY looks at it. */
export interface Destination {
  /** The name or the address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Whether the list names the destination. `example.com`, `.example.com` and `*.example.com` all mean the name and
 * everything below it (as curl has it; in Go a leading dot leaves out the name itself). A name is not looked up to find
 * its address in a block. What makes no sense is never met.
 * @param list elements parted by commas or white space
 * @param source where the list stands, for messages
 * @throws FullduplexError `WS_OPTION_INVALID` for a block of addresses that is none
 */
export function isExempt(list: string, { host, port }: Destination, source: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  let isFound = false;
  // All of them, so that a block with a mistake shows whatever the destination is.
  for (const element of list.split(/[\s,]+/)) {
    if (element !== '' && matches(element.toLowerCase(), name, port, source)) isFound = true;
  }
  return isFound;
}

function matches(element: string, host: string, port: number, source: string): boolean {
  if (element === '*') return true;
  if (element.includes('/')) return isInBlock(element, host, source);
  const { pattern, patternPort } = splitPort(element);
  if (patternPort !== undefined && patternPort !== port) return false;
  if (isIP(pattern) !== 0) return isIP(host) !== 0 && isSameAddress(pattern, host);
  const suffix = pattern.replace(/^\*?\./, '').replace(/\.$/, '');
  // An address has no names below it: 1.2.3.4 is not below 3.4.
  return suffix !== '' && (host === suffix || (isIP(host) === 0 && host.endsWith(`.${suffix}`)));
}

/** `name:port`, `[::1]:port`; a bare IPv6 address has colons and no port. */
function splitPort(element: string): { pattern: string; patternPort: number | undefined } {
  if (isIP(element) === 6) return { pattern: element, patternPort: undefined };
  const [, pattern = element, digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(element) ?? [];
  const bare = pattern.startsWith('[') && pattern.endsWith(']') ? pattern.slice(1, -1) : pattern;
  return { pattern: bare, patternPort: digits === undefined ? undefined : Number(digits) };
}

function isSameAddress(left: string, right: string): boolean {
  const list = new BlockList();
  list.addAddress(left, familyOf(left));
  return list.check(right, familyOf(right));
}

function isInBlock(element: string, host: string, source: string): boolean {
  const slash = element.indexOf('/');
  const address = element.slice(0, slash).replace(/^\[|\]$/g, '');
  const prefix = element.slice(slash + 1);
  const family = isIP(address);
  if (family === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `${source} has ${describe(element)}, expected a block of addresses such as 10.0.0.0/8 or fd00::/8`,
    );
  }
  if (isIP(host) === 0) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), familyOf(address));
  return list.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
