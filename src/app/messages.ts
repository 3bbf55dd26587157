// What the start page and its server say to each other beside the realtime layer (contract.ts): the experiments over a plain WebSocket, the
// page's feed over server-sent events. Types only, shared by both sides.

/** What the server can be asked to do on the wire, so that a person sees it. */
export type Experiment = 'ping' | 'fragments' | 'binary' | 'large-binary' | 'close';

/** What a page sends on `/lab`. */
export interface LabRequest {
  readonly experiment: Experiment;
  readonly code?: number;
}

/** What the server says on `/lab`, beside what it was asked for. */
export interface LabNotice {
  readonly text: string;
}

/** The two WebSocket endpoints of the start page. */
export type SocketName = 'realtime' | 'lab';

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
