// Between the header lists of the portable floors and what node:http2 takes and gives.

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { isConnectionField } from '../../protocol/handshake/extended-connect.ts';

/**
 * The fields as node:http2 sends them: names in lowercase (RFC 9113 8.2), without those of an HTTP/1.1 connection
 * (8.2.2). What stands there several times becomes one list (RFC 9110 5.3), except Set-Cookie, which may not.
 */
export function outgoingFields(fields: Iterable<readonly [string, string]>): OutgoingHttpHeaders {
  const outgoing: Record<string, string | string[]> = {};
  for (const [name, value] of fields) {
    const lowercase = name.toLowerCase();
    if (isConnectionField(lowercase)) continue;
    const before = outgoing[lowercase];
    if (before === undefined) outgoing[lowercase] = lowercase === 'set-cookie' ? [value] : value;
    else if (typeof before === 'string') outgoing[lowercase] = `${before}, ${value}`;
    else before.push(value);
  }
  return outgoing;
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
