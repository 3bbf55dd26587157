// Between the header lists of the portable floors and what node:http2 takes and gives.

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { isConnectionField } from '../../protocol/handshake/extended-connect.ts';

// Of the connection as well (RFC 9113 8.2.2, RFC 9110 10.1.4): node:http2 throws at them. "TE: trailers" is allowed, and
// means nothing where no trailers are.
const notSent: readonly string[] = Object.freeze(['te', 'http2-settings']);

/**
 * The fields as node:http2 sends them: names in lowercase (RFC 9113 8.2), without those of an HTTP/1.1 connection
 * (8.2.2). What stands there several times becomes one list (RFC 9110 5.3), except Set-Cookie, which may not.
 */
export function outgoingFields(fields: Iterable<readonly [string, string]>): OutgoingHttpHeaders {
  // A map, because a field may be called "constructor".
  const outgoing = new Map<string, string | string[]>();
  for (const [name, value] of fields) {
    const lowercase = name.toLowerCase();
    if (isConnectionField(lowercase) || notSent.includes(lowercase)) continue;
    const before = outgoing.get(lowercase);
    if (before === undefined) outgoing.set(lowercase, lowercase === 'set-cookie' ? [value] : value);
    else if (typeof before === 'string') outgoing.set(lowercase, `${before}, ${value}`);
    else before.push(value);
  }
  return Object.fromEntries(outgoing);
}

/**
 * The fields that were received as name, value, name, value.
 * @param raw what node:http2 gives beside the object; not all platforms do
 */
export function incomingFields(headers: IncomingHttpHeaders, raw: unknown): string[] {
  if (Array.isArray(raw) && raw.every((part) => typeof part === 'string')) return [...raw];
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') fields.push(name, value);
    else if (typeof value === 'number') fields.push(name, String(value));
    else for (const single of value ?? []) fields.push(name, single);
  }
  return fields;
}
