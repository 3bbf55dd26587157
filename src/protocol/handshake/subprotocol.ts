// Subprotocols (RFC 6455 1.9): what the client may offer, and which one the server picks by its own preference.
// Their names are tokens and compare exactly.

import { describe, FullduplexError } from '../../base/errors.ts';
import { everyListElement, isToken } from './header-grammar.ts';

/**
 * Checks subprotocols that an application configured, on either side.
 * @throws FullduplexError `WS_OPTION_INVALID` when one is not a token or stands there twice.
 */
export function requireSubprotocols(protocols: readonly string[]): readonly string[] {
  for (const [index, protocol] of protocols.entries()) {
    const isFirst = protocols.indexOf(protocol) === index;
    if (typeof protocol === 'string' && isToken(protocol) && isFirst) continue;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option protocols has ${describe(protocol)}${isFirst ? '' : ' twice'}, expected tokens that differ (RFC 6455 4.1)`,
    );
  }
  return protocols;
}

/**
 * Reads the joined values of the client's Sec-WebSocket-Protocol: tokens that differ, in the client's order of
 * preference (RFC 6455 4.1, item 10 of the request). A string is the sentence that says what is wrong.
 */
export function parseSubprotocols(text: string): string[] | string {
  // A set, because a hostile head has room for thousands of names.
  const protocols = new Set<string>();
  let problem: string | undefined;
  everyListElement(text, (element) => {
    if (!isToken(element)) problem = `${describe(element)} is not a token`;
    else if (protocols.has(element)) problem = `${describe(element)} stands there twice`;
    protocols.add(element);
    return problem === undefined;
  });
  if (problem !== undefined) return problem;
  return protocols.size === 0 ? 'no subprotocol, expected at least one' : [...protocols];
}

/** Gives the first of the server's subprotocols that the client offered; '' when there is none (RFC 6455 4.2.2). */
export function chooseSubprotocol(offered: readonly string[], preferred: readonly string[]): string {
  if (offered.length === 0) return '';
  for (const protocol of preferred) if (offered.includes(protocol)) return protocol;
  return '';
}
