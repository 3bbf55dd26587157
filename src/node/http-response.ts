// Plain HTTP/1.1 responses for sockets that Node's HTTP server has let go of: refusals of upgrades. Each one says
// Connection: close and frames its body by its length.

import { Buffer } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import { noBytes } from '../base/bytes.ts';
import type { HandshakeRefusal } from '../protocol/handshake/handshake-refusal.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { formatResponseHead } from '../protocol/handshake/http-head.ts';

// The headers that belong to the connection and to the framing of the message are ours.
const ownHeaders = [
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'trailer',
  'proxy-connection',
];

/** The bytes of a refusal; without its body in answer to HEAD (RFC 9110 9.3.2). */
export function encodeRefusedUpgrade(refusal: HandshakeRefusal, method: string): Uint8Array {
  const { status, headers, body } = refusal;
  const complete = HeaderList.from(headers).append('Content-Type', 'text/plain; charset=utf-8');
  return encode(status, reasonOf(status), complete, Buffer.from(body, 'utf8'), method);
}

/**
 * The bytes of an application's Response, read to its end.
 * @throws whatever its body throws, also when it was read before
 */
export async function encodeResponse(response: Response, method: string): Promise<Uint8Array> {
  const headers = new HeaderList();
  for (const [name, value] of response.headers) if (!ownHeaders.includes(name)) headers.append(name, value);
  headers.append('Connection', response.headers.has('upgrade') ? 'Upgrade, close' : 'close');
  const body = response.body === null ? noBytes : new Uint8Array(await response.arrayBuffer());
  return encode(response.status, response.statusText || reasonOf(response.status), headers, body, method);
}

function encode(
  status: number,
  reason: string,
  headers: HeaderList,
  body: Uint8Array,
  method: string,
): Uint8Array {
  // RFC 9110 8.6: no Content-Length in a 204; a 304 has no body either.
  const hasNoBody = status === 204 || status === 304;
  if (!hasNoBody) headers.append('Content-Length', String(body.length));
  const head = Buffer.from(formatResponseHead({ status, reason, headers }), 'latin1');
  return hasNoBody || method === 'HEAD' ? head : Buffer.concat([head, body]);
}

function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? '';
}
