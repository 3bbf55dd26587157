// Everyday code of a client; compiled against @types/ws and against ours, the name of the package replaced.

import { once } from 'node:events';
import { Agent } from 'node:https';
import WebSocket, { type ClientOptions, type CloseEvent, type MessageEvent, WebSocket as Same } from 'ws';

const options: ClientOptions = {
  agent: new Agent(),
  headers: { Authorization: 'Bearer token' },
  handshakeTimeout: 1000,
  followRedirects: true,
  maxRedirects: 2,
  perMessageDeflate: false,
  rejectUnauthorized: false,
  ca: 'certificate',
  origin: 'https://example.com',
  maxPayload: 1,
};
const client = new WebSocket('wss://example.com', ['a', 'b'], options);
const second: Same = new WebSocket(new URL('ws://example.com'), { family: 6 });
const third = new Same('ws://example.com', 'a');

client.binaryType = 'arraybuffer';
client.onopen = () => client.send(new Uint8Array(3));
client.onmessage = ({ data, target }: MessageEvent) => {
  if (typeof data === 'string') target.send(data.toUpperCase());
  else if (data instanceof ArrayBuffer) target.send(data.byteLength);
};
client.onclose = (event: CloseEvent) => console.log(event.code, event.reason, event.wasClean);
client.onerror = (event) => console.log(event.message, event.error, event.type);
client.addEventListener('message', ({ data }) => console.log(data), { once: true });
client.removeEventListener('close', () => undefined);

second.on('upgrade', (response) => response.headers['set-cookie']);
second.on('unexpected-response', (request, response) => console.log(request.path, response.statusCode));
second.on('redirect', (url, request) => console.log(url.length, request.path));
second.once('open', function () {
  this.close(1000, 'done');
});
second.off('message', () => undefined).removeAllListeners();

third.ping('x', true, (error) => console.log(error));
third.pong(Buffer.from('x'));
third.pause();
third.resume();
third.send('x', { fin: false, mask: true }, (error) => console.log(error));
third.terminate();

const states: Record<number, string> = {
  [WebSocket.CONNECTING]: 'connecting',
  [WebSocket.OPEN]: 'open',
  [WebSocket.CLOSING]: 'closing',
  [WebSocket.CLOSED]: 'closed',
};
console.log(states[client.readyState], client.OPEN === client.readyState, client.bufferedAmount.toFixed());
console.log(client.url, client.protocol, client.extensions, client.isPaused, third.listenerCount('open'));

export async function opened(socket: WebSocket): Promise<WebSocket> {
  await once(socket, 'open');
  return socket;
}
