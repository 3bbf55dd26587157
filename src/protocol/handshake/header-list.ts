// An ordered list of header fields, as HTTP means them: names compare without case, a name may repeat, and the order
// of the values of one name counts (RFC 9110 5.3). Received fields are taken as they came; whatever we are going to
// write is checked here, so that no option of a user can smuggle a line into a head.

import { describe, FullduplexError } from '../../base/errors.ts';
import { equalsIgnoringCase, isFieldValue, isToken, trimWhitespace } from './header-grammar.ts';

/** What users may give as headers: pairs (so a WHATWG Headers too) or an object, with arrays for repeated names. */
export type HeaderInit =
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[]>>;

/** Header fields in their order, looked up by name without case. */
export class HeaderList implements Iterable<[string, string]> {
  /** Name, value, name, value: the shape of Node's rawHeaders, so that a server's request costs no copy. */
  #fields: string[] = [];

  /**
   * Wraps received fields, given as name, value, name, value (Node's `rawHeaders`). The array is taken over, and
   * nothing is checked: the parser that made it has done so.
   */
  static fromRaw(fields: string[]): HeaderList {
    const list = new HeaderList();
    list.#fields = fields;
    return list;
  }

  /**
   * Copies and checks headers that we are going to write.
   * @throws FullduplexError `WS_OPTION_INVALID` when a name is not a token or a value has a forbidden character.
   */
  static from(init: HeaderInit = []): HeaderList {
    const list = new HeaderList();
    if (isIterable(init)) {
      for (const [name, value] of init) list.append(name, value);
    } else {
      for (const [name, value] of Object.entries(init)) {
        if (typeof value === 'string') list.append(name, value);
        else for (const single of value) list.append(name, single);
      }
    }
    return list;
  }

  /** How many fields there are; a repeated name counts each time. */
  get size(): number {
    return this.#fields.length / 2;
  }

  /**
   * Adds a field at the end; whitespace around the value is removed.
   * @throws FullduplexError `WS_OPTION_INVALID` when the name is not a token or the value has a forbidden character.
   */
  append(name: string, value: string): this {
    requireHeader(name, value);
    this.#fields.push(name, trimWhitespace(value));
    return this;
  }

  /** How many fields have the name. */
  count(name: string): number {
    let count = 0;
    const fields = this.#fields;
    for (let index = 0; index < fields.length; index += 2)
      if (equalsIgnoringCase(fields[index], name)) count++;
    return count;
  }

  /** Whether a field has the name. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Gives the first value of the name. */
  get(name: string): string | undefined {
    const fields = this.#fields;
    for (let index = 0; index < fields.length; index += 2) {
      if (equalsIgnoringCase(fields[index], name)) return fields[index + 1];
    }
    return undefined;
  }

  /** Gives all values of the name in their order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    const fields = this.#fields;
    for (let index = 0; index < fields.length; index += 2) {
      if (equalsIgnoringCase(fields[index], name)) values.push(fields[index + 1]);
    }
    return values;
  }

  /** Gives all values of the name as the one list that they stand for, joined by ", " (RFC 9110 5.3). */
  joined(name: string): string | undefined {
    let joined: string | undefined;
    const fields = this.#fields;
    for (let index = 0; index < fields.length; index += 2) {
      if (!equalsIgnoringCase(fields[index], name)) continue;
      joined = joined === undefined ? fields[index + 1] : `${joined}, ${fields[index + 1]}`;
    }
    return joined;
  }

  /** Gives the fields as they stand in a head: `Name: value` and CRLF each. @throws as `append` does */
  format(): string {
    let text = '';
    const fields = this.#fields;
    for (let index = 0; index < fields.length; index += 2) {
      // Again, because a list that wraps received fields may be written too (a proxy, a test).
      requireHeader(fields[index], fields[index + 1]);
      text += `${fields[index]}: ${fields[index + 1]}\r\n`;
    }
    return text;
  }

  *[Symbol.iterator](): Generator<[string, string], void, undefined> {
    for (let index = 0; index < this.#fields.length; index += 2) {
      yield [this.#fields[index], this.#fields[index + 1]];
    }
  }
}

function isIterable(init: HeaderInit): init is Iterable<readonly [string, string]> {
  return Symbol.iterator in init;
}

/** Refuses what would not be one header line: a break in it would let its author write lines of their own. */
function requireHeader(name: string, value: string): void {
  if (typeof name !== 'string' || !isToken(name)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `header name is ${describe(name)}, expected a token (RFC 9110 5.6.2)`,
    );
  }
  if (typeof value !== 'string' || !isFieldValue(value)) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `value of header ${name} is ${describe(value)}, expected Latin-1 text without control characters (RFC 9110 5.5)`,
    );
  }
}

/** Names that the handshake writes itself, or that would give it a body, beside all that start with Sec-WebSocket-. */
const ownHeaders: readonly string[] = [
  'Host',
  'Upgrade',
  'Connection',
  'Content-Length',
  'Transfer-Encoding',
];
const ownPrefix = 'Sec-WebSocket-';

/**
 * Checks a user's headers that go into a handshake beside its own.
 * @param option the option that has them, for messages
 * @throws FullduplexError `WS_OPTION_INVALID` naming the header that belongs to the handshake or is malformed.
 */
export function requireExtraHeaders(init: HeaderInit | undefined, option = 'headers'): HeaderList {
  const headers = HeaderList.from(init);
  for (const [name] of headers) {
    const isOwn =
      equalsIgnoringCase(name.slice(0, ownPrefix.length), ownPrefix) ||
      ownHeaders.some((own) => equalsIgnoringCase(own, name));
    if (!isOwn) continue;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option ${option} has ${describe(name)}, expected none of those that the handshake writes itself: ` +
        `${ownHeaders.join(', ')}, ${ownPrefix}*`,
    );
  }
  return headers;
}
