// What the start page and its server say to each other: the chat and the ticker over WebSockets, the page's feed over
// server-sent events. Types only, shared by both sides.

/** Somebody in the chat. */
export interface Person {
  readonly id: number;
  readonly name: string;
}

/** One message of the chat. */
export interface ChatMessage {
  readonly from: Person;
  readonly text: string;
  /** When the server got it, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What the server can be asked to do on the wire, so that a person sees it. */
export type Experiment = 'ping' | 'fragments' | 'binary' | 'large-binary' | 'close';

/** What a page sends on `/chat`. */
export type ChatRequest =
  | { readonly type: 'hello'; readonly name?: string }
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'typing'; readonly isTyping: boolean }
  | { readonly type: 'rename'; readonly name: string }
  | { readonly type: 'try'; readonly experiment: Experiment; readonly code?: number };

/** What the server sends on `/chat`. */
export type ChatEvent =
  | {
      readonly type: 'welcome';
      readonly you: Person;
      readonly people: readonly Person[];
      readonly messages: readonly ChatMessage[];
    }
  | { readonly type: 'people'; readonly people: readonly Person[] }
  | ({ readonly type: 'message' } & ChatMessage)
  | { readonly type: 'typing'; readonly who: Person; readonly isTyping: boolean }
  | { readonly type: 'notice'; readonly text: string };

/** One thing that is traded on the ticker. */
export interface Quote {
  readonly symbol: string;
  readonly name: string;
  /** The last prices, oldest first. */
  readonly prices: readonly number[];
}

/** What the server sends on `/ticker`: the past once, then a price for each symbol every second. */
export type TickerEvent =
  | { readonly type: 'history'; readonly quotes: readonly Quote[] }
  | { readonly type: 'prices'; readonly prices: Readonly<Record<string, number>> };

/** The two WebSocket endpoints of the start page. */
export type SocketName = 'chat' | 'ticker';

/** What the feed tells a page about its own connections, by event name. */
export interface FeedEvents {
  /** A connection was opened. */
  readonly opened: {
    readonly socket: SocketName;
    /** Counts the connections of the page. */
    readonly connection: number;
    /** The two heads of the opening handshake. */
    readonly request: string;
    readonly response: string;
  };
  /** A frame went over the wire. */
  readonly frame: {
    readonly socket: SocketName;
    readonly connection: number;
    /** As the server sees it: `in` comes from the page. */
    readonly direction: 'in' | 'out';
    /** In milliseconds since 1970, with a fraction. */
    readonly atMs: number;
    /** The frame as it was on the wire, in base64; of a long payload the start. */
    readonly bytes: string;
  };
  /** A connection is gone. */
  readonly closed: {
    readonly socket: SocketName;
    readonly connection: number;
    readonly code: number;
    readonly reason: string;
    readonly clean: boolean;
  };
}
