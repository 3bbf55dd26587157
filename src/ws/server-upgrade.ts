// The opening handshake of a server of ws: the checks in its order and with its words where it has some, then ours
// (ServerHandshake), which are stricter, and the head of the 101.

import type { IncomingMessage } from 'node:http';
import { requestHeadOf } from '../node/node-request.ts';
import type { AgreedHandshake } from '../node/platform.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import type { RequestHead } from '../protocol/handshake/http-head.ts';
import { isKey } from '../protocol/handshake/accept-key.ts';
import type {
  AcceptableRequest,
  HandshakeAcceptance,
  ServerHandshake,
} from '../protocol/handshake/server-handshake.ts';

/** Why a request is refused. */
export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is sent for an acceptance, and what was agreed. */
export interface Accepted {
  readonly acceptance: HandshakeAcceptance;
  /** The lines of the 101 (in HTTP/2 of the 200), without the empty one that ends it. */
  readonly lines: string[];
  readonly agreed: AgreedHandshake;
}

/** The checks that come before the application is asked about the path. */
export function checkBasics({ method, headers }: IncomingMessage): Refused | undefined {
  if (method !== 'GET') return refused(405, 'Invalid HTTP method');
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refused(400, 'Invalid Upgrade header');
  const key = headers['sec-websocket-key'];
  if (key === undefined || !isKey(key)) return refused(400, 'Missing or invalid Sec-WebSocket-Key header');
  // ws takes version 8 too, a draft of 2011.
  if (Number(headers['sec-websocket-version']) !== 13) {
    return refused(400, 'Missing or invalid Sec-WebSocket-Version header', { 'Sec-WebSocket-Version': '13' });
  }
  return undefined;
}

/** The checks that come behind. @param head of an extended CONNECT */
export function judge(
  handshake: ServerHandshake,
  request: IncomingMessage,
  head: RequestHead | undefined,
): AcceptableRequest | Refused {
  const judged = handshake.receive(head ?? headOf(request));
  if (judged.kind === 'acceptable') return judged;
  const { status, error, body } = judged;
  if (error.message.includes('Sec-WebSocket-Protocol'))
    return refused(400, 'Invalid Sec-WebSocket-Protocol header');
  if (error.message.includes('Sec-WebSocket-Extensions'))
    return refused(400, 'Invalid or unacceptable Sec-WebSocket-Extensions header');
  return refused(status, body);
}

// Packages make requests by themselves, for tests without sockets (@fastify/websocket): those have no raw headers, and perhaps no
// Host, which Node has seen to in all others.
function headOf(request: IncomingMessage): RequestHead {
  if (Array.isArray(request.rawHeaders)) return requestHeadOf(request);
  const headers = new HeaderList();
  for (const [name, value] of Object.entries<unknown>({ host: 'localhost', ...request.headers }))
    for (const single of Array.isArray(value) ? value : [value]) headers.append(name, String(single));
  return { method: 'GET', target: request.url ?? '/', httpVersion: '1.1', headers };
}

/** Agrees. A subprotocol that the client did not offer is what the application asked for. */
export function accept(request: AcceptableRequest, chosen: string | false | undefined): Accepted {
  const protocol = typeof chosen === 'string' ? chosen : '';
  const isOffered = request.protocols.includes(protocol);
  const acceptance = request.accept({ protocol: isOffered ? protocol : '' });
  const lines = acceptance.head.split('\r\n').filter((line) => line !== '');
  if (!isOffered && protocol !== '') lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  const { extensionsHeader, extensions } = acceptance;
  return { acceptance, lines, agreed: { subprotocol: protocol, extension: extensions[0], extensionsHeader } };
}

function refused(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Refused {
  return { kind: 'refused', status, message, headers };
}
