// What both forms of the opening handshake demand of a request (the upgrade of HTTP/1.1 and the extended CONNECT of
// HTTP/2): a host that is one, nothing between the head and the frames, and the version that we speak.

import { describe } from '../../base/errors.ts';
import { type HandshakeRefusal, refuse } from './handshake-refusal.ts';
import { isDigits } from './header-grammar.ts';
import type { RequestHead } from './http-head.ts';

/** Whether the text has only characters of a host and port: no userinfo, path, list or whitespace. */
export function isAuthority(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f) return false;
    if ('"#,/<>?@\\^`{|}'.includes(text[index])) return false;
  }
  return text.length > 0;
}

/** A body would be taken for frames, or frames for a body by a proxy between: the way of request smuggling. */
export function checkNoBody({ headers }: RequestHead): HandshakeRefusal | undefined {
  if (headers.has('Transfer-Encoding'))
    return refuse(400, 'Transfer-Encoding in a handshake, expected no body (RFC 6455 4.1)');
  for (const length of headers.getAll('Content-Length')) {
    if (length !== '0')
      return refuse(400, `Content-Length is ${describe(length)}, expected no body (RFC 6455 4.1)`);
  }
  return undefined;
}

/** RFC 6455 4.2.1, item 6, and 4.2.2: another version than 13 is told which one we speak. */
export function checkVersion({ headers, extendedConnect }: RequestHead): HandshakeRefusal | undefined {
  // A 426 MUST have Upgrade (RFC 9110 15.5.22), which HTTP/2 does not know (RFC 9113 8.2.2): there it is a 400.
  const refuseVersion = (message: string): HandshakeRefusal =>
    extendedConnect === undefined ? refuse(426, message) : refuseMalformedVersion(message);
  const version = headers.get('Sec-WebSocket-Version');
  if (version === undefined) return refuseVersion('no Sec-WebSocket-Version, expected 13 (RFC 6455 4.2.1)');
  // RFC 6455 11.3.5: the header MUST NOT appear more than once in a request.
  if (headers.count('Sec-WebSocket-Version') > 1) {
    return refuseMalformedVersion('several Sec-WebSocket-Version, expected one (RFC 6455 11.3.5)');
  }
  if (version === '13') return undefined;
  const message = `Sec-WebSocket-Version is ${describe(version)}, expected 13 (RFC 6455 4.2.2)`;
  return isVersion(version) ? refuseVersion(message) : refuseMalformedVersion(message);
}

/** What is no version does not match ours either, so RFC 6455 4.4 holds: the response names the one we speak. */
function refuseMalformedVersion(message: string): HandshakeRefusal {
  const refusal = refuse(400, message);
  refusal.headers.append('Sec-WebSocket-Version', '13');
  return refusal;
}

/** Whether the text is a version of RFC 6455 4.3: 0 to 255 without leading zeros. */
function isVersion(text: string): boolean {
  return isDigits(text) && text.length <= 3 && String(Number(text)) === text && Number(text) <= 255;
}
