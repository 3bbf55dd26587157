// webpack-dev-server: a page of its own hears over the drop-in that hot replacement is on, that the bundle is there, and of a
// change, with the messages that its client reloads by.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import webpack from 'webpack';
import DevServer from 'webpack-dev-server';
import { done, requireDropIn, WebSocket } from './stage.mjs';

requireDropIn('webpack-dev-server');
const context = mkdtempSync(join(tmpdir(), 'fullduplex-webpack-'));
process.once('exit', () => rmSync(context, { recursive: true, force: true }));
const entry = join(context, 'main.js');
writeFileSync(entry, 'document.title = "first";\n');
const compiler = webpack({
  mode: 'development',
  context,
  entry,
  output: { path: join(context, 'dist') },
  infrastructureLogging: { level: 'none' },
  stats: 'none',
});
const server = new DevServer({ port: 'auto', host: '127.0.0.1', client: false, static: false }, compiler);
await server.start();
assert(server.webSocketServer.implementation instanceof WebSocket.Server);
const { port } = server.server.address();
const page = new WebSocket(`ws://127.0.0.1:${port}/ws`, { origin: `http://127.0.0.1:${port}` });
const heard = [];
let check = () => undefined;
page.on('message', (data) => {
  heard.push(JSON.parse(String(data)).type);
  check();
});

/** Waits until a message has come. */
const hears = (type) =>
  new Promise((resolve) => {
    check = () => {
      if (heard.includes(type)) resolve();
    };
    check();
  });

await hears('ok');
assert.deepEqual(heard.slice(0, 2), ['hot', 'liveReload']);
heard.length = 0;
writeFileSync(entry, 'document.title = "second";\n');
await hears('invalid');
await hears('hash');
await hears('ok');

// A page of another site is told so and let go.
const stranger = new WebSocket(`ws://127.0.0.1:${port}/ws`, { origin: 'http://elsewhere.example' });
const told = [];
stranger.on('message', (data) => told.push(JSON.parse(String(data))));
await new Promise((resolve) => stranger.once('close', resolve));
assert.deepEqual(told, [{ type: 'error', data: 'Invalid Host/Origin header' }]);
page.terminate();
await server.stop();
done();
