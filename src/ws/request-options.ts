// The request of a client's opening handshake, as node:http takes it: what the user gave, and on top of it what the handshake
// says. Over a redirect to somebody else go no credentials.

import type { RequestOptions } from 'node:https';
import { isConnectionField } from '../protocol/handshake/extended-connect.ts';
import type { ClientOptions } from './client-options.ts';
import type { ClientTarget } from './client-target.ts';

/** What one request asks for. */
export interface Asked {
  readonly key: string;
  readonly protocols: readonly string[];
  /** The value of Sec-WebSocket-Extensions, or the empty string. */
  readonly extensions: string;
  /** Where the first request went; undefined for that one itself. */
  readonly first?: ClientTarget | undefined;
  /** Whether the application decides by itself where its credentials go. */
  readonly isTrusted: boolean;
}

// What the URL says, and what is no business of the request.
const replaced = [
  'host',
  'hostname',
  'method',
  'path',
  'port',
  'protocol',
  'protocols',
  'socketPath',
  'timeout',
];

/** Gives the options for node:http or node:https. */
export function requestOptionsOf(given: ClientOptions, target: ClientTarget, asked: Asked): RequestOptions {
  const options: RequestOptions = {};
  for (const [name, value] of Object.entries(given)) {
    if (!replaced.includes(name) && value !== undefined && value !== null) Reflect.set(options, name, value);
  }
  return {
    ...options,
    method: 'GET',
    host: target.host,
    port: target.port,
    path: target.path,
    defaultPort: given.defaultPort ?? (target.isSecure ? 443 : 80),
    ...(target.socketPath === undefined ? {} : { socketPath: target.socketPath }),
    headers: headersOf(given, target, asked),
    // What the URL says goes before what the options say, and a header before both.
    ...authOf(given, target, asked),
  };
}

/** The headers beside those of the handshake, for HTTP/2, where the Host is no header, and what is no header elsewhere is one. */
export function applicationHeadersOf(
  given: ClientOptions,
  target: ClientTarget,
): Record<string, string | number | string[]> {
  const asked = { isTrusted: true };
  const written = givenHeadersOf(given, target, asked);
  const names = new Set<string>();
  for (const name of Object.keys(written)) {
    const lowercase = name.toLowerCase();
    if (lowercase === 'host' || lowercase.startsWith('sec-websocket-') || isConnectionField(lowercase))
      delete written[name];
    else names.add(lowercase);
  }
  const { auth } = authOf(given, target, asked);
  if (auth !== undefined && !names.has('authorization'))
    written['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  const { origin } = given;
  if (origin !== undefined && origin !== '') written['origin'] = origin;
  return written;
}

function givenHeadersOf(
  { headers = {} }: ClientOptions,
  target: ClientTarget,
  asked: Pick<Asked, 'first' | 'isTrusted'>,
): Record<string, string | number | string[]> {
  const written: Record<string, string | number | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && isAllowed(name.toLowerCase(), target, asked)) written[name] = value;
  }
  return written;
}

function headersOf(
  given: ClientOptions,
  target: ClientTarget,
  asked: Asked,
): Record<string, string | number | string[]> {
  const { origin, protocolVersion = 13 } = given;
  const { key, protocols, extensions } = asked;
  const written = givenHeadersOf(given, target, asked);
  written['Sec-WebSocket-Version'] = protocolVersion;
  written['Sec-WebSocket-Key'] = key;
  written['Connection'] = 'Upgrade';
  written['Upgrade'] = 'websocket';
  if (extensions !== '') written['Sec-WebSocket-Extensions'] = extensions;
  if (protocols.length > 0) written['Sec-WebSocket-Protocol'] = protocols.join(',');
  if (origin !== undefined && origin !== '')
    written[protocolVersion < 13 ? 'Sec-WebSocket-Origin' : 'Origin'] = origin;
  return written;
}

function isAllowed(
  name: string,
  target: ClientTarget,
  { first, isTrusted }: Pick<Asked, 'first' | 'isTrusted'>,
): boolean {
  if (first === undefined || isTrusted) return true;
  if (name === 'host') return target.authority === first.authority;
  return (name !== 'authorization' && name !== 'cookie') || isSameOwner(target, first);
}

// The same host, and never from a connection that is protected to one that is not.
function isSameOwner(target: ClientTarget, first: ClientTarget): boolean {
  return target.authority === first.authority && (target.isSecure || !first.isSecure);
}

function authOf(
  given: ClientOptions,
  target: ClientTarget,
  { first, isTrusted }: Pick<Asked, 'first' | 'isTrusted'>,
): { readonly auth?: string } {
  if (first !== undefined && !isTrusted && !isSameOwner(target, first)) return {};
  const auth = target.auth ?? first?.auth ?? given.auth;
  return typeof auth === 'string' ? { auth } : {};
}
