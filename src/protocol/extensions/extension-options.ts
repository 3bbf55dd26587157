// The extensions that an application asks for by its options: permessage-deflate by name, or one of its own.

import { describe, FullduplexError } from '../../base/errors.ts';
import type { Extension } from './extension.ts';
import type { DeflateCodec } from './permessage-deflate/codec.ts';
import type { PerMessageDeflateOptions } from './permessage-deflate/options.ts';
import { PerMessageDeflate } from './permessage-deflate/per-message-deflate.ts';

/** The options that choose an extension; the same for servers and clients. */
export interface ExtensionOptions {
  /**
   * Compresses messages with permessage-deflate (RFC 7692) where the peer agrees; `true` takes its defaults. Off by
   * default: what an attacker can put into a message beside a secret tells him the secret by the length of the frame
   * (CRIME, BREACH), and compressing costs many times what sending does.
   * @defaultValue false
   */
  readonly perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /** An extension of your own, in place of permessage-deflate. @defaultValue none */
  readonly extension?: Extension;
}

/**
 * Gives the extensions that the options ask for.
 * @param codec gives what compresses; called only when that is asked for
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function extensionsOf(
  { perMessageDeflate = false, extension }: ExtensionOptions,
  codec: () => DeflateCodec,
): readonly Extension[] {
  if (perMessageDeflate === false) return extension === undefined ? [] : [extension];
  if (extension !== undefined) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'the options perMessageDeflate and extension are both given, expected one of them',
    );
  }
  if (perMessageDeflate === true) return [new PerMessageDeflate({}, codec())];
  if (typeof perMessageDeflate === 'object' && perMessageDeflate !== null) {
    return [new PerMessageDeflate(perMessageDeflate, codec())];
  }
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option perMessageDeflate is ${describe(perMessageDeflate)}, expected true, false or an object`,
  );
}
