// Names of channels, and patterns for many of them: `chat:{room}` stands for `chat:42`. A name is at most 255 bytes of UTF-8
// without control characters; those that begin with `$` belong to the server.

import { describe, FullduplexError } from '../../base/errors.ts';

type ParamNames<Pattern extends string> = Pattern extends `${string}{${infer Name}}${infer After}`
  ? Name | ParamNames<After>
  : never;

/** The parameters of a pattern: `{ room: string }` for `chat:{room}`. */
export type ChannelParams<Pattern extends string> = { readonly [Name in ParamNames<Pattern>]: string };

/** The most bytes of a channel's name. */
export const maxChannelNameBytes = 255;

const paramName = /^[A-Za-z_]\w*$/;
const encoder = new TextEncoder();

/** Says what is wrong with the name of a channel; undefined: nothing. */
export function channelNameProblem(name: string): string | undefined {
  if (name.length === 0) return 'a channel name is empty, expected 1 to 255 bytes';
  // Each character of UTF-16 is at least a byte.
  const byteLength = name.length > maxChannelNameBytes ? name.length : encoder.encode(name).length;
  if (byteLength > maxChannelNameBytes)
    return `a channel name has ${byteLength} bytes or more, expected 1 to ${maxChannelNameBytes}`;
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0))
      return `a channel name has a control character at ${index}`;
  }
  return undefined;
}

/** A pattern of channel names. */
export class ChannelPattern {
  /** The pattern as it was written. */
  readonly source: string;
  // What stands before, between and behind the parameters: one more than there are parameters.
  readonly #literals: readonly string[];
  readonly #names: readonly string[];

  /**
   * @param source text with parameters in braces, with some text between two of them
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  constructor(source: string) {
    this.source = source;
    const problem = typeof source === 'string' ? channelNameProblem(source) : 'it is not a text';
    if (problem !== undefined || source.startsWith('$')) {
      throw invalid(source, problem ?? 'names that begin with "$" belong to the server');
    }
    const parts = source.split(/[{}]/);
    // Text and names take turns, so a proper pattern has an odd number of parts and as many braces in their order.
    if (parts.length % 2 === 0 || source.replace(/[^{}]/g, '') !== '{}'.repeat((parts.length - 1) / 2)) {
      throw invalid(source, 'expected each parameter in braces of its own, as in "chat:{room}"');
    }
    this.#literals = parts.filter((_, index) => index % 2 === 0);
    this.#names = parts.filter((_, index) => index % 2 === 1);
    for (const name of this.#names)
      if (!paramName.test(name)) throw invalid(source, `{${name}} is no name of letters, digits and "_"`);
    if (new Set(this.#names).size < this.#names.length)
      throw invalid(source, 'a parameter stands there twice');
    if (this.#literals.slice(1, -1).includes(''))
      throw invalid(source, 'expected some text between two parameters');
  }

  /** Whether it stands for one channel only. */
  get isLiteral(): boolean {
    return this.#names.length === 0;
  }

  /** How much of it is literal: the more, the more specific it is. */
  get literalLength(): number {
    return this.#literals.reduce((sum, literal) => sum + literal.length, 0);
  }

  /** The parameters of a name; undefined: it is not one of these. No parameter is ever empty, and each is as short as possible. */
  match(name: string): Readonly<Record<string, string>> | undefined {
    if (this.isLiteral) return name === this.source ? {} : undefined;
    const first = this.#literals[0];
    const last = this.#literals[this.#literals.length - 1];
    if (!name.startsWith(first) || !name.endsWith(last)) return undefined;
    const params: Record<string, string> = {};
    let start = first.length;
    for (const [index, param] of this.#names.entries()) {
      const isLast = index === this.#names.length - 1;
      const end = isLast ? name.length - last.length : name.indexOf(this.#literals[index + 1], start + 1);
      if (end <= start) return undefined;
      params[param] = name.slice(start, end);
      start = end + this.#literals[index + 1].length;
    }
    return params;
  }
}

function invalid(source: unknown, problem: string): FullduplexError {
  return new FullduplexError('WS_OPTION_INVALID', `channel pattern ${describe(source)}: ${problem}`);
}
