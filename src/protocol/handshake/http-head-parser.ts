// Reads the head of an HTTP/1.1 message (RFC 9112 2 to 5), byte by byte if need be. It is strict where leniency lets
// two parsers disagree: lines end in CRLF only, no line is folded, no whitespace stands before a colon. Each byte is
// looked at once, and what is kept is bounded; bodies are left to others.

import { noBytes } from '../../base/bytes.ts';
import { describe, type ErrorCode, FullduplexError } from '../../base/errors.ts';
import { requireInteger } from '../limits.ts';
import { HandshakeError } from './handshake-error.ts';
import { isDigits, isFieldValueChar, tokenEnd, trimWhitespace } from './header-grammar.ts';
import { HeaderList } from './header-list.ts';
import { isRequestTarget, isStatus, type RequestHead, type ResponseHead } from './http-head.ts';

/** The bounds on a head that is read. */
export interface HeadLimits {
  /** The most bytes of start line and headers together. @defaultValue 16 KiB */
  readonly maxHeaderBytes: number;
  /** The most headers. @defaultValue 100 */
  readonly maxHeaderCount: number;
}

/** The limits that hold when none are given. */
export const defaultHeadLimits: HeadLimits = Object.freeze({
  maxHeaderBytes: 16 * 1024,
  maxHeaderCount: 100,
});

/** What a parser says after a chunk. */
export type HeadResult<Head> =
  | { readonly kind: 'incomplete' }
  /** `remaining` are the bytes behind the head: a view of the chunk, without a copy. */
  | { readonly kind: 'complete'; readonly head: Head; readonly remaining: Uint8Array }
  /** For a request, `error.status` is the status that answers it: 400, 431 or 505. */
  | { readonly kind: 'invalid'; readonly error: HandshakeError };

const incomplete = Object.freeze({ kind: 'incomplete' });
const mostArguments = 1024;
const CR = 0x0d;
const LF = 0x0a;

/** Collects the lines of a head; what a start line looks like is the business of the two classes below. */
abstract class HeadParser<Head> {
  readonly #maxHeaderBytes: number;
  readonly #maxHeaderCount: number;
  readonly #fields: string[] = [];
  /** The start of a line whose end has not come yet: its first #partialLength bytes. */
  #partial: Uint8Array = noBytes;
  #partialLength = 0;
  #receivedBytes = 0;
  #hasStartLine = false;
  #isAfterCarriageReturn = false;
  #isComplete = false;
  #error: HandshakeError | undefined;

