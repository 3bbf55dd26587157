// The server of scenarios.mjs: npm ws, which behaves as the path says, and HTTP for files.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** @typedef {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} Serve */

/** @type {Serve} */
const notFound = (_, response) => {
  response.writeHead(404).end();
};

/** @param {Serve} [serve] */
export async function scenarioServer(serve = notFound) {
  const httpServer = createServer(serve);
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered, request) =>
      request.url === '/no-protocol' ? false : ([...offered][0] ?? false),
  });
  httpServer.on('upgrade', (request, socket, head) => {
    if (request.url === '/refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined);
      const { pathname, searchParams } = new URL(request.url ?? '/', 'ws://host');
      if (pathname === '/echo') {
        webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
      } else if (pathname === '/burst') {
        for (const message of ['1', '2', '3']) webSocket.send(message);
        webSocket.close(1000);
      } else if (pathname === '/close') {
        const code = searchParams.get('code');
        if (code === null) webSocket.close();
        else webSocket.close(Number(code), searchParams.get('reason') ?? '');
      } else if (pathname === '/break') {
        // A reserved opcode.
        socket.write(new Uint8Array([0x83, 0]));
      } else if (pathname === '/cut') {
        webSocket.send('before', () => socket.end());
      } else if (pathname === '/cut-when-told') {
        // Firefox takes a connection that is cut at once for one that could not be opened.
        webSocket.on('message', () => webSocket.send('before', () => socket.end()));
      }
    });
  });
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  const address = httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const { port } = address;
  const close = async () => {
    for (const webSocket of webSockets.clients) webSocket.terminate();
    webSockets.close();
    httpServer.closeAllConnections();
    httpServer.close();
    await once(httpServer, 'close');
  };
  return { port, [Symbol.asyncDispose]: close, close };
}
