// What Node injects into the portable floors: one place that server and client share.

import type { ConnectionEnvironment } from '../connection/connection-handlers.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import { FramedTransport } from '../connection/framed-transport.ts';
import type { ByteTransport } from '../connection/byte-transport.ts';
import { protocolOptionsOf } from '../connection/protocol-options.ts';
import type { NegotiatedExtension } from '../protocol/extensions/extension.ts';
import type { MemoryBudget } from '../protocol/memory-budget.ts';
import { type ProtocolOptions, ProtocolSettings } from '../protocol/protocol-settings.ts';
import { clientProbe } from './diagnostics.ts';
import { allocateMessage } from './message-memory.ts';
import { nodeScheduler } from './node-scheduler.ts';
import { nodeTextCodec } from './node-text-codec.ts';
import { poisonIfAsked } from './poison-mode.ts';
import { unmask } from './wasm-unmask.ts';

/** What the opening handshake has agreed, and what came behind it. */
export interface AgreedHandshake {
  /** The subprotocol, or the empty string. */
  readonly subprotocol: string;
  /** The extension, if one was agreed. */
  readonly extension: NegotiatedExtension | undefined;
  /** The agreed extensions as in the header, or the empty string. */
  readonly extensionsHeader: string;
}

/** What connections with the same options share below them. @param bytes where messages, and masking keys, are not as usual */
export function protocolSettings(
  role: 'client' | 'server',
  options: ConnectionOptions,
  budget?: MemoryBudget,
  bytes: Pick<ProtocolOptions, 'textMessages' | 'copy' | 'maskKeys' | 'repeatsCloseReason'> = {},
): ProtocolSettings {
  poisonIfAsked();
  return new ProtocolSettings({
    ...protocolOptionsOf(options, role),
    text: nodeTextCodec,
    unmask,
    allocate: allocateMessage,
    ...(budget === undefined ? {} : { budget }),
    ...bytes,
  });
}

/** Makes the transport of messages over a socket whose opening handshake is done. */
export function frameTransport(
  transport: ByteTransport,
  protocol: ProtocolSettings,
  agreed: AgreedHandshake,
): FramedTransport {
  return new FramedTransport({
    transport,
    protocol,
    extension: agreed.extension,
    scheduler: nodeScheduler,
    subprotocol: agreed.subprotocol,
    extensions: agreed.extensionsHeader,
  });
}

/** What every Connection of a client on Node gets. */
export function nodeEnvironment(onError: ((error: unknown) => void) | undefined): ConnectionEnvironment {
  return { scheduler: nodeScheduler, probe: clientProbe, ...(onError === undefined ? {} : { onError }) };
}
