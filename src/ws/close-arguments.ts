// The arguments of `close`, checked as ws checks them.

import { Buffer } from 'node:buffer';
import { isWireCloseCode, maxCloseReasonBytes } from '../protocol/close-code.ts';

/**
 * Gives the reason as text; without a code there is none.
 * @throws TypeError for a code that may not be sent, or a reason that is neither a string nor bytes; RangeError for a reason
 * that is too long
 */
export function closeReasonOf(code: unknown, reason: unknown): string {
  if (code === undefined) return '';
  if (typeof code !== 'number' || !isWireCloseCode(code))
    throw new TypeError('First argument must be a valid error code number');
  if (reason === undefined || (reason !== null && lengthOf(reason) === 0)) return '';
  if (typeof reason !== 'string' && !(reason instanceof Uint8Array))
    throw new TypeError('Second argument must be a string or a Uint8Array');
  if (Buffer.byteLength(reason) > maxCloseReasonBytes)
    throw new RangeError(`The message must not be greater than ${maxCloseReasonBytes} bytes`);
  return typeof reason === 'string' ? reason : Buffer.from(reason).toString();
}

// As in ws: what has no length (a number, say) is no reason, rather than a wrong one.
function lengthOf(reason: unknown): unknown {
  if (typeof reason === 'string') return reason.length;
  return typeof reason === 'object' && reason !== null && 'length' in reason ? reason.length : 0;
}