  constructor(limits: Partial<HeadLimits> = {}) {
    this.#maxHeaderBytes = requireInteger(
      'maxHeaderBytes',
      limits.maxHeaderBytes ?? defaultHeadLimits.maxHeaderBytes,
      1,
    );
    this.#maxHeaderCount = requireInteger(
      'maxHeaderCount',
      limits.maxHeaderCount ?? defaultHeadLimits.maxHeaderCount,
      1,
    );
  }

  /** How many bytes of the head have been read. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /**
   * Reads on. An invalid head stays invalid; nothing that a peer sends makes this throw.
   * @throws FullduplexError `WS_STATE_INVALID` when the head is complete already.
   */
  receive(chunk: Uint8Array): HeadResult<Head> {
    if (this.#isComplete) throw new FullduplexError('WS_STATE_INVALID', 'the head is complete already');
    if (this.#error !== undefined) return { kind: 'invalid', error: this.#error };
    const end = this.#read(chunk);
    if (this.#error !== undefined) return { kind: 'invalid', error: this.#error };
    if (end === -1) return incomplete;
    this.#isComplete = true;
    return {
      kind: 'complete',
      head: this.finish(HeaderList.fromRaw(this.#fields)),
      remaining: chunk.subarray(end),
    };
  }

  /** Takes the start line; false asks for the next line instead. Calls fail() when the line is wrong. */
  protected abstract readStartLine(line: string): boolean;
  /** Makes the head from the start line and the headers. */
  protected abstract finish(headers: HeaderList): Head;
  /** The status that answers what is wrong; undefined where nobody is answered. */
  protected abstract answerTo(status: number): number | undefined;

  /** Remembers what is wrong; the first finding stays. */
  protected fail(code: ErrorCode, message: string, status = 400): void {
    this.#error ??= new HandshakeError(code, message, { status: this.answerTo(status) });
  }

  /** Gives the index behind the head's empty line, or -1 when it has not come or something is wrong. */
  #read(chunk: Uint8Array): number {
    let lineStart = 0;
    const room = this.#maxHeaderBytes - this.#receivedBytes;
    const limit = Math.min(chunk.length, room);
    for (let index = 0; index < limit; index++) {
      const code = chunk[index];
      if (this.#isAfterCarriageReturn) {
        if (code !== LF)
          return this.#failAt(index, 'a CR without LF behind it, expected CRLF (RFC 9112 2.2)');
        this.#isAfterCarriageReturn = false;
        const line = this.#takeLine(chunk, lineStart, index - 1);
        lineStart = index + 1;
        if (line === '' && this.#hasStartLine) {
          this.#receivedBytes += lineStart;
          return lineStart;
        }
        this.#readLine(line);
        if (this.#error !== undefined) return -1;
      } else if (code === CR) {
        this.#isAfterCarriageReturn = true;
      } else if (!isFieldValueChar(code)) {
        const name =
          code === LF ? 'an LF without CR before it, expected CRLF' : `byte 0x${code.toString(16)}`;
        return this.#failAt(index, `${name} (RFC 9112 2.2)`);
      }
    }
    this.#receivedBytes += limit;
    if (chunk.length > room) {
      this.fail(
        'WS_HANDSHAKE_HEADERS_TOO_LARGE',
        `head of more than ${this.#maxHeaderBytes} bytes, expected at most that (option maxHeaderBytes)`,
        431,
      );
      return -1;
    }
    this.#keep(chunk, lineStart);
    return -1;
  }

  #failAt(index: number, what: string): -1 {
    this.fail(
      'WS_HANDSHAKE_HEADER_INVALID',
      `the head has ${what}, at offset ${this.#receivedBytes + index}`,
    );
    return -1;
  }

  /** Keeps the start of a line for the next chunk; its CR is counted, but dropped when the line is taken. */
  #keep(chunk: Uint8Array, start: number): void {
    const length = this.#partialLength + chunk.length - start;
    if (length > this.#partial.length) {
      const larger = new Uint8Array(
        Math.min(Math.max(length, this.#partial.length * 2, 64), this.#maxHeaderBytes),
      );
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    this.#partial.set(chunk.subarray(start), this.#partialLength);
    this.#partialLength = length;
  }

  /** Gives the line that ends before the CR at `end`, which is -1 when the CR ended the chunk before this one. */
  #takeLine(chunk: Uint8Array, start: number, end: number): string {
    if (this.#partialLength === 0) return decodeLatin1(chunk, start, end);
    if (end < 0) this.#partialLength--;
    else this.#keep(chunk.subarray(start, end), 0);
    const line = decodeLatin1(this.#partial, 0, this.#partialLength);
    this.#partialLength = 0;
    return line;
  }

  #readLine(line: string): void {
    if (!this.#hasStartLine) {
      this.#hasStartLine = this.readStartLine(line);
      return;
    }
    const first = line.charCodeAt(0);
    // RFC 9112 5.2: a server MUST reject obs-fold or replace it; what we refuse cannot be read in two ways.
    if (first === 0x20 || first === 0x09) {
      return this.fail(
        'WS_HANDSHAKE_HEADER_INVALID',
        `header line ${describe(line)} begins with whitespace (RFC 9112 5.2)`,
      );
    }
    const colon = tokenEnd(line, 0);
    // RFC 9112 5.1: "No whitespace is allowed between the field name and colon."
    if (colon === 0 || line.charCodeAt(colon) !== 0x3a) {
      return this.fail(
        'WS_HANDSHAKE_HEADER_INVALID',
        `header line ${describe(line)}, expected a token and a colon (RFC 9112 5.1)`,
      );
    }
    if (this.#fields.length === this.#maxHeaderCount * 2) {
      return this.fail(
        'WS_HANDSHAKE_HEADERS_TOO_LARGE',
        `more than ${this.#maxHeaderCount} headers, expected at most that (option maxHeaderCount)`,
        431,
      );
    }
    this.#fields.push(line.slice(0, colon), trimWhitespace(line, colon + 1));
  }
}

/** Reads the head of a request, chunk by chunk. */
export class RequestHeadParser extends HeadParser<RequestHead> {
  #method = '';
  #target = '';
  #httpVersion = '';
  #hasEmptyLine = false;

  protected override readStartLine(line: string): boolean {
    // RFC 9112 2.2: a server SHOULD ignore at least one empty line before the request line.
    if (line === '' && !this.#hasEmptyLine) {
      this.#hasEmptyLine = true;
      return false;
    }
    // RFC 9112 3: method SP request-target SP HTTP-version, one space each.
    const methodEnd = tokenEnd(line, 0);
    // Without a second space the target is empty, and therefore refused.
    const targetEnd = Math.max(line.indexOf(' ', methodEnd + 1), methodEnd + 1);
    this.#method = line.slice(0, methodEnd);
    this.#target = line.slice(methodEnd + 1, targetEnd);
    if (methodEnd === 0 || line.charCodeAt(methodEnd) !== 0x20 || !isRequestTarget(this.#target)) {
      this.fail(
        'WS_HANDSHAKE_INVALID',
        `request line ${describe(line)}, expected "METHOD /target HTTP/1.1" (RFC 9112 3)`,
      );
      return true;
    }
    const version = readHttpVersion(line, targetEnd + 1, line.length);
    if (version === undefined) {
      this.fail(
        'WS_HANDSHAKE_INVALID',
        `request line ${describe(line)}, expected "HTTP/1.1" at its end (RFC 9112 2.3)`,
      );
    } else if (version[0] !== '1') {
      this.fail('WS_HANDSHAKE_INVALID', `HTTP version ${version}, expected 1.1 (RFC 6455 4.1)`, 505);
    } else {
      this.#httpVersion = version;
    }
    return true;
  }

  protected override finish(headers: HeaderList): RequestHead {
    return { method: this.#method, target: this.#target, httpVersion: this.#httpVersion, headers };
  }

  protected override answerTo(status: number): number {
    return status;
  }
}

/** Reads the head of a response, chunk by chunk. */
export class ResponseHeadParser extends HeadParser<ResponseHead> {
  #httpVersion = '';
  #status = 0;
  #reason = '';

  protected override readStartLine(line: string): boolean {
    // RFC 9112 4: HTTP-version SP status-code SP [reason-phrase]. Servers that have no reason often leave out the
    // second space too, and nothing can be misread by it.
    const version = readHttpVersion(line, 0, 8);
    const status = line.slice(9, 12);
    const hasStatus = isStatus(status) && line[8] === ' ' && (line.length === 12 || line[12] === ' ');
    if (version === undefined || version[0] !== '1' || !hasStatus) {
      this.fail(
        'WS_HANDSHAKE_INVALID',
        `status line ${describe(line)}, expected "HTTP/1.1 101 ..." (RFC 9112 4)`,
      );
      return true;
    }
    this.#httpVersion = version;
    this.#status = Number(status);
    this.#reason = line.slice(13);
    return true;
  }

  protected override finish(headers: HeaderList): ResponseHead {
    return { httpVersion: this.#httpVersion, status: this.#status, reason: this.#reason, headers };
  }

  protected override answerTo(): undefined {
    return undefined;
  }
}

/** Gives `1.1` of the `HTTP/1.1` between `start` and `end`, or undefined (RFC 9112 2.3; the name is in capitals). */
function readHttpVersion(line: string, start: number, end: number): string | undefined {
  const version = line.slice(start + 5, end);
  const isVersion =
    version.length === 3 && version[1] === '.' && isDigits(version[0]) && isDigits(version[2]);
  return isVersion && line.startsWith('HTTP/', start) ? version : undefined;
}

/** Gives the text of `bytes[start..end)`, one character for each byte. TextDecoder cannot: its latin1 is windows-1252. */
function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  // Not all at once: the arguments of a call lie on the stack.
  for (let index = start; index < end; index += mostArguments) {
    const piece = bytes.subarray(index, Math.min(end, index + mostArguments));
    text += Reflect.apply(String.fromCharCode, undefined, piece);
  }
  return text;
}
