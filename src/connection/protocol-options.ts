// What a Connection's options mean for the Protocol under it.

import type { ProtocolOptions } from '../protocol/protocol-settings.ts';
import type { ConnectionOptions } from './connection-options.ts';

/** The part of the options that the protocol core keeps, for one side. */
export function protocolOptionsOf(
  options: ConnectionOptions,
  role: 'client' | 'server',
): Omit<ProtocolOptions, 'extension'> {
  return {
    role,
    limits: options,
    autoPong: options.autoPong,
    validateUtf8: options.validateUtf8,
    isStreamed: options.receive === 'streamed',
    binaryMessages: options.binaryMessages,
  };
}
