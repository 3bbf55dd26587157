// y-websocket: two documents that meet over the server of its sister package, and awareness between them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { done, requireDropIn, startHttp, WebSocket } from './stage.mjs';

requireDropIn('@y/websocket-server/utils');
const { setupWSConnection } = createRequire(import.meta.url)('@y/websocket-server/utils');
const { server: http, port } = await startHttp();
const server = new WebSocket.Server({ server: http });
server.on('connection', setupWSConnection);
const [left, right] = [new Y.Doc(), new Y.Doc()];
const providers = [left, right].map(
  (doc) =>
    new WebsocketProvider(`ws://127.0.0.1:${port}`, 'room', doc, {
      WebSocketPolyfill: WebSocket,
      disableBc: true,
    }),
);
await Promise.all(providers.map((provider) => new Promise((resolve) => provider.once('sync', resolve))));
const arrived = new Promise((resolve) => right.once('update', resolve));
left.getText('page').insert(0, 'written on the left');
await arrived;
assert.equal(right.getText('page').toString(), 'written on the left');
const aware = new Promise((resolve) => {
  providers[1].awareness.on('change', () => {
    const names = [...providers[1].awareness.getStates().values()].map(({ name }) => name);
    if (names.includes('left')) resolve();
  });
});
providers[0].awareness.setLocalState({ name: 'left' });
await aware;
for (const provider of providers) provider.destroy();
done();
