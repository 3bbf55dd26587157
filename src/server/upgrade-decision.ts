// What an application answers to a request for an upgrade, and what becomes of it: a 101, the application's own HTTP
// response, or a refusal of ours. The decision may take its time; only a synchronous one costs no promise.

import type { HandshakeRefusal } from '../protocol/handshake/handshake-refusal.ts';
import type { HeaderInit } from '../protocol/handshake/header-list.ts';
import type { HandshakeAcceptance } from '../protocol/handshake/server-handshake.ts';
import type { MessageTransport } from '../connection/message-transport.ts';
import type { ServerConnection } from './server-connection.ts';

/** How an upgrade is accepted. */
export interface UpgradeAcceptance<Data> {
  /** What the connection carries as `connection.data`. */
  readonly data: Data;
  /** Headers for the 101 (in HTTP/2 the 200), such as Set-Cookie. Those of the handshake itself cannot be set. */
  readonly headers?: HeaderInit;
  /** One of the offered subprotocols, '' for none. @defaultValue the first of the option `protocols` that was offered */
  readonly protocol?: string;
}

/** The same where there is no data, or where data may be undefined. */
export type UpgradeAcceptanceWithoutData = Omit<UpgradeAcceptance<undefined>, 'data'> & {
  readonly data?: undefined;
};

/**
 * What `upgrade` returns: an acceptance with the connection's data, nothing (accepted, without data), or a Response,
 * which refuses: exactly that response is sent. Throwing answers 500 and is reported to `onError`.
 */
export type UpgradeDecision<Data> =
  | Response
  | UpgradeAcceptance<Data>
  | (undefined extends NoInfer<Data> ? UpgradeAcceptanceWithoutData | undefined | void : never);

/** A request that becomes a connection as soon as the head of `acceptance` has been sent. */
export interface AcceptedUpgrade {
  readonly kind: 'accepted';
  readonly acceptance: HandshakeAcceptance;
  /** Makes the connection over a transport and calls its `open` handler. */
  connect(transport: MessageTransport): ServerConnection<unknown>;
}

/** A request that the application refuses with a response of its own. */
export interface AnsweredUpgrade {
  readonly kind: 'answered';
  readonly response: Response;
}

/** What becomes of a request. */
export type UpgradeOutcome = AcceptedUpgrade | AnsweredUpgrade | HandshakeRefusal;

/** Whether a decision is a Response, also one of another realm or package. */
export function isResponse(decision: unknown): decision is Response {
  return decision instanceof Response || Object.prototype.toString.call(decision) === '[object Response]';
}
