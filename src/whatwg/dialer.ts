// What a platform gives to the WHATWG classes: a way to open connections, and where tasks and UTF-8 come from. The
// classes themselves know no sockets.

import type { Scheduler } from '../base/scheduler.ts';
import type { TextCodec } from '../base/text-codec.ts';
import type { Connection } from '../connection/connection.ts';

/** What a Dialer is asked for. */
export interface DialRequest<Options> {
  /** Where to: `ws:` or `wss:`, without a fragment. */
  readonly url: URL;
  /** The subprotocols to offer, checked; the server has to pick one of them. */
  readonly protocols: readonly string[];
  /** What the platform's classes take beyond the standard, as the caller gave it. */
  readonly options: Options | undefined;
  /** Aborts when nobody waits for the connection any more. */
  readonly signal: AbortSignal;
}

/** Opens connections: "establish a WebSocket connection" of the standard. */
export interface Dialer<Options> {
  /**
   * Opens the client's side of a connection that receives whole messages, binary ones `copied`. A rejection is a
   * connection that failed; what it throws at once is the caller's mistake, and the constructors throw it on.
   */
  dial(request: DialRequest<Options>): Promise<Connection>;
}

/** What the WHATWG classes take from their platform. */
export interface WebSocketPlatform<Options> {
  /** Opens the connections. */
  readonly dialer: Dialer<Options>;
  /** Where tasks are queued. @defaultValue timers */
  readonly scheduler?: Scheduler;
  /** Measures text. @defaultValue portable */
  readonly text?: TextCodec;
  /** What relative URLs are relative to. @defaultValue nothing: a relative URL is a SyntaxError */
  readonly baseUrl?: () => string | undefined;
}
