// Our own server and client at their default limits, as echoes. They are imported by the package's name, as users do.

import { connect, serve } from 'fullduplex';

/** @typedef {import('../opening.mjs').Compression} Compression */

/** @param {Compression} compression @returns {Promise<string>} the address to connect to */
export async function serveEcho(compression) {
  const server = await serve(
    { port: 0, host: '127.0.0.1', perMessageDeflate: compression },
    {
      message(connection, message) {
        connection.send(message);
      },
    },
  );
  return server.url;
}

/** @param {string} url @param {Compression} compression */
export async function dialEcho(url, compression) {
  await connect(
    url,
    { perMessageDeflate: compression },
    {
      message(connection, message) {
        connection.send(message);
      },
    },
  );
}
