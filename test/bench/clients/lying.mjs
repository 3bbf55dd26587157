// A client that lies: on every connection the last byte of what it says it received is another one.
import { WebSocket } from 'ws';
import { openByEvents } from '../../../bench/client/programs/events.mjs';
import { runLoadClient } from '../../../bench/client/programs/load-client.mjs';

const open = openByEvents(WebSocket);
await runLoadClient({ name: 'lying', version: '1' }, (url, receive) =>
  open(url, (data) => {
    const bytes = new Uint8Array(data);
    bytes[bytes.length - 1] ^= 1;
    receive(bytes);
  }),
);
