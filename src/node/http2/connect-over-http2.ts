// The client's way over HTTP/2: a session that is there or is made, a stream on it, and where that does not lead to a
// WebSocket, the word that HTTP/1.1 is to be used, at once.

import type { ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { ExtendedConnectHandshake } from '../../protocol/handshake/extended-connect-handshake.ts';
import type { ConnectOptions } from '../connect-options.ts';
import type { ConnectTarget } from '../connect-target.ts';
import { FullduplexError } from '../../base/errors.ts';
import type { EnterPhase } from '../connect-errors.ts';
import { dial } from '../dial.ts';
import { poolFor } from './http2-sessions.ts';
import { type AcceptedConnect, openStream } from './open-stream.ts';
import type { SessionPool, SessionTarget } from './session-pool.ts';
import { sharingKey } from './sharing-key.ts';

// How often room is looked for when many connect at the same time; each time one more connection is made for them.
const mostLooks = 10;

/** How a client goes over HTTP/2. */
export interface Http2Plan {
  readonly pool: SessionPool;
  readonly target: SessionTarget;
  makeHandshake(jarCookies?: string): ExtendedConnectHandshake;
}

/** What became of it. */
export type Http2Outcome<T> =
  | { readonly kind: 'accepted'; readonly value: T }
  /** HTTP/1.1 is what there is, perhaps over a connection that was made on the way. */
  | { readonly kind: 'http1'; readonly stream: Duplex | undefined };

/**
 * Checks the option http2; undefined when HTTP/1.1 is what is wanted.
 * @param given the options as they were given
 * @param road the same, completed for dialling
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function planHttp2(
  target: ConnectTarget,
  given: ConnectOptions,
  road: ConnectOptions,
  makeHandshake: (jarCookies?: string) => ExtendedConnectHandshake,
): Http2Plan | undefined {
  const pool = poolFor(given.http2, target.isSecure);
  if (pool === undefined) return undefined;
  if (given.tls?.ALPNProtocols !== undefined) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option tls.ALPNProtocols is given beside http2, expected one of them: http2 offers h2 and http/1.1',
    );
  }
  if (given.agent !== undefined) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option agent is given beside http2, expected one of them: an agent speaks HTTP/1.1',
    );
  }
  // Shared by what was given: the secure context is a new one for each plan.
  return { pool, target: sessionTarget(target, given, road), makeHandshake };
}

/**
 * Where a plan leads over HTTP/2.
 * @param given the options as they were given: what is equal in them shares a connection
 * @param dialOptions the same for dialling, completed
 */
function sessionTarget(
  target: ConnectTarget,
  given: ConnectOptions,
  dialOptions: ConnectOptions,
): SessionTarget {
  const { host, port, socketPath, isSecure, requestUrl, label } = target;
  const { tls, socket, createConnection, proxy } = given;
  return {
    key: sharingKey([host, port, socketPath, isSecure, tls, socket, createConnection, proxy]),
    label,
    origin: `${isSecure ? 'https' : 'http'}://${requestUrl.host}`,
    isSecure,
    dial: (signal, enter) => {
      const offer = { ...dialOptions, tls: { ...dialOptions.tls, ALPNProtocols: ['h2', 'http/1.1'] } };
      return dial(target, offer, signal, enter, 'by node:http2');
    },
  };
}

/**
 * Opens a WebSocket over HTTP/2, if that is possible.
 * @param accepted makes the connection, in the turn in which the acceptance came
 * @throws as `connect`
 */
export async function connectOverHttp2<T>(
  plan: Http2Plan,
  jarCookies: string | undefined,
  signal: AbortSignal,
  enter: EnterPhase,
  accepted: (stream: ClientHttp2Stream, result: AcceptedConnect) => T,
): Promise<Http2Outcome<T>> {
  const { pool, target } = plan;
  let acquired = await pool.acquire(target, signal, enter);
  // Others who were given the same session may have taken its room since: Node would hold the request back without a word.
  for (let looks = 1; acquired.kind === 'session' && !acquired.session.hasRoom; looks++) {
    if (looks === mostLooks) return { kind: 'http1', stream: undefined };
    acquired = await pool.acquire(target, signal, enter);
  }
  if (acquired.kind === 'http1') return acquired;
  enter('response', target.label);
  const outcome = await openStream(acquired.session, plan.makeHandshake(jarCookies), signal, accepted);
  if (outcome.kind === 'accepted') return outcome;
  if (outcome.isLasting) pool.rememberHttp1(target.key);
  return { kind: 'http1', stream: undefined };
}
