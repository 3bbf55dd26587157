// What a server of ours says to a request that wants no WebSocket: it exists for nothing else.

import { Buffer } from 'node:buffer';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { formatResponseHead } from '../protocol/handshake/http-head.ts';

/** The body, in every version of HTTP. */
export const webSocketsOnlyBody = 'This is a WebSocket server: connect to it with a WebSocket client.\n';

// RFC 9110 15.5.22: a 426 MUST have Upgrade, and Connection has to name it.
const upgradeRequiredHeaders = Object.freeze({
  Connection: 'Upgrade, close',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Content-Type': 'text/plain; charset=utf-8',
  'Content-Length': String(webSocketsOnlyBody.length),
});

/** The bytes of the answer in HTTP/1.1. */
export function upgradeRequired(method: string): Uint8Array {
  const headers = HeaderList.from(upgradeRequiredHeaders);
  const head = formatResponseHead({ status: 426, reason: 'Upgrade Required', headers });
  return Buffer.from(method === 'HEAD' ? head : head + webSocketsOnlyBody, 'latin1');
}

/** As much as is needed of a response of node:http, or of node:http2 where that speaks HTTP/1.1. */
export interface OrdinaryResponse {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(body: string): unknown;
}

/** Gives the same answer on a server of Node. */
export function answerUpgradeRequired(_request: unknown, response: OrdinaryResponse): void {
  response.writeHead(426, upgradeRequiredHeaders);
  // Node leaves it out in answer to HEAD.
  response.end(webSocketsOnlyBody);
}
