// A server of an entry on this runtime: `<runtime> serve-process.mjs <entry> <JSON of tls>`. It prints where it listens as
// a line of JSON and lives until its standard input ends; then it closes and says how.

import { startEchoServer } from './echo-server.mjs';

const [entry, tls] = process.argv.slice(2);
const { serve } = await import(entry);
const plain = await startEchoServer(serve, { port: 0, host: '127.0.0.1' });
const secure = await startEchoServer(serve, { port: 0, host: '127.0.0.1', tls: JSON.parse(tls) });
console.log(JSON.stringify({ url: plain.url, secureUrl: secure.url }));
for await (const _ of process.stdin);
const count = plain.connections.size;
await Promise.all([plain.close({ timeoutMs: 1000 }), secure.close({ timeoutMs: 1000 })]);
console.log(JSON.stringify({ closed: count, left: plain.connections.size }));
process.exit();
