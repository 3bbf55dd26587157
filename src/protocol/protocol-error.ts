// What the peer did wrong, as a value: the rule it broke, what was found and expected, and the close code that
// answers it. It is reported through the sink, never thrown out of receive().

import { type ErrorCode, FullduplexError } from '../base/errors.ts';

/** A violation by the peer that fails the connection (RFC 6455 7.1.7). */
export class ProtocolError extends FullduplexError {
  override readonly name: string = 'ProtocolError';
  /** The close code that the connection is failed with (RFC 6455 7.4.1). */
  readonly closeCode: number;
  /** The section that the peer broke, such as `RFC 6455 5.5`. */
  readonly section: string;

  constructor(code: ErrorCode, closeCode: number, section: string, message: string, cause?: unknown) {
    super(code, `${message} (${section})`, cause === undefined ? undefined : { cause });
    this.closeCode = closeCode;
    this.section = section;
  }
}
