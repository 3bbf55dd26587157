// Path patterns: '/chat/:room' and '/files/*'. A request is matched segment by segment after percent-decoding; a more
// specific pattern goes before a less specific one, whatever the order in which they were declared.

import { describe, FullduplexError } from '../base/errors.ts';

type SegmentName<Text extends string> = Text extends `:${infer Name}` ? Name : Text extends '*' ? '*' : never;

type ParamNames<Path extends string> = string extends Path
  ? string
  : Path extends `${infer First}/${infer Rest}`
    ? SegmentName<First> | ParamNames<Rest>
    : SegmentName<Path>;

/** The parameters of a path pattern: `{ room: string }` for '/chat/:room', `{ '*': string }` for '/files/*'. */
export type PathParams<Path extends string> = { readonly [Name in ParamNames<Path>]: string };

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'rest' };

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/** A path with parameters, ready to be matched. */
export class PathPattern {
  /** The pattern as it was written. */
  readonly source: string;
  readonly #segments: readonly Segment[];
  /** Set when the pattern has no parameters: then equal text is a match. */
  readonly #isLiteral: boolean;

  /**
   * @param source segments that are literal, `:name`, or a last `*`, which stands for all that follows, perhaps nothing
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  constructor(source: string) {
    this.source = source;
    if (typeof source !== 'string' || !source.startsWith('/'))
      throw invalid(source, 'a path that starts with "/"');
    if (source.includes('?') || source.includes('#'))
      throw invalid(source, 'a path without query and fragment');
    const names = new Set<string>();
    const parts = source.slice(1).split('/');
    this.#segments = parts.map((part, index) => {
      if (part === '*') {
        if (index !== parts.length - 1) throw invalid(source, '"*" only as the last segment');
        return { kind: 'rest' };
      }
      if (part.includes('*')) throw invalid(source, '"*" only as a segment of its own');
      if (!part.startsWith(':')) return { kind: 'literal', text: requireDecodable(source, part) };
      const name = part.slice(1);
      if (!isName(name)) throw invalid(source, 'behind ":" a name of letters, digits and "_"');
      if (names.has(name)) throw invalid(source, `":${name}" once`);
      names.add(name);
      return { kind: 'param', name };
    });
    this.#isLiteral = this.#segments.every(({ kind }) => kind === 'literal');
  }

  /**
   * Matches the path of a URL, as `pathOf` gives it.
   * @returns the decoded parameters, or undefined when the path is another one. In `*` an encoded slash or backslash
   * could not be told from a separator and would let a client climb out of a folder: such a path does not match.
   */
  match(path: string): Readonly<Record<string, string>> | undefined {
    if (this.#isLiteral && path === this.source) return noParams;
    const segments = this.#segments;
    const params: [string, string][] = [];
    let start = 1;
    for (let index = 0; index < segments.length; index++) {
      const segment = segments[index];
      if (start > path.length) return undefined;
      if (segment.kind === 'rest') {
        const rest = decode(path.slice(start), true);
        return rest === undefined ? undefined : Object.fromEntries([...params, ['*', rest]]);
      }
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      const text = decode(path.slice(start, end), false);
      if (segment.kind === 'literal') {
        if (text !== segment.text) return undefined;
      } else {
        if (text === undefined || text === '') return undefined;
        params.push([segment.name, text]);
      }
      start = end + 1;
    }
    if (start <= path.length) return undefined;
    return params.length === 0 ? noParams : Object.fromEntries(params);
  }

  /** Negative when this pattern goes before the other, 0 when both match the same paths. */
  compare(other: PathPattern): number {
    const length = Math.max(this.#segments.length, other.#segments.length);
    for (let index = 0; index < length; index++) {
      const left = this.#segments[index];
      const right = other.#segments[index];
      const difference = rankOf(left) - rankOf(right);
      if (difference !== 0) return difference;
      if (left?.kind === 'literal' && right?.kind === 'literal' && left.text !== right.text) {
        return left.text < right.text ? -1 : 1;
      }
    }
    return 0;
  }
}

/**
 * The path of a request target (RFC 6455 3: a path with perhaps a query, or an absolute URI), dot segments removed
 * as in the WHATWG URL standard, so that what is matched is what `url.pathname` says.
 */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  const isPlain = path.startsWith('/') && !path.includes('/.') && !path.includes('%') && !path.includes('\\');
  if (isPlain) return path;
  try {
    return new URL(path.startsWith('/') ? `http://path${path}` : path).pathname;
  } catch {
    // Not a URL at all: ServerHandshake refuses such a target; here it must only match nothing.
    return '';
  }
}

function rankOf(segment: Segment | undefined): number {
  switch (segment?.kind) {
    case 'literal':
      return 0;
    case 'param':
      return 1;
    case 'rest':
      return 2;
    default:
      return 3;
  }
}

function decode(text: string, isRest: boolean): string | undefined {
  if (!text.includes('%')) return text;
  const lower = text.toLowerCase();
  if (isRest && (lower.includes('%2f') || lower.includes('%5c'))) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that begins no UTF-8: no path that anybody declared.
    return undefined;
  }
}

function requireDecodable(source: string, part: string): string {
  const text = decode(part, false);
  if (text === undefined)
    throw invalid(source, 'percent signs only in front of two hexadecimal digits, as UTF-8');
  return text;
}

function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

function invalid(source: unknown, allowed: string): FullduplexError {
  return new FullduplexError('WS_OPTION_INVALID', `option path is ${describe(source)}, expected ${allowed}`);
}
