// What a workload says about itself. The kinds: `echo` (each connection keeps `depth` messages in flight and sends
// the next when one is back) and `fan-out` (one publisher, `connections` subscribers, `depth` messages outstanding;
// what is counted are deliveries).

/**
 * @typedef {object} Workload
 * @property {'echo' | 'fan-out'} kind
 * @property {string} name what --only looks for, and what the table shows
 * @property {boolean} isShort whether it belongs to `npm run bench` without --full
 * @property {readonly string[]} servers the names of the servers that it makes sense for
 * @property {number} connections
 * @property {'binary' | 'text' | 'unicode'} messageType text is printable ASCII; unicode mixes one to three bytes
 * @property {number} messageBytes
 * @property {number} depth messages in flight: per connection, or outstanding of a fan-out
 */

/** The servers of the short form. */
export const shortServers = ['fullduplex', 'ws', 'net'];
