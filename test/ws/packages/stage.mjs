// What the programs beside this one share: that a package has the drop-in under the name of ws, and an end that is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');

/**
 * Checks that what a package finds as ws is the drop-in.
 * @param {...string} names
 */
export function requireDropIn(...names) {
  assert.equal(WebSocket, require('fullduplex/ws'));
  for (const name of names) assert.equal(createRequire(require.resolve(name))('ws'), WebSocket, name);
}

/** Starts an HTTP server. */
export async function startHttp(handler) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: server.address().port };
}

/** Waits for one event, or an error. */
export async function next(emitter, name) {
  return once(emitter, name);
}

/** Says that all went as it should; the process need not wait for sockets. */
export function done() {
  console.log('done');
  process.exit(0);
}

setTimeout(() => {
  console.error('nothing more happens');
  process.exit(1);
}, 30_000).unref();

export { WebSocket };
