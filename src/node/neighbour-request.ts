// Requests with an Upgrade that is not ours, such as `Upgrade: h2c` of `curl --http2`. A server may ignore Upgrade
// (RFC 9110 7.8); Node does so only while nobody listens for 'upgrade', or where the server's `shouldUpgradeCallback` says so
// (Node 24.9). As we listen, we say so there. On an older Node we give such a request back: its head is written anew
// without the upgrade, pushed back into the socket, and the socket handed to the server again.

import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { equalsIgnoringCase, everyListElement } from '../protocol/handshake/header-grammar.ts';
import { ignoreError } from './ending-sockets.ts';

/** Asked by Node whether a request is upgraded. */
type ShouldUpgrade = (request: IncomingMessage) => unknown;

function isShouldUpgrade(value: unknown): value is ShouldUpgrade {
  return typeof value === 'function';
}

/**
 * Lets the server's ordinary request handler have requests whose upgrade is for nobody, headers and all.
 * @returns what takes that back; undefined where Node has no such question (see `handBack`)
 */
export function leaveOthers(
  server: Server,
  isForNobody: (request: IncomingMessage) => boolean,
): (() => void) | undefined {
  const before: unknown = Reflect.get(server, 'shouldUpgradeCallback');
  if (!isShouldUpgrade(before)) return undefined;
  const shouldUpgrade: ShouldUpgrade = (request) =>
    !isForNobody(request) && Reflect.apply(before, server, [request]);
  Reflect.set(server, 'shouldUpgradeCallback', shouldUpgrade);
  return () => {
    // Unless somebody has put another one over it: then ours finds no routes, and changes nothing.
    if (Reflect.get(server, 'shouldUpgradeCallback') === shouldUpgrade)
      Reflect.set(server, 'shouldUpgradeCallback', before);
  };
}

/**
 * Lets the server's ordinary request handler have the request, with its body and whatever follows on the connection.
 * @param head what Node had read behind the head of the request
 */
export function handBack(server: Server, request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
  socket.removeListener('error', ignoreError);
  socket.unshift(Buffer.concat([Buffer.from(headWithoutUpgrade(request), 'latin1'), head]));
  // The documented way to inject a connection; the handshake of TLS is behind us.
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', socket);
}

function headWithoutUpgrade(request: IncomingMessage): string {
  const { method, url, httpVersion, rawHeaders } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    const value = rawHeaders[index + 1];
    if (equalsIgnoringCase(name, 'Upgrade') || equalsIgnoringCase(name, 'HTTP2-Settings')) continue;
    if (!equalsIgnoringCase(name, 'Connection')) {
      text += `${name}: ${value}\r\n`;
      continue;
    }
    const options: string[] = [];
    everyListElement(value, (option) => {
      const isOfUpgrade =
        equalsIgnoringCase(option, 'Upgrade') || equalsIgnoringCase(option, 'HTTP2-Settings');
      if (!isOfUpgrade) options.push(option);
      return true;
    });
    if (options.length > 0) text += `Connection: ${options.join(', ')}\r\n`;
  }
  return `${text}\r\n`;
}
