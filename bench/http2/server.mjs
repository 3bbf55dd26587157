// The measured server: an echo over TLS, for clients of HTTP/1.1 and HTTP/2 alike. It answers its parent with its CPU time,
// or with what it holds after garbage collection.
import { readFileSync } from 'node:fs';
import { serve } from 'fullduplex';

const [certFile, keyFile] = process.argv.slice(2);
const server = await serve(
  { port: 0, host: '127.0.0.1', tls: { cert: readFileSync(certFile), key: readFileSync(keyFile) } },
  { message: (connection, message) => void connection.send(message) },
);

async function memory() {
  for (let round = 0; round < 6; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { residentBytes: rss, heldBytes: heapUsed + external };
}

process.on('message', (wanted) => {
  if (wanted === 'memory') void memory().then((answer) => process.send?.(answer));
  else {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMicros: user + system });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ url: server.url });
