// permessage-deflate on a platform that has CompressionStream and nothing better. It can only compress whole messages:
// every one ends with a final block (RFC 7692 7.2.3.4), takes no context over and uses a window of 32 KiB.

import { copyOf, concat, noBytes } from '../../../base/bytes.ts';
import type { CodecCallback, Deflater, Inflater, SharedDeflater } from '../extension.ts';
import type { DeflateCodec, DeflateCodecFeatures, InflateParameters } from './codec.ts';
import { largestWindowBits } from './parameters.ts';
import { PortableInflater } from './portable-inflater.ts';

/**
 * Gives a codec over the platform's CompressionStream, or undefined where that does not know `deflate-raw`. It has no
 * levels: the options `level` and `memLevel` change nothing, and contexts are never taken over. Messages are
 * decompressed by the library itself, at once and on this thread.
 *
 * A message that is sent in fragments is held until its last one, because only then it can be compressed.
 * @see https://compression.spec.whatwg.org
 */
export function compressionStreamCodec(): DeflateCodec | undefined {
  try {
    openStream();
  } catch {
    // ReferenceError: there is no CompressionStream; TypeError: it does not know the format.
    return undefined;
  }
  return new CompressionStreamCodec();
}

function openStream(): CompressionStream {
  return new CompressionStream('deflate-raw');
}

class CompressionStreamCodec implements DeflateCodec {
  readonly supports: DeflateCodecFeatures = { minDeflateWindowBits: largestWindowBits, takeover: false };

  hasRoomForContext(): boolean {
    return false;
  }

  createDeflater(): Deflater {
    return new MessageDeflater();
  }

  createInflater(parameters: InflateParameters): Inflater {
    return new PortableInflater(parameters);
  }

  sharedDeflater(): SharedDeflater {
    return wholeMessages;
  }
}

/** All parameters are equal here, so there is one for all. */
const wholeMessages: SharedDeflater = {
  deflate: (input, done) => deflateWhole([input], done),
};

/** Compresses the messages of one connection. */
class MessageDeflater implements Deflater {
  #pieces: Uint8Array[] = [];
  #isClosed = false;

  deflate(input: Uint8Array, isFinal: boolean, done: CodecCallback): void {
    if (!isFinal) {
      // The piece is only borrowed.
      if (input.length > 0) this.#pieces.push(copyOf(input));
      done(undefined, noBytes);
      return;
    }
    const pieces = [...this.#pieces, input];
    this.#pieces = [];
    deflateWhole(pieces, (error, output) => {
      if (!this.#isClosed) done(error, output);
    });
  }

  /** Nothing refers to what went before. */
  reset(): void {}

  close(): void {
    this.#isClosed = true;
    this.#pieces = [];
  }
}

function deflateWhole(pieces: readonly Uint8Array[], done: CodecCallback): void {
  if (pieces.every((piece) => piece.length === 0)) {
    // RFC 7692 7.2.3.6
    done(undefined, new Uint8Array(1));
    return;
  }
  compress(pieces).then(
    (output) => done(undefined, output),
    (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), noBytes),
  );
}

async function compress(pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  const stream = openStream();
  const [, output] = await Promise.all([write(stream.writable, pieces), readAll(stream.readable)]);
  // RFC 7692 7.2.3.4: behind the final block the head of an empty stored one, whose rest is 00 00 ff ff.
  return concat([...output, new Uint8Array(1)]);
}

async function write(writable: WritableStream<BufferSource>, pieces: readonly Uint8Array[]): Promise<void> {
  const writer = writable.getWriter();
  for (const piece of pieces) await writer.write(inPlainMemory(piece));
  await writer.close();
}

async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const reader = readable.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

/** The stream does not take shared memory. */
function inPlainMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(bytes);
}
