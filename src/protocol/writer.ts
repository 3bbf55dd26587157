// What a connection needs to write: an output and the encoder that fills it. With the flush it holds nothing and
// serves another connection.

import { FrameEncoder } from './frame-encoder.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { ProtocolSettings } from './protocol-settings.ts';

/** The writing half of a connection, lent while something waits for its flush. */
export class Writer {
  readonly output: OutputBuffer;
  readonly encoder: FrameEncoder;

  constructor({ stagingPool, text, maskKeys }: ProtocolSettings) {
    this.output = new OutputBuffer(stagingPool);
    this.encoder = new FrameEncoder(this.output, text, maskKeys);
  }
}
