// The client of ws through onmessage, as code for browsers uses it, without deflate.
import { WebSocket } from 'ws';
import { openByEvents } from './events.mjs';
import { runLoadClient } from './load-client.mjs';
import { wsIdentity } from './ws-identity.mjs';

class PlainWebSocket extends WebSocket {
  /** @param {string} url */
  constructor(url) {
    super(url, { perMessageDeflate: false });
  }
}
await runLoadClient(wsIdentity('onmessage'), openByEvents(PlainWebSocket));
