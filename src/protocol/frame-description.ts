// What a frame holds, for people: its payload unmasked, as text where it is text, the words of a close frame, or its bytes
// in hexadecimal. The start page, the recorder and the diagnostics say it alike.

import { portableTextCodec } from '../base/text-codec.ts';
import { parseCloseBody } from './close-frame.ts';
import type { FrameHeader } from './frame-header.ts';
import type { ObservedFrame } from './frame-observer.ts';
import { maskInPlace } from './mask.ts';
import { Opcode } from './opcode.ts';
import { ProtocolError } from './protocol-error.ts';

/** A header and the payload behind it, unmasked; of a long payload perhaps the start only. */
export interface UnmaskedFrame {
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
}

/** Gives the payload of an observed frame without its mask: a copy if there was one. */
export function unmaskedPayload({ header, payload }: ObservedFrame): Uint8Array {
  if (header.maskKey === undefined) return payload;
  const copy = payload.slice();
  maskInPlace(copy, 0, copy.length, header.maskKey);
  return copy;
}

/**
 * Gives the payload as text if it is UTF-8 without control characters; the end of a cut text may be missing. Binary and
 * compressed payloads are no text, whatever they look like.
 */
export function payloadText({ header, payload }: UnmaskedFrame): string | undefined {
  if (header.opcode === Opcode.binary || header.rsv !== 0) return undefined;
  try {
    // `stream`: a character whose end was cut away is no error.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload, { stream: true });
    return /(?![\t\n\r])\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    // Not UTF-8: it is shown as bytes.
    return undefined;
  }
}

/** Gives what a close frame says; undefined for another frame. */
export function closeText({ header, payload }: UnmaskedFrame): string | undefined {
  if (header.opcode !== Opcode.close) return undefined;
  const body = parseCloseBody(payload, portableTextCodec);
  if (body instanceof ProtocolError) return body.message;
  if (body.code === 1005) return 'without a code';
  return body.reason === '' ? String(body.code) : `${body.code} ${body.reason}`;
}

/** Gives the payload in a few words: at most 200 characters of text, or 24 bytes. */
export function payloadPreview(frame: UnmaskedFrame): string {
  const text = closeText(frame) ?? payloadText(frame);
  if (text !== undefined) return text.slice(0, 200);
  const bytes = [...frame.payload.subarray(0, 24)].map(hexByte).join(' ');
  return frame.header.payloadLength > 24 ? `${bytes} …` : bytes;
}

/** Gives a byte as two digits. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
