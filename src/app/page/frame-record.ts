// One frame, decoded from its bytes by our own protocol core: the same FrameDecoder that the server runs.

import { FrameDecoder, type FrameHeader, isControlOpcode, opcodeName } from '../../protocol.ts';
export {
  closeText as closeOf,
  hexByte as hex,
  payloadPreview as previewOf,
  payloadText as textOf,
} from '../../protocol.ts';
import type { FeedEvents, SocketName } from '../messages.ts';

/** A frame as the page shows it. */
export interface FrameRecord {
  /** Counts the frames that this page has seen. */
  readonly number: number;
  readonly socket: SocketName;
  readonly connection: number;
  /** `up`: from this page to the server. */
  readonly way: 'up' | 'down';
  readonly atMs: number;
  readonly header: FrameHeader;
  /** The start of the payload as it was on the wire, and after unmasking. */
  readonly wirePayload: Uint8Array;
  readonly payload: Uint8Array;
}

/** Decodes a frame of the feed; undefined when its bytes are no frame. */
export function recordOf(event: FeedEvents['frame'], number: number): FrameRecord | undefined {
  const wire = Uint8Array.from(atob(event.bytes), (character) => character.charCodeAt(0));
  const headers: FrameHeader[] = [];
  const pieces: Uint8Array[] = [];
  const decoder = new FrameDecoder(
    { masking: 'either', maxFrameBytes: Number.MAX_SAFE_INTEGER, allowedRsv: 0x70 },
    {
      frame: (_firstByte, bytes, start, end) => void pieces.push(bytes.slice(start, end)),
      // Of a long payload only the start is there: the rest never comes.
      frameStart: () => undefined,
      framePayload: (bytes, start, end) => void pieces.push(bytes.slice(start, end)),
      frameEnd: () => undefined,
      frameError: () => undefined,
    },
  );
  decoder.observer = { header: (_direction, header) => void headers.push(header), payload: () => undefined };
  // The decoder unmasks where the bytes lie.
  decoder.decode(wire.slice(), 0, wire.length);
  const [header] = headers;
  if (header === undefined) return undefined;
  return {
    number,
    socket: event.socket,
    connection: event.connection,
    way: event.direction === 'in' ? 'up' : 'down',
    atMs: event.atMs,
    header,
    wirePayload: wire.subarray(header.bytes.length),
    payload: pieces[0] ?? new Uint8Array(0),
  };
}

/** Whether the frame is a close, ping or pong. */
export function isControl({ header }: FrameRecord): boolean {
  return isControlOpcode(header.opcode);
}

/** The name of the opcode. */
export function kindOf({ header }: FrameRecord): string {
  return opcodeName(header.opcode);
}

/** The time of day with milliseconds. */
export function timeOf({ atMs }: FrameRecord): string {
  const at = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const seconds = `${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  return `${two(at.getHours())}:${two(at.getMinutes())}:${seconds}`;
}
