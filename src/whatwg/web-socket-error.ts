// WebSocketError, the exception of WebSocketStream (whatwg/websockets#48): a DOMException with the close code and
// reason. A stream that ends badly is errored with one; one given to abort() or cancel() says how to close.

import { portableTextCodec } from '../base/text-codec.ts';
import { requireCloseArguments } from './arguments.ts';
import { defineInterface, enforceUnsignedShort, toDictionary, toDomString, toUsvString } from './web-idl.ts';

/** How a WebSocketStream was closed, or is to be closed. */
export interface WebSocketCloseInfo {
  /** 1000 or 3000 to 4999 to close with. */
  readonly closeCode?: number;
  /** At most 123 bytes of UTF-8. @defaultValue '' */
  readonly reason?: string;
}

/** Web IDL dictionary WebSocketCloseInfo. @throws TypeError */
export function toCloseInfo(value: unknown): { closeCode: number | undefined; reason: string } {
  const member = toDictionary('close info', value);
  const closeCode = member('closeCode');
  const reason = member('reason');
  return {
    closeCode: closeCode === undefined ? undefined : enforceUnsignedShort('closeCode', closeCode),
    reason: reason === undefined ? '' : toUsvString(reason),
  };
}

let assignEnd: (error: WebSocketError, closeCode: number, reason: string) => void;

/** Why a WebSocketStream ended, or how it is to end. */
export class WebSocketError extends DOMException {
  #closeCode: number | null;
  #reason: string;

  /** @throws DOMException `InvalidAccessError` for the code, `SyntaxError` for the reason */
  constructor(message = '', init: WebSocketCloseInfo = {}) {
    // 1. and 2. The name is fixed.
    super(toDomString(message), 'WebSocketError');
    const given = toCloseInfo(init);
    // 3. to 6. Checked as close() does; a reason alone brings the code 1000.
    const { code, reason } = requireCloseArguments(given.closeCode, given.reason, portableTextCodec);
    this.#closeCode = code ?? null;
    this.#reason = reason;
  }

  static {
    assignEnd = (error, closeCode, reason) => {
      error.#closeCode = closeCode;
      error.#reason = reason;
    };
  }

  /** The close code; null when there is none. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** The close reason, or the empty string. */
  get reason(): string {
    return this.#reason;
  }
}

defineInterface('WebSocketError', WebSocketError, ['closeCode', 'reason']);

/** Makes the error of a stream that could not be opened. `cause` is not in the standard. */
export function openingError(cause: Error | undefined): WebSocketError {
  return withCause(new WebSocketError('the connection could not be opened'), cause);
}

/** Makes the error of a stream that was not closed cleanly, with whatever code came. `cause` is not in the standard. */
export function closingError(closeCode: number, reason: string, cause: Error | undefined): WebSocketError {
  const error = new WebSocketError('the connection was not closed cleanly');
  assignEnd(error, closeCode, reason);
  return withCause(error, cause);
}

function withCause(error: WebSocketError, cause: Error | undefined): WebSocketError {
  if (cause === undefined) return error;
  return Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true });
}
