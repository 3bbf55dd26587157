// What a Connection stands on: something that carries WebSocket messages. FramedTransport (our Protocol over a
// ByteTransport) is one; the browser floor wraps the platform's own WebSocket as another. A feature that the
// platform lacks is declared in `supports`, and the Connection refuses it with WS_UNSUPPORTED.

import type { FrameObserver } from '../protocol/frame-observer.ts';
import type { PreparedMessage } from '../protocol/prepared-message.ts';
import type { ProtocolError } from '../protocol/protocol-error.ts';
import type { Traffic } from '../protocol/traffic.ts';

/** A whole message: text as a string, binary as a plain Uint8Array (never a Buffer). */
export type Message = string | Uint8Array;

/** The two kinds of messages (RFC 6455 5.6). */
export type MessageType = 'text' | 'binary';

/** What a MessageTransport tells its one listener. No call comes before `attach`, none after `closed`. */
export interface MessageTransportEvents {
  /**
   * Something arrived, whatever it was: the peer is alive. Comes before the calls that the same bytes cause; they are
   * not decoded when receiving is paused now. `byteLength` says how many bytes, where the platform tells.
   */
  received(byteLength?: number): void;
  /**
   * A whole message. A binary one follows the `binaryMessages` option of the transport.
   * @param type needed only for text that is handed on as bytes; @defaultValue text for a string, binary for bytes
   */
  message(message: Message, type?: MessageType): void;
  /** Streamed receiving: a message begins. */
  messageStart(type: MessageType): void;
  /** Streamed receiving: the next bytes of the message, borrowed for the call. */
  messageChunk(bytes: Uint8Array): void;
  /** Streamed receiving: the message is complete. */
  messageEnd(): void;
  /** A ping; the pong was already queued when auto-pong is on. The payload is borrowed for the call. */
  ping(payload: Uint8Array): void;
  /** A pong. The payload is borrowed for the call. */
  pong(payload: Uint8Array): void;
  /** The peer's close frame; code 1005 when it had none. The answer, if one was due, is already queued. */
  peerClosed(code: number, reason: string): void;
  /** The peer broke the protocol; the close frame that says so is already queued. */
  failed(error: ProtocolError): void;
  /** `bufferedBytes` has come back to 0. May come more often than that. */
  drained(): void;
  /** The peer sends nothing more and there was no close frame; `closed` follows unless the peer stalls. */
  ended(): void;
  /** The transport is gone, with the error that ended it if there was one. The last call. */
  closed(error?: Error): void;
}

/** What a platform's transport can do beyond messages. */
export interface TransportFeatures {
  /** Pings and pongs can be sent and are seen. */
  readonly ping: boolean;
  /** Receiving can be paused, so that the peer feels it. */
  readonly pause: boolean;
  /** Single fragments can be sent, messages can be received as streams. */
  readonly fragments: boolean;
  /** Frames can be observed. */
  readonly observe: boolean;
  /** The connection can be cut without a closing handshake. */
  readonly terminate: boolean;
}

/** Carries messages between two peers. Only a wrong argument throws; after the end nothing does. */
export interface MessageTransport {
  /** The subprotocol that was agreed, or the empty string. */
  readonly protocol: string;
  /** The extensions that were agreed, as in the Sec-WebSocket-Extensions header, or the empty string. */
  readonly extensions: string;
  /** What this transport can do. */
  readonly supports: TransportFeatures;
  /** Bytes accepted for sending that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Changes whenever the operating system took more of what was sent. */
  readonly writeProgress: number;
  /** Bytes kept of messages that have not arrived whole, or may not be read yet. */
  readonly retainedBytes: number;

  /** Names the listener; called once, before anything else. */
  attach(events: MessageTransportEvents): void;
  /** Sends a text message; `compress` says whether an extension transforms it, undefined leaves that to its rules. */
  sendText(text: string, compress?: boolean): void;
  /** Sends a binary message; the bytes stay unchanged until drained and are never written into. */
  sendBinary(bytes: Uint8Array, compress?: boolean): void;
  /** Sends a message that was encoded once for many receivers. */
  sendPrepared(message: PreparedMessage): void;
  /** Sends a fragment: the first of a message names its type, the following ones continue it. */
  sendFragment(type: MessageType, bytes: Uint8Array, isFinal: boolean, compress?: boolean): void;
  /** Whether a fragmented message was begun and not finished by this side. */
  readonly isMessageOpen: boolean;
  /** Sends a ping with at most 125 bytes. */
  sendPing(payload: Uint8Array): void;
  /** Sends a pong with at most 125 bytes. */
  sendPong(payload: Uint8Array): void;
  /** Sends the close frame (no code: an empty one) and waits for the peer's. Throws for what may not be sent. */
  sendClose(code: number | undefined, reason: string): void;
  /** Stops receiving; what has arrived and is not yet delivered is kept. */
  pause(): void;
  /** Goes on receiving. */
  resume(): void;
  /** Cuts the connection without further words; `closed` follows. */
  terminate(): void;
  /**
   * Fails the connection (RFC 6455 7.1.7): the close frame says why, what arrives is not read any more, and `failed` is
   * told. Missing where the platform can only close.
   */
  fail?(error: ProtocolError): void;
  /** Adds what this transport has carried so far; one that does not see its frames leaves the bytes on the wire out. */
  addTrafficTo(total: Traffic): void;
  /** Attaches the observer of all frames, or detaches it with undefined. */
  observe(observer: FrameObserver | undefined): void;
}
