// Everyday code of a server; compiled against @types/ws and against ours, the name of the package replaced.

import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import WebSocket, { createWebSocketStream, type RawData, type ServerOptions, WebSocketServer } from 'ws';

interface Alive extends WebSocket {
  isAlive?: boolean;
}

const options: ServerOptions = {
  noServer: true,
  maxPayload: 1024,
  perMessageDeflate: { zlibDeflateOptions: { level: 3, memLevel: 7 }, threshold: 1024, concurrencyLimit: 10 },
  clientTracking: true,
  verifyClient: ({ origin, secure, req }, callback) => {
    if (secure && origin.length > 0) callback(true);
    else callback(false, 401, 'who are you', { 'X-Path': req.url ?? '' });
  },
  handleProtocols: (protocols, request) => (request.url === '/' ? false : ([...protocols][0] ?? false)),
};
const server = new WebSocketServer(options);
const http = createServer();

http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  server.handleUpgrade(request, socket, head, (client, sameRequest) => {
    server.emit('connection', client, sameRequest);
  });
});

server.on('connection', function (client: Alive, request) {
  client.isAlive = true;
  const path: string | undefined = request.url;
  client.on('pong', function () {
    client.isAlive = true;
  });
  client.on('message', (data: RawData, isBinary: boolean) => {
    client.send(data.toString());
    if (Array.isArray(data))
      client.send(Buffer.concat(data), { binary: isBinary, compress: false, fin: true });
    for (const other of server.clients) {
      if (other !== client && other.readyState === WebSocket.OPEN)
        other.send(String(path), (error) => error?.message);
    }
  });
  client.on('close', (code, reason) => console.log(code.toFixed(), reason.toString('utf8')));
  client.on('error', (error) => console.error(error.message));
  client.once('ping', (data) => data.readUInt8(0));
  client.on('custom', (anything) => console.log(anything));
});

server.on('headers', (headers, request) => headers.push(`X-Path: ${request.url}`));
server.on('wsClientError', (error, socket, request) => socket.end(`${error.message} ${request.url}`));
server.on('listening', () => console.log(server.address()));

setInterval(() => {
  for (const client of server.clients as Set<Alive>) {
    if (client.isAlive === false) client.terminate();
    else client.ping();
  }
}, 30_000);

const address = server.address();
if (address !== null && typeof address !== 'string')
  console.log(address.port, address.family, address.address);

class Named extends WebSocket {
  name = 'nobody';
}
const named = new WebSocketServer({ port: 8080, WebSocket: Named }, () => undefined);
named.on('connection', (client) => client.name.toUpperCase());

export function pipe(client: WebSocket): Duplex {
  return createWebSocketStream(client, { encoding: 'utf8' });
}

server.close((error) => console.log(error?.message));
