// Memory for messages that outgrow one read. It is not cleared, because the payload is copied over all of it before
// anybody sees it. And the C library is told to keep what such messages give back: by default it returns memory from
// 128 KiB on to the system at once, and each page that comes back is a fault (docs/decisions/0011).

import { Buffer } from 'node:buffer';
import { plainView } from '../base/bytes.ts';

// Where the C library of Linux starts to take memory from the system directly.
const largeFromBytes = 128 * 1024;
// It learns from the largest block that it has seen come back, up to 32 MiB: blocks of this size and below are kept, and
// twice as much free memory at the end of its heap. The pages of this one are never touched.
const keptBlockBytes = 31 * 1024 * 1024;

let isTold = false;

/** Makes memory of unknown content. */
export function allocateMessage(byteLength: number): Uint8Array {
  if (byteLength >= largeFromBytes && !isTold) {
    isTold = true;
    // Garbage at once: it comes back with the next collection.
    void new ArrayBuffer(keptBlockBytes);
  }
  return plainView(Buffer.allocUnsafeSlow(byteLength));
}
