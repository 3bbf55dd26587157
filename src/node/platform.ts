// What Node injects into the portable floors: one place that server and client share.

import type { ConnectionEnvironment } from '../connection/connection.ts';
import type { ConnectionOptions } from '../connection/connection-options.ts';
import { FramedTransport } from '../connection/framed-transport.ts';
import type { ByteTransport } from '../connection/byte-transport.ts';
import { protocolOptionsOf } from '../connection/protocol-options.ts';
import type { NegotiatedExtension } from '../protocol/extensions/extension.ts';
import type { MemoryBudget } from '../protocol/memory-budget.ts';
import { nodeScheduler } from './node-scheduler.ts';
import { nodeTextCodec } from './node-text-codec.ts';
import { unmask } from './wasm-unmask.ts';

/** What the opening handshake has agreed, and what came behind it. */
export interface AgreedHandshake {
  readonly role: 'client' | 'server';
  /** The subprotocol, or the empty string. */
  readonly subprotocol: string;
  /** The extension, if one was agreed. */
  readonly extension?: NegotiatedExtension;
  /** The agreed extensions as in the header, or the empty string. */
  readonly extensionsHeader: string;
  /** Bytes behind the head: they belong to the first frame. */
  readonly remaining: Uint8Array;
  /** Bounds what all connections of a server retain. */
  readonly budget?: MemoryBudget;
}

/** Makes the transport of messages over a socket whose opening handshake is done. */
export function frameTransport(
  transport: ByteTransport,
  agreed: AgreedHandshake,
  options: ConnectionOptions,
): FramedTransport {
  return new FramedTransport({
    transport,
    protocol: {
      ...protocolOptionsOf(options, agreed.role),
      text: nodeTextCodec,
      unmask,
      ...(agreed.extension === undefined ? {} : { extension: agreed.extension }),
      ...(agreed.budget === undefined ? {} : { budget: agreed.budget }),
    },
    scheduler: nodeScheduler,
    subprotocol: agreed.subprotocol,
    extensions: agreed.extensionsHeader,
    head: agreed.remaining,
  });
}

/** What every Connection on Node gets. */
export function nodeEnvironment(onError: ((error: unknown) => void) | undefined): ConnectionEnvironment {
  return { scheduler: nodeScheduler, ...(onError === undefined ? {} : { onError }) };
}
