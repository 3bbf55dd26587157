// The one codec for permessage-deflate that all connections of the process share, with its contexts and its budget;
// made when somebody asks for compression.

import type { DeflateCodec } from '../protocol/extensions/permessage-deflate/codec.ts';
import { createZlibCodec } from './zlib/zlib-codec.ts';

let codec: DeflateCodec | undefined;

/** Gives the codec of the process. */
export function sharedDeflateCodec(): DeflateCodec {
  codec ??= createZlibCodec();
  return codec;
}
