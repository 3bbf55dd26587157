// The options of permessage-deflate, their defaults and their checks. The same names mean the same direction of the
// traffic on both sides: on a server serverNoContextTakeover says what it does, on a client what it asks for.

import { describe, FullduplexError } from '../../../base/errors.ts';
import { requireInteger } from '../../limits.ts';

/**
 * How messages are compressed. Compressing what a secret and an attacker's text share lets the attacker guess the
 * secret by the length of the messages (CRIME, RFC 7692 8): send such messages uncompressed.
 */
export interface PerMessageDeflateOptions {
  /**
   * Whether the server compresses each message by itself, without referring to those before. A server then says so; a
   * client asks for it. Taking contexts over makes small similar messages much smaller, and costs each connection
   * up to 300 KiB for as long as it lives. @defaultValue true
   */
  readonly serverNoContextTakeover?: boolean;
  /**
   * The same for what the client compresses: a server demands it, a client says that it will not take over.
   * @defaultValue true
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * The base-2 logarithm of the largest window of the server's compressor, 8 to 15. A server uses no larger one; a
   * client asks for it, and goes without when the server does not support that. @defaultValue 15 (32 KiB)
   */
  readonly serverMaxWindowBits?: number;
  /**
   * The same for the client's compressor: a server demands it of clients that support it (Python websockets and aiohttp fail
   * on 8 and take 9), a client uses no larger one and says so. @defaultValue 15 (32 KiB)
   */
  readonly clientMaxWindowBits?: number;
  /** Messages below this size in bytes are sent as they are: compressing gains little there. @defaultValue 1024 */
  readonly thresholdBytes?: number;
  /** The level of zlib, 1 (fast) to 9 (small). @defaultValue 3 */
  readonly level?: number;
  /** The memory level of zlib, 1 to 9: what the compressor may use beside the window. @defaultValue 8 */
  readonly memLevel?: number;
  /**
   * How many times its compressed size a message may have once it is longer than 1 MiB; beyond it the connection fails
   * with 1009. DEFLATE reaches 1032 at most, text about 20. Loosened, a client makes us allocate `maxMessageBytes` with
   * a thousandth of the traffic. @defaultValue 200
   */
  readonly maxInflationRatio?: number;
}

/** The options that hold when none are given. */
export const defaultPerMessageDeflateOptions: Readonly<Required<PerMessageDeflateOptions>> = Object.freeze({
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  thresholdBytes: 1024,
  level: 3,
  memLevel: 8,
  maxInflationRatio: 200,
});

function requireBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    `option ${name} is ${describe(value)}, expected true or false`,
  );
}

/**
 * Completes options with the defaults and checks them all.
 * @throws FullduplexError `WS_OPTION_INVALID` naming the option, what was given and what is allowed.
 */
export function resolvePerMessageDeflateOptions(
  given: PerMessageDeflateOptions = {},
): Readonly<Required<PerMessageDeflateOptions>> {
  if (typeof given !== 'object' || given === null) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option perMessageDeflate is ${describe(given)}, expected an object with its options`,
    );
  }
  const defaults = defaultPerMessageDeflateOptions;
  const booleanOf = (name: 'serverNoContextTakeover' | 'clientNoContextTakeover'): boolean =>
    requireBoolean(`perMessageDeflate.${name}`, given[name] ?? defaults[name]);
  const integerOf = (
    name: 'serverMaxWindowBits' | 'clientMaxWindowBits' | 'thresholdBytes' | 'level' | 'memLevel',
    least: number,
    most: number,
  ): number => requireInteger(`perMessageDeflate.${name}`, given[name] ?? defaults[name], least, most);
  return Object.freeze({
    serverNoContextTakeover: booleanOf('serverNoContextTakeover'),
    clientNoContextTakeover: booleanOf('clientNoContextTakeover'),
    serverMaxWindowBits: integerOf('serverMaxWindowBits', 8, 15),
    clientMaxWindowBits: integerOf('clientMaxWindowBits', 8, 15),
    thresholdBytes: integerOf('thresholdBytes', 0, Number.MAX_SAFE_INTEGER),
    level: integerOf('level', 1, 9),
    memLevel: integerOf('memLevel', 1, 9),
    maxInflationRatio: requireInteger(
      'perMessageDeflate.maxInflationRatio',
      given.maxInflationRatio ?? defaults.maxInflationRatio,
      1,
    ),
  });
}
