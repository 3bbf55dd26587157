// The header Sec-WebSocket-Extensions (RFC 6455 9.1): extensions with parameters, read strictly and written.
// What the parameters mean, repeated ones too, is left to each extension.

import { describe, FullduplexError } from '../../base/errors.ts';
import { isToken, quotedStringEnd, skipWhitespace, tokenEnd, unquote } from '../handshake/header-grammar.ts';

/** A parameter of an extension; without a value it stands alone, as in `client_max_window_bits`. */
export interface ExtensionParameter {
  readonly name: string;
  readonly value?: string;
}

/** One element of the header: an offer of the client, or what the server answers to it. */
export interface ExtensionOffer {
  readonly name: string;
  /** In the order of the header; a name may repeat. */
  readonly parameters: readonly ExtensionParameter[];
}

/** The most extensions that are read from one head. */
export const maxExtensionOffers = 32;
/** The most parameters that are read for one extension. */
export const maxExtensionParameters = 32;

/**
 * Reads the joined values of Sec-WebSocket-Extensions. Whoever receives malformed data here "MUST immediately Fail
 * the WebSocket Connection" (RFC 6455 9.1), therefore a string is the sentence that says what is wrong.
 */
export function parseExtensions(text: string): ExtensionOffer[] | string {
  const offers: ExtensionOffer[] = [];
  let index = 0;
  for (;;) {
    // Empty list elements are skipped (RFC 9110 5.6.1.2).
    index = skipWhitespace(text, index);
    if (index === text.length) break;
    if (text[index] === ',') {
      index++;
      continue;
    }

    if (offers.length === maxExtensionOffers) return `more than ${maxExtensionOffers} extensions`;
    const nameEnd = tokenEnd(text, index);
    if (nameEnd === index) return found(text, index, 'the name of an extension');
    const parameters: ExtensionParameter[] = [];
    const offer: ExtensionOffer = { name: text.slice(index, nameEnd), parameters };
    index = skipWhitespace(text, nameEnd);

    while (text[index] === ';') {
      if (parameters.length === maxExtensionParameters)
        return `more than ${maxExtensionParameters} parameters`;
      index = skipWhitespace(text, index + 1);
      const parameterEnd = tokenEnd(text, index);
      if (parameterEnd === index) return found(text, index, 'the name of a parameter');
      const name = text.slice(index, parameterEnd);
      index = skipWhitespace(text, parameterEnd);
      if (text[index] !== '=') {
        parameters.push({ name });
        continue;
      }
      // The grammar of RFC 6455 is that of RFC 2616 2.1, which allows whitespace between any two of its words.
      index = skipWhitespace(text, index + 1);
      const isQuoted = text[index] === '"';
      const valueEnd = isQuoted ? quotedStringEnd(text, index) : tokenEnd(text, index);
      if (valueEnd === -1) return found(text, index, 'a quoted string that ends');
      const value = isQuoted ? unquote(text, index, valueEnd) : text.slice(index, valueEnd);
      // RFC 6455 9.1: "the value after quoted-string unescaping MUST conform to the 'token' ABNF".
      if (!isToken(value)) return found(text, index, 'a value that is a token');
      parameters.push({ name, value });
      index = skipWhitespace(text, valueEnd);
    }

    if (index < text.length && text[index] !== ',') return found(text, index, '";", "," or the end');
    offers.push(offer);
  }
  // RFC 6455 9.1: extension-list = 1#extension.
  return offers.length === 0 ? 'no extension, expected at least one' : offers;
}

function found(text: string, index: number, expected: string): string {
  const rest = index === text.length ? 'the end' : describe(text.slice(index));
  return `${rest} at offset ${index}, expected ${expected}`;
}

/**
 * Writes extensions as the value of Sec-WebSocket-Extensions. Nothing is ever quoted, because RFC 6455 9.1 allows
 * only tokens as values, quoted or not.
 * @throws FullduplexError `WS_OPTION_INVALID` when an extension names itself or a parameter with what is not a token.
 */
export function formatExtensions(extensions: readonly ExtensionOffer[]): string {
  let text = '';
  for (const { name, parameters } of extensions) {
    text += `${text === '' ? '' : ', '}${requireToken(name)}`;
    for (const parameter of parameters) {
      text += `; ${requireToken(parameter.name)}`;
      if (parameter.value !== undefined) text += `=${requireToken(parameter.value)}`;
    }
  }
  return text;
}

function requireToken(text: string): string {
  if (isToken(text)) return text;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `an extension writes ${describe(text)} into Sec-WebSocket-Extensions, expected a token (RFC 6455 9.1)`,
  );
}
