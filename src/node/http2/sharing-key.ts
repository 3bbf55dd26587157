// Which attempts to connect may share one HTTP/2 connection: those to the same place with options that mean the same.
// Plain values compare by what they are, so that `tls: { ca }` written anew for every call still shares; functions and
// objects of classes (a SecureContext, an agent) compare by identity.

import { createHash } from 'node:crypto';

let identities = 0;
const identityOf = new WeakMap<object, number>();

/** Gives a text that is equal for values that mean the same. It may hold secrets only as digests. */
export function sharingKey(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64');
}

function canonical(value: unknown): string {
  if (typeof value === 'function') return `#${identify(value)}`;
  if (typeof value !== 'object' || value === null) return `${typeof value} ${JSON.stringify(value) ?? ''}`;
  if (value instanceof Uint8Array) return `bytes ${createHash('sha256').update(value).digest('base64')}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `#${identify(value)}`;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

function identify(value: object): number {
  let identity = identityOf.get(value);
  if (identity === undefined) {
    identities += 1;
    identity = identities;
    identityOf.set(value, identity);
  }
  return identity;
}
