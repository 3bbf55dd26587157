// A refused upgrade, as ws answers it: a small response with the reason as its body, after which the connection ends.

import { Buffer } from 'node:buffer';
import { type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { connectUpgradeOf } from './connect-upgrade.ts';

/** Says no, and ends the connection. */
export function refuseUpgrade(
  stream: Duplex,
  status: number,
  message: string = STATUS_CODES[status] ?? '',
  headers: OutgoingHttpHeaders = {},
): void {
  const connect = connectUpgradeOf(stream);
  if (connect !== undefined) {
    connect.refuse(status, message, headers);
    return;
  }
  const complete = {
    Connection: 'close',
    'Content-Type': 'text/html',
    'Content-Length': Buffer.byteLength(message),
    ...headers,
  };
  const lines = Object.entries(complete).map(([name, value]) => `${name}: ${String(value)}`);
  stream.once('finish', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${message}`);
}
