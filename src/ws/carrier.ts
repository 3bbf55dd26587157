// The Connection under a WebSocket, with what its owner hears of in a way of its own: that all which was sent has left, for the
// callbacks of `send`, and that the connection is gone.

import { systemClock } from '../base/clock.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionEnvironment, ConnectionHandlers } from '../connection/connection-handlers.ts';
import type { Message, MessageType } from '../connection/message-transport.ts';
import { ReceiveBuckets, type ReceiveRateLimits } from '../connection/receive-rates.ts';
import { clientProbe, serverProbe } from '../node/diagnostics.ts';
import { nodeScheduler } from '../node/node-scheduler.ts';
import { frameTransport, type AgreedHandshake } from '../node/platform.ts';
import type { ByteTransport } from '../connection/byte-transport.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import type { SocketSettings } from './socket-options.ts';
import { rethrow } from './rethrow.ts';

/** Who owns a Carrier. */
export interface CarrierOwner {
  message(message: Message, type: MessageType): void;
  /** The payload is valid during the call only. */
  ping(payload: Uint8Array): void;
  /** As `ping`; what answers the keep-alive is not told. */
  pong(payload: Uint8Array): void;
  /** The peer broke the protocol, or a codec failed. */
  failed(error: ProtocolError): void;
  /** All that was sent has left, after `whenSent`. */
  sent(): void;
  /** The connection is gone. */
  gone(): void;
}

const handlers: ConnectionHandlers<Carrier> = Object.freeze({
  message: ({ data }: Carrier, message: Message, type: MessageType) => data.message(message, type),
  ping: ({ data }: Carrier, payload: Uint8Array) => data.ping(payload),
  pong: ({ data }: Carrier, payload: Uint8Array, isKeepAlive: boolean) =>
    isKeepAlive ? undefined : data.pong(payload),
  failed: ({ data }: Carrier, error: ProtocolError) => data.failed(error),
});

const environments: { readonly [role in 'client' | 'server']: ConnectionEnvironment } = Object.freeze({
  client: Object.freeze({ scheduler: nodeScheduler, probe: clientProbe, onError: rethrow }),
  server: Object.freeze({ scheduler: nodeScheduler, probe: serverProbe, onError: rethrow }),
});

/** The connection of a WebSocket. */
export class Carrier extends Connection<CarrierOwner> {
  /** Takes over what an opening handshake has led to; the owner hears of nothing before this has returned. */
  constructor(
    role: 'client' | 'server',
    bytes: ByteTransport,
    agreed: AgreedHandshake,
    { connection, protocol, receiveLimits }: SocketSettings,
    owner: CarrierOwner,
  ) {
    super(frameTransport(bytes, protocol, agreed), owner, connection, environmentOf(role, receiveLimits));
    this.attach(handlers);
  }

  /** Tells the owner, once, when all that was sent up to then has left. */
  whenSent(): void {
    this.requestDrain();
  }

  protected override onDrained(): void {
    this.data.sent();
  }

  // Not the handler `close`: the reason with its error would be made for every connection.
  protected override onClosed(): void {
    this.data.gone();
  }
}

// Tokens are a connection's own; without limits all share what they have.
function environmentOf(
  role: 'client' | 'server',
  limits: ReceiveRateLimits | undefined,
): ConnectionEnvironment {
  const shared = environments[role];
  if (limits === undefined) return shared;
  return { ...shared, receiveBuckets: new ReceiveBuckets(limits, systemClock.now()) };
}
