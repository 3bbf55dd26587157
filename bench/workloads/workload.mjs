// What a workload says about itself; the kinds are explained in ../README.md.

/**
 * @typedef {object} Workload
 * @property {'echo' | 'fan-out' | 'handshakes' | 'latency'} kind
 * @property {string} name what --only looks for, and what the table shows
 * @property {boolean} isShort whether it belongs to `npm run bench` without --full
 * @property {readonly string[]} servers the names of the servers that it makes sense for
 * @property {number} connections
 * @property {'binary' | 'text' | 'unicode' | 'json'} messageType text is printable ASCII; unicode mixes one to three
 *   bytes; json are records with the same keys and different values, ASCII as well
 * @property {number} messageBytes
 * @property {number} depth messages in flight: per connection, or outstanding of a fan-out
 * @property {DeflateSettings} [deflate] every message is compressed
 * @property {boolean} [isEncrypted] over TLS
 * @property {number} [rate] messages per second of `latency`, on all connections together
 * @property {number} [timeFactor] how many times longer its turns and its warm-up are than those of others
 * @property {boolean} [cuts] connections of `handshakes` are cut instead of closed
 */

/**
 * @typedef {object} DeflateSettings
 * @property {number} level of zlib
 * @property {boolean} [serverNoContextTakeover] default true, here and below
 * @property {boolean} [clientNoContextTakeover]
 * @property {number} [serverMaxWindowBits] default what the server's documentation recommends
 */

/** Other peoples' servers on other platforms. */
export const foreignServers = ['bun', 'uwebsockets', 'gorilla', 'python-websockets'];

/** The servers of the short form. */
export const shortServers = ['fullduplex', 'fullduplex-borrowed', 'fullduplex-iterator', 'ws', 'net'];
