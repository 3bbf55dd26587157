// The small part of the HTTP grammar that a handshake needs: tokens, quoted strings and comma lists (RFC 9110 5.6)
// and what may stand in a field value (RFC 9110 5.5). Everything is one pass over the text with a table of 256
// entries; there are no regular expressions, so that no header can make the parser slow.

const token = 1;
const fieldValue = 2;

/** What each byte may be part of; indexed by its value. */
const charClasses = makeCharClasses();

function makeCharClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  // RFC 9110 5.5: field-vchar = VCHAR / obs-text, with SP and HTAB between them.
  classes[0x09] = fieldValue;
  for (let code = 0x20; code <= 0xff; code++) if (code !== 0x7f) classes[code] = fieldValue;
  // RFC 9110 5.6.2: tchar.
  for (const char of "!#$%&'*+-.^_`|~") classes[char.charCodeAt(0)] |= token;
  for (let code = 0x30; code <= 0x39; code++) classes[code] |= token;
  for (let code = 0x41; code <= 0x5a; code++) classes[code] |= token;
  for (let code = 0x61; code <= 0x7a; code++) classes[code] |= token;
  return classes;
}

/** Whether the character code may stand in a field value: HTAB, SP, VCHAR or obs-text, never CR, LF or NUL. */
export function isFieldValueChar(code: number): boolean {
  return code < 256 && (charClasses[code] & fieldValue) !== 0;
}

/** Whether the text is one or more decimal digits. */
export function isDigits(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text.length > 0;
}

/** Gives the index behind the token that starts at `index`; `index` itself when there is none (RFC 9110 5.6.2). */
export function tokenEnd(text: string, index: number): number {
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code >= 256 || (charClasses[code] & token) === 0) break;
    index++;
  }
  return index;
}

/** Whether all of the text is one token. */
export function isToken(text: string): boolean {
  return text.length > 0 && tokenEnd(text, 0) === text.length;
}

/** Whether the text may stand as a field value; an empty one may. */
export function isFieldValue(text: string): boolean {
  for (let index = 0; index < text.length; index++)
    if (!isFieldValueChar(text.charCodeAt(index))) return false;
  return true;
}

/** Gives the index of the first character from `index` on that is neither SP nor HTAB (RFC 9110 5.6.3: OWS). */
export function skipWhitespace(text: string, index: number): number {
  while (index < text.length && isWhitespace(text.charCodeAt(index))) index++;
  return index;
}

/** Gives the text between `start` and `end` without the SP and HTAB around it. */
export function trimWhitespace(text: string, start = 0, end: number = text.length): string {
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * Gives the index behind the quoted-string whose opening quote is at `index`, or -1 when it is not well-formed
 * (RFC 9110 5.6.4).
 */
export function quotedStringEnd(text: string, index: number): number {
  for (index++; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22) return index + 1;
    // quoted-pair = "\" ( HTAB / SP / VCHAR / obs-text )
    if (code === 0x5c) index++;
    if (index === text.length || !isFieldValueChar(text.charCodeAt(index))) return -1;
  }
  return -1;
}

/** Gives the content of a well-formed quoted-string between `start` and `end`, its quotes included. */
export function unquote(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  let content = '';
  for (let index = 0; index < inner.length; index++) {
    if (inner.charCodeAt(index) === 0x5c) index++;
    content += inner[index];
  }
  return content;
}

/** Whether two texts are equal but for the case of ASCII letters. */
export function equalsIgnoringCase(left: string, right: string): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    const lower = a | 0x20;
    if (lower !== (b | 0x20) || lower < 0x61 || lower > 0x7a) return false;
  }
  return true;
}

/**
 * Calls back with each element of a comma list (RFC 9110 5.6.1), whitespace around it removed, until the callback
 * gives false; gives whether it never did. Empty elements are skipped: "a recipient MUST parse and ignore a
 * reasonable number" of them, and the size of the head bounds their number. Not for lists with quoted strings.
 */
export function everyListElement(text: string, accepts: (element: string) => boolean): boolean {
  let start = 0;
  while (start <= text.length) {
    const comma = text.indexOf(',', start);
    const end = comma === -1 ? text.length : comma;
    const element = trimWhitespace(text, start, end);
    if (element !== '' && !accepts(element)) return false;
    start = end + 1;
  }
  return true;
}

/** Whether the text is a comma list of tokens in which `expected` stands, in any case: `keep-alive, Upgrade`. */
export function listHasToken(text: string, expected: string): boolean {
  if (equalsIgnoringCase(text, expected)) return true;
  let hasIt = false;
  const isList = everyListElement(text, (element) => {
    hasIt ||= equalsIgnoringCase(element, expected);
    return isToken(element);
  });
  return isList && hasIt;
}

/** Whether the text is an Upgrade list (name, perhaps "/" and version) in which `expected` stands, in any case. */
export function listHasUpgradeProtocol(text: string, expected: string): boolean {
  if (equalsIgnoringCase(text, expected)) return true;
  let hasIt = false;
  const isList = everyListElement(text, (element) => {
    hasIt ||= equalsIgnoringCase(element, expected);
    // RFC 9110 7.8: protocol = protocol-name ["/" protocol-version], both tokens.
    const slash = element.indexOf('/');
    return slash === -1
      ? isToken(element)
      : isToken(element.slice(0, slash)) && isToken(element.slice(slash + 1));
  });
  return isList && hasIt;
}
