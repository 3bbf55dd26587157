// What proxies write down about the request that they pass on: X-Forwarded-For with its companions, or Forwarded (RFC
// 7239). Both are lists to which each proxy appends, so they are read from their end: what stands before the first proxy
// that one trusts may be anything, written by anybody, and is never even parsed.

import {
  quotedStringEnd,
  skipWhitespace,
  tokenEnd,
  trimWhitespace,
  unquote,
} from '../protocol/handshake/header-grammar.ts';
import type { HeaderList } from '../protocol/handshake/header-list.ts';
import { type IpAddress, parseIpAddress } from './ip-address.ts';

/** Which headers tell of the client. */
export type ForwardedHeader = 'X-Forwarded-For' | 'Forwarded';

/** What one proxy says about who it was asked by. */
export interface ForwardedHop {
  /** Who asked; undefined when the proxy does not know, does not say, or is not understood. */
  readonly address: IpAddress | undefined;
  /** The scheme that was used towards the proxy: `https`; undefined when it does not say. */
  readonly scheme: string | undefined;
  /** The host that the proxy was asked for. */
  readonly host: string | undefined;
}

/** Goes through the hops, the one that is nearest to us first, for as long as `next` gives true. */
export function eachHop(
  header: ForwardedHeader,
  headers: HeaderList,
  next: (hop: ForwardedHop) => boolean,
): void {
  if (header === 'Forwarded') eachForwardedHop(headers.joined('Forwarded') ?? '', next);
  else eachXForwardedHop(headers, next);
}

// X-Forwarded-For has no grammar. Each proxy appends who asked it; of the companions some are appended to and some are
// replaced. Where they are as long as the list of addresses, they belong together; else the last entry counts, which is
// the one that the nearest proxy has written.
function eachXForwardedHop(headers: HeaderList, next: (hop: ForwardedHop) => boolean): void {
  const addresses = elementsOf(headers.joined('X-Forwarded-For'));
  const schemes = elementsOf(headers.joined('X-Forwarded-Proto'));
  const hosts = elementsOf(headers.joined('X-Forwarded-Host'));
  const entryOf = (entries: readonly string[], index: number): string | undefined =>
    entries.length === addresses.length ? entries[index] : entries.at(-1);
  if (addresses.length === 0 && (schemes.length > 0 || hosts.length > 0)) addresses.push('unknown');
  for (let index = addresses.length - 1; index >= 0; index--) {
    const hop: ForwardedHop = {
      address: parseNode(addresses[index]),
      scheme: entryOf(schemes, index)?.toLowerCase(),
      host: entryOf(hosts, index),
    };
    if (!next(hop)) return;
  }
}

function elementsOf(list: string | undefined): string[] {
  return list === undefined ? [] : list.split(',').map((element) => trimWhitespace(element));
}

function eachForwardedHop(text: string, next: (hop: ForwardedHop) => boolean): void {
  let end = text.length;
  while (end > 0) {
    const element = lastElement(text, end);
    end = element.start;
    if (element.hop !== undefined && !next(element.hop)) return;
  }
}

const unknownHop: ForwardedHop = Object.freeze({ address: undefined, scheme: undefined, host: undefined });

// The shortest end of the list that is an element by itself. A comma may also stand inside of a quoted string, but no end
// of a string is an element: the quote that closes it stands alone. Reading from the front instead, a client could open a
// string that swallows what the proxies appended.
function lastElement(text: string, end: number): { start: number; hop: ForwardedHop | undefined } {
  for (let before = end; before >= 0; ) {
    const comma = before === 0 ? -1 : text.lastIndexOf(',', before - 1);
    const pairs = parsePairs(text, comma + 1, end);
    if (pairs !== undefined) return { start: comma, hop: hopOf(pairs) };
    before = comma;
  }
  return { start: 0, hop: unknownHop };
}

// An empty element says nothing (RFC 9110 5.6.1.2).
function hopOf(pairs: ReadonlyMap<string, string>): ForwardedHop | undefined {
  if (pairs.size === 0) return undefined;
  const node = pairs.get('for');
  return {
    address: node === undefined ? undefined : parseNode(node),
    scheme: pairs.get('proto')?.toLowerCase(),
    host: pairs.get('host'),
  };
}

// RFC 7239 4: forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] ). Undefined: it is none.
function parsePairs(text: string, start: number, end: number): Map<string, string> | undefined {
  const element = text.slice(start, end);
  const pairs = new Map<string, string>();
  for (let at = skipWhitespace(element, 0); at < element.length; ) {
    if (element[at] === ';') {
      at = skipWhitespace(element, at + 1);
      continue;
    }
    const nameEnd = tokenEnd(element, at);
    const name = element.slice(at, nameEnd).toLowerCase();
    // "Each parameter MUST NOT occur more than once".
    if (nameEnd === at || element[nameEnd] !== '=' || pairs.has(name)) return undefined;
    const valueStart = nameEnd + 1;
    const isQuoted = element[valueStart] === '"';
    const valueEnd = isQuoted ? quotedStringEnd(element, valueStart) : plainValueEnd(element, valueStart);
    if (valueEnd <= valueStart) return undefined;
    pairs.set(name, isQuoted ? unquote(element, valueStart, valueEnd) : element.slice(valueStart, valueEnd));
    at = skipWhitespace(element, valueEnd);
    if (at < element.length && element[at] !== ';') return undefined;
  }
  return pairs;
}

// More than a token: some proxies forget the quotes around a port or an address of IPv6.
function plainValueEnd(text: string, index: number): number {
  while (index < text.length) {
    const end = tokenEnd(text, index);
    if (end === index && !':[]'.includes(text[index])) break;
    index = end === index ? index + 1 : end;
  }
  return index;
}

/**
 * Reads who asked (RFC 7239 6): an address, with a port or without, of IPv6 in brackets or without. `unknown` and names
 * that hide an address (`_gazonk`) give undefined, as does everything else.
 */
export function parseNode(text: string): IpAddress | undefined {
  const node = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  if (node.startsWith('[')) {
    const close = node.indexOf(']');
    const isEnd = close === node.length - 1 || node[close + 1] === ':';
    return close !== -1 && isEnd ? parseIpAddress(node.slice(1, close)) : undefined;
  }
  const colon = node.indexOf(':');
  const hasPort = colon !== -1 && node.includes('.') && !node.includes(':', colon + 1);
  return parseIpAddress(hasPort ? node.slice(0, colon) : node);
}
