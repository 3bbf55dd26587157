// Values of applications as JSON, bytes among them: a Uint8Array is written as {"$bytes":"base64url"}. A real object with a key of that
// kind gets one "$" more, which the reader takes away: every value arrives as it was.

const tag = '$bytes';
// What a text without bytes never contains: to look for it is faster than to walk through what was parsed.
const trace = `${tag}"`;
const escapable = /^\$+bytes$/;
const escape = /^\$(?=\$+bytes$)/;

/**
 * Writes a value as JSON; `undefined` becomes null.
 * @throws TypeError, RangeError: it goes round in a circle, is too deep or holds a BigInt
 */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, needsTags(value) ? tagged : undefined) ?? 'null';
}

/**
 * As writeJson, in less code and more time: for clients, which are downloaded and write little.
 * @throws TypeError, RangeError
 */
export function writeJsonTersely(value: unknown): string {
  return JSON.stringify(value, tagged);
}

/**
 * Reads what writeJson has written.
 * @throws SyntaxError
 */
export function readJson(text: string): unknown {
  return JSON.parse(text, mayHoldBytes(text) ? untagged : undefined);
}

/** Whether a text may hold bytes; else JSON.parse reads it as readJson does. */
export function mayHoldBytes(text: string): boolean {
  return text.includes(trace);
}

/** The key of an object as it is written: a real key that looks like the tag gets one more "$". */
export function escapeKey(key: string): string {
  return escapable.test(key) ? `$${key}` : key;
}

// Most values do not, and are written much faster without a function that is asked for each part.
function needsTags(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // What toJSON gives is known only when it is written.
  if (ArrayBuffer.isView(value) || 'toJSON' in value) return true;
  if (Array.isArray(value)) return value.some(needsTags);
  for (const [key, item] of Object.entries(value)) {
    if ((key.startsWith('$') && escapable.test(key)) || needsTags(item)) return true;
  }
  return false;
}

function tagged(this: Readonly<Record<string, unknown>>, key: string, item: unknown): unknown {
  // Not the item: a Buffer has become another object by then.
  const value = this[key];
  if (!ArrayBuffer.isView(value)) return renamed(item, escapable, '$$$&');
  let binary = '';
  for (const byte of new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) {
    binary += String.fromCharCode(byte);
  }
  return { [tag]: btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') };
}

function untagged(_key: string, value: unknown): unknown {
  if (isObject(value) && typeof value[tag] === 'string' && Object.keys(value).length === 1) {
    try {
      const binary = atob(value[tag].replaceAll('-', '+').replaceAll('_', '/'));
      return Uint8Array.from(binary, (unit) => unit.charCodeAt(0));
    } catch {
      // Someone else's object that happens to look like ours stays as it is.
    }
  }
  return renamed(value, escape, '');
}

function renamed(value: unknown, pattern: RegExp, by: string): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.replace(pattern, by), item]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
