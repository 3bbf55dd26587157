// Everyday code in CommonJS; compiled against @types/ws and against ours, the name of the package replaced.

import WebSocket = require('ws');

const server = new WebSocket.Server({ port: 8080 });
const other = new WebSocket.WebSocketServer({ noServer: true });
server.on('connection', (client, request) => {
  client.on('message', (data: WebSocket.RawData, isBinary) =>
    client.send(data.toString(), { binary: isBinary }),
  );
  console.log(request.headers.host, client.readyState === WebSocket.OPEN);
});
const options: WebSocket.ServerOptions = { path: '/', server: undefined };
const clientOptions: WebSocket.ClientOptions = { origin: 'x' };
const client = new WebSocket('ws://127.0.0.1', clientOptions);
const stream = WebSocket.createWebSocketStream(client);
function listen(socket: WebSocket, listener: (event: WebSocket.MessageEvent) => void): void {
  socket.onmessage = listener;
}
function isServer(value: unknown): value is WebSocket.Server {
  return value instanceof WebSocket.Server;
}
export = { server, other, options, stream, listen, isServer };
