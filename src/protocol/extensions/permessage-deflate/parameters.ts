// The four parameters of permessage-deflate (RFC 7692 7.1), read strictly from an offer or from the answer to one, and
// written. What they mean for either side is the business of PerMessageDeflate.

import { describe } from '../../../base/errors.ts';
import type { ExtensionParameter } from '../extension-header.ts';

/** The base-2 logarithm of the window that holds when no parameter limits it (RFC 7692 7.1.2). */
export const largestWindowBits = 15;

/** The parameters as they stand in an offer or an answer. */
export interface NegotiationParameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** 8 to 15; undefined when it is not there. */
  readonly serverMaxWindowBits: number | undefined;
  /** 8 to 15; undefined when it is not there. Without a value, as an offer may have it, it limits nothing: 15. */
  readonly clientMaxWindowBits: number | undefined;
}

const sections: ReadonlyMap<string, string> = new Map([
  ['server_no_context_takeover', '7.1.1.1'],
  ['client_no_context_takeover', '7.1.1.2'],
  ['server_max_window_bits', '7.1.2.1'],
  ['client_max_window_bits', '7.1.2.2'],
]);

/**
 * Reads the parameters. A string is the sentence that says what is wrong: a server then declines the offer, a client
 * fails the connection (RFC 7692 7).
 */
export function readParameters(
  parameters: readonly ExtensionParameter[],
  place: 'offer' | 'answer',
): NegotiationParameters | string {
  const values = new Map<string, string | undefined>();
  for (const { name, value } of parameters) {
    const section = sections.get(name);
    if (section === undefined) {
      return `parameter ${describe(name)}, expected one of ${[...sections.keys()].join(', ')} (RFC 7692 7)`;
    }
    if (values.has(name)) return `parameter ${name} stands there twice, expected once (RFC 7692 7)`;
    const problem = problemOf(name, value, place);
    if (problem !== undefined) return `parameter ${name} ${problem} (RFC 7692 ${section})`;
    values.set(name, value);
  }
  const windowBitsOf = (name: string): number | undefined =>
    values.has(name) ? Number(values.get(name) ?? largestWindowBits) : undefined;
  return {
    serverNoContextTakeover: values.has('server_no_context_takeover'),
    clientNoContextTakeover: values.has('client_no_context_takeover'),
    serverMaxWindowBits: windowBitsOf('server_max_window_bits'),
    clientMaxWindowBits: windowBitsOf('client_max_window_bits'),
  };
}

function problemOf(name: string, value: string | undefined, place: 'offer' | 'answer'): string | undefined {
  if (name.endsWith('_takeover')) {
    return value === undefined ? undefined : `is ${describe(value)}, expected no value`;
  }
  const expected = 'expected 8 to 15 without leading zeros';
  if (value !== undefined) {
    return /^(?:[89]|1[0-5])$/.test(value) ? undefined : `is ${describe(value)}, ${expected}`;
  }
  // In an offer it says by itself that the client supports the parameter in the answer.
  return name === 'client_max_window_bits' && place === 'offer' ? undefined : `has no value, ${expected}`;
}

/**
 * Writes parameters. A `client_max_window_bits` of 15 in an offer has no value: it says that the client can be limited.
 */
export function writeParameters(
  parameters: NegotiationParameters,
  place: 'offer' | 'answer',
): ExtensionParameter[] {
  const { serverMaxWindowBits, clientMaxWindowBits } = parameters;
  const written: ExtensionParameter[] = [];
  if (parameters.serverNoContextTakeover) written.push({ name: 'server_no_context_takeover' });
  if (parameters.clientNoContextTakeover) written.push({ name: 'client_no_context_takeover' });
  if (serverMaxWindowBits !== undefined) {
    written.push({ name: 'server_max_window_bits', value: `${serverMaxWindowBits}` });
  }
  if (clientMaxWindowBits === largestWindowBits && place === 'offer') {
    written.push({ name: 'client_max_window_bits' });
  } else if (clientMaxWindowBits !== undefined) {
    written.push({ name: 'client_max_window_bits', value: `${clientMaxWindowBits}` });
  }
  return written;
}
