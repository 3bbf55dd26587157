// What a report says about ws as a client, after making sure that it is at its best.
import { createRequire } from 'node:module';
import { packageVersion } from '../../servers/side-channel.mjs';

/** @param {string} note */
export function wsIdentity(note) {
  const require = createRequire(import.meta.url);
  // ws falls back to JavaScript in silence; a ratio against that would flatter us.
  const isNative = require('bufferutil') !== require('bufferutil/fallback');
  if (!isNative || process.env.WS_NO_BUFFER_UTIL)
    throw new Error('ws would run without the native bufferutil');
  return {
    name: 'ws',
    version: packageVersion('ws'),
    note: `${note}, bufferutil ${packageVersion('bufferutil')}`,
  };
}
