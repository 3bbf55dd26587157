// What an application gives a connection and what it is told: handlers, the options of a send, and what a connection
// takes from its surroundings.

import type { Clock } from '../base/clock.ts';
import type { Scheduler } from '../base/scheduler.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import type { BufferMemory } from './buffer-memory.ts';
import type { ConnectionProbe } from './connection-probe.ts';
import type { ClosedInfo } from './end-reason.ts';
import type { Message, MessageType } from './message-transport.ts';
import type { ReceiveBuckets } from './receive-rates.ts';

/** Data that can be sent: a string as text, bytes as binary. */
export type SendData = string | ArrayBuffer | ArrayBufferView;

/**
 * What an application does when something happens on a connection. Declared once for a server or a client; every
 * handler gets the connection. What handlers return is ignored, and they are not awaited; but one that throws, or whose
 * promise rejects, closes its own connection with 1011 and is reported to `onError`.
 */
export interface ConnectionHandlers<C> {
  /** The connection is open. */
  open?(connection: C): unknown;
  /** A whole message arrived. */
  message?(connection: C, message: Message, type: MessageType): unknown;
  /** Everything queued has left, after a `send` had given a promise. */
  drain?(connection: C): unknown;
  /** A ping arrived (and was answered, unless `autoPong` is off). The payload is valid only during the call. */
  ping?(connection: C, payload: Uint8Array): unknown;
  /**
   * A pong arrived. The payload is valid only during the call.
   * @param isKeepAlive whether it answers a ping that the connection has sent by itself
   */
  pong?(connection: C, payload: Uint8Array, isKeepAlive: boolean): unknown;
  /** The peer broke the protocol: the connection was failed (RFC 6455 7.1.7), with `closing` before unless it came already. */
  failed?(connection: C, error: ProtocolError): unknown;
  /**
   * The end has begun: a close frame was sent or received, or the connection failed. Messages that waited may still
   * come; `close` follows when the transport is gone.
   */
  closing?(connection: C): unknown;
  /** The connection is gone. The last call. */
  close?(connection: C, info: ClosedInfo): unknown;
}

/** How one message is sent. */
export interface SendOptions {
  /**
   * Whether the message is compressed, where permessage-deflate was agreed: `false` for what is compressed already,
   * or for secrets beside text of strangers (CRIME, BREACH); `true` also below the threshold.
   * @defaultValue by the threshold of the option `perMessageDeflate`
   */
  readonly compress?: boolean;
}

/** How a connection is closed. */
export interface CloseOptions {
  /**
   * How long the close may take before the connection is cut, in milliseconds; what was sent before goes first and needs
   * its time too. @defaultValue the option `closeTimeoutMs` of the connection
   */
  readonly timeoutMs?: number;
}

/** How one fragment is sent; `compress` of the first fragment counts for the whole message. */
export interface FragmentOptions extends SendOptions {
  /** Whether the message ends with this fragment. */
  readonly fin: boolean;
  /** The type of the message. @defaultValue text for a string, binary for bytes */
  readonly type?: MessageType;
}

/** What a Connection takes from its surroundings. Every part has a portable default. */
export interface ConnectionEnvironment {
  /** Where deadlines come from. */
  readonly clock?: Clock;
  /** Where deferred work goes. */
  readonly scheduler?: Scheduler;
  /** Hears what a handler threw. @defaultValue console.error */
  readonly onError?: (error: unknown) => void;
  /** What bounds the memory of all connections together. @defaultValue nothing */
  readonly memory?: BufferMemory;
  /** What bounds how much the peer may send. @defaultValue nothing */
  readonly receiveBuckets?: ReceiveBuckets;
  /** Who watches. @defaultValue nobody */
  readonly probe?: ConnectionProbe | undefined;
}
