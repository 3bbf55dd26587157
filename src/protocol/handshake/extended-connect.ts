// The opening handshake in HTTP/2 (RFC 8441): an extended CONNECT opens a stream, and what the stream carries from then
// on is the WebSocket. Here are the two heads as values, what a server demands of the request, and its answer. The
// client's side is in extended-connect-handshake.ts; frames of HTTP/2 are read and written by others.

import { describe } from '../../base/errors.ts';
import { checkNoBody, isAuthority } from './handshake-checks.ts';
import { type HandshakeRefusal, refuse } from './handshake-refusal.ts';
import { equalsIgnoringCase } from './header-grammar.ts';
import { HeaderList } from './header-list.ts';
import type { ExtendedConnect, RequestHead } from './http-head.ts';

/** RFC 8441 5 and RFC 9113 8.2.2: fields of an HTTP/1.1 connection, which mean nothing in HTTP/2 and MUST NOT be there. */
const connectionFields: readonly string[] = Object.freeze([
  'Connection',
  'Upgrade',
  'Keep-Alive',
  'Proxy-Connection',
  'Transfer-Encoding',
]);

/** Whether a field belongs to a connection of HTTP/1.1, so that it cannot be sent in HTTP/2. */
export function isConnectionField(name: string): boolean {
  return connectionFields.some((field) => equalsIgnoringCase(field, name));
}

/**
 * Makes the head of a request of HTTP/2 from its fields (name, value, name, value), pseudo-header fields among them. So
 * that whoever looks for the host finds it as in HTTP/1.1, the authority becomes Host (RFC 9113 8.3.1 has it so for
 * whoever translates).
 */
export function readHttp2Request(fields: readonly string[]): RequestHead {
  let method = '';
  let path = '';
  let protocol: string | undefined;
  let scheme: string | undefined;
  let authority: string | undefined;
  let host: string | undefined;
  const regular: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const [name, value] = [fields[index], fields[index + 1]];
    if (name === ':method') method = value;
    else if (name === ':path') path = value;
    else if (name === ':protocol') protocol = value;
    else if (name === ':scheme') scheme = value;
    else if (name === ':authority') authority = value;
    else {
      if (name === 'host') host ??= value;
      regular.push(name, value);
    }
  }
  if (authority !== undefined && host === undefined) regular.unshift('Host', authority);
  return {
    method,
    target: path,
    httpVersion: '2',
    headers: HeaderList.fromRaw(regular),
    extendedConnect: { protocol, scheme, authority },
  };
}

/** Whether the request asks for a WebSocket: a CONNECT with `:protocol: websocket` (RFC 8441 5). */
export function asksForExtendedConnect({ method, extendedConnect }: RequestHead): boolean {
  return method === 'CONNECT' && extendedConnect?.protocol === 'websocket';
}

/** The refusal of a CONNECT that is not for us: RFC 9110 9.3.6 and RFC 9220 3 call for 501. */
export function refuseForeignConnect(protocol: string | undefined): HandshakeRefusal {
  const found = protocol === undefined ? 'CONNECT without :protocol' : `:protocol is ${describe(protocol)}`;
  return refuse(501, `${found}, expected "websocket" (RFC 8441 5)`, 'WS_HANDSHAKE_REFUSED');
}

/** What a server demands of an extended CONNECT before it looks at the fields of RFC 6455. */
export function checkExtendedConnect(
  request: RequestHead,
  { protocol, scheme, authority }: ExtendedConnect,
): HandshakeRefusal | undefined {
  const { method, target, headers } = request;
  if (method !== 'CONNECT') return refuse(400, `method ${describe(method)}, expected CONNECT (RFC 8441 4)`);
  // RFC 8441 4: never a tunnel to the host that :authority names, as a plain CONNECT would ask for.
  if (protocol !== 'websocket') return refuseForeignConnect(protocol);
  if (scheme !== 'https' && scheme !== 'http')
    return refuse(400, `:scheme is ${describe(scheme)}, expected "https" or "http" (RFC 8441 5)`);
  if (!target.startsWith('/') || target.includes('#'))
    return refuse(400, `:path is ${describe(target)}, expected a path without a fragment (RFC 8441 4)`);
  if (authority === undefined || !isAuthority(authority)) {
    return refuse(
      400,
      `:authority is ${describe(authority)}, expected a host and perhaps a port (RFC 8441 4)`,
    );
  }
  // RFC 9113 8.3.1: a Host that names another entity makes the request malformed.
  if (headers.count('Host') > 1 || !equalsIgnoringCase(headers.get('Host') ?? '', authority)) {
    const found = describe(headers.joined('Host'));
    return refuse(
      400,
      `Host is ${found}, expected that of :authority, ${describe(authority)} (RFC 9113 8.3.1)`,
    );
  }
  for (const [name] of headers) {
    if (isConnectionField(name))
      return refuse(400, `${name} in an extended CONNECT, expected none (RFC 8441 5, RFC 9113 8.2.2)`);
  }
  return checkNoBody(request);
}

/** The fields of the 200 that accepts: what was agreed, and the application's own. */
export function extendedConnectAcceptance(
  protocol: string,
  extensions: string,
  extra: HeaderList,
): HeaderList {
  const headers = new HeaderList();
  if (protocol !== '') headers.append('sec-websocket-protocol', protocol);
  if (extensions !== '') headers.append('sec-websocket-extensions', extensions);
  // RFC 9113 8.2: names are lowercase.
  for (const [name, value] of extra) {
    if (!isConnectionField(name)) headers.append(name.toLowerCase(), value);
  }
  return headers;
}

/** Writes the head of the 200 as text for people, in the way of RFC 8441 5.1. */
export function formatExtendedConnectAcceptance(headers: HeaderList): string {
  return `:status: 200\r\n${headers.format()}\r\n`;
}

/** Writes the head of the request in the same way; the Host that stands for the authority is left out. */
export function formatExtendedConnect({ method, target, headers, extendedConnect }: RequestHead): string {
  const { protocol, scheme, authority } = extendedConnect ?? {};
  const pseudo = [
    [':method', method],
    [':protocol', protocol],
    [':scheme', scheme],
    [':path', target],
    [':authority', authority],
  ];
  let text = '';
  for (const [name, value] of pseudo) if (value !== undefined) text += `${name}: ${value}\r\n`;
  for (const [name, value] of headers) {
    if (name === 'Host' && value === authority) continue;
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}
