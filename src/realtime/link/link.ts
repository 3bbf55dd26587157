// One interface for everything that carries frames between a client and a server: WebSocket, a response that streams, and
// polling. A link knows nothing of channels; what it carries is text, one frame or an array of frames at a time.

import type { Hello } from '../wire/frames.ts';

/** What carries a link. */
export type LinkKind = 'websocket' | 'stream' | 'poll';

/** What a client's link tells. */
export interface ClientLinkEvents {
  /** Text arrived. */
  received(text: string): void;
  /**
   * The other side has ended it, or it was cut; the last call.
   * @param cause what went wrong, for people: an error, as a rule; undefined when it was ended in order
   */
  ended(cause?: unknown): void;
}

/** The client's end of a link. */
export interface ClientLink {
  /**
   * Whether subscriptions and the token can change while it is open. Where not, they travel in the hello only, and whoever
   * changes them opens the link anew, with positions.
   */
  readonly isTwoWay: boolean;
  /** Sends one frame, written as JSON; a link that is gone does nothing. */
  send(text: string): void;
  /** Ends it: nothing is told of it any more. */
  close(): void;
}

/**
 * Opens links of one kind.
 * @param hello asked for each hello that is sent: polling sends one for each poll
 * @param session asked for what is sent beside a link that goes one way, after the welcome
 */
export type OpenClientLink = (
  hello: () => Hello,
  events: ClientLinkEvents,
  session: () => Hello['session'],
) => ClientLink;

/** What a server's link tells. */
export interface ServerLinkEvents {
  /** Text arrived. */
  received(text: string): void;
  /** What had been too much has been sent. */
  drained(): void;
  /** The link is gone; the last call. */
  ended(): void;
}

/** Text that goes to many: the form that each kind of link needs is made once. */
export interface SharedText {
  readonly text: string;
  /** Its length in UTF-8. */
  readonly byteLength: number;
}

/** The server's end of a link. */
export interface ServerLink {
  readonly kind: LinkKind;
  /** Whether subscriptions and the token can change while it is open. */
  readonly isTwoWay: boolean;
  /** How many bytes wait to be sent. */
  readonly bufferedBytes: number;
  /** Whether as much waits as should: `drained` is told when it has been sent. */
  readonly isFull: boolean;
  /** Sends text to this client only. */
  send(text: string): void;
  /** Sends what goes to many. */
  sendShared(shared: SharedText): void;
  /** Ends it after what was sent. */
  close(code: number, reason: string): void;
}
