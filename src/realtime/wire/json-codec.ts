// Values of applications as JSON, bytes among them: a Uint8Array is written as {"$bytes":"base64url"}. A real object with a key of that
// kind gets one "$" more, which the reader takes away: every value arrives as it was.

const tag = '$bytes';
/** What a text without bytes never contains: to look for it is faster than to walk through what was parsed. */
const trace = `${tag}"`;
const escapable = /^\$+bytes$/;
const escaped = /^\$\$+bytes$/;

/**
 * Writes a value as JSON; `undefined` becomes null.
 * @throws TypeError: it goes round in a circle or holds a BigInt; RangeError: it is too deep
 */
export function writeJson(value: unknown): string {
  return JSON.stringify(tagBytes(value)) ?? 'null';
}

/**
 * Reads what writeJson has written.
 * @throws SyntaxError
 */
export function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return mayHoldBytes(text) ? untagBytes(value) : value;
}

/** Whether what is parsed from the text has to be looked through by untagBytes. */
export function mayHoldBytes(text: string): boolean {
  return text.includes(trace);
}

/** The key of an object as it is written: a real key that looks like the tag gets one more "$". */
export function escapeKey(key: string): string {
  return key.startsWith('$') && escapable.test(key) ? `$${key}` : key;
}

/** The value with tags in place of bytes; the very same value when there are none. */
export function tagBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) {
    return { [tag]: toBase64Url(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
  }
  // JSON.stringify asks it, and what it gives may hold bytes.
  if ('toJSON' in value && typeof value.toJSON === 'function') return tagBytes(value.toJSON());
  return mapped(value, tagBytes, escapeKey);
}

/** The value with bytes in place of tags; the very same value when there are none. */
export function untagBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (tag in value && typeof value[tag] === 'string' && Object.keys(value).length === 1) {
    return fromBase64Url(value[tag]) ?? value;
  }
  return mapped(value, untagBytes, (key) => (key.startsWith('$$') && escaped.test(key) ? key.slice(1) : key));
}

// Copies only what changes.
function mapped(value: object, map: (value: unknown) => unknown, name: (key: string) => string): unknown {
  if (Array.isArray(value)) return mappedItems(value, map);
  if (!isRecord(value)) return value;
  let copy: [string, unknown][] | undefined;
  const keys = Object.keys(value);
  for (const [index, key] of keys.entries()) {
    const item = map(value[key]);
    if (item !== value[key] || name(key) !== key)
      copy ??= keys.slice(0, index).map((old) => [old, value[old]]);
    copy?.push([name(key), item]);
  }
  // Not an assignment per key: "__proto__" would change the prototype.
  return copy === undefined ? value : Object.fromEntries(copy);
}

function mappedItems(value: readonly unknown[], map: (value: unknown) => unknown): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < value.length; index++) {
    const item = map(value[index]);
    if (item !== value[index]) (copy ??= [...value])[index] = item;
  }
  return copy ?? value;
}

function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  return !Array.isArray(value);
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

// Undefined: it is no base64url.
function fromBase64Url(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (unit) =>
      unit.charCodeAt(0),
    );
  } catch {
    // Someone else's object that happens to look like ours stays as it is.
    return undefined;
  }
}
