// The two that have to behave alike: the package ws, and our drop-in. Every test of the suite runs with both, and expects the same
// of both, except for what the table of knowing differences names.

import ws from 'ws';
import * as npm from 'ws';
import * as own from '../../src/ws.ts';

/** What a test takes of a package. */
export interface Implementation {
  readonly name: 'ws' | 'fullduplex/ws';
  readonly WebSocket: typeof ws;
  readonly WebSocketServer: typeof npm.WebSocketServer;
  readonly createWebSocketStream: typeof npm.createWebSocketStream;
}

export const implementations: readonly Implementation[] = [
  {
    name: 'ws',
    WebSocket: ws,
    WebSocketServer: npm.WebSocketServer,
    createWebSocketStream: npm.createWebSocketStream,
  },
  // That the types fit for everyday code is the matter of test/ws/types/.
  { name: 'fullduplex/ws', ...own } as unknown as Implementation,
];

const nodeMajor = Number(process.versions.node.split('.', 1)[0]);

/** What is knowingly different; docs/migrating-from-ws.md has a row for each, by the same name. */
export const differences = Object.freeze({
  /** A message in several fragments comes as a list of one Buffer with `binaryType = 'fragments'`. */
  fragments: { ws: 2, 'fullduplex/ws': 1 },
  /** A version of the protocol other than 13 is refused. */
  'version 8': { ws: 101, 'fullduplex/ws': 400 },
  /** The versions that an answer names. */
  'supported versions': { ws: '13, 8', 'fullduplex/ws': '13' },
  /** Too many fragments are answered with 1009, as every limit on a message is. */
  'too many fragments': { ws: 1008, 'fullduplex/ws': 1009 },
  /** What `send` was given counts as buffered until the end of the turn. */
  'bufferedAmount in the same turn': { ws: 0, 'fullduplex/ws': 7 },
  /** The callback of a send that `terminate` has cut off gets an error; on Node 20 Node keeps it from ws. */
  'callback of what was cut off': { ws: nodeMajor >= 22, 'fullduplex/ws': true },
  /** A length that does not have its shortest form fails the connection. */
  'length not in its shortest form': {
    ws: 'taken',
    'fullduplex/ws': 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  },
  /** The same for a length of 64 bits whose highest bit is set; the peer gets 1002. */
  'length with its highest bit set': { ws: 1009, 'fullduplex/ws': 1002 },
  /** A list of subprotocols may have an empty element. */
  'empty element in a list': { ws: 400, 'fullduplex/ws': 101 },
  /** An offer of permessage-deflate that cannot be met is declined, not answered with an error. */
  'extension that cannot be agreed': { ws: 400, 'fullduplex/ws': 101 },
  /** A request without the token Upgrade in Connection is refused. */
  'no Connection header': { ws: 101, 'fullduplex/ws': 400 },
  /** What was read together with the message in whose listener `terminate` is called is not delivered. */
  'messages behind terminate': { ws: ['message', 'message'], 'fullduplex/ws': ['message'] },
  /** The same for what `pause` has held back. */
  'messages held back at terminate': { ws: ['message'], 'fullduplex/ws': [] },
  /** `pause` in a listener holds what was read together with the message. */
  'pause inside of a read': { ws: 3, 'fullduplex/ws': 1 },
  /** A paused socket is not read, so that a reset is not seen either. */
  'reset while paused': { ws: 'at once', 'fullduplex/ws': 'when it goes on' },
  /** A socket whose listeners were removed leaves `clients` nevertheless. */
  'clients after removeAllListeners': { ws: 1, 'fullduplex/ws': 0 },
  /** Pings and close frames are answered below the methods that a subclass may override. */
  'own calls of pong and close': { ws: ['pong()', 'close()'], 'fullduplex/ws': [] },
  /** The options of a server are read when its first connection comes about. */
  'maxPayload that changes later': { ws: 'refused', 'fullduplex/ws': 'taken' },
  /** `url` is a string at the server's end too. */
  "url of the server's end": { ws: 'none', 'fullduplex/ws': '' },
  /** `fin: undefined` is as if it were not there. */
  'fin that is there and undefined': {
    ws: ['Buffer fourfive'],
    'fullduplex/ws': ['Buffer four', 'Buffer five'],
  },
  /** A stream takes ArrayBuffers too. */
  'stream of ArrayBuffers': { ws: 'error', 'fullduplex/ws': 'data' },
});

/** What the implementation does in one of the points that differ. */
export function expectedOf<Name extends keyof typeof differences>(
  name: Name,
  implementation: Implementation,
): (typeof differences)[Name][Implementation['name']] {
  return differences[name][implementation.name];
}
