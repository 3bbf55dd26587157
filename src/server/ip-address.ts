// IP addresses as values: read from text in all the ways in which they come (IPv4 inside of IPv6, zones, RFC 4291 2.2),
// written in one way (RFC 5952), and the ranges that they belong to. No regular expressions: the text may be a header of
// a stranger's.

/** An address: 4 bytes of IPv4 or 16 of IPv6. IPv4 inside of IPv6 (`::ffff:192.0.2.1`) is IPv4. */
export interface IpAddress {
  readonly bytes: Uint8Array;
}

/** All addresses that begin with the same bits. */
export interface IpRange {
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

/** Reads an address, without brackets or port; a zone (`fe80::1%eth0`) is left out. Undefined: it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const bytes = parseIpv4(text, 0);
    return bytes === undefined ? undefined : { bytes };
  }
  const zone = text.indexOf('%');
  const bytes = parseIpv6(zone === -1 ? text : text.slice(0, zone));
  if (bytes === undefined) return undefined;
  return { bytes: isMapped(bytes) ? bytes.subarray(12) : bytes };
}

/** Writes an address in its shortest form (RFC 5952). */
export function formatIpAddress({ bytes }: IpAddress): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = groupsOf(bytes);
  const { start, length } = longestZeros(groups);
  const parts = groups.map((group) => group.toString(16));
  if (length < 2) return parts.join(':');
  return `${parts.slice(0, start).join(':')}::${parts.slice(start + length).join(':')}`;
}

/** Reads a range: an address alone, or with the length of its prefix (`10.0.0.0/8`). Undefined: it is none. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const address = parseIpAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const { bytes } = address;
  if (slash === -1) return { bytes, prefixBits: bytes.length * 8 };
  let prefixBits = parseDecimal(text, slash + 1, text.length);
  // `::ffff:10.0.0.0/104` counts the bits of the IPv6 that the IPv4 stands in.
  if (bytes.length === 4 && text.includes(':')) prefixBits -= 96;
  return prefixBits >= 0 && prefixBits <= bytes.length * 8 ? { bytes, prefixBits } : undefined;
}

/** Whether the range has the address. One of IPv4 has none of IPv6. */
export function isInRange({ bytes }: IpAddress, range: IpRange): boolean {
  if (bytes.length !== range.bytes.length) return false;
  const wholeBytes = range.prefixBits >> 3;
  for (let index = 0; index < wholeBytes; index++) if (bytes[index] !== range.bytes[index]) return false;
  const bits = range.prefixBits & 7;
  return bits === 0 || (bytes[wholeBytes] ^ range.bytes[wholeBytes]) >> (8 - bits) === 0;
}

function rangesOf(...texts: readonly string[]): readonly IpRange[] {
  return texts.flatMap((text) => parseIpRange(text) ?? []);
}

/** Addresses of the machine itself (RFC 1122 3.2.1.3, RFC 4291 2.5.3). */
export const loopbackRanges: readonly IpRange[] = rangesOf('127.0.0.0/8', '::1');

/** Addresses that anybody may use inside of a network of their own (RFC 1918, RFC 4193). */
export const privateRanges: readonly IpRange[] = rangesOf(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
);

// Beside these: "this network" (RFC 791), link-local (RFC 3927, RFC 4291 2.5.6), and what carriers and clusters share
// (RFC 6598).
const localRanges: readonly IpRange[] = [
  ...loopbackRanges,
  ...privateRanges,
  ...rangesOf('0.0.0.0/8', '::', '169.254.0.0/16', 'fe80::/10', '100.64.0.0/10'),
];

/** Whether the address comes from a network around us and not from the internet: many may stand behind it. */
export function isLocalAddress(address: IpAddress): boolean {
  return localRanges.some((range) => isInRange(address, range));
}

// What translates between the two protocols: each address of it stands for another one of IPv4 (RFC 6052 2.1).
const translatedRanges = rangesOf('64:ff9b::/96');

/**
 * Who is asked to answer for an address: the address of IPv4; of IPv6 the network of 64 bits, since a single customer has
 * all its addresses (RFC 6177 2).
 */
export function rateKeyOf(address: IpAddress): string {
  const { bytes } = address;
  const isWhole = bytes.length === 4 || translatedRanges.some((range) => isInRange(address, range));
  if (isWhole) return formatIpAddress(address);
  return `${groupsOf(bytes.subarray(0, 8))
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

function groupsOf(bytes: Uint8Array): number[] {
  const groups: number[] = [];
  for (let index = 0; index < bytes.length; index += 2) groups.push((bytes[index] << 8) | bytes[index + 1]);
  return groups;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    // Of equally long ones the first (RFC 5952 4.2.3).
    if (length > longest.length) longest = { start: index - length + 1, length };
  }
  return longest;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

// Four numbers without leading zeros, which others read as octal (RFC 6943 3.1.1).
function parseIpv4(text: string, from: number): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let start = from;
  for (let index = 0; index < 4; index++) {
    const dot = text.indexOf('.', start);
    const end = index === 3 ? text.length : dot;
    if (end === -1 || end - start > 3 || (end - start > 1 && text[start] === '0')) return undefined;
    const value = parseDecimal(text, start, end);
    if (value < 0 || value > 255) return undefined;
    bytes[index] = value;
    start = end + 1;
  }
  return bytes;
}

/** The number, or -1 when the text between the two indexes is none. */
function parseDecimal(text: string, start: number, end: number): number {
  if (start >= end || end - start > 3) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const gap = text.indexOf('::');
  if (gap === -1) {
    const bytes = parseGroups(text);
    return bytes?.length === 16 ? Uint8Array.from(bytes) : undefined;
  }
  if (text.includes('::', gap + 1)) return undefined;
  const head = gap === 0 ? [] : parseGroups(text.slice(0, gap));
  const tail = gap + 2 === text.length ? [] : parseGroups(text.slice(gap + 2));
  // The gap stands for one group at least.
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return undefined;
  if (head.length % 2 !== 0 || hasIpv4(text.slice(0, gap))) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function hasIpv4(text: string): boolean {
  return text.includes('.');
}

// Groups of up to four hexadecimal digits; the last two may be written as IPv4.
function parseGroups(text: string): number[] | undefined {
  // The longest there is: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
  if (text.length > 45) return undefined;
  const parts = text.split(':');
  const bytes: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (hasIpv4(part)) {
      const ipv4 = index === parts.length - 1 ? parseIpv4(part, 0) : undefined;
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
      continue;
    }
    const value = parseHexadecimal(part);
    if (value === -1) return undefined;
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}

function parseHexadecimal(text: string): number {
  if (text.length === 0 || text.length > 4) return -1;
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = '0123456789abcdef'.indexOf(text[index].toLowerCase());
    if (digit === -1) return -1;
    value = value * 16 + digit;
  }
  return value;
}
