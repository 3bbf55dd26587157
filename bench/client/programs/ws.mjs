// The peer that every ratio refers to: the client of ws with its own events, with bufferutil and without deflate. Text is
// made a string, since a client's application reads it.
import { WebSocket } from 'ws';
import { runLoadClient } from './load-client.mjs';
import { wsIdentity } from './ws-identity.mjs';

await runLoadClient(
  wsIdentity("on('message')"),
  (url, receive) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { perMessageDeflate: false });
      socket.on('error', reject);
      socket.on('message', (data, isBinary) => {
        if (!(data instanceof Buffer)) throw new Error('expected a Buffer, the default of ws');
        receive(isBinary ? data : data.toString());
      });
      socket.on('open', () => resolve((data) => socket.send(data)));
    }),
);
