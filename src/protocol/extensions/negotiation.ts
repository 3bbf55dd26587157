// Which extensions a connection gets (RFC 6455 9.1): the server accepts offers, the client checks the answer.
// An extension is used at most once, and of two that claim the same RSV bit only one is.

import { describe, FullduplexError } from '../../base/errors.ts';
import { isToken } from '../handshake/header-grammar.ts';
import type { Extension, NegotiatedExtension } from './extension.ts';
import type { ExtensionOffer } from './extension-header.ts';

/**
 * Checks the extensions that an application configured.
 * @throws FullduplexError `WS_OPTION_INVALID` when a name is not a token or stands there twice.
 */
export function requireExtensions(extensions: readonly Extension[]): readonly Extension[] {
  const names = new Set<string>();
  for (const { name } of extensions) {
    if (!isToken(name) || names.has(name)) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `option extensions has one named ${describe(name)}, expected tokens that differ (RFC 6455 9.1)`,
      );
    }
    names.add(name);
  }
  return extensions;
}

/** Server: gives what was agreed, in the client's order of preference; what is not known or declined is left out. */
export function negotiateExtensions(
  offers: readonly ExtensionOffer[],
  extensions: readonly Extension[],
): NegotiatedExtension[] {
  const agreed: NegotiatedExtension[] = [];
  if (extensions.length === 0) return agreed;
  let takenBits = 0;
  for (const offer of offers) {
    // Several offers of one extension are alternatives (RFC 6455 9.1): the first that is accepted settles it.
    const extension = extensions.find(({ name }) => name === offer.name);
    // Its bit is taken also when the extension itself was agreed on before.
    if (extension === undefined || (takenBits & extension.rsvBit) !== 0) continue;
    const negotiated = extension.accept(offer);
    if (negotiated === undefined) continue;
    agreed.push(negotiated);
    takenBits |= extension.rsvBit;
  }
  return agreed;
}

/**
 * Client: takes the server's answer to the offers of `offered`, in the server's order. A string is the sentence that
 * says what is wrong: the handshake then fails (RFC 6455 4.1), and no codec stays behind.
 */
export function confirmExtensions(
  responses: readonly ExtensionOffer[],
  offered: readonly Extension[],
): NegotiatedExtension[] | string {
  const agreed: NegotiatedExtension[] = [];
  const problem = confirmEach(responses, offered, agreed);
  if (problem === undefined) return agreed;
  closeExtensions(agreed);
  return problem;
}

function confirmEach(
  responses: readonly ExtensionOffer[],
  offered: readonly Extension[],
  agreed: NegotiatedExtension[],
): string | undefined {
  let takenBits = 0;
  for (const response of responses) {
    const extension = offered.find(({ name }) => name === response.name);
    if (extension === undefined) return `extension ${describe(response.name)} was not offered`;
    if (agreed.some(({ name }) => name === response.name))
      return `extension ${response.name} stands there twice`;
    if ((takenBits & extension.rsvBit) !== 0) {
      return `extension ${response.name} claims an RSV bit that one before it has taken`;
    }
    const negotiated = extension.confirm(response);
    if (typeof negotiated === 'string') return `extension ${response.name}: ${negotiated}`;
    agreed.push(negotiated);
    takenBits |= extension.rsvBit;
  }
  return undefined;
}

/** Gives back what the codecs hold, for a connection that did not come about after all. */
export function closeExtensions(extensions: readonly NegotiatedExtension[]): void {
  for (const { deflater, inflater } of extensions) {
    deflater.close();
    inflater.close();
  }
}
