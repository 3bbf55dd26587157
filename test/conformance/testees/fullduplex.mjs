// Our own server and client at their default limits, as echoes. They are imported by the package's name, as users do.

import { connect, serve } from 'fullduplex';

/** @returns {Promise<string>} the address to connect to */
export async function serveEcho() {
  const server = await serve(
    { port: 0, host: '127.0.0.1' },
    {
      message(connection, message) {
        connection.send(message);
      },
    },
  );
  return server.url;
}

/** @param {string} url */
export async function dialEcho(url) {
  await connect(
    url,
    {},
    {
      message(connection, message) {
        connection.send(message);
      },
    },
  );
}
