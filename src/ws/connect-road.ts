// The road of a client of ws over HTTP/2: its options in terms of ours, and what became of the attempt.

import type { IncomingMessage } from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import { describe, FullduplexError } from '../base/errors.ts';
import type { ClientSocketOptions, ClientTlsOptions, ConnectOptions } from '../node/connect-options.ts';
import { parseConnectTarget } from '../node/connect-target.ts';
import { type Http2Plan, planHttp2 } from '../node/http2/connect-over-http2.ts';
import { requireRoad } from '../node/road-options.ts';
import type { PerMessageDeflate } from '../protocol/extensions/permessage-deflate/per-message-deflate.ts';
import { ExtendedConnectHandshake } from '../protocol/handshake/extended-connect-handshake.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import type { ClientOptions } from './client-options.ts';
import type { ClientTarget } from './client-target.ts';
import { messageOver, showHeaders } from './connect-upgrade.ts';
import { applicationHeadersOf } from './request-options.ts';

// Those of tls.connect and of net.connect that a connection of HTTP/2 is made with.
const tlsNames: readonly (keyof ClientTlsOptions)[] = [
  'ALPNProtocols',
  'ca',
  'cert',
  'checkServerIdentity',
  'ciphers',
  'crl',
  'ecdhCurve',
  'key',
  'maxVersion',
  'minVersion',
  'passphrase',
  'pfx',
  'rejectUnauthorized',
  'secureContext',
  'servername',
  'session',
  'sigalgs',
];
const socketNames: readonly (keyof ClientSocketOptions)[] = [
  'autoSelectFamilyAttemptTimeout',
  'family',
  'localAddress',
  'localPort',
  'lookup',
];
// Hooks that get, or make, what there is in HTTP/1.1 only.
const ofHttp1 = ['createConnection', 'finishRequest'] as const;

/**
 * Plans the road over HTTP/2; undefined when it is not wanted for this target.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export function planConnect(
  given: ClientOptions,
  target: ClientTarget,
  protocols: readonly string[],
  deflate: PerMessageDeflate | undefined,
): Http2Plan | undefined {
  const { http2 } = given;
  if (http2 === undefined || http2 === null || http2 === false || target.socketPath !== undefined)
    return undefined;
  for (const name of ofHttp1) {
    const found: unknown = given[name];
    if (found === undefined || found === null) continue;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `option ${name} is ${describe(found)} beside http2, expected one of them: it is about HTTP/1.1`,
    );
  }
  const goal = parseConnectTarget(target.href);
  // Undefined when there is nothing in them: what is equal shares a connection, also with those of `connect`.
  const tls = pick<ClientTlsOptions>(given, tlsNames);
  const socket = pick<ClientSocketOptions>(given, socketNames);
  const options: ConnectOptions = {
    http2,
    // As ws, which knows nothing of the environment's proxies.
    proxy: false,
    ...(tls === undefined ? {} : { tls }),
    ...(socket === undefined ? {} : { socket }),
    ...(given.agent === undefined || given.agent === null ? {} : { agent: given.agent }),
  };
  const headers = new HeaderList();
  for (const [name, value] of Object.entries(applicationHeadersOf(given, target))) {
    for (const single of Array.isArray(value) ? value : [value]) headers.append(name, String(single));
  }
  const extensions = deflate === undefined ? [] : [deflate];
  return planHttp2(
    goal,
    options,
    requireRoad(options, goal),
    () => new ExtendedConnectHandshake(goal.requestUrl, { protocols, extensions, headers }),
  );
}

function pick<T extends object>(given: object, names: readonly (keyof T & string)[]): Partial<T> | undefined {
  const picked: Partial<T> = {};
  for (const name of names) {
    const value: unknown = Reflect.get(given, name);
    if (value !== undefined && value !== null) Reflect.set(picked, name, value);
  }
  return Object.keys(picked).length === 0 ? undefined : picked;
}

/** The response of an acceptance, as the event 'upgrade' shows it. */
export function showResponse(
  stream: ClientHttp2Stream,
  status: number,
  headers: HeaderList,
): IncomingMessage {
  const response = messageOver(stream);
  response.statusCode = status;
  response.httpVersion = '2.0';
  response.httpVersionMajor = 2;
  response.httpVersionMinor = 0;
  response.complete = true;
  showHeaders(response, headers);
  return response;
}

/** The status of a refusal; undefined for any other failure. */
export function refusalStatusOf(error: unknown): number | undefined {
  return error instanceof HandshakeError && error.code === 'WS_HANDSHAKE_REFUSED' ? error.status : undefined;
}

/** What the event 'error' tells of a failure: a refusal in the words of ws, and what Node said of a socket or certificate. */
export function connectErrorOf(error: unknown): Error {
  const status = refusalStatusOf(error);
  if (status !== undefined) return new Error(`Unexpected server response: ${status}`, { cause: error });
  if (!(error instanceof Error)) return new Error(String(error));
  const { cause } = error;
  return error instanceof FullduplexError && cause instanceof Error && 'code' in cause ? cause : error;
}
