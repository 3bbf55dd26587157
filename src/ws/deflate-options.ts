// permessage-deflate as ws describes it, in terms of ours.

import type { PerMessageDeflateOptions as OwnOptions } from '../protocol/extensions/permessage-deflate/options.ts';
import { PerMessageDeflate } from '../protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { sharedDeflateCodec } from '../node/deflate-codec.ts';

/** How messages are compressed; names and defaults are those of ws. */
export interface PerMessageDeflateOptions {
  /** Whether the server compresses each message by itself. @defaultValue false */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** Whether the client compresses each message by itself. @defaultValue false */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** The window of the server's compressor, 8 to 15. @defaultValue 15 */
  readonly serverMaxWindowBits?: number | undefined;
  /** The window of the client's compressor, 8 to 15. @defaultValue 15 */
  readonly clientMaxWindowBits?: number | undefined;
  /** Of zlib's options `level` and `memLevel` count. */
  readonly zlibDeflateOptions?:
    | { readonly level?: number | undefined; readonly memLevel?: number | undefined }
    | undefined;
  /** Accepted, and without effect: how inflating allocates is our affair. */
  readonly zlibInflateOptions?: object | undefined;
  /** Below this many bytes a message is sent as it is, unless contexts are taken over. @defaultValue 1024 */
  readonly threshold?: number | undefined;
  /** Accepted, and without effect: the work is divided by size, see docs/performance.md. */
  readonly concurrencyLimit?: number | undefined;
  /** Beyond ws: how many times its compressed size a message above 1 MiB may have. @defaultValue Infinity */
  readonly maxInflationRatio?: number | undefined;
}

/**
 * Gives the extension that the options describe.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function deflateOf(options: PerMessageDeflateOptions | true): PerMessageDeflate {
  return new PerMessageDeflate(
    options === true ? ownOptionsOf({}) : ownOptionsOf(options),
    sharedDeflateCodec(),
  );
}

function ownOptionsOf(options: PerMessageDeflateOptions): OwnOptions {
  const { level, memLevel } = options.zlibDeflateOptions ?? {};
  return {
    serverNoContextTakeover: options.serverNoContextTakeover === true,
    clientNoContextTakeover: options.clientNoContextTakeover === true,
    thresholdBytes: options.threshold ?? 1024,
    maxInflationRatio: options.maxInflationRatio ?? Infinity,
    ...windowOf('serverMaxWindowBits', options.serverMaxWindowBits),
    ...windowOf('clientMaxWindowBits', options.clientMaxWindowBits),
    // zlib's own default level is 6.
    ...(level === undefined || level < 1 ? {} : { level }),
    ...(memLevel === undefined ? {} : { memLevel }),
  };
}

// `true` means: of any size.
function windowOf(name: 'serverMaxWindowBits' | 'clientMaxWindowBits', bits: unknown): OwnOptions {
  return typeof bits === 'number' ? { [name]: bits } : {};
}
