// What of Bun is used, declared here so that nobody needs Bun's types: Bun.serve, its server, and the server's end of a
// WebSocket.

import { FullduplexError } from '../base/errors.ts';

/** The server's end of a WebSocket (Bun's ServerWebSocket). */
export interface BunSocket<Data> {
  /** What `upgrade` was given. */
  readonly data: Data;
  /** 1 while it is open. */
  readonly readyState: number;
  /** How binary messages are given. */
  binaryType?: 'nodebuffer' | 'arraybuffer' | 'uint8array';
  /** -1: it waits for the peer; 0: it was dropped; above: how many bytes were sent. */
  sendText(text: string, compress?: boolean): number;
  sendBinary(bytes: Uint8Array, compress?: boolean): number;
  ping(payload: Uint8Array): number;
  pong(payload: Uint8Array): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
  getBufferedAmount(): number;
}

/** What Bun does when something happens on a WebSocket; one for all of a server. */
export interface BunSocketHandlers<Data> {
  readonly maxPayloadLength: number;
  readonly idleTimeout: number;
  readonly backpressureLimit: number;
  readonly sendPings: boolean;
  readonly perMessageDeflate: boolean;
  open(socket: BunSocket<Data>): void;
  message(socket: BunSocket<Data>, message: string | Uint8Array): void;
  drain(socket: BunSocket<Data>): void;
  ping(socket: BunSocket<Data>, payload: Uint8Array): void;
  pong(socket: BunSocket<Data>, payload: Uint8Array): void;
  close(socket: BunSocket<Data>, code: number, reason: string): void;
}

/** What Bun.serve gives. */
export interface BunListener {
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
  upgrade(request: Request, options: { data: unknown; headers: [string, string][] }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
  stop(closesActive?: boolean): Promise<void>;
}

/** What Bun.serve takes. */
export interface BunServeOptions<Data> {
  readonly port?: number;
  readonly hostname?: string;
  readonly unix?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly idleTimeout?: number;
  fetch(request: Request, listener: BunListener): Response | undefined | Promise<Response | undefined>;
  error(error: unknown): Response;
  readonly websocket: BunSocketHandlers<Data>;
}

/** The global `Bun`. */
export interface BunRuntime {
  serve<Data>(options: BunServeOptions<Data>): BunListener;
}

/**
 * The runtime that this runs on.
 * @throws FullduplexError `WS_UNSUPPORTED` when it is not Bun
 */
export function currentBun(): BunRuntime {
  const bun: unknown = Reflect.get(globalThis, 'Bun');
  if (isBun(bun)) return bun;
  throw new FullduplexError('WS_UNSUPPORTED', 'fullduplex/bun runs on Bun only, where there is Bun.serve');
}

function isBun(value: unknown): value is BunRuntime {
  return typeof value === 'object' && value !== null && 'serve' in value && typeof value.serve === 'function';
}
