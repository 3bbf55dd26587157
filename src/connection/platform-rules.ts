// What a transport over a platform's own WebSocket has to see to by itself: which closes may be sent, and how long a
// message may be. The frames below are the platform's.

import { FullduplexError } from '../base/errors.ts';
import { portableTextCodec } from '../base/text-codec.ts';
import { CloseCode, isWireCloseCode, maxCloseReasonBytes } from '../protocol/close-code.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import type { Message } from './message-transport.ts';

/**
 * Checks what a close frame is to carry.
 * @throws FullduplexError `WS_ARGUMENT_INVALID` for a code or a reason that nobody may send
 */
export function requireSendableClose(code: number | undefined, reason: string): void {
  if (code !== undefined && !isWireCloseCode(code)) {
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `close code is ${code}, expected 1000-1003, 1007-1014 or 3000-4999`,
    );
  }
  const byteLength = portableTextCodec.byteLength(reason);
  if (byteLength > maxCloseReasonBytes) {
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `close reason has ${byteLength} bytes of UTF-8, at most ${maxCloseReasonBytes}`,
    );
  }
}

/** How many bytes a message has. */
export function messageByteLength(message: Message): number {
  return typeof message === 'string' ? portableTextCodec.byteLength(message) : message.length;
}

/** The violation of a message that is longer than the limit; undefined when it is not. */
export function messageTooLarge(byteLength: number, maxMessageBytes: number): ProtocolError | undefined {
  if (byteLength <= maxMessageBytes) return undefined;
  return new ProtocolError(
    'WS_MESSAGE_TOO_LARGE',
    CloseCode.messageTooBig,
    'RFC 6455 10.4',
    `message of ${byteLength} bytes, at most ${maxMessageBytes}`,
  );
}

/** The close reason that tells of a violation: its message, cut where a control frame ends. */
export function reasonOf({ message }: ProtocolError): string {
  // Without characters outside of ASCII each is a byte.
  return message.replace(/[^\x20-\x7e]/g, '?').slice(0, maxCloseReasonBytes);
}

/** The error for what a platform's WebSocket does not offer. */
export function unsupported(what: string): FullduplexError {
  return new FullduplexError('WS_UNSUPPORTED', `${what} is not possible over this platform's WebSocket`);
}
