// The client in a browser: the same connect() as on Node, over the platform's WebSocket. What the platform hides stays
// hidden: a failed handshake gives WS_CONNECT_FAILED without a status, because browsers tell scripts nothing more.

import { type Clock, systemClock } from '../base/clock.ts';
import { describe, FullduplexError } from '../base/errors.ts';
import { requireErrorListener, requireHandlers, requireSignal } from '../connection/callback-checks.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandlers } from '../connection/connection-handlers.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import { refuseUnsupported } from '../connection/unsupported-options.ts';
import { requireSubprotocols } from '../protocol/handshake/subprotocol.ts';
import { requireInteger } from '../protocol/limits.ts';
import { WebSocketTransport } from '../connection/web-socket-transport.ts';
import { browserLimitations, type ConnectOptions, defaultConnectOptions } from './connect-options.ts';

/** What a browser gives: its WebSocket, the URL of its page, and time. */
export interface BrowserPlatform {
  /** The platform's own class. */
  readonly WebSocket: new (
    url: string,
    protocols: string[],
  ) => WebSocket;
  /** What relative URLs are relative to. */
  readonly baseUrl: string | undefined;
  /** @defaultValue systemClock */
  readonly clock?: Clock;
}

/** Checked options: all that connecting needs, as often as it is done. */
export interface ConnectPlan {
  readonly url: URL;
  readonly protocols: readonly string[];
  readonly options: ConnectOptions;
  readonly connectionOptions: ConnectionOptions;
  readonly handshakeTimeoutMs: number;
}

/**
 * Opens a WebSocket connection.
 *
 * As on Node, with what a browser can do: no pings, no `pause`, no fragments, no `terminate` (all `WS_UNSUPPORTED`),
 * and after `close` was called no more messages arrive.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:`, or relative to the page
 * @param handlers attached before the promise resolves; without them attach some later, or iterate
 * @throws (as a rejection) FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`, `WS_UNSUPPORTED` for an option that
 * a browser cannot keep, `WS_CONNECT_FAILED`, `WS_HANDSHAKE_TIMEOUT`, `WS_ABORTED`
 */
export async function connect(
  url: string | URL,
  options: ConnectOptions = {},
  handlers?: ConnectionHandlers<Connection>,
): Promise<Connection> {
  const platform = currentPlatform();
  requireHandlers(handlers);
  return openConnection(planConnection(url, options, platform.baseUrl), platform, options.signal, handlers);
}

/** The platform that this runs on. */
export function currentPlatform(): BrowserPlatform {
  // Workers have a location and no document.
  const baseUrl = 'document' in globalThis ? globalThis.document.baseURI : globalThis.location?.href;
  return { WebSocket: globalThis.WebSocket, baseUrl };
}

/** Checks the URL and all options. @throws FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`, `WS_UNSUPPORTED` */
export function planConnection(
  url: string | URL,
  options: ConnectOptions,
  baseUrl: string | undefined,
): ConnectPlan {
  refuseUnsupported(options, browserLimitations);
  requireSignal(options.signal);
  requireErrorListener(options.onError);
  const given = options.handshakeTimeoutMs ?? defaultConnectOptions.handshakeTimeoutMs;
  return {
    url: parseUrl(url, baseUrl),
    protocols: requireSubprotocols(options.protocols ?? []),
    options,
    connectionOptions: resolveConnectionOptions(options),
    handshakeTimeoutMs: requireInteger('handshakeTimeoutMs', given, 1, 0x7fff_ffff),
  };
}

/** Connects as planned; see connect. */
export function openConnection(
  plan: ConnectPlan,
  platform: BrowserPlatform,
  signal?: AbortSignal,
  handlers?: ConnectionHandlers<Connection>,
): Promise<Connection> {
  const { url, protocols, handshakeTimeoutMs } = plan;
  const clock = platform.clock ?? systemClock;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(aborted(signal));
      return;
    }
    const socket = makeSocket(plan, platform);
    const release = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      socket.removeEventListener('open', opened);
      socket.removeEventListener('error', closed);
      socket.removeEventListener('close', closed);
    };
    const fail = (error: FullduplexError): void => {
      release();
      socket.close();
      reject(error);
    };
    // Within this call, because messages may follow at once: they have to find the connection listening.
    const opened = (): void => {
      // The standard fails a connection without one of the subprotocols that were offered; Firefox opens it.
      if (protocols.length > 0 && socket.protocol === '') {
        fail(connectFailed(url, `the server chose no subprotocol, expected one of ${protocols.join(', ')}`));
        return;
      }
      release();
      const connection = makeConnection(socket, plan, clock);
      if (handlers !== undefined) connection.attach(handlers);
      resolve(connection);
    };
    const closed = (): void => fail(connectFailed(url, 'the browser does not say why'));
    const abort = (): void => fail(aborted(signal));
    const timer = clock.setTimer(() => {
      const message = `no connection to ${url.host} within ${handshakeTimeoutMs} ms`;
      fail(new FullduplexError('WS_HANDSHAKE_TIMEOUT', message));
    }, handshakeTimeoutMs);
    signal?.addEventListener('abort', abort);
    socket.addEventListener('open', opened);
    // Node 22's own WebSocket has no close behind the error of a handshake.
    socket.addEventListener('error', closed);
    socket.addEventListener('close', closed);
  });
}

function makeSocket(plan: ConnectPlan, platform: BrowserPlatform): WebSocket {
  try {
    return new platform.WebSocket(plan.url.href, [...plan.protocols]);
  } catch (cause) {
    // A page's policy, or ws: from a page that came over https:.
    throw connectFailed(plan.url, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function makeConnection(socket: WebSocket, plan: ConnectPlan, clock: Clock): Connection {
  const { connectionOptions, options } = plan;
  const { onError } = options;
  const { highWaterMarkBytes } = connectionOptions;
  const transport = new WebSocketTransport(socket, { highWaterMarkBytes, clock });
  const connection: Connection = new Connection(transport, undefined, connectionOptions, {
    clock,
    ...(onError === undefined ? {} : { onError: (error: unknown): void => onError(error, connection) }),
  });
  return connection;
}

function parseUrl(url: string | URL, baseUrl: string | undefined): URL {
  const text = url instanceof URL ? url.href : url;
  const parsed = URL.canParse(text, baseUrl) ? new URL(text, baseUrl) : undefined;
  if (parsed?.protocol === 'ws+unix:' || parsed?.protocol === 'wss+unix:') {
    throw new FullduplexError(
      'WS_UNSUPPORTED',
      `a browser cannot connect to a unix socket (${describe(text)})`,
    );
  }
  // Not every browser knows HTTP's schemes here yet.
  if (parsed?.protocol === 'http:') parsed.protocol = 'ws:';
  else if (parsed?.protocol === 'https:') parsed.protocol = 'wss:';
  const isUsable = parsed?.protocol === 'ws:' || parsed?.protocol === 'wss:';
  if (parsed !== undefined && isUsable && !parsed.href.includes('#')) return parsed;
  throw new FullduplexError(
    'WS_URL_INVALID',
    `URL is ${describe(text)}, expected ws://host/path, wss://host/path or the same with http or https, without a fragment (RFC 6455 3)`,
  );
}

function connectFailed(url: URL, reason: string, cause?: unknown): FullduplexError {
  const options = cause === undefined ? undefined : { cause };
  return new FullduplexError('WS_CONNECT_FAILED', `could not connect to ${url.host}: ${reason}`, options);
}

function aborted(signal: AbortSignal | undefined): FullduplexError {
  return new FullduplexError('WS_ABORTED', 'connecting was aborted by the signal', { cause: signal?.reason });
}
