// Where a page of ours is served: listening, and the URL that a person can open.

import type { Server } from 'node:http';

/** Listens. Rejects with the error of `listen`, such as EADDRINUSE. */
export function listen(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.removeListener('error', reject);
      resolve();
    });
  });
}

/** The URL of a server that listens on a host. */
export function urlOf(http: Server, host: string): string {
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  // Nobody can visit "all addresses".
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
