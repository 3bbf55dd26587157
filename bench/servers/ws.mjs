// The peer that every ratio refers to: ws with bufferutil, or for comparison as an installation without it.
import { createRequire } from 'node:module';
import { WebSocketServer } from 'ws';
import { packageVersion } from './side-channel.mjs';
import { runServer } from './ws-program.mjs';

const bufferutil = process.env.WS_NO_BUFFER_UTIL ? undefined : packageVersion('bufferutil');
// ws falls back to JavaScript in silence; a ratio against that would flatter us.
const isNative =
  createRequire(import.meta.url)('bufferutil') !== createRequire(import.meta.url)('bufferutil/fallback');
if (bufferutil && !isNative) throw new Error('ws would run without the native bufferutil');

runServer(WebSocketServer, {
  name: 'ws',
  version: packageVersion('ws'),
  note: bufferutil ? `bufferutil ${bufferutil}` : 'without bufferutil',
});
